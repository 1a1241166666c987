/*
 * Replies that accept a message and that the client may not have read. A message
 * that comes again meanwhile is the same one (docs/spool.md has the cases). Read
 * is what is followed by a command that was written after it arrived, or by an
 * orderly close after it was acknowledged; unread is what is followed by a reset,
 * or what the client closed before.
 */
#ifndef MAILFERRY_SMTP_RECEIPT_H
#define MAILFERRY_SMTP_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intake/intake.h"

enum {
	RECEIPTS_MAX = 100,	  /* of one session; a client that asks for more without reading has lost the first */
	RECEIPT_SILENCE_MS = 3000 /* without an acknowledgement: it has not arrived, for now */
};

struct receipt;

struct receipts {	     /* all zero at the start */
	struct receipt *all; /* owned */
	size_t n;
	bool sent;    /* the kernel has them all */
	bool last;    /* the client had sent its last before that */
	bool more;    /* something else was said after them */
	size_t stale; /* octets of input that were sent before they can have been read */
	int64_t sent_ms;
};

/* NAMED: see intake_is_named. */
void receipts_add(struct receipts *r, int64_t ticket, bool named);

/* The output is about to be handed to the kernel. */
void receipts_saying(struct receipts *r, struct intake *in);

/* The kernel has all output; STALE: octets of input that the client sent before, SIZE_MAX: it has sent its last. */
void receipts_sent(struct receipts *r, size_t stale, int64_t now_ms);

/* N octets of the next input left the client before what was sent last can have reached it. */
void receipts_crossed(struct receipts *r, size_t n);

/* USED octets of input were taken. */
void receipts_heard(struct receipts *r, struct intake *in, size_t used);

/* Nothing comes from the client any more. OPEN: in the middle of a transaction. What can't be told yet stays. */
void receipts_closed(struct receipts *r, struct intake *in, bool acknowledged, bool open);

/* There are some of which it matters whether they arrive: look, a few times a second. */
bool receipts_wait(const struct receipts *r);
void receipts_look(struct receipts *r, struct intake *in, bool acknowledged, int64_t now_ms);

/* The connection is gone; RESET: by the client. True when what still may be on its way must not arrive. */
bool receipts_gone(struct receipts *r, struct intake *in, bool acknowledged, bool reset);

void receipts_free(struct receipts *r);

#endif
