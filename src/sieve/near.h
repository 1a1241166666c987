/* "Did you mean …?": which of some names a misspelt one is nearest to. */
#ifndef MAILFERRY_SIEVE_NEAR_H
#define MAILFERRY_SIEVE_NEAR_H

#include "base/slice.h"

enum { NEAR_WORD_MAX = 32 };

struct near {
	struct slice word;
	const char *best; /* so far, or NULL */
	unsigned distance;
};

/* Nothing is near to a word of more than NEAR_WORD_MAX octets. */
struct near near_to(struct slice word);

/* NAME may be NULL. */
void near_try(struct near *n, const char *name);

#endif
