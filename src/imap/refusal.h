/* Inside authentication: a login that was refused, in words that say what to do. */
#ifndef MAILFERRY_IMAP_REFUSAL_H
#define MAILFERRY_IMAP_REFUSAL_H

#include "imap/session.h"
#include "net/credential.h"

struct attempt {
	struct imap *session;
	const struct imap_login *login;
	struct sasl_setup setup;
	struct binding bindings[BINDING_TYPES];
	struct credential_token token;
	struct imap_reply reply;
	char complaint[SASL_COMPLAINT_MAX + 1];
};

/* The server's words, with what it said within the mechanism. */
const char *refusal_words(const struct attempt *a, char out[CREDENTIAL_SAID_SIZE]);

/* All fill E (ERR_CONFIG) and return -1. WAY is SASL_NO_WAY for the LOGIN command; ADVICE may be NULL. */
int refusal_person(const struct attempt *a, int way, const char *advice, struct err *e);
int refusal_no_way(const struct attempt *a, struct err *e); /* nothing that both sides have is left */

#endif
