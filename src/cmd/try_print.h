/* A plan for people, and for programs. */
#ifndef MAILFERRY_CMD_TRY_PRINT_H
#define MAILFERRY_CMD_TRY_PRINT_H

#include <stdio.h>

#include "cmd/try_explain.h"
#include "sieve/plan.h"

/* A line an action, each behind MESSAGE; behind the way to it, where X is not NULL. */
void try_print_text(FILE *f, const char *message, const struct plan *p, const struct explain *x);

/* One JSON object, one line. */
void try_print_json(FILE *f, const char *message, const struct plan *p, const struct explain *x);

#endif
