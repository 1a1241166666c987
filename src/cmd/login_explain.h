/*
 * Why an account can't be opened after its sign-in, in words that say what to do.
 * Servers say little ("AUTHENTICATE failed."); what the access token says of
 * itself, the provider and the kind of grant tell the cases apart.
 */
#ifndef MAILFERRY_CMD_LOGIN_EXPLAIN_H
#define MAILFERRY_CMD_LOGIN_EXPLAIN_H

#include "base/buf.h"
#include "config/config.h"

enum login_cause {
	CAUSE_OTHER,	  /* the error's own text says all */
	CAUSE_IMAP_OFF,	  /* IMAP is switched off for the mailbox */
	CAUSE_CONSENT,	  /* nobody allowed the application to use IMAP */
	CAUSE_POLICY,	  /* the organization's rules forbid this way to log in */
	CAUSE_PERMISSION, /* it has no right to this mailbox */
	CAUSE_WRONG_USER, /* the sign-in is another person's */
	CAUSE_PASSWORD,	  /* it must be one made for programs */
	CAUSE_REFUSED	  /* refused, and nothing tells why */
};

struct login_finding {
	const struct config_server *server;
	bool token;	  /* no access token was to be had; else it is the store that refuses */
	bool logged_in;	  /* the store took the login, and refused what came behind it */
	bool refused;	  /* the login was refused: no matter of the network or of TLS */
	const char *text; /* the error */
	int says;	  /* LOGIN_SAYS_… of the access token; 0: nothing known */
	const char *who;  /* who signed in, by the token; "" or NULL: not known */
};

enum login_cause login_cause_of(const struct login_finding *f);

/* Appends a headline and, line by line, what to do. Nothing for CAUSE_OTHER. */
void login_explain(const struct login_finding *f, struct buf *out);

#endif
