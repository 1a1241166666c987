/*
 * What is asked of a token endpoint and what its answers mean (RFC 6749; PKCE:
 * RFC 7636; device: RFC 8628; assertions: RFC 7523). Pure: bytes in, bytes out.
 */
#ifndef MAILFERRY_OAUTH_GRANT_H
#define MAILFERRY_OAUTH_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"
#include "oauth/http.h"

enum grant_step {
	GRANT_APPLICATION,  /* client_credentials */
	GRANT_SERVICE,	    /* a signed JWT for the user (RFC 7523, 2.1) */
	GRANT_REFRESH,	    /* VALUE: the refresh token */
	GRANT_CODE,	    /* VALUE: the authorization code; VERIFIER and REDIRECT go with it */
	GRANT_DEVICE_START, /* to the device endpoint */
	GRANT_DEVICE_POLL   /* VALUE: the device code */
};

struct grant_request {
	enum grant_step step;
	const char *value, *verifier, *redirect;
	int64_t now; /* wall clock, milliseconds: for assertions */
};

/* Appends the form. -1 with ERR_CONFIG: key or certificate can't be used. FORM holds secrets: wipe it. */
int grant_form(const struct config_server *a, const struct grant_request *r, struct buf *form, struct err *e);

/* The endpoint of a step: token or device. */
const char *grant_endpoint(const struct config_server *a, enum grant_step step);

/* Where the person is sent to sign in: appends the URL (RFC 6749, 4.1.1; RFC 7636, 4.3). */
void grant_authorization_url(const struct config_server *a, const char *redirect, const char *state,
			     const char *verifier, struct buf *out);

/* A random text for `state' or as PKCE verifier: 43 characters of base64url. */
enum { GRANT_RANDOM_SIZE = 44 };
void grant_random(char out[GRANT_RANDOM_SIZE]);

/* The code in the URL to which the browser was sent back (whole, or its query, as a person pastes it). Checks STATE in
 * constant time. From mem_alloc; NULL and E: the server's words when it says no (access_denied, consent). */
char *grant_code_take(const struct config_server *a, const char *answer, const char *state, struct err *e);

enum grant_verdict {
	GRANT_OK,
	GRANT_PENDING,	 /* device: the person has not agreed yet */
	GRANT_SLOW_DOWN, /* device: ask more seldom */
	GRANT_LATER,	 /* network, server, throttling: try again, not before retry_after */
	GRANT_LOST,	 /* the sign-in is over: a person must sign in again (invalid_grant and the like) */
	GRANT_REFUSED	 /* client, secret, consent, policy: a person must correct something else */
};

struct grant_answer {
	enum grant_verdict verdict;
	char *access_token, *refresh_token; /* owned, wiped by grant_answer_free; refresh_token NULL: not rotated */
	int64_t expires_in;		    /* milliseconds; an hour when the server does not say */
	int64_t retry_after;		    /* milliseconds; 0: not said */
	/* of GRANT_DEVICE_START */
	char *device_code, *user_code, *verification_uri, *verification_uri_complete;
	int64_t interval; /* milliseconds between polls */
};

/* Reads a reply. E is filled for every verdict but GRANT_OK and GRANT_PENDING: ERR_TEMP for GRANT_LATER, else
 * ERR_CONFIG; account, the server's own words, and what to do. OUT is always filled: free it. */
enum grant_verdict grant_reply(const struct config_server *a, enum grant_step step, const struct http_reply *r,
			       struct grant_answer *out, struct err *e);
void grant_answer_free(struct grant_answer *a);

/* Which accounts share one access token: equal text, equal grant. Application access is the same for all mailboxes of a
 * client; the other kinds belong to one account or user. From mem_alloc. */
char *grant_key(const struct config_server *a);

/* What a refresh token is bound to: client and endpoints. One that was given for another is never sent. From mem_alloc.
 */
char *grant_binding(const struct config_server *a);

/* Has the account what its kind of grant needs (client id, secret or certificate that match, endpoints)? Reads key and
 * certificate. 0, or -1 with ERR_CONFIG. For `mailferry check' and the token role's start. */
int grant_check(const struct config_server *a, struct err *e);

/* When the first of client secret and certificate expires: wall clock, INT64_MAX: not known or never. *WHAT: which. */
int64_t grant_expires(const struct config_server *a, const char **what);

#endif
