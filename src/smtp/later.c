#include "smtp/later.h"

#include <stdlib.h>

#include "base/mem.h"

static void confirm_first(struct later *l, struct intake *in)
{
	intake_confirm(in, l->ring[l->first].number);
	l->first = (l->first + 1) % l->size;
	l->n--;
}

/* Twice the room, with the oldest in front. */
static void grow(struct later *l)
{
	const size_t size = l->size == 0 ? 16 : l->size * 2;
	struct later_entry *ring = mem_array(size, sizeof *ring);

	for (size_t i = 0; i < l->n; i++)
		ring[i] = l->ring[(l->first + i) % l->size];
	free(l->ring);
	l->ring = ring;
	l->size = size;
	l->first = 0;
}

void later_add(struct later *l, struct intake *in, int64_t number, int64_t now_ms)
{
	if (l->n == LATER_MAX)
		confirm_first(l, in);
	if (l->n == l->size)
		grow(l);
	l->ring[(l->first + l->n++) % l->size] = (struct later_entry){ number, now_ms + LATER_MS };
}

void later_run(struct later *l, struct intake *in, int64_t now_ms, bool all)
{
	while (l->n > 0 && (all || now_ms >= l->ring[l->first].due_ms))
		confirm_first(l, in);
	if (l->n == 0)
		later_free(l);
}

void later_free(struct later *l)
{
	free(l->ring);
	*l = (struct later){ 0 };
}
