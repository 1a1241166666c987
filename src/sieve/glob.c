#include "sieve/glob.h"

#include "base/utf8.h"
#include "sieve/casemap.h"

enum { GLOB_CHARGE = 64 /* octets compared, a step */ };

/* What stands between two stars; ANY marks the places that are a "?". */
struct glob_part {
	char *text;
	char *any;
	size_t n; /* octets of TEXT; a "?" is one */
	bool has_any;
	size_t stars; /* in front of it: at least one but for the first part */
};

/* Parts 0 and N - 1 stand at the ends of the value; with one part there is no star. */
struct glob {
	struct glob_part *parts;
	size_t n;
	bool characters; /* it has a "?", which may be several octets */
};

static size_t count_stars(struct slice pattern)
{
	size_t n = 0;

	for (size_t i = 0; i < pattern.n; i++) {
		if (pattern.p[i] == '\\')
			i++;
		else
			n += pattern.p[i] == '*';
	}
	return n;
}

const struct glob *glob_compile(const struct maker *m, struct slice pattern, bool characters)
{
	struct glob *g = maker_alloc(m, 1, sizeof *g);
	struct glob_part *parts = maker_alloc(m, count_stars(pattern) + 1, sizeof *parts);
	char *text = maker_alloc(m, pattern.n, 1), *any = maker_alloc(m, pattern.n, 1);
	struct glob_part *part = parts;

	if (g == NULL || parts == NULL || text == NULL || any == NULL)
		return NULL;
	*part = (struct glob_part){ .text = text, .any = any };
	for (size_t i = 0; i < pattern.n; i++) {
		char ch = pattern.p[i];

		if (ch == '*') {
			/* Nothing between two stars is one star. */
			if (part == parts || part->n > 0)
				*++part = (struct glob_part){ .text = text, .any = any };
			part->stars++;
			continue;
		}
		if (ch == '?') {
			*any = 1;
			part->has_any = true;
		} else if (ch == '\\' && i + 1 < pattern.n) {
			ch = pattern.p[++i];
		}
		*text++ = ch;
		any++;
		part->n++;
	}
	g->parts = parts;
	g->n = (size_t)(part - parts) + 1;
	for (const struct glob_part *p = parts; p <= part; p++)
		g->characters = g->characters || (characters && p->has_any);
	return g;
}

struct slice glob_needle(const struct glob *g)
{
	struct slice best = SLICE_LIT("");

	for (const struct glob_part *p = g->parts; p < g->parts + g->n; p++)
		for (size_t from = 0, i = 0; i <= p->n; i++) {
			if (i < p->n && p->any[i] == 0)
				continue;
			if (i - from > best.n)
				best = slice_of(p->text + from, i - from);
			from = i + 1;
		}
	return best;
}

/* What is matched: the folded value. BEGINS tells of each octet whether a character of the value, as it came, begins
 * there; NULL: each does. */
struct subject {
	struct slice all;
	const char *begins;
};

/* Fills BEGINS for the folded value; nothing where each of its octets is a character. 0, or -1 after run_error. */
static int find_characters(struct matcher *m, struct slice folded, struct buf *begins)
{
	struct slice rest = m->original;
	size_t n, size;

	if (ascii_only(rest) || !utf8_valid(rest))
		return 0;
	if (run_charge(m->run, folded.n / 16) != 0)
		return -1;
	if (buf_reserve(begins, folded.n) == NULL)
		return run_error(m->run, "a value is too long to be compared");
	for (; rest.n > 0; rest = slice_skip(rest, n)) {
		size = casemap_folded(rest, &n);
		for (size_t i = 0; i < size; i++)
			(void)buf_add_char(begins, i == 0);
	}
	return 0;
}

static bool begins(const struct subject *t, size_t at)
{
	return t->begins == NULL || at == t->all.n || t->begins[at] != 0;
}

/* Octets of the character at AT, which must end by END; 0: none begins there. */
static size_t character_at(const struct subject *t, size_t at, size_t end)
{
	size_t n = 1;

	if (at == end || !begins(t, at))
		return 0;
	while (!begins(t, at + n))
		n++;
	return at + n <= end ? n : 0;
}

/* The same of one that ends at AT. */
static size_t character_before(const struct subject *t, size_t at)
{
	size_t n = 1;

	if (at == 0 || !begins(t, at))
		return 0;
	while (!begins(t, at - n))
		n++;
	return n;
}

/* Whether P fits between FROM and END of T; *LENGTH is how many octets it takes there, or, where it does not fit, how
 * many were looked at. */
static bool part_fits(const struct glob_part *p, const struct subject *t, size_t from, size_t end, size_t *length)
{
	size_t at = from;

	for (size_t i = 0; i < p->n; i++) {
		size_t n = at == end ? 0 : p->any[i] != 0 ? character_at(t, at, end) : p->text[i] == t->all.p[at];

		if (n == 0) {
			*length = at - from;
			return false;
		}
		at += n;
	}
	*length = at - from;
	return true;
}

/* Whether P fits at the end of T, and where it begins. */
static bool part_ends(const struct glob_part *p, const struct subject *t, size_t *at)
{
	*at = t->all.n;
	for (size_t i = p->n; i > 0; i--) {
		size_t n = *at == 0		? 0 :
			   p->any[i - 1] != 0 ? character_before(t, *at) :
						p->text[i - 1] == t->all.p[*at - 1];

		if (n == 0)
			return false;
		*at -= n;
	}
	return true;
}

/* The first place of P between FROM and END of T: 1 and *AT and *LENGTH, 0, or -1. */
static int part_find(struct run *r, const struct glob_part *p, const struct subject *t, size_t from, size_t end, size_t *at,
		     size_t *length)
{
	size_t work = 0;

	if (!p->has_any) {
		const char *found = end - from < p->n ? NULL : memmem(t->all.p + from, end - from, p->text, p->n);

		if (found == NULL)
			return 0;
		*at = (size_t)(found - t->all.p);
		*length = p->n;
		return 1;
	}
	for (*at = from; *at < end; ++*at) {
		if (part_fits(p, t, *at, end, length))
			return 1;
		work += *length + 1;
		if (work >= GLOB_CHARGE) {
			if (run_charge(r, work / GLOB_CHARGE) != 0)
				return -1;
			work %= GLOB_CHARGE;
		}
	}
	return 0;
}

/* ---- what the wildcards stand for ---- */
struct captures {
	struct span all[MATCH_VALUES_MAX];
	size_t n;
};

static void capture(struct captures *c, size_t at, size_t n)
{
	if (c->n < MATCH_VALUES_MAX)
		c->all[c->n++] = (struct span){ at, n };
}

/* STARS in a row: the last has what is there, those before it nothing. */
static void capture_stars(struct captures *c, size_t stars, size_t at, size_t n)
{
	for (size_t i = 1; i < stars && c->n < MATCH_VALUES_MAX; i++)
		capture(c, at, 0);
	if (stars > 0)
		capture(c, at, n);
}

static void capture_part(struct captures *c, const struct glob_part *p, const struct subject *t, size_t at)
{
	if (!p->has_any)
		return;
	for (size_t i = 0; i < p->n && c->n < MATCH_VALUES_MAX; i++) {
		size_t n = p->any[i] != 0 ? character_at(t, at, t->all.n) : 1;

		if (p->any[i] != 0)
			capture(c, at, n);
		at += n;
	}
}

static int match_text(struct matcher *m, const struct glob *g, const struct subject *t)
{
	const struct glob_part *first = &g->parts[0], *last = &g->parts[g->n - 1];
	struct captures c = { .n = 0 };
	struct run *r = m->run;
	size_t at, end = t->all.n, length, found;

	if (!part_fits(first, t, 0, end, &at) || (g->n == 1 && at != end))
		return 0;
	capture(&c, 0, end);
	capture_part(&c, first, t, 0);
	if (g->n > 1 && (!part_ends(last, t, &end) || end < at))
		return 0;
	for (const struct glob_part *p = first + 1; p < last; p++) {
		int got = run_charge(r, 1) == 0 ? part_find(r, p, t, at, end, &found, &length) : -1;

		if (got <= 0)
			return got;
		capture_stars(&c, p->stars, at, found - at);
		capture_part(&c, p, t, found);
		at = found + length;
	}
	if (g->n > 1) {
		capture_stars(&c, last->stars, at, end - at);
		capture_part(&c, last, t, end);
	}
	return match_variables_wanted(r) ? match_spans(m, c.all, c.n) : 1;
}

int glob_match(struct matcher *m, const struct glob *g, struct slice value)
{
	struct subject t = { .all = value };
	struct buf characters;
	int got;

	if (run_charge(m->run, 1 + (value.n + g->parts[0].n + g->parts[g->n - 1].n) / GLOB_CHARGE) != 0)
		return -1;
	if (!g->characters)
		return match_text(m, g, &t);
	buf_init(&characters, value.n + 1);
	got = find_characters(m, value, &characters);
	if (got == 0) {
		if (characters.n == value.n)
			t.begins = characters.p;
		got = match_text(m, g, &t);
	}
	buf_free(&characters);
	return got;
}
