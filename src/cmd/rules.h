/* Every script that the configuration names, read once and known to compile. */
#ifndef MAILFERRY_CMD_RULES_H
#define MAILFERRY_CMD_RULES_H

#include <stdbool.h>

#include "base/buf.h"
#include "config/config.h"
#include "sieve/shelf.h"

struct rules_script {
	char *path; /* owned, as the configuration has it */
	char *text; /* owned, LEN octets */
	size_t len;
	bool named; /* by an account; else it is there for others to include */
	bool list;  /* no script: of the folder rules_lists */
	bool used;  /* one does; set by rules_compile_all */
};

struct rules {
	struct rules_script *all; /* owned; each path once */
	size_t n;
	size_t nnamed; /* they are the first */
	struct buf warnings; /* what is allowed and most likely not meant: lines like those of errors */
};

/* Adds the scripts of FOLDER that others may include (NAME.sieve) to R, as many as RULES_MAX allows. One that can't be read is
 * none. */
enum { RULES_MAX = 1000 };
void rules_read_folder(struct rules *r, const char *folder, size_t n);

/* R as what includes find; free the shelf with rules_shelf_free, which marks what was used. GLOBAL: folder, or NULL. */
struct shelf rules_shelf(const struct rules *r, const char *global);
void rules_shelf_free(struct rules *r, struct shelf *s);

/* Fills OUT (rules_free it in every case). 0, or -1 with all errors appended to ERRORS, a line each:
 * "FILE:LINE:COLUMN: error: …", or "FILE: …" where it can't be read. */
int rules_load(const struct config *c, struct rules *out, struct buf *errors);

/* The two halves of it: files are read, and only then is looked at what they hold. EXCERPTS: with the lines that errors and
 * warnings are about. */
int rules_read(const struct config *c, struct rules *out, struct buf *errors);
int rules_compile_all(const struct config *c, struct rules *r, bool excerpts, struct buf *errors);

void rules_free(struct rules *r);

#endif
