/* What the tests on header fields look at with the tags of "mime" (RFC 5703, 4). */
#ifndef MAILFERRY_SIEVE_MIME_TEST_H
#define MAILFERRY_SIEVE_MIME_TEST_H

#include "sieve/match.h"
#include "sieve/view.h"

/* Goes over the headers: without :mime that of the message; with it that of the part that a loop is at, with :anychild
 * those of all parts in it, too. Outside of loops the message is the part. */
struct mime_test_walk {
	struct run *run;
	size_t at, end;
	bool parts;
};

/* For the "check" of a test that takes the tags. */
void mime_test_check(struct compiler *c, const struct ast_node *node, const struct op *op);

int mime_test_start(struct mime_test_walk *w, struct run *r, const struct op *op); /* 0, or -1 after run_error */
int mime_test_next(struct mime_test_walk *w, const struct view_header **h); /* 1, 0 at the end, -1. Valid until then. */

/* The value, or what OP's tags say of it, to match_value: 1, 0, or -1. */
int mime_test_field(struct matcher *m, const struct op *op, const struct view_header *h, size_t field);

#endif
