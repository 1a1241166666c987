/*
 * Whether a message may be answered by a program (RFC 5230, 4.5 and 4.6; RFC
 * 3834, 2): not what other programs and mailing lists send, and not what was
 * not sent to this recipient by name.
 */
#ifndef MAILFERRY_SIEVE_AUTOMATIC_H
#define MAILFERRY_SIEVE_AUTOMATIC_H

#include "base/slice.h"
#include "msg/header.h"

enum automatic {
	AUTOMATIC_NOT, /* a person wrote it, to this recipient */
	AUTOMATIC_NULL_SENDER,
	AUTOMATIC_NO_SENDER,  /* its sender is no address */
	AUTOMATIC_ONESELF,
	AUTOMATIC_PROGRAM,    /* its sender is an address that programs have: MAILER-DAEMON, owner-list */
	AUTOMATIC_SUBMITTED,  /* Auto-Submitted says so (RFC 3834, 5) */
	AUTOMATIC_REPORT,     /* a multipart/report, or from a MAILER-DAEMON by its header: a bounce that lost its envelope */
	AUTOMATIC_LIST,	      /* a List- field (RFC 2369, RFC 2919) */
	AUTOMATIC_PRECEDENCE, /* bulk, list or junk */
	AUTOMATIC_NOT_TO	      /* none of the addresses is in To, Cc, Bcc or their Resent- forms */
};

struct automatic_facts {
	const struct header *header;
	struct slice from;	 /* of the envelope */
	const struct slice *own; /* addresses of the recipient: that of the envelope, those that are known, :addresses */
	size_t nown;
};

/* The first of these that holds, in this order; linear in the header. */
enum automatic automatic_judge(const struct automatic_facts *f);

/* The same of what the sender and the header alone say: for answers to what was not sent to anybody by name. */
enum automatic automatic_sent(const struct automatic_facts *f);

/* Does H say that a program sent it: an Auto-Submitted other than "no"? */
bool automatic_submitted(const struct header *h);

/* What the header H of a message that came says for good, whatever rules made of it since: AUTOMATIC_SUBMITTED or
 * AUTOMATIC_REPORT, else AUTOMATIC_NOT. */
enum automatic automatic_origin(const struct header *h);

const char *automatic_text(enum automatic a); /* for people: "it comes from a mailing list" */

#endif
