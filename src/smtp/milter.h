/*
 * One milter as a byte machine: what is to be told goes in as steps, octets from
 * the milter come in, an answer to each step comes out. No socket and no clock
 * of its own. What it wants changed at the end of a message is gathered in
 * struct milter_edits (milter_edits.h).
 *
 * Whatever it sends, the machine stays in order: an answer that is out of place,
 * too long, late or cut off makes it MILTER_FAILED, and nothing of it is used.
 */
#ifndef MAILFERRY_SMTP_MILTER_H
#define MAILFERRY_SMTP_MILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "config/config.h"
#include "smtp/milter_edits.h"
#include "smtp/milter_macros.h"
#include "smtp/milter_terms.h"

enum {
	MILTER_OUTPUT_MAX = 512 * 1024,
	MILTER_OUTPUT_PAUSE = 128 * 1024, /* more than this waiting: nothing is added to it */
	MILTER_PROGRESS_MAX = 3,	  /* times its timeout that "still at work" is worth */
	MILTER_REPLY_MAX = 4096		  /* octets of a reply in its own words */
};

enum milter_state {
	MILTER_CLOSED,	/* no connection; never asked, or given up */
	MILTER_OPENING, /* a connection is being made, or the terms are agreed on */
	MILTER_READY,	/* nothing is waited for */
	MILTER_ASKED,	/* an answer is waited for */
	MILTER_FAILED	/* see why */
};

enum milter_verdict {
	MILTER_CONTINUE,
	MILTER_ACCEPT,
	MILTER_DISCARD,
	MILTER_REFUSE,	/* with milter_reply */
	MILTER_SKIP,	/* the rest of the body */
	MILTER_HANG_UP, /* the client's connection shall end */
	MILTER_NONE	/* it failed */
};

struct milter_reply {
	int code;	  /* 400 to 599 */
	char enhanced[12]; /* "5.7.1" */
	char *text;	  /* owned; lines separated by LF; any octets: smtp_reply_lines makes them harmless */
};

struct milter;

/* C outlives it. NOW: milliseconds that never go back. */
struct milter *milter_new(const struct config_milter *c, int64_t (*now)(void));
void milter_free(struct milter **m);
const struct config_milter *milter_config(const struct milter *m);

/* ---- the connection ---- */
/* It is being made. */
void milter_open(struct milter *m);

/* It is there. TERMS: those of its last use, which hold on (taken over); NULL: they are to be agreed on. */
void milter_connected(struct milter *m, struct milter_terms *terms);

/* Octets from the milter. True: something is decided, look at the state. */
bool milter_input(struct milter *m, struct slice in);
struct buf *milter_output(struct milter *m); /* the caller consumes it */

/* The connection broke, or was not to be had. */
void milter_lost(struct milter *m, const char *why);
int64_t milter_deadline(const struct milter *m); /* INT64_MAX: none */
void milter_late(struct milter *m);		 /* the deadline has passed */

/* Its connection is given back: MILTER_CLOSED. True: it may be used again, for another session (the words for that are
 * in the output), with *TERMS, the caller's now. */
bool milter_end(struct milter *m, struct milter_terms *terms);

enum milter_state milter_state(const struct milter *m);
const char *milter_why(const struct milter *m); /* MILTER_FAILED: for people */
bool milter_was_down(const struct milter *m);	/* MILTER_FAILED: no connection was to be had */
bool milter_heard(const struct milter *m);	/* it has answered anything on this connection */
const struct milter_terms *milter_terms(const struct milter *m);

/* ---- steps: only in MILTER_READY ---- */
/* Tells a step: TEXTS (N of them) as the protocol has them for STAGE, behind its macros. For MILTER_AT_CONNECT and
 * MILTER_AT_BODY use the calls below. READY again: no answer is to come, or the milter does not want to hear of it. */
void milter_tell(struct milter *m, enum milter_stage stage, const struct slice *texts, size_t n,
		 milter_macro_fn *macro, void *arg);

/* IP "" : a UNIX socket. */
void milter_tell_connect(struct milter *m, const char *name, const char *ip, uint16_t port, milter_macro_fn *macro,
			 void *arg);

/* At most MILTER_BODY_MAX octets. */
void milter_tell_body(struct milter *m, struct slice piece);

/* The message is forgotten. No answer comes. */
void milter_abort(struct milter *m);

/* ---- what it answered to the last step ---- */
enum milter_verdict milter_verdict(const struct milter *m);
const struct milter_reply *milter_reply(const struct milter *m); /* MILTER_REFUSE */
struct milter_edits *milter_edits(struct milter *m);		  /* of the last MILTER_AT_EOM */

#endif
