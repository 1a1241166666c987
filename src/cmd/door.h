/*
 * The spool for a command that also works while no daemon runs: the running
 * daemon's spool, or a mailferry-spool of the command's own, as `mailferry probe'
 * starts roles for itself. The spool lets nobody open it twice.
 */
#ifndef MAILFERRY_CMD_DOOR_H
#define MAILFERRY_CMD_DOOR_H

#include "cmd/command.h"
#include "cmd/errand.h"
#include "spool/admin.h"

struct door {
	struct spool_admin *admin;
	bool own; /* no daemon runs */
	struct errand spool;
};

/* EX_OK, or an exit status after the error was printed; door_close D in either case. */
int door_open(struct door *d, const struct command *self, const char *config_file);
void door_close(struct door *d);

#endif
