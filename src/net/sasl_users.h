/*
 * Who may authenticate: names, and for each a verifier of SCRAM, from which the
 * password can't be read. As text, one user a line:
 *
 *   !decoys BASE64
 *   NAME SCRAM-SHA-256$ROUNDS:SALT$STORED-KEY:SERVER-KEY [SCRAM-SHA-1$…]
 *
 * (the verifiers as RFC 5803 writes them; all but ROUNDS in base64). Every user
 * has one of SHA-256, as PLAIN and LOGIN are checked against that. Lines that
 * begin with '#' and empty ones are passed over. The secret of `!decoys' makes
 * what a name that is not there is answered with: always the same, and in the
 * shape of what the others have, so that nobody can find out who is there.
 *
 * Names are as SASLprep (RFC 4013) leaves them; upper and lower case differ.
 */
#ifndef MAILFERRY_NET_SASL_USERS_H
#define MAILFERRY_NET_SASL_USERS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "net/scram.h"

enum {
	SASL_NAME_MAX = 255,	 /* octets of a user's name, prepared or not */
	SASL_PASSWORD_MAX = 255, /* and of a password (RFC 4616, 2) */
	SASL_SALT_SIZE = 16,	 /* that we make */
	SASL_SALT_MAX = 32,	 /* that we take */
	SASL_ROUNDS_MIN = 4096,	 /* RFC 7677, 4; RFC 5802, 5.1 */
	SASL_ROUNDS_MAX = 1000000,
	SASL_USERS_TEXT_MAX = 16 * 1024 * 1024
};

struct scram_verifier {
	unsigned rounds; /* 0: there is none */
	size_t salt_size;
	unsigned char salt[SASL_SALT_MAX];
	unsigned char stored[SCRAM_KEY_MAX], server[SCRAM_KEY_MAX];
};

struct sasl_user {
	char *name;
	unsigned line; /* where it stands; 0: not in a file yet */
	struct scram_verifier sha256;
	struct scram_verifier *sha1; /* owned; NULL: none */
};

struct sasl_users;

/* Nobody, and a new secret. */
struct sasl_users *sasl_users_new(void);

/* From TEXT, which came from FILE. NULL: ERRORS holds lines "FILE:LINE: …", the first 20 that were found. */
struct sasl_users *sasl_users_parse(const char *file, struct slice text, struct buf *errors);

void sasl_users_free(struct sasl_users **u); /* wipes */

/* In the order of their names. */
size_t sasl_users_count(const struct sasl_users *u);
const struct sasl_user *sasl_users_at(const struct sasl_users *u, size_t i);

/* NAME is prepared. NULL: there is none. */
const struct sasl_user *sasl_users_find(const struct sasl_users *u, const char *name);

/* Has anybody a verifier for HASH? */
bool sasl_users_know(const struct sasl_users *u, enum scram_hash hash);

/* The verifier of NAME (prepared, or as it came where it can't be) for HASH into OUT, or a decoy in its place: the work
 * is the same. True when it is no decoy. */
bool sasl_users_verifier(const struct sasl_users *u, const char *name, enum scram_hash hash,
			 struct scram_verifier *out);

/* ---- net/sasl_users_edit.c ---- */
/* NAME as it would stand in the file, from malloc; NULL and E when it can't. */
char *sasl_users_name(const char *name, struct err *e);

/* Gives NAME (as sasl_users_name gives it) a new password, and adds it where it is not there yet. SHA1: a verifier for
 * SCRAM-SHA-1 too. 0, or -1 and E. */
int sasl_users_set(struct sasl_users *u, const char *name, const char *password, unsigned rounds, bool sha1,
		   struct err *e);

/* False when there is none of that name. */
bool sasl_users_remove(struct sasl_users *u, const char *name);

/* Is PASSWORD that of NAME? As long as it takes. */
bool sasl_users_check(const struct sasl_users *u, const char *name, const char *password);

/* All of it as text. OUT should be made for SASL_USERS_TEXT_MAX. */
void sasl_users_print(const struct sasl_users *u, struct buf *out);

#endif
