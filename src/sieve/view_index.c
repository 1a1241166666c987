#include "sieve/view_index.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sieve/gather.h"

enum { NOTHING = UINT32_MAX };

struct view_index {
	uint32_t *first; /* of each bucket; owned */
	uint32_t *next;	 /* of each field, in its bucket and in their order; owned */
	size_t buckets;	 /* a power of two; 0: it is not made */
	struct gathered *gathered; /* owned */
};

struct view_index *view_index_new(void)
{
	return mem_alloc(sizeof(struct view_index));
}

void view_index_forget(struct view_index *x)
{
	free(x->first);
	free(x->next);
	gather_free(&x->gathered);
	*x = (struct view_index){ NULL, NULL, 0, NULL };
}

void view_index_free(struct view_index **x)
{
	if (*x == NULL)
		return;
	view_index_forget(*x);
	free(*x);
	*x = NULL;
}

/* FNV-1a, begun where no sender knows: names that meet in one bucket can't be made up. */
static size_t bucket_of(const struct view_index *x, struct slice name)
{
	uint64_t hash = 14695981039346656037U ^ (uintptr_t)x->next;

	for (size_t i = 0; i < name.n; i++)
		hash = (hash ^ (unsigned char)ascii_lower(name.p[i])) * 1099511628211U;
	return (size_t)(hash ^ hash >> 32) & (x->buckets - 1);
}

static void make(struct view_index *x, const struct view_header *h)
{
	size_t buckets = 16;

	while (buckets < h->n)
		buckets *= 2;
	x->first = mem_array(buckets, sizeof *x->first);
	x->next = mem_array(h->n + 1, sizeof *x->next);
	x->buckets = buckets;
	for (size_t b = 0; b < buckets; b++)
		x->first[b] = NOTHING;
	for (size_t i = h->n; i-- > 0;) {
		size_t b = bucket_of(x, h->fields[i].name);

		x->next[i] = x->first[b];
		x->first[b] = (uint32_t)i;
	}
}

size_t view_index_find(struct view_index *x, const struct view_header *h, struct slice name, size_t at, size_t *looked)
{
	uint32_t i;

	*looked = 1;
	if (x->buckets == 0) {
		make(x, h);
		*looked += h->n;
	}
	/* Behind one of the name is where the walk goes on. */
	if (at > 0 && at <= h->n && slice_eq_nocase(h->fields[at - 1].name, name))
		i = x->next[at - 1];
	else
		i = x->first[bucket_of(x, name)];
	for (; i != NOTHING; i = x->next[i]) {
		++*looked;
		if (i >= at && slice_eq_nocase(h->fields[i].name, name))
			return i;
	}
	return h->n;
}

struct gathered **view_index_gathered(struct view_index *x)
{
	return &x->gathered;
}
