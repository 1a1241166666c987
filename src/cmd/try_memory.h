/* What the rules remember from one message of a dry run to the next (duplicate, vacation). */
#ifndef MAILFERRY_CMD_TRY_MEMORY_H
#define MAILFERRY_CMD_TRY_MEMORY_H

#include "sieve/plan.h"
#include "sieve/sieve.h"

enum { TRY_MEMORY_MAX = 1000 }; /* keys; beyond them the first ones are forgotten */

struct try_memory {
	struct sieve_memory *all; /* keys from mem_alloc */
	size_t n;
};

/* P is carried out: what it remembers is known from then on. A run that failed remembers nothing (RFC 7352, 3), nor
 * does what is refused while it comes. */
void try_memory_add(struct try_memory *m, const struct plan *p);

void try_memory_free(struct try_memory *m);

#endif
