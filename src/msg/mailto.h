/*
 * mailto URIs (RFC 6068; RFC 5436, 2.1, says 2368, which it took the place of).
 */
#ifndef MAILFERRY_MSG_MAILTO_H
#define MAILFERRY_MSG_MAILTO_H

#include "base/err.h"
#include "base/slice.h"
#include "msg/address.h"

enum {
	MAILTO_MAX = 64 * 1024,	  /* octets of a URI */
	MAILTO_ADDRESSES_MAX = 20, /* in all */
	MAILTO_FIELDS_MAX = 32
};

struct mailto_field {
	char *name;  /* as the URI has it */
	char *value; /* UTF-8 without controls, blanks at both ends gone */
};

struct mailto { /* all owned */
	struct address to[MAILTO_ADDRESSES_MAX], cc[MAILTO_ADDRESSES_MAX];
	size_t nto, ncc;
	char *subject; /* NULL: not given. The first counts */
	char *body;    /* the same; several are joined by line ends; UTF-8, may hold line ends of any kind and tabs */
	struct mailto_field fields[MAILTO_FIELDS_MAX];
	size_t nfields; /* of the others, those that a URI may set: see mailto_safe */
};

/* Is URI one of these at all? */
bool mailto_is(struct slice uri);

/* Fills OUT; mailto_free it in every case. 0, or -1 and E when URI is not valid, or names nobody. */
int mailto_parse(struct slice uri, struct mailto *out, struct err *e);
void mailto_free(struct mailto *m);

/* May a URI set the header field NAME (RFC 6068, 4 and 7; RFC 5436, 2.7)? Those that say who sent a message, when, which
 * way it came, what kind of message it is and how it is encoded are not for a URI. */
bool mailto_safe(struct slice name);

#endif
