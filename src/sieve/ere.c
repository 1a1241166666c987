#include "sieve/ere.h"

#include <stdio.h>

#include "base/utf8.h"

enum last { LAST_NOTHING, LAST_ATOM, LAST_REPEAT, LAST_ANCHOR };

struct ere {
	struct slice in;
	size_t at;
	bool caseless;
	struct buf *out;
	char *why;
	unsigned depth;
	enum last last; /* what stands in front */
	bool group;	/* an atom there is a group */
	size_t stretch, longest; /* characters since the last mark; the most of them between two marks */
};

uint32_t ere_octet(unsigned char octet)
{
	return 0x10ff00U + octet;
}

uint32_t ere_character(struct slice s, size_t *n)
{
	uint32_t cp = 0;

	*n = utf8_decode(s, &cp);
	if (*n > 0)
		return cp;
	*n = 1;
	return ere_octet((unsigned char)s.p[0]);
}

static int wrong(struct ere *e, const char *why)
{
	(void)snprintf(e->why, ERE_WHY_MAX, "%s", why);
	return -1;
}

/* A mark at which a match tells how far it came (ere.h): where one of several ways begins, and behind what may be given
 * back, so that whatever PCRE2 tries comes by one soon. */
static int mark(struct ere *e)
{
	if (e->stretch > e->longest)
		e->longest = e->stretch;
	e->stretch = 0;
	return buf_add_str(e->out, "(?C1)");
}

static void atom(struct ere *e, bool group)
{
	e->last = LAST_ATOM;
	e->group = group;
	e->stretch += !group;
}

static int literal(struct ere *e)
{
	size_t n;
	uint32_t cp = ere_character(slice_skip(e->in, e->at), &n);
	char c = cp < 0x80 ? (char)cp : 'x';

	if (e->caseless && cp < 0x80)
		c = ascii_upper(c);
	e->at += n;
	atom(e, false);
	if (cp < 0x80 && (ascii_is_alpha(c) || ascii_is_digit(c)))
		return buf_add_char(e->out, c);
	return buf_addf(e->out, "\\x{%x}", (unsigned)cp);
}

static int escaped(struct ere *e)
{
	char c;

	if (e->at + 1 == e->in.n)
		return wrong(e, "a backslash stands at the end");
	c = e->in.p[e->at + 1];
	if (ascii_is_digit(c))
		return wrong(e, "back-references are no part of extended regular expressions");
	if (ascii_is_alpha(c))
		return wrong(e, "a backslash in front of a letter means nothing in extended regular expressions; "
				"for classes write [[:alpha:]] and the like");
	e->at++;
	return literal(e);
}

/* "{n}", "{n,}" or "{n,m}", at its brace. */
static int bounds(struct ere *e)
{
	struct slice rest = slice_skip(e->in, e->at + 1), low, high;
	size_t end = slice_find(rest, '}'), comma;
	uint64_t from, to;

	if (end == rest.n)
		return wrong(e, "\"{\" is not closed");
	low = slice_of(rest.p, end);
	comma = slice_find(low, ',');
	high = comma < low.n ? slice_skip(low, comma + 1) : low;
	low.n = comma;
	if (slice_number(low, ERE_REPEAT_MAX, &from) != 0)
		return wrong(e, "expected a number of repetitions behind \"{\", 1000 at most");
	to = from;
	if (high.n > 0 && (slice_number(high, ERE_REPEAT_MAX, &to) != 0 || to < from))
		return wrong(
		    e,
		    "expected a second number of repetitions in \"{}\" that is not less than the first, 1000 at most");
	if (high.n == 0 && buf_addf(e->out, "{%u,}", (unsigned)from) != 0)
		return -1;
	if (high.n > 0 && buf_addf(e->out, "{%u,%u}", (unsigned)from, (unsigned)to) != 0)
		return -1;
	e->at += end + 2;
	/* The marks of a group are repeated with it. */
	e->stretch += e->group || from == 0 ? 0 : from - 1;
	return 0;
}

static int repetition(struct ere *e)
{
	char c = e->in.p[e->at];

	if (e->last == LAST_REPEAT)
		return wrong(e, "two repetitions in a row: extended regular expressions have no \"*?\" and the like");
	if (e->last != LAST_ATOM)
		return wrong(e, "there is nothing to repeat in front of it");
	e->last = LAST_REPEAT;
	if (c == '{') {
		if (bounds(e) != 0)
			return -1;
	} else {
		(void)buf_add_char(e->out, c);
		e->at++;
	}
	return mark(e);
}

static int group(struct ere *e, char c)
{
	if (c == '(' && ++e->depth > ERE_DEPTH_MAX)
		return wrong(e, "groups are nested too deeply: 32 levels are allowed");
	if (c == ')' && e->depth-- == 0)
		return wrong(e, "there is no \"(\" for this \")\"");
	e->at++;
	(void)buf_add_char(e->out, c);
	if (c == ')') {
		atom(e, true);
		return buf_failed(e->out) ? -1 : 0;
	}
	e->last = LAST_NOTHING;
	return mark(e);
}

static int anchor(struct ere *e, char c)
{
	e->last = LAST_ANCHOR;
	e->at++;
	return buf_add_char(e->out, c);
}

static int piece(struct ere *e)
{
	char c = e->in.p[e->at];

	switch (c) {
	case '(':
	case ')':
	case '|':
		return group(e, c);
	case '*':
	case '+':
	case '?':
	case '{':
		return repetition(e);
	case '^':
	case '$':
		return anchor(e, c);
	case '.':
		atom(e, false);
		e->at++;
		return buf_add_char(e->out, c);
	case '[':
		atom(e, false);
		e->at++;
		return ere_bracket(e->in, &e->at, e->caseless, e->out, e->why);
	case '\\':
		return escaped(e);
	default:
		return literal(e);
	}
}

int ere_translate(struct slice in, bool caseless, struct buf *out, struct ere_told *told)
{
	struct ere e = { .in = in, .caseless = caseless, .out = out, .why = told->why };

	(void)snprintf(told->why, sizeof told->why, "it is too large");
	told->at = 0;
	if (in.n > ERE_MAX || mark(&e) != 0)
		return -1;
	while (e.at < in.n) {
		told->at = e.at;
		if (piece(&e) != 0)
			return -1;
	}
	told->at = in.n;
	told->stretch = e.stretch > e.longest ? e.stretch : e.longest;
	return e.depth == 0 ? 0 : wrong(&e, "a \"(\" is not closed");
}
