/* Passwords for users: made, or asked for. Each is from mem_alloc, to be wiped and freed. */
#ifndef MAILFERRY_CMD_USER_PASSWORD_H
#define MAILFERRY_CMD_USER_PASSWORD_H

#include <stdbool.h>

#include "base/err.h"

/* 130 bits of chance that can be read out and typed: "k7dm2q-3qzta-…", 30 characters. */
char *password_make(void);

/* From a terminal without being shown, TWICE where it must be the same both times; else the first line of standard input.
 * NULL and E. */
char *password_ask(bool twice, struct err *e);

#endif
