/*
 * What a store said of its mailboxes not long ago: a floor for messages that
 * are sent now. UIDs only grow while UIDVALIDITY stays (RFC 9051, 2.3.1.1), so
 * an older floor is as good as a new one: it only makes a look longer.
 */
#ifndef MAILFERRY_STORE_FLOORS_H
#define MAILFERRY_STORE_FLOORS_H

#include <stdbool.h>
#include <stddef.h>

#include "imap/mailbox.h"

enum { FLOORS_MAX = 64, FLOORS_TRUSTED_MS = 60 * 1000 };

struct floors {
	struct floor {
		char *mailbox; /* on the wire; owned */
		struct mailbox_status status;
		int64_t told; /* clock_mono_ms, when the store confirmed it last */
	} all[FLOORS_MAX];
	size_t n;
};

void floors_free(struct floors *f);

/* MAILBOX was answered for: by STATUS, or as the place of a new message. A UIDNEXT that is lower than before counts, too: it may
 * be old, which does no harm; or the mailbox was made anew, on a store that gives each the same UIDVALIDITY. */
void floors_learn(struct floors *f, const char *mailbox, uint32_t uidvalidity, uint32_t uidnext);

/* False when nothing is known, or it was told too long ago. */
bool floors_know(const struct floors *f, const char *mailbox, struct mailbox_status *st);

/* MAILBOX may be gone. */
void floors_forget(struct floors *f, const char *mailbox);

#endif
