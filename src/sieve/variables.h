/*
 * The variables of a script while it runs (RFC 5229): its own, by index, and
 * the values of the last match. A script that is run by another has its own.
 */
#ifndef MAILFERRY_SIEVE_VARIABLES_H
#define MAILFERRY_SIEVE_VARIABLES_H

#include "sieve/compiler.h"
#include "sieve/run.h"

enum {
	VARIABLES_MAX = 256,	    /* of a script; RFC 5229, 6 asks for 128 */
	VARIABLE_NAME_MAX = 64,	    /* octets; 32 */
	TEXT_MAX = 64 * 1024,	    /* octets of a variable and of an expanded string; 4000 */
	VARIABLES_BYTES_MAX = 4 * 1024 * 1024, /* of all variables of a run */
	MATCH_VALUES_MAX = 33	    /* ${0} to ${32}; ${9} */
};

/* The index of variable NAME of the script; a new one when it was not mentioned before. 0, or -1 after an error. */
int variable_declare(struct compiler *c, struct slice name, struct pos at, size_t *index);

bool variable_is_identifier(struct slice name); /* RFC 5229, 3 */

/* NAME as a script may set it: an identifier, or one in a namespace that can be set; else an error. */
void variable_name_check(struct maker *m, struct slice *name);

/* NAME is one that scripts share from here on (RFC 6609, 3.4.1). */
int variable_declare_global(struct compiler *c, struct slice name, struct pos at);

/* By the name, with or without a namespace: what a script has not set is empty. 0, or -1 after run_error. A value that is
 * too long is cut (6). */
int variable_get(struct run *r, struct slice name, struct slice *value);
int variable_set(struct run *r, struct slice name, struct slice value);

/* The same as OP does it, with its modifiers. */
int variable_set_by(struct run *r, const struct op *op, struct slice name, struct slice value);

/* B becomes VALUE, which may be part of it. */
void variable_fill(struct buf *b, struct slice value);

/* By the index: valid until the variable is set. */
struct slice variable_value(const struct run *r, size_t index);
struct slice match_variable(const struct run *r, size_t index);

/* The values of a match that was successful (3.2): SPANS of VALUE, the whole first. Scripts without variables keep none.
 * 0, or -1 after run_error. */
struct span {
	size_t at, n;
};
int match_variables_set(struct run *r, struct slice value, const struct span *spans, size_t n);
bool match_variables_wanted(const struct run *r);

/* What a script that runs has of its own. */
struct variables {
	struct buf *all; /* one each that the program declared */
	struct buf **shared; /* one each: the global variable that it is, or NULL; NULL: none is */
	size_t n;
	struct buf matched;	       /* the octets of all match values */
	struct span spans[MATCH_VALUES_MAX]; /* in MATCHED */
	size_t nspans;
};

/* Those that the script declared global are shared with others of the run. NULL after run_error. */
struct variables *variables_new(struct run *r, const struct sieve_program *p);
void variables_free(struct variables **v);

#endif
