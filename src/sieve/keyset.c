#include "sieve/keyset.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sieve/automaton.h"
#include "sieve/match.h"

struct keyset {
	const struct sieve_match_type *type;
	const struct sieve_comparator *comparator;
	const struct match **matches; /* owned; those that take part */
	size_t nmatches, cap;
	size_t nkeys;		     /* of all of them */
	size_t octets;
	struct automaton *automaton; /* owned; NULL: not made yet */
	uint32_t *ids;		     /* owned; what the automaton calls each key; AUTOMATON_NONE: it says nothing about it */
	bool useless;		     /* too few keys, or too many */
};

/* What a set says of one value. */
struct known {
	const struct keyset *set;
	struct slice value;  /* by its place: it does not change */
	struct slice folded;
	uint32_t is;	     /* TOGETHER_IS: the key that it is */
	const uint32_t *ids; /* else: of the keys that it holds, in their order */
	size_t n;
	struct known *next;
};

enum { VALUE_CHARGE = 16 /* octets, a step */ };

static bool forced_on, forced_off;

void keyset_force(bool on, bool off)
{
	forced_on = on;
	forced_off = off;
}

static struct keyset *set_for(struct sieve_program *p, const struct match *m)
{
	size_t i = 0;

	while (i < p->nsets && (p->sets[i]->type != m->type || p->sets[i]->comparator != m->comparator))
		i++;
	if (i == PROGRAM_SETS_MAX)
		return NULL;
	if (i == p->nsets) {
		p->sets[i] = mem_alloc(sizeof *p->sets[i]);
		*p->sets[i] = (struct keyset){ .type = m->type, .comparator = m->comparator };
		p->nsets++;
	}
	return p->sets[i];
}

void keyset_join(struct sieve_program *p, struct match *m)
{
	struct keyset *s = m->type->together != TOGETHER_NO ? set_for(p, m) : NULL;

	if (s == NULL || m->nkeys == 0)
		return;
	if (s->nmatches == s->cap) {
		s->cap = s->cap == 0 ? 16 : 2 * s->cap;
		s->matches = mem_resize(s->matches, s->cap, sizeof *s->matches);
	}
	m->set = s;
	m->first = s->nkeys;
	s->matches[s->nmatches++] = m;
	s->nkeys += m->nkeys;
}

void keyset_free(struct keyset **s)
{
	if (*s == NULL)
		return;
	automaton_free(&(*s)->automaton);
	free((*s)->matches);
	free((*s)->ids);
	free(*s);
	*s = NULL;
}

/* What a value must hold for KEY to match it; empty: that is not known. */
static struct slice needle_of(const struct keyset *s, const struct match_key *key)
{
	return s->type->needle != NULL ? s->type->needle(key) : key->text;
}

static size_t count_octets(const struct keyset *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nmatches; i++)
		for (size_t k = 0; k < s->matches[i]->nkeys; k++)
			n += needle_of(s, &s->matches[i]->keys[k]).n;
	return n;
}

/* Once a program: 0, or -1 when keys are to be compared one by one. */
static int make(struct keyset *s)
{
	size_t octets, n = 0;

	if (s->automaton != NULL)
		return 0;
	s->useless = s->useless || forced_off || (s->nkeys < KEYSET_MIN && !forced_on);
	if (s->useless)
		return -1;
	octets = count_octets(s);
	s->useless = octets >= KEYSET_NODES_MAX;
	if (s->useless)
		return -1;
	s->automaton = automaton_new(octets);
	s->ids = mem_array(s->nkeys, sizeof *s->ids);
	for (size_t i = 0; i < s->nmatches; i++)
		for (size_t k = 0; k < s->matches[i]->nkeys; k++, n++) {
			struct slice needle = needle_of(s, &s->matches[i]->keys[k]);
			bool silent = s->type->together == TOGETHER_NEEDLE && needle.n == 0;

			s->ids[n] = silent ? AUTOMATON_NONE : automaton_add(s->automaton, needle);
		}
	automaton_finish(s->automaton);
	return 0;
}

bool keyset_ready(struct keyset *s)
{
	return make(s) == 0;
}

size_t keyset_words(const struct keyset *s)
{
	return (automaton_count(s->automaton) + 63) / 64;
}

size_t keyset_list(const uint64_t *held, size_t words, uint32_t *ids)
{
	size_t n = 0;

	for (size_t w = 0; w < words; w++)
		for (uint64_t left = held[w]; left != 0; left &= left - 1, n++)
			if (ids != NULL)
				ids[n] = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(left));
	return n;
}

static bool lists(const uint32_t *ids, size_t n, uint32_t id)
{
	size_t from = 0, to = n;

	while (from < to) {
		size_t half = from + (to - from) / 2;

		if (ids[half] < id)
			from = half + 1;
		else
			to = half;
	}
	return from < n && ids[from] == id;
}

enum keyset_among keyset_among(const struct matcher *m, const uint32_t *ids, size_t n)
{
	const struct keyset *s = m->match->set;
	const uint32_t *own = s->ids + m->match->first;

	for (size_t i = 0; i < m->nkeys; i++)
		if (own[i] == AUTOMATON_NONE || lists(ids, n, own[i]))
			return s->type->together == TOGETHER_NEEDLE ? KEYSET_MAYBE : KEYSET_SURE;
	return KEYSET_NONE;
}

/* Octets of the run's memory that may be spared: NULL when they may not. */
static void *take(struct run *r, size_t n)
{
	void *p;

	if (r->found_bytes + n > KEYSET_FOUND_MAX)
		return NULL;
	p = arena_try(&r->arena, n);
	r->found_bytes += p != NULL ? n : 0;
	return p;
}

/* VALUE as the keys are folded, in the scratch buffer where that changes it: 1, or 0 when it is too long. */
static int fold(struct run *r, const struct keyset *s, struct slice value, struct slice *out)
{
	*out = value;
	if (s->comparator->fold == NULL || s->type->plain)
		return 1;
	buf_clear(&r->scratch);
	if (s->comparator->fold(value, &r->scratch) != 0)
		return 0;
	*out = r->scratch.n > 0 ? buf_slice(&r->scratch) : SLICE_LIT("");
	return 1;
}

int keyset_collect(struct matcher *m, struct slice value)
{
	const struct keyset *s = m->match->set;
	uint32_t is;

	if (run_charge(m->run, 1 + value.n / VALUE_CHARGE) != 0)
		return -1;
	if (!fold(m->run, s, value, &value))
		return 1;
	if (s->type->together != TOGETHER_IS) {
		automaton_held(s->automaton, value, m->gather);
		return 0;
	}
	is = automaton_is(s->automaton, value);
	if (is != AUTOMATON_NONE)
		m->gather[is / 64] |= UINT64_C(1) << is % 64;
	return 0;
}

/* VALUE looked through, in *OUT: 1, or 0 when there is no room to remember it. All that is remembered is taken at once:
 * what there is no room for takes nothing. */
static int remember(struct run *r, const struct keyset *s, struct slice value, uint64_t *held, struct known **out)
{
	bool is = s->type->together == TOGETHER_IS;
	size_t words = keyset_words(s), n;
	struct slice folded;
	uint32_t *ids;
	struct known *k;

	if (!fold(r, s, value, &folded))
		return 0;
	if (!is)
		automaton_held(s->automaton, folded, held);
	n = is ? 0 : keyset_list(held, words, NULL);
	k = take(r, sizeof *k + n * sizeof *ids + (folded.p != value.p && !is ? folded.n : 0));
	if (k == NULL)
		return 0;
	*k = (struct known){ .set = s, .value = value, .folded = folded };
	*out = k;
	if (is) {
		k->is = automaton_is(s->automaton, folded);
		return 1;
	}
	ids = (uint32_t *)(void *)(k + 1);
	k->ids = ids;
	k->n = keyset_list(held, words, ids);
	if (folded.p != value.p) {
		k->folded = slice_of((char *)(ids + n), folded.n);
		if (folded.n > 0)
			memcpy(ids + n, folded.p, folded.n);
	}
	return 1;
}

/* The same, charged; -1 after run_error. */
static int look(struct run *r, const struct keyset *s, struct slice value, struct known **out)
{
	uint64_t *held;
	int got;

	if (run_charge(r, 1 + value.n / VALUE_CHARGE) != 0)
		return -1;
	held = s->type->together == TOGETHER_IS ? NULL : mem_array(keyset_words(s) + 1, sizeof *held);
	got = remember(r, s, value, held, out);
	free(held);
	return got;
}

static int recall(struct matcher *m, struct keyset *s, struct slice value, struct known **out)
{
	int got;

	for (*out = *m->known; *out != NULL; *out = (*out)->next)
		if ((*out)->set == s && (*out)->value.p == value.p && (*out)->value.n == value.n)
			return 1;
	got = look(m->run, s, value, out);
	if (got > 0) {
		(*out)->next = *m->known;
		*m->known = *out;
	}
	return got;
}

int keyset_ask(struct matcher *m, struct slice value, int *hit)
{
	enum { KEYS_A_STEP = 16, VALUES_A_STEP = 16 };
	struct keyset *s = m->match->set;
	const uint32_t *ids;
	struct known *k = NULL;
	int got;

	if (make(s) != 0)
		return 0;
	got = recall(m, s, value, &k);
	if (got <= 0)
		return got;
	/* A field may hold a thousand addresses. */
	if (run_charge(m->run, (m->asked++ % VALUES_A_STEP == 0) + m->nkeys / KEYS_A_STEP) != 0)
		return -1;
	*hit = 0;
	ids = s->ids + m->match->first;
	for (size_t i = 0; i < m->nkeys && *hit == 0; i++) {
		if (s->type->together == TOGETHER_IS) {
			*hit = ids[i] == k->is;
		} else if (ids[i] == AUTOMATON_NONE || lists(k->ids, k->n, ids[i])) {
			/* To hold the needle is needed, and not always enough. */
			*hit = s->type->together == TOGETHER_NEEDLE ? s->type->value(m, &m->keys[i], k->folded) : 1;
		}
		m->matched = *hit > 0 ? i : m->matched;
	}
	return *hit < 0 ? -1 : 1;
}
