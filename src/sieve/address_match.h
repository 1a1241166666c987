/* What the tests on addresses have in common (RFC 5228, 2.7.4). */
#ifndef MAILFERRY_SIEVE_ADDRESS_MATCH_H
#define MAILFERRY_SIEVE_ADDRESS_MATCH_H

#include "sieve/match.h"

/* The part of A that OP acts on, to match_value: 1, 0, or -1. */
int address_match(struct matcher *m, const struct op *op, const struct address_view *a);

#endif
