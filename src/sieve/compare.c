/* The match types and comparators of RFC 5228, 2.7.1 and 2.7.3. */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/glob.h"
#include "sieve/run.h"

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

static int match_is(struct run *r, const struct match *m, const struct match_key *key, struct slice value)
{
	(void)m;
	if (run_charge(r, 1) != 0)
		return -1;
	return slice_eq(value, key->text);
}

static int match_contains(struct run *r, const struct match *m, const struct match_key *key, struct slice value)
{
	/* memmem takes up to this many octets of a needle at once for each of the haystack. */
	enum { NEEDLE_AT_ONCE = 16, NEEDLE_MOST = 256, CHARGE = 64 };
	size_t needle = key->text.n < NEEDLE_MOST ? key->text.n : NEEDLE_MOST;

	(void)m;
	if (run_charge(r, 1 + value.n / CHARGE * (1 + needle / NEEDLE_AT_ONCE)) != 0)
		return -1;
	if (key->text.n == 0)
		return 1;
	return value.n >= key->text.n && memmem(value.p, value.n, key->text.p, key->text.n) != NULL;
}

static void prepare_matches(struct compiler *c, struct match_key *key)
{
	key->extra = glob_compile(c, key->text);
}

static int match_matches(struct run *r, const struct match *m, const struct match_key *key, struct slice value)
{
	(void)m;
	return glob_match(r, key->extra, value);
}

static const struct sieve_match_type match_types[] = {
	{ "is", COLLATE_EQUALITY, .value = match_is },
	{ "contains", COLLATE_SUBSTRING, .value = match_contains },
	{ "matches", COLLATE_SUBSTRING, .prepare = prepare_matches, .value = match_matches },
	{ 0 },
};

static const struct sieve_comparator comparators[] = {
	{ "i;octet", COLLATE_EQUALITY | COLLATE_SUBSTRING | COLLATE_ORDERING, NULL },
	{ "i;ascii-casemap", COLLATE_EQUALITY | COLLATE_SUBSTRING | COLLATE_ORDERING, fold_ascii },
	{ 0 },
};

const struct sieve_extension sieve_compare = { .match_types = match_types, .comparators = comparators };
