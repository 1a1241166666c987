/*
 * What an access token says of itself, where its provider makes it a JWT (RFC
 * 7519): a hint for a person who sets an account up, and never more than that.
 * The signature is not checked, because nothing is decided by it.
 */
#ifndef MAILFERRY_OAUTH_CLAIMS_H
#define MAILFERRY_OAUTH_CLAIMS_H

#include <stdbool.h>

struct claims {
	char who[256];	  /* the person's name to sign in with, printable; "" when it does not say */
	bool application; /* no person is behind it, but the application's own right */
	bool imap;	  /* it has the right to use IMAP */
};

/* True when TOKEN says anything of the kind; else it is opaque, which is no error, and OUT is zeroed. */
bool claims_read(const char *token, struct claims *out);

#endif
