/* Every script that the configuration names, read once and known to compile. */
#ifndef MAILFERRY_CMD_RULES_H
#define MAILFERRY_CMD_RULES_H

#include "base/buf.h"
#include "config/config.h"

struct rules_script {
	char *path; /* owned, as the configuration has it */
	char *text; /* owned, LEN octets */
	size_t len;
};

struct rules {
	struct rules_script *all; /* owned; each path once */
	size_t n;
};

/* Fills OUT (rules_free it in every case). 0, or -1 with all errors appended to ERRORS, a line each:
 * "FILE:LINE:COLUMN: error: …", or "FILE: …" where it can't be read. */
int rules_load(const struct config *c, struct rules *out, struct buf *errors);

void rules_free(struct rules *r);

#endif
