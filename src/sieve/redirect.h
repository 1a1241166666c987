/* What redirect asks of the next server (RFC 6009): its tags are those of redirect-dsn and redirect-deliverby. */
#ifndef MAILFERRY_SIEVE_REDIRECT_H
#define MAILFERRY_SIEVE_REDIRECT_H

#include "sieve/compiler.h"
#include "sieve/plan.h"
#include "sieve/run.h"

/* :bymode and :bytrace say how a time is meant. */
void redirect_check(struct compiler *c, const struct ast_node *node, const struct op *op);

/* *OUT, owned by the caller; NULL where OP asks for nothing. 0, or -1 after run_error. */
int redirect_ask(struct run *r, const struct op *op, struct plan_dsn **out);

/* An RFC 3339 date-time as milliseconds since 1970. 0, or -1. */
int redirect_time(struct slice text, int64_t *ms);

#endif
