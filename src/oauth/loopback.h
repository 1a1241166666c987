/*
 * What a browser sends when it comes back from signing in (RFC 8252, 7.3): one
 * GET to a port of this machine, with the code in its query. Any program on this
 * machine and any web page may send something there, so all of it is hostile:
 * what does not fit is answered with an error page and changes nothing.
 */
#ifndef MAILFERRY_OAUTH_LOOPBACK_H
#define MAILFERRY_OAUTH_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
	LOOPBACK_REQUEST_MAX = 24 * 1024, /* octets of a request's head; codes have a few thousand at most */
	LOOPBACK_QUERY_MAX = 16 * 1024
};

enum loopback_verdict {
	LOOPBACK_MORE,	    /* the head has not come whole */
	LOOPBACK_ANSWER,    /* the browser is back: QUERY */
	LOOPBACK_ELSEWHERE, /* a good request for something else: an icon, another sign-in */
	LOOPBACK_BROKEN	    /* no HTTP, or too long, or not for us */
};

struct loopback {
	uint16_t port;	   /* of ours: the Host field must name it */
	const char *state; /* of the sign-in under way (RFC 6749, 10.12) */
};

/* BYTES: all that has come so far. *QUERY points into them: what stands behind the "?". Compares the state in a time
 * that tells nothing of it. */
enum loopback_verdict loopback_read(const struct loopback *l, struct slice bytes, struct slice *query);

/* Appends a whole answer with a page that says TEXT (plain, of ours); the connection is to be closed after it. */
void loopback_page(int status, const char *text, struct buf *out);

#endif
