/*
 * Messages that are sent because of rules. Each function makes one from the
 * message that came and what a plan says of it; it does nothing itself.
 *
 * Loops end here: each of these messages says that no person wrote it
 * (Auto-Submitted, RFC 3834, 5), answers have no envelope sender, and what is
 * redirected bears a mark by which it is known again (reply_loop).
 */
#ifndef MAILFERRY_REPLY_REPLY_H
#define MAILFERRY_REPLY_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "msg/message.h"
#include "sieve/plan.h"

enum {
	REPLY_RECIPIENTS_MAX = 20,
	REPLY_HOPS_MAX = 30, /* Received fields of what is redirected: half of what others take for a loop */
	REPLY_MARKS_MAX = 10 /* redirections of one message by anybody's mailferry */
};

/* What all of them share; borrowed. */
struct reply_frame {
	const struct message *message; /* as it came */
	struct slice sender;	       /* of its envelope; "" is the null one */
	struct slice recipient;	       /* whose rules they are */
	struct slice orcpt;	       /* for whom it was sent at first, "rfc822;…"; may be empty */
	struct slice from; /* address that everything bears which mailferry writes; empty: the recipient */
	bool any_author;   /* a notice may bear any :from; else those of the recipient's domain (RFC 5435, 3.3) */
	const struct plan_seen *seen;  /* what the script has made of the header; NULL: nothing */
	const char *hostname;
	const char *id; /* of the new message: a random_id, made after the message came, so that no one could guess it */
	int64_t now_ms;
};

struct reply { /* all owned */
	struct plan_content content;
	char *sender; /* of the envelope; "" is the null one */
	char *to[REPLY_RECIPIENTS_MAX];
	size_t nto;
	bool same_sender; /* of a redirect: that of the message, so that reports go to it (RFC 3461, 5.2.7) */
	bool utf8;	 /* its header or an address needs SMTPUTF8 (RFC 6531) */
	struct plan_dsn dsn; /* what is asked of the next server; notify NULL and no by: nothing */
	char *message_id, *from, *subject; /* for records: decoded, a line each */
};

/* All functions below fill OUT: 0, or -1 and E with a sentence for people, when the message can't be sent; then nothing
 * is in OUT. reply_free it in every case. */
void reply_free(struct reply *r);

/* ---- redirect ---- */
enum reply_loop {
	REPLY_NO_LOOP,
	REPLY_REDIRECTED_BEFORE, /* for this recipient */
	REPLY_TOO_MANY_HOPS
};

/* Has M been redirected for RECIPIENT before, or come too far? It is then filed, and not sent on again. */
enum reply_loop reply_loop(const struct message *m, struct slice recipient);
const char *reply_loop_text(enum reply_loop l); /* "it was redirected for this recipient before" */

enum reply_path { /* the envelope sender of what is redirected */
	REPLY_PATH_RECIPIENT,
	REPLY_PATH_SENDER, /* as it came */
	REPLY_PATH_FIXED   /* the frame's FROM */
};

struct reply_redirect { /* borrowed */
	const char *address;
	const struct plan_content *content; /* NULL: the message as it came */
	const struct plan_dsn *dsn;	    /* NULL: nothing was asked */
	enum reply_path path;
	bool wrap; /* as an attachment of a message of ours; else as it is, with Resent fields (RFC 5322, 3.6.6) */
};

/* A message without an envelope sender goes on without one. */
int reply_redirect(const struct reply_frame *f, const struct reply_redirect *r, struct reply *out, struct err *e);

/* ---- answers, RFC 5230 ---- */
int reply_vacation(const struct reply_frame *f, const struct plan_answer *a, struct reply *out, struct err *e);

/* ---- notifications, RFC 5436. The frame's RECIPIENT owns the script. ---- */
int reply_notify(const struct reply_frame *f, const struct plan_notice *n, struct reply *out, struct err *e);

/* ---- that a message was rejected, and not delivered (RFC 5429, 2.2.1) ---- */
int reply_refusal(const struct reply_frame *f, struct slice reason, struct reply *out, struct err *e);

#endif
