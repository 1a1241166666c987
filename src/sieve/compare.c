/* The match types and comparators of RFC 5228, 2.7.1 and 2.7.3. */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/glob.h"
#include "sieve/match.h"

/* i;ascii-casemap folds to upper case (RFC 4790, 9.2.1), which decides the order of letters and "_". */
static int fold_ascii(struct slice in, struct buf *out)
{
	char *p = buf_reserve(out, in.n);

	if (p == NULL)
		return -1;
	for (size_t i = 0; i < in.n; i++)
		p[i] = ascii_upper(in.p[i]);
	buf_commit(out, in.n);
	return 0;
}

static int match_is(struct matcher *m, const struct match_key *key, struct slice value)
{
	if (run_charge(m->run, 1) != 0)
		return -1;
	return slice_eq(value, key->text);
}

static int match_contains(struct matcher *m, const struct match_key *key, struct slice value)
{
	/* memmem takes up to this many octets of a needle at once for each of the haystack. */
	enum { NEEDLE_AT_ONCE = 16, NEEDLE_MOST = 256, CHARGE = 64 };
	size_t needle = key->text.n < NEEDLE_MOST ? key->text.n : NEEDLE_MOST;

	if (run_charge(m->run, 1 + value.n / CHARGE * (1 + needle / NEEDLE_AT_ONCE)) != 0)
		return -1;
	if (key->text.n == 0)
		return 1;
	return value.n >= key->text.n && memmem(value.p, value.n, key->text.p, key->text.n) != NULL;
}

static void prepare_matches(struct maker *maker, const struct match *m, struct match_key *key)
{
	key->extra = glob_compile(maker, key->text, m->comparator->characters);
}

static int match_matches(struct matcher *m, const struct match_key *key, struct slice value)
{
	return glob_match(m, key->extra, value);
}

static struct slice needle_matches(const struct match_key *key)
{
	return glob_needle(key->extra);
}

static const struct sieve_match_type match_types[] = {
	{ "is", COLLATE_EQUALITY, .value = match_is, .together = TOGETHER_IS },
	{ "contains", COLLATE_SUBSTRING, .value = match_contains, .together = TOGETHER_CONTAINS },
	{ "matches", COLLATE_SUBSTRING, .prepare = prepare_matches, .value = match_matches, .together = TOGETHER_NEEDLE,
	  .needle = needle_matches },
	{ 0 },
};

static const struct sieve_comparator comparators[] = {
	{ "i;octet", COLLATE_EQUALITY | COLLATE_SUBSTRING | COLLATE_ORDERING | COLLATE_REGEX, .fold = NULL },
	{ "i;ascii-casemap", COLLATE_EQUALITY | COLLATE_SUBSTRING | COLLATE_ORDERING | COLLATE_REGEX, .fold = fold_ascii },
	{ 0 },
};

const struct sieve_extension sieve_compare = { .match_types = match_types, .comparators = comparators };
