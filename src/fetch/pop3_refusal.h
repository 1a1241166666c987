/* What a -ERR means, in words that say what to do: codes (RFC 2449, 8; RFC 3206) and known texts. */
#ifndef MAILFERRY_FETCH_POP3_REFUSAL_H
#define MAILFERRY_FETCH_POP3_REFUSAL_H

#include <stdbool.h>

#include "base/err.h"
#include "fetch/pop3_reply.h"

struct source_session;

struct pop3_meaning {
	enum err_class class; /* ERR_CONFIG: a person; ERR_TEMP: time */
	int code;	      /* EUSERS: comes too often, or with too many; EBUSY: somebody else has the mailbox */
	bool said;	      /* the server left no doubt: a row is about just this */
	const char *advice;   /* what a person can do, or NULL; static */
};

/* What nothing is known of is a matter for a person when it answers a LOGIN, and of time else. */
struct pop3_meaning pop3_mean(const struct pop3_reply *r, bool login);

/* Fills E with "HOST WHAT: "text"; advice" and returns -1. Notes how long the server wants to be left alone. */
int pop3_refused(const struct source_session *s, const struct pop3_reply *r, const char *what, struct err *e);

/* Tells the run how long the server wants to be left alone, where R or its capabilities say so. */
void pop3_note_delay(const struct source_session *s, const struct pop3_reply *r);

#endif
