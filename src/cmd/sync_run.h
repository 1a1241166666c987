/* A run, as `mailferry sync' and `mailferry copy' ask for it and show it. */
#ifndef MAILFERRY_CMD_SYNC_RUN_H
#define MAILFERRY_CMD_SYNC_RUN_H

#include "cmd/command.h"
#include "cmd/progress.h"

/* Has the daemon do R, or does it here when none runs, and shows it with VIEW (NULL: as fits standard output). Exit
 * status; what is wrong was printed. */
int sync_run(const struct command *self, const char *config_file, const struct sync_request *r, progress_view *view);

#endif
