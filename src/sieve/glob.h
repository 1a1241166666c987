/*
 * Patterns of ":matches" (RFC 5228, 2.7.1): "*" is any octets, "?" one octet,
 * a backslash takes the meaning from what follows it. Matching goes from the
 * left and never back by more than the part between two stars.
 */
#ifndef MAILFERRY_SIEVE_GLOB_H
#define MAILFERRY_SIEVE_GLOB_H

#include "sieve/compiler.h"
#include "sieve/run.h"

struct glob;

/* Of PATTERN, in the program's memory; NULL after an error. */
const struct glob *glob_compile(struct compiler *c, struct slice pattern);

/* Whether the whole of VALUE matches: 1, 0, or -1 after run_error. */
int glob_match(struct run *r, const struct glob *g, struct slice value);

#endif
