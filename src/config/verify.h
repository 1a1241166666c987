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

/* ---- config/verify_oauth.c ---- */
void oauth_complete_all(struct build *b); /* fills in what providers are known for; only for b->strict */
void oauth_verify(struct build *b, size_t account);
void oauth_files(struct build *b, size_t account);

/* ---- config/verify_login.c: how an account logs in ---- */
void login_verify(struct build *b, size_t account);
void login_files(struct build *b); /* of all accounts: passwords, certificates of ours */

/* An error of KEY, or where it is missing. */
void verify_error(struct build *b, size_t account, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
