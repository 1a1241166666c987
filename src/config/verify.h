/* What no key can say alone: keys that depend on each other, and the files that they name. */
#ifndef MAILFERRY_CONFIG_VERIFY_H
#define MAILFERRY_CONFIG_VERIFY_H

#include "config/build.h"

/* Fills in what depends on other keys: port, control, hostname. */
void verify_complete(struct build *b);

/* Checks of values only. Only for b->strict. */
void verify_values(struct build *b);

/* Reads password files; rules and certificates must be readable. Only for b->files. */
void verify_files(struct build *b);

/* An account or a source: what the checks below are of. */
struct holder {
	struct build *b;
	struct config_server *server;
	const struct group_lines *lines;
	enum key_group group; /* KEYS_ACCOUNT, KEYS_SOURCE */
	const struct config_source *source; /* of the latter */
};
struct holder holder_account(struct build *b, size_t i);
struct holder holder_source(struct build *b, size_t i);

/* As config_server_at. */
struct holder holder_at(struct build *b, size_t i);

bool holder_speaks_pop3(const struct holder *h);

bool holder_given(const struct holder *h, const char *key);

/* An error of KEY, or where it is missing. */
void verify_error(const struct holder *h, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- config/verify_oauth.c ---- */
void oauth_complete(const struct holder *h); /* fills in what its provider is known for; only for b->strict */
void oauth_verify(const struct holder *h);
void oauth_files(const struct holder *h);

/* ---- config/verify_source.c ---- */
void sources_complete(struct build *b); /* fills in what hangs on other keys; only for b->strict */
void sources_verify(struct build *b);

/* ---- config/verify_login.c: how one logs in ---- */
void login_verify(const struct holder *h);
void login_files(struct build *b); /* of all accounts and sources: passwords, certificates of ours */

#endif
