/* mailferry import … --state: what another program remembers goes into the spool's memory of a source. */
#ifndef MAILFERRY_CMD_IMPORT_TAKE_H
#define MAILFERRY_CMD_IMPORT_TAKE_H

#include "cmd/command.h"

struct import_take {
	const char *program; /* "fetchmail", "getmail" */
	const char *file;    /* what it remembers */
	const char *source;  /* whose memory it becomes; NULL: the file says whose */
	const char *of;	     /* fetchmail: USER@HOST of the file, where those of the source differ */
	const char *folder;  /* getmail: IMAP folder, where the file's name does not tell */
};

/* Exit status; what is wrong was printed. */
int import_take(const struct command *self, const char *config_file, const struct import_take *t);

#endif
