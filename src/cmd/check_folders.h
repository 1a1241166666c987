/* Do rules file into folders that are there? A running daemon knows those of each account. */
#ifndef MAILFERRY_CMD_CHECK_FOLDERS_H
#define MAILFERRY_CMD_CHECK_FOLDERS_H

#include "cmd/rules.h"
#include "spool/facts.h"

struct check_folders {
	struct facts *accounts; /* owned, one each of the configuration's; without folders where nothing is known */
	size_t n;
};

/* Asks the daemon that runs with C; without one nothing is known. check_folders_free F in every case. */
void check_folders_ask(const struct config *c, const char *config_file, struct check_folders *f);
void check_folders_free(struct check_folders *f);

/* Appends a warning for each folder that a script in R names and an account whose script it is does not have. */
void check_folders_warn(const struct config *c, struct rules *r, const struct check_folders *f, struct buf *out);

#endif
