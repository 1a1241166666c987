/*
 * The directory of refresh tokens: one file an account, made anew for each new
 * token: written, synced, renamed, the directory synced, and only then is the
 * token taken for stored. One process has the directory open at a time. What
 * each state of the files means stands in docs/tokens.md.
 */
#ifndef MAILFERRY_OAUTH_TOKEN_STORE_H
#define MAILFERRY_OAUTH_TOKEN_STORE_H

#include <stdint.h>

#include "base/err.h"

struct token_store;

struct stored_token {
	char *refresh_token; /* owned, wiped by stored_token_free */
	char *binding;	     /* grant_binding of the time */
	int64_t signed_in;   /* wall clock, milliseconds: when a person signed in */
	int64_t refreshed;   /* when it was used or given last */
	int64_t serial;	     /* grows with each write */
};

enum { TOKEN_STORE_WAIT_MS = 45 * 1000 };

/* Takes DIRECTORY, an open descriptor. Waits up to WAIT_MS for another process that holds it. NULL and E. */
struct token_store *token_store_new(int directory, int64_t wait_ms, struct err *e);
void token_store_free(struct token_store **s);

/* What a process that is to use it must not close. */
void token_store_descriptors(const struct token_store *s, int *directory, int *lock);

/* 1 with OUT, 0 when there is none, -1 and E (ERR_CONFIG: the file is damaged or open to others). */
int token_store_read(struct token_store *s, const char *account, struct stored_token *out, struct err *e);

/* Returns 0 only when T will be found after a power cut. Sets T's serial. */
int token_store_write(struct token_store *s, const char *account, struct stored_token *t, struct err *e);

int token_store_remove(struct token_store *s, const char *account, struct err *e);
void stored_token_free(struct stored_token *t);

#endif
