/*
 * One run of a program over one message: its state and what commands and tests
 * may use. All memory of a run comes from its arena or its scratch buffer, all
 * work is charged; both are bounded (sieve.h).
 */
#ifndef MAILFERRY_SIEVE_RUN_H
#define MAILFERRY_SIEVE_RUN_H

#include "sieve/flags.h"
#include "sieve/program.h"
#include "sieve/sieve.h"

struct field_view;

struct run {
	const struct sieve_program *program;
	const struct sieve_input *in;
	struct plan *plan;
	struct arena arena;
	struct buf scratch;  /* a folded value */
	const struct op *op; /* that runs now */
	uint64_t steps;
	bool stopped;
	struct field_view *fields; /* view.c: what is known of each field of the message */
	struct flag_set flags;	   /* the internal variable of RFC 5232 */
};

/* Ends the run with an error at the operation that runs now; returns -1. */
int run_error(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Counts STEPS of work: 0, or -1 after run_error. */
int run_charge(struct run *r, size_t steps);

/* Memory of this run, N elements of SIZE octets, zeroed; NULL after run_error. */
void *run_alloc(struct run *r, size_t n, size_t size);

/* The strings of OP's argument PARAM: tests and commands read them only here. */
static inline size_t run_count(const struct op *op, size_t param)
{
	return op->params[param].n;
}
static inline struct slice run_string(const struct run *r, const struct op *op, size_t param, size_t i)
{
	(void)r;
	return op->params[param].strings[i];
}

#endif
