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

/* An account, a source or the relay: what the checks below are of. */
struct holder {
	struct build *b;
	struct config_server *server;
	const struct group_lines *lines;
	enum key_group group; /* KEYS_ACCOUNT, KEYS_SOURCE, KEYS_RELAY */
	const struct config_source *source; /* of a source */
};
struct holder holder_account(struct build *b, size_t i);
struct holder holder_source(struct build *b, size_t i);
struct holder holder_relay(struct build *b); /* where there is one */

/* As config_server_at. */
struct holder holder_at(struct build *b, size_t i);

bool holder_speaks_pop3(const struct holder *h);

bool holder_given(const struct holder *h, const char *key);

/* Where the group of H stands: "accounts.office", "relay". */
void holder_path(const struct holder *h, char out[REPORT_PATH_SIZE]);

/* An error of KEY, or where it is missing. */
void verify_error(const struct holder *h, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- config/verify_oauth.c ---- */
void oauth_complete(const struct holder *h); /* fills in what its provider is known for; only for b->strict */
void oauth_verify(const struct holder *h);
void oauth_files(const struct holder *h);

/* ---- config/verify_auth.c: who may log in at a listener ---- */
void auth_verify(struct build *b);

/* ---- config/verify_source.c ---- */
void sources_complete(struct build *b); /* fills in what hangs on other keys; only for b->strict */
void sources_verify(struct build *b);

/* ---- config/verify_listener.c: listeners and certificates ---- */
/* An error of KEY of listener I, or where it is missing. */
void listener_error(struct build *b, size_t i, const char *key, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void listeners_complete(struct build *b); /* fills in what hangs on other keys; only for b->strict */
void listeners_verify(struct build *b);
void listeners_files(struct build *b); /* reads certificates, keys and authorities; without b->secrets no keys */

/* ---- config/relay.c ---- */
void relay_complete(const struct holder *h); /* its port, TLS and timeout */
void relay_verify(struct build *b);

/* ---- config/verify_milter.c ---- */
void milters_complete(struct build *b); /* the default of remove_headers; only for b->strict */
void milters_verify(struct build *b);

/* ---- config/verify_login.c: how one logs in ---- */
/* The text of the PEM file PATH, of a key if PRIVATE: from mem_alloc, to be wiped. NULL and E. */
char *pem_read(const char *path, bool private, struct err *e);

void login_verify(const struct holder *h);
void login_files(struct build *b); /* of all accounts, sources and the relay: passwords, certificates of ours */

/* ---- config/verify_rules.c ---- */
void rules_verify(struct build *b);
void rules_files(struct build *b); /* the folders that rules depend on */

#endif
