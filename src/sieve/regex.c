#define PCRE2_CODE_UNIT_WIDTH 8

#include "sieve/regex.h"

#include <pcre2.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "sieve/ere.h"

enum { OCTETS_A_STEP = 16 /* that a match passes over */ };

struct regex {
	pcre2_code *code;  /* in the maker's memory, so nobody frees it */
	struct slice text; /* for errors */
	uint32_t groups;
	size_t weight; /* steps that a mark of it stands for, by what may be compared in front of it (ere.h) */
};

/* What a match did so far. */
struct effort {
	uint64_t steps, most;
	size_t weight;
	size_t at; /* place of the last mark */
};

struct regex_state {
	pcre2_match_context *counted; /* into EFFORT */
	pcre2_match_context *plain;
	struct effort effort;
	pcre2_match_data *data;	   /* the match that was found first */
	pcre2_match_data *ends;	   /* where the longest from there ends */
	pcre2_match_data *longest; /* and what its groups are */
};

/* ---- compile ---- */
static void *take(size_t n, void *arg)
{
	return maker_alloc(arg, n, 1);
}

static void give_back(void *p, void *arg)
{
	/* It goes with the program, or with the operation. */
	(void)p;
	(void)arg;
}

static pcre2_code *compile_pattern(const struct maker *m, struct slice pattern)
{
	enum {
		OPTIONS = PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C
	};
	struct maker own = *m;
	pcre2_general_context *general = pcre2_general_context_create(take, give_back, &own);
	pcre2_compile_context *context = general != NULL ? pcre2_compile_context_create(general) : NULL;
	pcre2_code *code = NULL;
	PCRE2_SIZE at;
	int error;

	if (context == NULL)
		return NULL;
	code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, OPTIONS, &error, &at, context);
	/* What is wrong was found before: what is left is what it is too large for. */
	if (code == NULL)
		maker_error(m, "a regular expression is too large once its repetitions are written out");
	return code;
}

const struct regex *regex_compile(const struct maker *m, struct slice in, bool caseless)
{
	enum { PATTERN_MAX = 256 * 1024, COMPILED_CHARGE = 16 /* octets, a step; and at least so many steps */ };
	struct regex *x = maker_alloc(m, 1, sizeof *x);
	struct ere_told told;
	struct buf pattern;
	size_t size = 0;

	if (x == NULL)
		return NULL;
	buf_init(&pattern, PATTERN_MAX);
	if (ere_translate(in, caseless, &pattern, &told) == 0)
		x->code = compile_pattern(m, buf_slice(&pattern));
	else
		maker_error(m, "%s is no regular expression: at character %zu: %s", diag_word(in), told.at + 1,
			    told.why);
	buf_free(&pattern);
	if (x->code == NULL)
		return NULL;
	x->text = in;
	x->weight = 1 + told.stretch / OCTETS_A_STEP;
	(void)pcre2_pattern_info(x->code, PCRE2_INFO_CAPTURECOUNT, &x->groups);
	(void)pcre2_pattern_info(x->code, PCRE2_INFO_SIZE, &size);
	/* One beside variables is made anew for each test. */
	return m->r == NULL || run_charge(m->r, COMPILED_CHARGE + size / COMPILED_CHARGE) == 0 ? x : NULL;
}

/* ---- match ---- */

/* A match comes by a mark. */
static int count(pcre2_callout_block *mark, void *arg)
{
	struct effort *e = arg;
	const size_t at = mark->current_position, away = at > e->at ? at - e->at : e->at - at;

	e->at = at;
	e->steps += e->weight + away / OCTETS_A_STEP;
	return e->steps > e->most ? PCRE2_ERROR_MATCHLIMIT : 0;
}

static pcre2_match_context *context_new(struct effort *effort)
{
	pcre2_match_context *c = pcre2_match_context_create(NULL);

	if (c == NULL)
		abort();
	if (effort != NULL)
		(void)pcre2_set_callout(c, count, effort);
	(void)pcre2_set_depth_limit(c, REGEX_DEPTH_MAX);
	(void)pcre2_set_heap_limit(c, REGEX_HEAP_KB_MAX);
	return c;
}

static struct regex_state *state_of(struct run *r)
{
	struct regex_state *s = r->regex;

	if (s != NULL)
		return s;
	r->regex = s = mem_alloc(sizeof *s);
	s->counted = context_new(&s->effort);
	s->plain = context_new(NULL);
	s->data = pcre2_match_data_create(MATCH_VALUES_MAX, NULL);
	s->ends = pcre2_match_data_create(1, NULL);
	s->longest = pcre2_match_data_create(MATCH_VALUES_MAX, NULL);
	if (s->data == NULL || s->ends == NULL || s->longest == NULL)
		abort();
	return s;
}

void regex_state_free(struct regex_state **s)
{
	if (*s == NULL)
		return;
	pcre2_match_context_free((*s)->counted);
	pcre2_match_context_free((*s)->plain);
	pcre2_match_data_free((*s)->data);
	pcre2_match_data_free((*s)->ends);
	pcre2_match_data_free((*s)->longest);
	free(*s);
	*s = NULL;
}

/* VALUE with characters in place of octets that belong to none; in OUT where that changes it. */
static int make_characters(struct slice *value, struct buf *out)
{
	if (utf8_valid(*value))
		return 0;
	for (size_t i = 0, n; i < value->n; i += n) {
		char one[4];
		size_t length = utf8_encode(ere_character(slice_skip(*value, i), &n), one);

		if (buf_add(out, one, length) != 0)
			return -1;
	}
	*value = buf_slice(out);
	return 0;
}

/* Where in ORIGINAL the octet AT of what make_characters made of it lies. */
static size_t original_at(struct slice original, size_t at)
{
	size_t from = 0, n;

	for (size_t made = 0; made < at && from < original.n; from += n) {
		char one[4];

		made += utf8_encode(ere_character(slice_skip(original, from), &n), one);
	}
	return from;
}

/* pcre2_match into DATA, counted and charged: its result, or PCRE2_ERROR_INTERNAL after run_error. */
static int match_counted(struct run *r, const struct regex *x, struct slice subject, size_t from, uint32_t options,
			 pcre2_match_data *data)
{
	enum { STEPS_A_CHARGE = 100 };
	struct regex_state *s = r->regex;
	PCRE2_SPTR p = (PCRE2_SPTR)(subject.n > 0 ? subject.p : "");
	int got;

	s->effort = (struct effort){ .most = REGEX_STEPS_MAX + (uint64_t)subject.n * REGEX_STEPS_AN_OCTET,
				     .weight = x->weight,
				     .at = from };
	got = pcre2_match(x->code, p, subject.n, from, options | PCRE2_NO_UTF_CHECK, data, s->counted);
	return run_charge(r, s->effort.steps / STEPS_A_CHARGE) == 0 ? got : PCRE2_ERROR_INTERNAL;
}

/* The end of the longest match of X from FROM on, in regex_state.ends: 1, 0 when it is in more places at once than there
 * is room for, -1 when the charge is too much. First with a little room: nearly every expression needs no more, and what
 * does is charged for the time that it may take. */
static int find_end(struct run *r, const struct regex *x, struct slice subject, size_t from)
{
	enum { FEW = 160, MANY = 800, CHARGE = 8, OPTIONS = PCRE2_NO_UTF_CHECK | PCRE2_ANCHORED };
	struct regex_state *s = r->regex;
	PCRE2_SPTR p = (PCRE2_SPTR)subject.p;
	int room[MANY], got;

	if (run_charge(r, 1 + (subject.n - from) / CHARGE) != 0)
		return -1;
	got = pcre2_dfa_match(x->code, p, subject.n, from, OPTIONS, s->ends, s->plain, room, FEW);
	if (got == PCRE2_ERROR_DFA_WSSIZE) {
		if (run_charge(r, subject.n - from) != 0)
			return -1;
		got = pcre2_dfa_match(x->code, p, subject.n, from, OPTIONS, s->ends, s->plain, room, MANY);
	}
	return got >= 0;
}

/* Of all matches that begin where the one found does, POSIX means the longest (XBD 9.1), PCRE2 the first that it comes
 * to: the result that holds the longest, or NULL when the charge is too much. An expression that may be in more places
 * at once than there is room for keeps the one that was found. */
static pcre2_match_data *find_longest(struct run *r, const struct regex *x, struct slice subject)
{
	struct regex_state *s = r->regex;
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->data);
	uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED;
	const size_t from = at[0];
	size_t end;
	int got;

	if (at[1] == subject.n)
		return s->data;
	got = find_end(r, x, subject, from);
	if (got <= 0)
		return got < 0 ? NULL : s->data;
	end = pcre2_get_ovector_pointer(s->ends)[1];
	if (end <= at[1])
		return s->data;
	if (end < subject.n)
		options |= PCRE2_NOTEOL;
	/* 0: there are more groups than variables. */
	got = match_counted(r, x, slice_of(subject.p, end), from, options, s->longest);
	if (run_failed(r))
		return NULL;
	return got >= 0 ? s->longest : s->data;
}

static int set_variables(struct matcher *m, const struct regex *x, struct slice value, struct slice subject)
{
	const bool changed = subject.p != value.p;
	pcre2_match_data *found;
	const PCRE2_SIZE *at;
	size_t n = x->groups + 1 < MATCH_VALUES_MAX ? x->groups + 1 : MATCH_VALUES_MAX;
	struct span spans[MATCH_VALUES_MAX];

	if (m->quiet || !match_variables_wanted(m->run))
		return 1;
	found = find_longest(m->run, x, subject);
	if (found == NULL)
		return -1;
	at = pcre2_get_ovector_pointer(found);
	if (changed && run_charge(m->run, value.n * n / 16) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		size_t from = at[2 * i], to = at[2 * i + 1];

		/* A group that took no part. */
		if (from == PCRE2_UNSET || to == PCRE2_UNSET)
			from = to = 0;
		if (changed) {
			from = original_at(value, from);
			to = original_at(value, to);
		}
		spans[i] = (struct span){ from, to - from };
	}
	return match_spans(m, spans, n);
}

static int execute(struct run *r, const struct regex *x, struct slice subject)
{
	struct regex_state *s = state_of(r);
	const int got = match_counted(r, x, subject, 0, 0, s->data);

	if (run_failed(r))
		return -1;
	if (got >= 0)
		return 1;
	if (got == PCRE2_ERROR_NOMATCH)
		return 0;
	if (got == PCRE2_ERROR_MATCHLIMIT)
		return run_error(r, "the regular expression %s takes too long for a value of %zu octets",
				 diag_word(x->text), subject.n);
	return run_error(r, "the regular expression %s needs too much memory for a value of %zu octets",
			 diag_word(x->text), subject.n);
}

int regex_match(struct matcher *m, const struct regex *x, struct slice value)
{
	enum { CHARGE = 16 };
	struct slice subject = value;
	struct buf made;
	int got = -1;

	if (run_charge(m->run, CHARGE + value.n / CHARGE) != 0)
		return -1;
	buf_init(&made, value.n * 4 + 1);
	if (make_characters(&subject, &made) == 0)
		got = execute(m->run, x, subject);
	if (got > 0)
		got = set_variables(m, x, value, subject);
	buf_free(&made);
	return got;
}
