/* The directory of refresh tokens: made, checked, and opened for the token role alone. */
#ifndef MAILFERRY_CMD_TOKEN_DIRECTORY_H
#define MAILFERRY_CMD_TOKEN_DIRECTORY_H

#include "base/err.h"
#include "cmd/process.h"

/*
 * PATH/grants, open. Where we are root, PATH belongs to root with mode 0700 and
 * PATH/grants to the roles' user: the token role reaches the files through the
 * descriptor that it is handed; the other roles, though they run as the same
 * user, can't pass through PATH. They can't take the descriptor from it either,
 * as no role can be traced. Where we are not root, roles run as ourselves, and
 * only the modes (0700, 0600) keep others out: then another role could open the
 * files by their path. The descriptor, or -1 with a text that says what to do.
 */
int token_directory_open(const char *path, const struct identity *id, struct err *e);

#endif
