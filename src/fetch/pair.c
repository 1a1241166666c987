#include "fetch/pair.h"

#include <stdlib.h>

static int by_key(const void *x, const void *y)
{
	const struct pair_end *a = x, *b = y;
	int r = slice_cmp(a->key, b->key);

	if (r != 0)
		return r;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* How many ends at the front of P have one key. */
static size_t group(const struct pair_end *p, size_t n)
{
	size_t i = 1;

	while (i < n && slice_eq(p[i].key, p[0].key))
		i++;
	return i;
}

static void join(struct pair_end *a, struct pair_end *b)
{
	a->with = b->index;
	b->with = a->index;
}

static void pair_equal_sizes(struct pair_end *a, size_t na, struct pair_end *b, size_t nb)
{
	for (size_t i = 0, j = 0; i < na && j < nb;) {
		if (a[i].size < b[j].size)
			i++;
		else if (a[i].size > b[j].size)
			j++;
		else
			join(&a[i++], &b[j++]);
	}
}

static bool is_free(const struct pair_end *p)
{
	return p->with == PAIR_NONE && !p->exact;
}

static void pair_others(struct pair_end *a, size_t na, struct pair_end *b, size_t nb)
{
	for (size_t i = 0, j = 0; i < na && j < nb;) {
		if (!is_free(&a[i]))
			i++;
		else if (!is_free(&b[j]))
			j++;
		else
			join(&a[i++], &b[j++]);
	}
}

void pair_up(struct pair_end *a, size_t na, struct pair_end *b, size_t nb)
{
	size_t i = 0, j = 0;

	for (size_t k = 0; k < na; k++)
		a[k].with = PAIR_NONE;
	for (size_t k = 0; k < nb; k++)
		b[k].with = PAIR_NONE;
	if (na == 0 || nb == 0)
		return;
	qsort(a, na, sizeof *a, by_key);
	qsort(b, nb, sizeof *b, by_key);
	while (i < na && j < nb) {
		const int r = slice_cmp(a[i].key, b[j].key);

		if (r < 0) {
			i++;
		} else if (r > 0) {
			j++;
		} else {
			const size_t n = group(a + i, na - i), m = group(b + j, nb - j);

			pair_equal_sizes(a + i, n, b + j, m);
			pair_others(a + i, n, b + j, m);
			i += n;
			j += m;
		}
	}
}
