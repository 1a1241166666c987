/*
 * Scripts by the grammar of the language, from the engine's own tables: each command, test and tag there is, with
 * arguments of the kind that it takes, so that most of what is made compiles. The same seed makes the same script.
 */
#ifndef MAILFERRY_FUZZ_GRAMMAR_H
#define MAILFERRY_FUZZ_GRAMMAR_H

#include <stdint.h>

#include "base/buf.h"

struct grammar {
	uint64_t state;	     /* of the dice */
	struct buf *out;     /* bounded: what does not fit is cut */
	uint64_t used;	     /* bits of the extensions that stand in it, by their index in sieve_extensions */
	unsigned depth;	     /* blocks and tests within each other */
	unsigned statements; /* how many may still be written */
	unsigned loops;	     /* foreverypart around it */
};

void grammar_init(struct grammar *g, uint64_t seed, struct buf *out);

/* Below N, which is not 0. */
unsigned grammar_dice(struct grammar *g, unsigned n);

/* A statement, with all that stands in it. */
void grammar_statement(struct grammar *g);

/* A whole script, with its require. */
void grammar_script(uint64_t seed, struct buf *out);

/*
 * Changes the script in DATA (SIZE octets, with room for MAX): now and then it becomes a whole new one, else statements
 * come in, go, change places or stand in another's block. What stands behind the line END (NULL: no such line) stays.
 * The new size; 0 where it would not fit.
 */
size_t grammar_mutate(uint8_t *data, size_t size, size_t max, uint64_t seed, const char *end);

#endif
