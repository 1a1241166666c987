#include "sieve/match.h"

#include "base/utf8.h"
#include "sieve/keyset.h"
#include "sieve/trace.h"

static int fold_key(struct maker *maker, const struct match *m, struct slice key, struct slice *out)
{
	struct buf folded;
	int ret = -1;

	if (m->comparator->fold == NULL || m->type->plain || m->type->raw_keys) {
		*out = key;
		return 0;
	}
	buf_init(&folded, SIEVE_SCRIPT_MAX * 4);
	if (m->comparator->fold(key, &folded) != 0)
		maker_error(maker, "a key is too long");
	else
		ret = maker_copy(maker, buf_slice(&folded), out);
	buf_free(&folded);
	return ret;
}

const struct match_key *match_make_keys(struct maker *maker, const struct match *m, const struct slice *keys, size_t n,
					const struct ast_string *places)
{
	struct match_key *made = maker_alloc(maker, n, sizeof *made);

	for (size_t i = 0; i < n && made != NULL; i++) {
		if (places != NULL) {
			maker->at = places->pos;
			places = places->next;
		}
		if (fold_key(maker, m, keys[i], &made[i].text) != 0)
			return NULL;
		if (m->type->prepare != NULL)
			m->type->prepare(maker, m, &made[i]);
	}
	return made;
}

/* Also of keys that hold no variables, beside one that does: all of them are made anew. */
static int charge_keys(struct run *r, struct strings keys)
{
	enum { KEYS_A_STEP = 4, OCTETS_A_STEP = 64 };
	size_t octets = 0;

	for (size_t i = 0; i < keys.n; i++)
		octets += keys.all[i].n;
	return run_charge(r, keys.n / KEYS_A_STEP + octets / OCTETS_A_STEP);
}

int match_start(struct matcher *m, struct run *r, const struct op *op)
{
	struct maker maker = { .r = r, .at = op->pos };
	const struct match *match = op->match;
	struct strings keys;

	*m = (struct matcher){ .run = r, .match = match, .keys = match->keys, .nkeys = match->nkeys };
	if (match->from == NULL)
		return 0;
	keys = run_strings(r, match->from);
	if (run_failed(r) || charge_keys(r, keys) != 0)
		return -1;
	m->keys = match_make_keys(&maker, match, keys.all, keys.n, NULL);
	m->nkeys = keys.n;
	return m->keys != NULL && !run_failed(r) ? 0 : -1;
}

static int compare(struct matcher *m, struct slice value)
{
	const struct match *match = m->match;
	struct run *r = m->run;
	int got = 0;

	m->values++;
	if (match->type->value == NULL)
		return 0;
	if (value.p == NULL)
		value = SLICE_LIT("");
	m->original = value;
	if (m->gather != NULL)
		return keyset_collect(m, value);
	if (m->known != NULL && match->set != NULL) {
		int hit, asked = keyset_ask(m, value, &hit);

		if (asked != 0)
			return asked > 0 ? hit : -1;
	}
	if (run_charge(r, 1 + value.n / 64) != 0)
		return -1;
	if (match->comparator->fold != NULL && !match->type->plain) {
		buf_clear(&r->scratch);
		if (match->comparator->fold(value, &r->scratch) != 0)
			return run_error(r, "a value is too long to be compared");
		value = buf_slice(&r->scratch);
		if (value.p == NULL)
			value = SLICE_LIT("");
	}
	for (size_t i = 0; i < m->nkeys && got == 0; i++) {
		m->matched = i;
		got = match->type->value(m, &m->keys[i], value);
	}
	return got;
}

int match_value(struct matcher *m, struct slice value)
{
	int got = compare(m, value);

	if (trace_wanted(m->run) && got >= 0)
		trace_compared(m, value, got > 0);
	return got;
}

int match_end(struct matcher *m)
{
	return m->match->type->end != NULL ? m->match->type->end(m) : 0;
}

/* Offsets in the folded value are offsets in the value, character by character: *AT (octets of FOLDED so far) and *FROM
 * (of the value) move on until *AT is TO. */
static void advance(struct matcher *m, size_t *at, size_t *from, size_t to)
{
	const struct sieve_comparator *comparator = m->match->comparator;
	struct buf one;

	buf_init(&one, 1024);
	while (*at < to && *from < m->original.n) {
		struct slice rest = slice_skip(m->original, *from);
		size_t n = utf8_char_len(rest);

		n = n > 0 ? n : 1;
		buf_clear(&one);
		(void)comparator->fold(slice_of(rest.p, n), &one);
		*at += one.n;
		*from += n;
	}
	buf_free(&one);
}

int match_spans(struct matcher *m, const struct span *spans, size_t n)
{
	struct span own[MATCH_VALUES_MAX];
	size_t at = 0, from = 0;

	if (m->quiet)
		return 1;
	if (!m->match->comparator->characters || m->match->comparator->fold == NULL || m->match->type->plain ||
	    !utf8_valid(m->original))
		return match_variables_set(m->run, m->original, spans, n) == 0 ? 1 : -1;
	if (run_charge(m->run, m->original.n / 16) != 0)
		return -1;
	/* All but the whole, which is the first, come in order. */
	for (size_t i = 1; i < n; i++) {
		advance(m, &at, &from, spans[i].at);
		own[i].at = from;
		advance(m, &at, &from, spans[i].at + spans[i].n);
		own[i].n = from - own[i].at;
	}
	own[0] = (struct span){ 0, m->original.n };
	return match_variables_set(m->run, m->original, own, n) == 0 ? 1 : -1;
}
