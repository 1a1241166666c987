/*
 * Patterns of ":matches" (RFC 5228, 2.7.1): "*" is any octets, "?" one octet or
 * one character, as the comparator has it, a backslash takes the meaning from
 * what follows it. Matching goes from the left and never back by more than the
 * part between two stars.
 */
#ifndef MAILFERRY_SIEVE_GLOB_H
#define MAILFERRY_SIEVE_GLOB_H

#include "sieve/match.h"

struct glob;

/* Of PATTERN, in the maker's memory; NULL after an error. CHARACTERS: a "?" is a character of UTF-8 in the value as it
 * came, whatever that was folded into; an octet where the value is no UTF-8. */
const struct glob *glob_compile(const struct maker *m, struct slice pattern, bool characters);

/* The longest piece of G without wildcards, which every value that matches holds. */
struct slice glob_needle(const struct glob *g);

/* Whether the whole of VALUE matches: 1, 0, or -1 after run_error. What the wildcards stand for, as little as they can,
 * become match variables (RFC 5229, 3.2). */
int glob_match(struct matcher *m, const struct glob *g, struct slice value);

#endif
