/* Inside a POP3 login: one attempt, and a refusal in words that say what to do. */
#ifndef MAILFERRY_FETCH_POP3_AUTH_H
#define MAILFERRY_FETCH_POP3_AUTH_H

#include "fetch/pop3_impl.h"
#include "net/credential.h"

struct pop3_attempt {
	struct source_session *session;
	struct sasl_setup setup;
	struct binding bindings[BINDING_TYPES];
	struct credential_token token;
	bool no_initial; /* the server does not take initial responses after all */
	bool initial;	 /* one was sent */
	struct pop3_reply reply;
	char complaint[SASL_COMPLAINT_MAX + 1];
};

/* ---- pop3_user.c ---- */
int pop3_try_user(struct pop3_attempt *a, struct err *e);
int pop3_try_apop(struct pop3_attempt *a, struct err *e);

/* ---- pop3_auth_words.c ---- */
/* All fill E and return -1. HOW names what was tried: a mechanism, "USER" or "APOP". */
int pop3_refused_login(const struct pop3_attempt *a, const char *how, enum sasl_verdict verdict, struct err *e);
int pop3_no_way(const struct pop3_attempt *a, struct err *e); /* nothing that both sides have is left */

/* A refusal of now, not of what was sent? */
bool pop3_refused_for_now(const struct pop3_attempt *a, enum sasl_verdict verdict);

#endif
