/* mailferry import … --state: what another program remembers goes into the spool's memory of a source. */
#ifndef MAILFERRY_CMD_IMPORT_TAKE_H
#define MAILFERRY_CMD_IMPORT_TAKE_H

#include "cmd/command.h"
#include "config/config.h"
#include "spool/admin.h"

struct import_take {
	const char *program; /* "fetchmail", "getmail" */
	const char *file;    /* what it remembers */
	const char *source;  /* whose memory it becomes; NULL: the file says whose */
	const char *of;	     /* fetchmail: USER@HOST of the file, where those of the source differ */
	const char *folder;  /* getmail: IMAP folder, where the file's name does not tell */
};

/* The work in hand, for the files of import_take. */
struct import_taking {
	const struct command *self;
	const struct import_take *args;
	const char *config_file;
	const struct config *config;
	struct buf text, names; /* of the file; copies of parts of it */
	/* What is collected for one source. */
	const struct config_source *source;
	struct spool_import *all;
	size_t n, cap;
};

/* "mailferry import: …" to standard error; returns STATUS. */
int import_take_fail(const struct import_taking *t, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A copy of S, a part of T->text, with a NUL. Lives until import_take_hand. */
const char *import_take_copy(struct import_taking *t, struct slice s);

void import_take_add(struct import_taking *t, const struct spool_import *one);

/* Hands what was added to T->source over, and says so. WHOSE: as the file calls it. Exit status. */
int import_take_hand(struct import_taking *t, struct spool_admin *admin, const char *whose);

/* Tells of BAD lines that made no sense, if any. */
void import_take_bad(const struct import_taking *t, size_t bad);

/* ---- import_take_fetchmail.c, import_take_getmail.c: exit status ---- */
int import_take_fetchmail(struct import_taking *t, struct spool_admin *admin);
int import_take_getmail(struct import_taking *t, struct spool_admin *admin);

/* Exit status; what is wrong was printed. */
int import_take(const struct command *self, const char *config_file, const struct import_take *t);

#endif
