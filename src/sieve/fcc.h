/* :fcc (RFC 8580): what vacation and notify share. */
#ifndef MAILFERRY_SIEVE_FCC_H
#define MAILFERRY_SIEVE_FCC_H

#include "sieve/compiler.h"
#include "sieve/plan.h"
#include "sieve/run.h"

/* What says how a copy is filed can't stand without :fcc. */
void fcc_check(struct compiler *c, const struct ast_node *node, const struct op *op);

/* Where OP wants a copy, into OUT. 0, or -1 after run_error. */
int fcc_take(struct run *r, const struct op *op, struct plan_fcc *out);

#endif
