/*
 * All milters of one session, in order: each is told a stage when those before
 * it have taken it, and sees what they have changed. The first that does not
 * want a thing decides.
 *
 * A milter that could not be had, or fell out of order, is connected anew at the
 * next message and told what it missed; meanwhile its on_failure says what
 * becomes of mail.
 */
#ifndef MAILFERRY_SMTP_MILTER_CHAIN_H
#define MAILFERRY_SMTP_MILTER_CHAIN_H

#include <stdbool.h>

#include "smtp/milter.h"

struct smtp_session;
struct milter_chain;

/* Something about a milter has changed outside of a call: octets came or left, the connection is there or is gone. */
typedef void milter_moved_fn(void *arg);

/* How milters are reached: sockets (milter_link.h), or in a test none. A wire is one connection, and calls milter_connected,
 * _input, _lost, _late of its milter; behind each of them MOVED, as the last thing that it does, since by then it may be
 * closed. */
struct milter_wires {
	/* Begins to connect M, which is MILTER_OPENING. FRESH: not one that was used before. *AGAIN: it is one that was, and
	 * is connected by now. */
	void *(*open)(void *arg, struct milter *m, bool fresh, bool *again, milter_moved_fn *moved, void *moved_arg);
	void (*flush)(void *wire); /* writes the output; what can't be written now goes later */
	void (*close)(void *wire, struct milter_terms *again); /* NULL: not to be used again; takes *AGAIN over */
	void *arg;
};

/* Those that the listener of S names; NULL where it names none. S and WIRES outlive it. */
struct milter_chain *milter_chain_new(struct smtp_session *s, const struct milter_wires *wires);
void milter_chain_free(struct milter_chain **c);

/* Tells STAGE to all, TEXTS (N, copied) for it. True: it is decided now. False: smtp_resume comes when it is.
 * MILTER_AT_EOM is the whole content, from the first field on. */
bool milter_chain_tell(struct milter_chain *c, enum milter_stage stage, const struct slice *texts, size_t n);

/* The transaction is over, in whatever way; what is under way is given up. */
void milter_chain_forget(struct milter_chain *c);

/* Intake, which could not take a new body, goes on. True: it was for the chain. */
bool milter_chain_resumed(struct milter_chain *c);

/* What was decided: MILTER_CONTINUE, _DISCARD, _REFUSE, _HANG_UP, or MILTER_NONE: intake has refused the message. */
enum milter_verdict milter_chain_verdict(const struct milter_chain *c);
const struct milter_reply *milter_chain_reply(const struct milter_chain *c); /* MILTER_REFUSE */
const char *milter_chain_by(const struct milter_chain *c);		      /* the milter that decided */

/* Does a milter want to know of recipients that are refused? */
bool milter_chain_takes_refused(const struct milter_chain *c);

#endif
