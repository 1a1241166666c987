#include "sieve/near.h"

enum { NEAR_PREFIX = 3 /* octets that say enough */ };

/* Edits from A to B: insert, delete, replace, and swap of two neighbours; ASCII case is none. */
static unsigned edit_distance(struct slice a, struct slice b)
{
	unsigned rows[3][NEAR_WORD_MAX + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t k = 0; k <= b.n; k++) {
		above[k] = (unsigned)k;
		before[k] = 0;
	}
	for (size_t i = 1; i <= a.n; i++) {
		unsigned *free_row = before;

		row[0] = (unsigned)i;
		for (size_t k = 1; k <= b.n; k++) {
			char x = ascii_lower(a.p[i - 1]), y = ascii_lower(b.p[k - 1]);
			unsigned d = above[k - 1] + (x != y);

			if (above[k] + 1 < d)
				d = above[k] + 1;
			if (row[k - 1] + 1 < d)
				d = row[k - 1] + 1;
			if (i > 1 && k > 1 && x == ascii_lower(b.p[k - 2]) && ascii_lower(a.p[i - 2]) == y &&
			    before[k - 2] + 1 < d)
				d = before[k - 2] + 1;
			row[k] = d;
		}
		before = above;
		above = row;
		row = free_row;
	}
	return above[b.n];
}

struct near near_to(struct slice word)
{
	return (struct near){ .word = word };
}

void near_try(struct near *n, const char *name)
{
	struct slice known = slice_str(name);
	unsigned d;

	if (name == NULL || n->word.n == 0 || n->word.n > NEAR_WORD_MAX || known.n > NEAR_WORD_MAX)
		return;
	d = edit_distance(n->word, known);
	/* A third of the word may be wrong; more is another word, but for one that was cut short. */
	if (n->word.n >= NEAR_PREFIX && slice_starts_nocase(known, n->word))
		d = 1;
	if (d > (known.n + 2) / 3 || d >= known.n)
		return;
	if (n->best == NULL || d < n->distance) {
		n->best = name;
		n->distance = d;
	}
}
