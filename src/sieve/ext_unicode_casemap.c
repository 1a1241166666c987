/* "comparator-i;unicode-casemap" (RFC 5051). */
#include "sieve/casemap.h"
#include "sieve/extensions.h"

static const struct sieve_comparator comparators[] = {
	{ "i;unicode-casemap", COLLATE_EQUALITY | COLLATE_SUBSTRING | COLLATE_ORDERING, .fold = casemap_fold,
	  .characters = true },
	{ 0 },
};

const struct sieve_extension sieve_unicode_casemap = { "comparator-i;unicode-casemap", .comparators = comparators };
