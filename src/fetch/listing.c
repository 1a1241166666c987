#include "fetch/listing.h"

#include <stdlib.h>
#include <string.h>

void listing_init(struct listing *l)
{
	*l = (struct listing){ 0 };
	buf_init(&l->text, LISTING_TEXT_MAX);
	if (buf_add(&l->text, "", 1) != 0) /* offset 0 is "" */
		abort();		   /* a small allocation failed */
}

void listing_free(struct listing *l)
{
	free(l->all);
	buf_free(&l->text);
	*l = (struct listing){ 0 };
}

static int grow(struct listing *l)
{
	const size_t cap = l->cap == 0 ? 64 : l->cap * 2;
	struct item *all;

	all = realloc(l->all, cap * sizeof *all);
	if (all == NULL)
		return -1;
	l->all = all;
	l->cap = cap;
	return 0;
}

static int put_text(struct listing *l, const char *s, uint32_t *at)
{
	*at = 0;
	if (*s == '\0')
		return 0;
	*at = (uint32_t)l->text.n;
	return buf_add(&l->text, s, strlen(s) + 1);
}

/* Most messages of a folder have one of a few sets of flags. */
static int put_flags(struct listing *l, const char *s, uint32_t *at)
{
	unsigned hash = 0;
	uint32_t *slot;

	for (const char *c = s; *c != '\0'; c++)
		hash = hash * 31 + (unsigned char)*c;
	slot = &l->flags[hash % LISTING_FLAGS];
	if (strcmp(l->text.p + *slot, s) != 0 && put_text(l, s, slot) != 0)
		return -1;
	*at = *slot;
	return 0;
}

int listing_add(struct listing *l, const struct source_item *item)
{
	struct item new = { .size = item->size,
			    .internal_ms = item->internal_ms,
			    .number = item->number,
			    .row = PAIR_NONE,
			    .suspect = PAIR_NONE,
			    .head = PAIR_NONE };

	if (l->n >= SOURCE_ITEMS_MAX || (l->n == l->cap && grow(l) != 0) ||
	    put_text(l, item->name == NULL ? "" : item->name, &new.name) != 0 ||
	    put_flags(l, item->flags == NULL ? "" : item->flags, &new.flags) != 0) {
		l->refused = l->n + 1;
		return -1;
	}
	if (l->n > 0 && l->all[l->n - 1].number >= new.number)
		l->unordered = true;
	l->all[l->n++] = new;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

void listing_order(struct listing *l)
{
	size_t n = 0;

	if (!l->unordered)
		return;
	qsort(l->all, l->n, sizeof *l->all, by_number);
	for (size_t i = 0; i < l->n; i++)
		if (n == 0 || l->all[n - 1].number != l->all[i].number)
			l->all[n++] = l->all[i];
	l->n = n;
	l->unordered = false;
}

const char *listing_name(const struct listing *l, const struct item *item)
{
	return l->text.p + item->name;
}

const char *listing_flags(const struct listing *l, const struct item *item)
{
	return l->text.p + item->flags;
}

struct source_item listing_item(const struct listing *l, const struct item *item)
{
	return (struct source_item){
		.number = item->number,
		.name = listing_name(l, item),
		.size = item->size,
		.flags = listing_flags(l, item),
		.internal_ms = item->internal_ms,
	};
}

struct item *listing_find(const struct listing *l, uint32_t number)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		const size_t at = low + (high - low) / 2;

		if (l->all[at].number < number)
			low = at + 1;
		else
			high = at;
	}
	return low < l->n && l->all[low].number == number ? &l->all[low] : NULL;
}
