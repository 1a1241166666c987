/*
 * The programs of the roles, opened once and executed by descriptor: whoever
 * installs another version meanwhile replaces names, and not what is open, so
 * that a running mailferry goes on with programs that fit together until it is
 * started again.
 */
#ifndef MAILFERRY_CMD_PROGRAMS_H
#define MAILFERRY_CMD_PROGRAMS_H

#include <stddef.h>

#include "base/err.h"

struct programs;

/* Opens the programs of ROLES (NULL ends them): beside this program (the build tree), else where they are installed. NULL
 * and E (ERR_CONFIG) when one can't be opened or executed. */
struct programs *programs_open(const char *const *roles, struct err *e);
void programs_free(struct programs **p);

/* Of ROLE: a descriptor for execveat, not the caller's, and the path it was opened by. -1: ROLE was not asked for. */
int programs_find(const struct programs *p, const char *role, const char **path);

#endif
