/* "relational" (RFC 5231): the match types :value and :count. */
#include <stdio.h>

#include "sieve/extensions.h"
#include "sieve/match.h"

/* What an order (below, at or above 0) must be for each relation (RFC 5231, 4). */
static const struct {
	const char *name;
	bool below, at, above;
} relations[] = {
	{ "gt", false, false, true }, { "ge", false, true, true },  { "lt", true, false, false },
	{ "le", true, true, false },  { "eq", false, true, false }, { "ne", true, false, true },
};

enum { RELATIONS = sizeof relations / sizeof relations[0] };

static void check_relation(struct maker *m, struct slice *text)
{
	for (size_t i = 0; i < RELATIONS; i++)
		if (slice_eq_nocase(*text, slice_str(relations[i].name))) {
			*text = slice_str(relations[i].name);
			return;
		}
	maker_error(m, "unknown relation %s: expected \"gt\", \"ge\", \"lt\", \"le\", \"eq\" or \"ne\"",
		    diag_word(*text));
}

static bool holds(struct slice relation, int order)
{
	for (size_t i = 0; i < RELATIONS; i++)
		if (slice_eq(relation, slice_str(relations[i].name)))
			return order < 0 ? relations[i].below : order > 0 ? relations[i].above : relations[i].at;
	return false;
}

/* VALUE is the left side of the relation, KEY the right one. */
static int match_relation(struct matcher *m, const struct match_key *key, struct slice value)
{
	enum { CHARGE = 64 };
	const struct match *match = m->match;
	int order;

	if (run_charge(m->run, 1 + (value.n < key->text.n ? value.n : key->text.n) / CHARGE) != 0)
		return -1;
	order =
	    match->comparator->order != NULL ? match->comparator->order(value, key->text) : slice_cmp(value, key->text);
	return holds(match->operand, order);
}

/* The number of values, as a string: so it is up to the comparator whether 10 is more than 9 (4.2). */
static int end_count(struct matcher *m)
{
	char count[24];
	int n = snprintf(count, sizeof count, "%llu", (unsigned long long)m->values), got = 0;

	for (size_t i = 0; i < m->nkeys && got == 0; i++)
		got = match_relation(m, &m->keys[i], slice_of(count, (size_t)n));
	return got;
}

static const struct sieve_match_type match_types[] = {
	{ "value", COLLATE_ORDERING, .operand = check_relation, .operand_name = "the relation",
	  .value = match_relation },
	{ "count", COLLATE_ORDERING, .operand = check_relation, .operand_name = "the relation", .end = end_count },
	{ 0 },
};

const struct sieve_extension sieve_relational = { "relational", .match_types = match_types };
