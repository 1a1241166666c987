/*
 * What all fields of one name hold of the keys of a set (keyset.h), found out
 * once: then a test costs the same however many fields or addresses a sender
 * wrote. A change of the header forgets it (view_index.h).
 */
#ifndef MAILFERRY_SIEVE_GATHER_H
#define MAILFERRY_SIEVE_GATHER_H

#include "sieve/match.h"
#include "sieve/view.h"

struct gathered;

enum gather_answer {
	GATHER_UNKNOWN, /* the fields have to be looked at */
	GATHER_NO,	/* no key of the test matches in any field of those names */
	GATHER_YES	/* one does, and nothing but that is to be told */
};

/* Gives the values of a field to match_value: 0, 1 or -1 as that returns. */
typedef int (*gather_field)(struct matcher *m, const struct op *op, const struct view_header *h, size_t field);

/* 0 and *ANSWER, or -1 after run_error. H may be NULL: nothing is known. */
int gather_ask(struct matcher *m, const struct op *op, const struct view_header *h, struct strings names,
	       gather_field each, enum gather_answer *answer);

void gather_free(struct gathered **g);

#endif
