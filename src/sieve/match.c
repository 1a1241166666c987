#include "sieve/match.h"

int match_fold_key(struct compiler *c, const struct sieve_comparator *comparator, struct slice key, struct slice *out)
{
	struct buf folded;
	int ret = -1;

	if (comparator->fold == NULL) {
		*out = key;
		return 0;
	}
	buf_init(&folded, SIEVE_SCRIPT_MAX * 4);
	if (comparator->fold(key, &folded) != 0)
		compile_error(c, (struct pos){ 1, 1 }, "a key is too long");
	else
		ret = compile_copy(c, buf_slice(&folded), out);
	buf_free(&folded);
	return ret;
}

int match_value(struct matcher *m, struct slice value)
{
	const struct match *match = m->match;
	struct run *r = m->run;
	int got = 0;

	m->values++;
	if (match->type->value == NULL)
		return 0;
	if (run_charge(r, 1 + value.n / 64) != 0)
		return -1;
	if (value.p == NULL)
		value = SLICE_LIT("");
	if (match->comparator->fold != NULL) {
		buf_clear(&r->scratch);
		if (match->comparator->fold(value, &r->scratch) != 0)
			return run_error(r, "a value is too long to be compared");
		value = buf_slice(&r->scratch);
	}
	for (size_t i = 0; i < match->nkeys && got == 0; i++)
		got = match->type->value(r, match, &match->keys[i], value);
	return got;
}

int match_end(struct matcher *m)
{
	return m->match->type->end != NULL ? m->match->type->end(m->run, m->match, m->values) : 0;
}
