#include "sieve/glob.h"

enum { GLOB_CHARGE = 64 /* octets compared, a step */ };

/* Octets between two stars; ANY marks those that are a "?". */
struct glob_part {
	char *text;
	char *any;
	size_t n;
	bool has_any;
};

/* Parts 0 and N - 1 stand at the ends of the value; with one part there is no star. */
struct glob {
	struct glob_part *parts;
	size_t n;
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

const struct glob *glob_compile(struct compiler *c, struct slice pattern)
{
	struct glob *g = compile_alloc(c, 1, sizeof *g);
	struct glob_part *parts = compile_alloc(c, count_stars(pattern) + 1, sizeof *parts);
	char *text = compile_alloc(c, pattern.n, 1), *any = compile_alloc(c, pattern.n, 1);
	struct glob_part *part = parts;

	if (g == NULL || parts == NULL || text == NULL || any == NULL)
		return NULL;
	*part = (struct glob_part){ .text = text, .any = any };
	for (size_t i = 0; i < pattern.n; i++) {
		char ch = pattern.p[i];

		if (ch == '*') {
			/* Nothing between two stars is one star. */
			if (part == parts || part->n > 0)
				part++;
			*part = (struct glob_part){ .text = text, .any = any };
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
	return g;
}

/* How many octets of P, from its front, fit at TEXT. */
static size_t part_fits(const struct glob_part *p, const char *text)
{
	size_t i = 0;

	if (!p->has_any)
		return p->n == 0 || memcmp(p->text, text, p->n) == 0 ? p->n : 0;
	while (i < p->n && (p->any[i] != 0 || p->text[i] == text[i]))
		i++;
	return i;
}

static bool part_is_at(const struct glob_part *p, const char *text)
{
	return part_fits(p, text) == p->n;
}

/* The first place of P in TEXT: 1 and *AT, 0, or -1. */
static int part_find(struct run *r, const struct glob_part *p, struct slice text, size_t *at)
{
	size_t work = 0;

	if (text.n < p->n)
		return 0;
	if (!p->has_any) {
		const char *found = memmem(text.p, text.n, p->text, p->n);

		if (found == NULL)
			return 0;
		*at = (size_t)(found - text.p);
		return 1;
	}
	for (*at = 0; p->n <= text.n - *at; ++*at) {
		size_t fit = part_fits(p, text.p + *at);

		if (fit == p->n)
			return 1;
		work += fit + 1;
		if (work >= GLOB_CHARGE) {
			if (run_charge(r, work / GLOB_CHARGE) != 0)
				return -1;
			work %= GLOB_CHARGE;
		}
	}
	return 0;
}

int glob_match(struct run *r, const struct glob *g, struct slice value)
{
	const struct glob_part *first = &g->parts[0], *last = &g->parts[g->n - 1];

	if (run_charge(r, 1 + (value.n + first->n + last->n) / GLOB_CHARGE) != 0)
		return -1;
	if (value.n < first->n || !part_is_at(first, value.p))
		return 0;
	if (g->n == 1)
		return value.n == first->n;
	value = slice_of(value.p + first->n, value.n - first->n);
	if (value.n < last->n || !part_is_at(last, value.p + (value.n - last->n)))
		return 0;
	value.n -= last->n;
	for (const struct glob_part *p = first + 1; p < last; p++) {
		size_t at;
		int got = run_charge(r, 1) == 0 ? part_find(r, p, value, &at) : -1;

		if (got <= 0)
			return got;
		value = slice_of(value.p + at + p->n, value.n - at - p->n);
	}
	return 1;
}
