/* How the daemon's schedule stands, kept: each source, and each account that has its times. */
#ifndef MAILFERRY_CMD_PLANS_H
#define MAILFERRY_CMD_PLANS_H

#include "cmd/sync.h"

struct plans {
	struct plan_row *all; /* owned, as its strings are */
	size_t n;
};

/* Asks the daemon that runs with CONFIG_FILE. plans_free P in every case. */
int plans_load(struct plans *p, const char *config_file, struct err *e);
void plans_free(struct plans *p);

const struct plan_row *plans_source(const struct plans *p, const char *name);
const struct plan_row *plans_account(const struct plans *p, const char *name);

/* Is SOURCE being fetched now? What is changed in its memory meanwhile would meet that run half way. No, where no
 * daemon runs. */
bool plans_running(const char *config_file, const char *source);

#endif
