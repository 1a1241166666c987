/* Comparing the values of a test with its keys (RFC 5228, 2.7). */
#ifndef MAILFERRY_SIEVE_MATCH_H
#define MAILFERRY_SIEVE_MATCH_H

#include "sieve/compiler.h"
#include "sieve/run.h"
#include "sieve/variables.h"

/* The keys of M, as its comparator folds them and its match type prepares them; NULL after an error. PLACES: where they
 * stand, for errors; NULL: where MAKER is. */
const struct match_key *match_make_keys(struct maker *maker, const struct match *m, const struct slice *keys, size_t n,
					const struct ast_string *places);

/* A test gives its values one by one to match_value until that does not return 0; then match_end for what counts them.
 */
struct matcher {
	struct run *run;
	const struct match *match;
	const struct match_key *keys;
	size_t nkeys;
	uint64_t values;
	uint64_t asked; /* values that keyset.h was asked about */
	bool quiet; /* sets no match variables */
	struct slice original; /* the value, as it came, that the match type compares now */
	struct known **known;  /* keyset.h: what was found in the value that comes next; NULL: nothing is kept */
	uint64_t *gather;      /* keyset.h: values are not compared, but added to it; NULL: they are compared */
	size_t matched;	       /* the key that matched, when one did */
};

int match_start(struct matcher *m, struct run *r, const struct op *op); /* 0, or -1 after run_error */
int match_value(struct matcher *m, struct slice value); /* 1 matched, 0 not yet, -1 after run_error */
int match_end(struct matcher *m);			/* 1, 0, or -1 */

/* For match types: SPANS of the folded value matched, the whole of it first; they become match variables, as the value
 * came. 1, or -1 after run_error. Only where match_variables_wanted. */
int match_spans(struct matcher *m, const struct span *spans, size_t n);

#endif
