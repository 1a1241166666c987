/* "regex" (draft-murchison-sieve-regex): the match type :regex, and with "variables" the modifier :quoteregex. */
#include "sieve/extensions.h"
#include "sieve/regex.h"

static void prepare_regex(struct maker *maker, const struct match *m, struct match_key *key)
{
	key->extra = regex_compile(maker, key->text, m->comparator->fold != NULL);
}

static int match_regex(struct matcher *m, const struct match_key *key, struct slice value)
{
	return key->extra != NULL ? regex_match(m, key->extra, value) : -1;
}

static int apply_quoteregex(struct run *r, struct slice in, struct buf *out)
{
	static const struct slice special = SLICE_LIT("\\^$.[]|()*+?{}");
	int ret = 0;

	(void)r;
	for (size_t i = 0; i < in.n && ret == 0; i++) {
		if (slice_find(special, in.p[i]) < special.n)
			ret = buf_add_char(out, '\\');
		if (ret == 0)
			ret = buf_add_char(out, in.p[i]);
	}
	return ret;
}

static const struct sieve_modifier quoteregex = { 15, apply_quoteregex };

static const struct sieve_match_type match_types[] = {
	{ "regex", COLLATE_REGEX, .prepare = prepare_regex, .value = match_regex, .raw_keys = true },
	{ 0 },
};

static const char *const on_set[] = { "set", "extracttext", NULL };

static const struct sieve_tag tags[] = {
	{ .name = "quoteregex", .on = on_set, .group = "modifier 15", .modifier = &quoteregex },
	{ 0 },
};

const struct sieve_extension sieve_regex = { "regex", .match_types = match_types, .tags = tags };
