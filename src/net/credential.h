/*
 * Logins at a server of the configuration, of whatever protocol: what SASL is to
 * work with, and a refusal in words that say what to do.
 */
#ifndef MAILFERRY_NET_CREDENTIAL_H
#define MAILFERRY_NET_CREDENTIAL_H

#include "base/err.h"
#include "config/config.h"
#include "net/binding.h"
#include "net/sasl.h"
#include "net/stream.h"

enum {
	CREDENTIAL_TEXT_MAX = 200, /* of the server's, so that the advice behind it stays whole */
	CREDENTIAL_SAID_SIZE = CREDENTIAL_TEXT_MAX + SASL_COMPLAINT_MAX + 20
};

/* Fills SETUP from C, whose mechanisms are OFFERED (see sasl_offered), all but the token. BINDINGS become those of
 * STREAM; both stay the caller's, who wipes BINDINGS. -1 and E where C wants encryption and STREAM has none. */
int credential_setup(const struct config_server *c, const struct stream *stream, unsigned offered,
		     struct binding bindings[BINDING_TYPES], struct sasl_setup *setup, struct err *e);

/* The access tokens of a login, for those with `oauth'. */
struct credential_token {
	/* One of mem_alloc's, or NULL and E; FRESH: another than last time. NULL where nobody gets them. */
	char *(*get)(void *arg, bool fresh, struct err *e);
	void *arg;
	char *text; /* owned: the one at hand, or NULL */
	bool fresh; /* it is the second one */
};

/* Gets one, for SETUP too, in place of the one at hand. 0, or -1 and E. */
int credential_token_take(struct credential_token *t, const struct config_server *c, bool fresh,
			  struct sasl_setup *setup, struct err *e);
void credential_token_free(struct credential_token *t);

/* Does a refusal with the words TEXT say that the server can't do the mechanism of X, and nothing of user and password? */
bool credential_unsupported(const struct sasl *x, const char *text);

/* Who logs in. */
const char *credential_name(const struct config_server *c);

/* The server's words, with COMPLAINT, what it said within the mechanism ("": nothing). Returns OUT. */
const char *credential_said(const char *text, const char *complaint, char out[CREDENTIAL_SAID_SIZE]);

struct credential_refusal {
	const struct config_server *server;
	const char *protocol; /* "IMAP" */
	const char *how;      /* a mechanism's name, or the command's */
	bool token;	      /* an access token was sent, the second one */
	const char *said;     /* by credential_said */
	const char *advice;   /* on just these words; NULL: none */
};

/* These fill E (ERR_CONFIG) and return -1. */
int credential_refused(const struct credential_refusal *r, struct err *e);
/* Channel bindings differ. */
int credential_relayed(const struct config_server *c, const char *how, const char *complaint, struct err *e);

/* The exchange of X broke off with E. If the server hung up on an access token that it refuses, E says so instead: on the
 * second one a person must act; else a fresh one is got for the next connection. */
void credential_hung_up(const struct config_server *c, const struct sasl *x, struct credential_token *t,
			struct sasl_setup *setup, struct err *e);

#endif
