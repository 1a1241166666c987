/*
 * Where passwords and private keys come from. What is returned is from mem_alloc,
 * to be wiped and freed; NULL and E (ERR_CONFIG, which never holds a part of the
 * secret) when there is none.
 */
#ifndef MAILFERRY_CONFIG_SECRET_H
#define MAILFERRY_CONFIG_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum { SECRET_FILE_MAX = 64 * 1024, SECRET_LINE_MAX = 1000 };

/* The first line of the file PATH, which not everybody may read. */
char *secret_read(const char *path, struct err *e);

/* All of the file PATH, a text. PRIVATE: not everybody may read it. */
char *secret_text(const char *path, bool private, struct err *e);

/* The first line of the systemd credential NAME (systemd.exec(5), CREDENTIALS). */
char *secret_credential(const char *name, struct err *e);

/* Where the credential NAME lies, as "credential:NAME" names it in place of a path. NULL, with words for HINT
 * (VALUE_HINT_SIZE). */
#define SECRET_CREDENTIAL "credential:"
char *secret_credential_path(struct slice name, char *hint);

/* The value of the environment variable NAME. The first call takes it out of the environment, where every process of
 * this user can read it; later ones remember it. */
char *secret_env(const char *name, struct err *e);

/* ---- config/secret_command.c: the first line that COMMAND prints, run by /bin/sh within MS milliseconds, with our
 * rights and environment. ---- */
char *secret_command(const char *command, int64_t ms, struct err *e);

/* The first line of TEXT, which came from WHERE. */
char *secret_line(struct slice text, const char *where, struct err *e);

#endif
