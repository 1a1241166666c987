/* The way of a run over a message, for people and for programs: which tests were made, with which values, and what came of
 * it. */
#ifndef MAILFERRY_CMD_TRY_EXPLAIN_H
#define MAILFERRY_CMD_TRY_EXPLAIN_H

#include <jansson.h>
#include <stdio.h>

#include "sieve/sieve.h"

enum {
	EXPLAIN_STEPS_MAX = 2000, /* are told of a message */
	EXPLAIN_VALUES_MAX = 10,  /* of a test */
	EXPLAIN_VALUE_MAX = 1000  /* octets of a value */
};

struct explain {
	const char *path;    /* of the script */
	struct slice script; /* its text */
	json_t *steps;	     /* owned */
	json_t *values;	     /* owned: of the test that runs now */
	size_t compared;     /* and how many these are, with those that are not told */
	size_t left_out;     /* steps */
};

void explain_begin(struct explain *x, const char *path, struct slice script);
void explain_end(struct explain *x);

/* For sieve_input.trace; ARG is the struct explain. */
void explain_event(void *arg, const struct sieve_event *e);

/* Each line of the script at which something happened, and what. */
void explain_print(FILE *f, const struct explain *x);

#endif
