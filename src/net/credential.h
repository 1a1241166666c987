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
/* The server hung up on an access token that it refuses, COMPLAINT being its word for it. FRESH: on the second one, so a
 * person must act; else ERR_TEMP, as a fresh one has been got for the next connection. */
int credential_hung_up(const struct config_server *c, bool fresh, const char *complaint, struct err *e);
/* Channel bindings differ. */
int credential_relayed(const struct config_server *c, const char *how, const char *complaint, struct err *e);

#endif
