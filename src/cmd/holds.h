/* The accounts that take nothing now, and why: without it, nobody knows why their mail waits. */
#ifndef MAILFERRY_CMD_HOLDS_H
#define MAILFERRY_CMD_HOLDS_H

#include <stdbool.h>

#include "base/buf.h"
#include "spool/admin.h"

struct hold {
	char *account, *reason; /* owned; reason may be NULL */
	int64_t until_ms;	/* wall clock; INT64_MAX: for ever, as things are */
	bool timed;		/* nothing is wrong: it files at the times of its `at' */
};

struct holds {
	struct hold *all; /* owned */
	size_t n;
};

/* Fills H (holds_free it in every case). Of CONFIG_FILE's daemon is asked which accounts wait for their time. */
int holds_load(struct holds *h, const char *config_file, struct spool_admin *admin, struct err *e);
void holds_free(struct holds *h);

/* The hold of ACCOUNT, or NULL when it takes mail. */
const struct hold *holds_of(const struct holds *h, const char *account);

/* Appends "REASON; next try in 16s", fit for a terminal. */
void hold_why(const struct hold *h, struct buf *out);

#endif
