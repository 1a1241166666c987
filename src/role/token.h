/*
 * Asking the token role: for an account's access token (a store, a probe), or
 * for a new sign-in (`mailferry login'). Blocking calls on a bare socket; one
 * request at a time on a socket. The role knows from the supervisor who holds
 * the other end: a store is given its own account's token only; the command
 * line (role "admin", by the control socket's CONTROL_WANT_TOKEN) may name any
 * account and may sign in. A request that a peer may not make ends its socket.
 *
 * TOKEN_GET     account, serial of the token that was refused (0: none), person → TOKEN_DONE
 * TOKEN_SIGN_IN account, redirect → TOKEN_PLEASE: where the person must go
 * TOKEN_CODE    account, the URL that the browser came back to → TOKEN_DONE
 * TOKEN_WAIT    account → TOKEN_DONE when the person has agreed (device codes)
 * TOKEN_DONE    token, expires, serial; or class and text of an error
 */
#ifndef MAILFERRY_ROLE_TOKEN_H
#define MAILFERRY_ROLE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum token_message { TOKEN_GET = 1, TOKEN_DONE, TOKEN_SIGN_IN, TOKEN_PLEASE, TOKEN_CODE, TOKEN_WAIT };

enum token_tag {
	TOKEN_TAG_ACCOUNT = 1,
	TOKEN_TAG_SERIAL,
	TOKEN_TAG_TOKEN,
	TOKEN_TAG_EXPIRES, /* wall clock, milliseconds */
	TOKEN_TAG_CLASS,
	TOKEN_TAG_TEXT,
	TOKEN_TAG_URL, /* redirect; where to sign in; where the browser came back to */
	TOKEN_TAG_CODE,	 /* that the person must type in */
	TOKEN_TAG_PERSON /* 1: a person asks, who may have mended something: the provider is asked, whatever it said before */
};

enum { TOKEN_MAX = 16 * 1024, TOKEN_TIMEOUT_MS = 60 * 1000 };

/* Who asks, and which token it was given last. */
struct token_asker {
	int socket;
	const char *account;
	int64_t serial;
	bool person; /* the command line: see TOKEN_TAG_PERSON */
};

/* An access token from mem_alloc (wipe and free it), with an eighth of its life or a minute left at least. FRESH:
 * the one given before was refused, so another is wanted; the role asks the provider unless somebody else just did.
 * NULL and E: ERR_CONFIG (a person must act: sign in, correct the client) or ERR_TEMP. */
char *token_get(struct token_asker *asker, bool fresh, struct err *e);

/* ---- a person's sign-in, for grants "user" and "device" ---- */
struct token_please {
	char *url;	 /* where to go; owned */
	char *user_code; /* device: what to type there; NULL else; owned */
	int64_t expires; /* wall clock: the sign-in must be done by then */
};

/* Begins a sign-in; an unfinished one of this account is forgotten. REDIRECT: where the browser shall come back to
 * ("http://127.0.0.1:PORT/", or what was registered); NULL for device codes. */
int token_sign_in(int socket, const char *account, const char *redirect, struct token_please *out, struct err *e);
void token_please_free(struct token_please *p);

/* ANSWER: the whole URL that the browser came back to, or its query. Returns 0 when the refresh token is safe on disk;
 * the role has an access token then, and accounts that are held are tried at once. */
int token_sign_in_code(int socket, const char *account, const char *answer, struct err *e);

/* Device codes: returns when the person has agreed (0), has not in time, or has refused (-1). ERR_LIMIT when TIMEOUT_MS
 * is over first: ask again. */
int token_sign_in_wait(int socket, const char *account, int64_t timeout_ms, struct err *e);

#endif
