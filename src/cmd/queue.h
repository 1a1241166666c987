/* mailferry queue: what its files have in common. */
#ifndef MAILFERRY_CMD_QUEUE_H
#define MAILFERRY_CMD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/command.h"
#include "spool/admin.h"

struct queue_args {
	const char *config_file, *verb;
	char **ids;
	size_t nids;
	const char *account;
	bool all, again, yes, json;
};

struct queue_verb {
	const char *name;
	bool takes_ids, takes_choice; /* ids; --all and --account */
	bool needs_some;	      /* one of them must be given */
	enum spool_action action;     /* 0: run is for reading */
	int (*run)(const struct command *self, const struct queue_verb *verb, const struct queue_args *a,
		   struct spool_admin *admin);
};

/* ---- queue_act.c: retry, hold, release, delete ---- */
int queue_act(const struct command *self, const struct queue_verb *verb, const struct queue_args *a,
	      struct spool_admin *admin);

#endif
