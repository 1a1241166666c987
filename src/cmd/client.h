/* What the subcommands that talk to a running daemon have in common. */
#ifndef MAILFERRY_CMD_CLIENT_H
#define MAILFERRY_CMD_CLIENT_H

#include "cmd/command.h"
#include "config/config.h"
#include "spool/admin.h"

/* Reads the configuration and asks the running daemon for its spool. NULL: an error was printed, *STATUS is the exit
 * status. */
struct spool_admin *client_spool(const struct command *self, const char *config_file, int *status);

/* Prints E, and returns the exit status that fits it. */
int client_error(const struct command *self, const struct err *e);

/* Standard output, written to the end: STATUS, or EX_IOERR when that failed. */
int client_done(const struct command *self, int status);

#endif
