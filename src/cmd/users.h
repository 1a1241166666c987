/* The file of who may log in at a listener (key users), read once and known to be good. */
#ifndef MAILFERRY_CMD_USERS_H
#define MAILFERRY_CMD_USERS_H

#include "base/buf.h"
#include "config/config.h"
#include "net/sasl_users.h"

/* Reads the file that C names into TEXT (made for SASL_USERS_TEXT_MAX, to be wiped); nothing where it names none. 0, or -1
 * with all errors appended to ERRORS, a line each. */
int users_read(const struct config *c, struct buf *text, struct buf *errors);

/* What was read, as *OUT; NULL where C names no file. The same. */
int users_parse(const struct config *c, const struct buf *text, struct sasl_users **out, struct buf *errors);

/* Both. TEXT may be NULL. */
int users_load(const struct config *c, struct sasl_users **out, struct buf *text, struct buf *errors);

#endif
