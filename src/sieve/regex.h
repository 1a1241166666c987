/*
 * Extended regular expressions (draft-murchison-sieve-regex), matched by PCRE2
 * without its compiler of machine code, which the sandbox forbids. Each match
 * is bounded; one that reaches a bound is an error of the run, so that the
 * message is kept.
 */
#ifndef MAILFERRY_SIEVE_REGEX_H
#define MAILFERRY_SIEVE_REGEX_H

#include "sieve/match.h"

enum {
	REGEX_STEPS_MAX = 10000000,   /* of one match: some hundred milliseconds … */
	REGEX_STEPS_AN_OCTET = 32,    /* … and so many more for each octet of the value */
	REGEX_DEPTH_MAX = 250000,     /* places to go back to */
	REGEX_HEAP_KB_MAX = 24 * 1024 /* that those take */
};

struct regex;
struct regex_state; /* what matching needs, made once a run */

/* Of the expression IN, in the maker's memory; NULL after an error. CASELESS: values have their ASCII letters in upper
 * case. */
const struct regex *regex_compile(const struct maker *m, struct slice in, bool caseless);

/* Whether X occurs in VALUE: 1, 0, or -1 after run_error. ${0} becomes what matched, ${1} and on its groups. */
int regex_match(struct matcher *m, const struct regex *x, struct slice value);

void regex_state_free(struct regex_state **s);

#endif
