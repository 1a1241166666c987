/* What the parts of the grammar share. */
#ifndef MAILFERRY_FUZZ_GRAMMAR_IMPL_H
#define MAILFERRY_FUZZ_GRAMMAR_IMPL_H

#include "grammar.h"
#include "sieve/registry.h"

enum {
	LIST_MAX = 3,	    /* strings or tests in a list */
	STATEMENTS_MAX = 12 /* of a script */
};

void grammar_put(struct grammar *g, const char *text);

/* An argument of TYPE that fits what NAME, as in the tables, says that it is; now and then not. */
void grammar_value(struct grammar *g, enum value_type type, const char *name);

#endif
