/* Comparing the values of a test with its keys (RFC 5228, 2.7). */
#ifndef MAILFERRY_SIEVE_MATCH_H
#define MAILFERRY_SIEVE_MATCH_H

#include "sieve/compiler.h"
#include "sieve/run.h"

/* KEY as COMPARATOR folds it, in the program's memory. 0, or -1 after an error. */
int match_fold_key(struct compiler *c, const struct sieve_comparator *comparator, struct slice key, struct slice *out);

/* A test gives its values one by one to match_value until that does not return 0; then match_end for what counts them.
 */
struct matcher {
	struct run *run;
	const struct match *match;
	uint64_t values;
};

int match_value(struct matcher *m, struct slice value); /* 1 matched, 0 not yet, -1 after run_error */
int match_end(struct matcher *m);			/* 1, 0, or -1 */

#endif
