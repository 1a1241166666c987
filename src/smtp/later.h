/*
 * Confirmations that wait. A client that closes its connection in order after
 * everything has arrived there has most likely read its 250; but what closed may
 * be a proxy that had lost the client behind it. Such a client sends the message
 * again soon. So the message stays unconfirmed for a while, and only then do the
 * same bytes count as a new message.
 */
#ifndef MAILFERRY_SMTP_LATER_H
#define MAILFERRY_SMTP_LATER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intake/intake.h"

enum { LATER_MS = 10 * 60 * 1000, LATER_MAX = 65536 };

struct later_entry {
	int64_t number; /* of the message */
	int64_t due_ms;
};

struct later {			  /* all zero at the start; oldest first */
	struct later_entry *ring; /* owned */
	size_t size, first, n;
};

/* When LATER_MAX wait already, the oldest is confirmed at once. */
void later_add(struct later *l, struct intake *in, int64_t number, int64_t now_ms);

/* Confirms what is due, or (ALL) everything. */
void later_run(struct later *l, struct intake *in, int64_t now_ms, bool all);

void later_free(struct later *l);

#endif
