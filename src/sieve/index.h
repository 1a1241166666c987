/* Which of several header fields a test looks at: :index and :last (RFC 5260, 6). */
#ifndef MAILFERRY_SIEVE_INDEX_H
#define MAILFERRY_SIEVE_INDEX_H

#include "sieve/compiler.h"
#include "sieve/view.h"

/* Goes over the fields of one header called NAMES, in the order of the names, or to the one that OP's tags say. */
struct index_walk {
	struct run *run;
	const struct view_header *header;
	struct strings names;
	size_t name, at; /* the name, and how far its fields were passed */
	bool one;	 /* :index was given: LEFT further fields, then the one that is wanted, then no more */
	uint64_t left;
};

/* For the "check" of a test that takes the tags: 0 is no number of a field, and :last says nothing alone. */
void index_check(struct compiler *c, const struct ast_node *node, const struct op *op);

/* 0, or -1 after run_error, also where H is NULL. */
int index_start(struct index_walk *w, struct run *r, const struct op *op, const struct view_header *h,
		struct strings names);

/* 1 and *FIELD, its index in the header; 0 when there is no more; -1 after run_error. */
int index_next(struct index_walk *w, size_t *field);

#endif
