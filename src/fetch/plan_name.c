/* The listing of a POP3 mailbox held against the memory, name by name. */
#include <stdlib.h>
#include <string.h>

#include "fetch/run_impl.h"

enum { LOOK_AHEAD = 16 };

static bool fits(const struct visit *v, const struct item *item, const struct row *row)
{
	return item->size == row->size && strcmp(listing_name(&v->list, item), rows_name(&v->rows, row)) == 0;
}

/* The same name and another size: the server has rewritten its header, or the name means another message now, as where
 * messages are just numbered. So it may where the removal was asked for: once a message is gone its name may come again
 * (RFC 1939, 7). If the head is remembered, it tells. SURE: all that is there was seen to already. */
static void join(struct visit *v, size_t item, size_t row, bool sure)
{
	const struct row *r = &v->rows.all[row];

	if ((v->list.all[item].size != r->size || (r->removal && !sure)) && head_is_known(r->head)) {
		v->list.all[item].suspect = (uint32_t)row;
		return;
	}
	v->list.all[item].row = (uint32_t)row;
	v->rows.all[row].item = (uint32_t)item;
}

/* Memory and listing are in the same order, mostly: the oldest first. One walk joins what is where it is looked for, so
 * that little is left to be sorted. */
static void pair_in_order(struct visit *v)
{
	size_t j = 0;

	for (size_t i = 0; i < v->list.n; i++) {
		if (v->list.all[i].name == 0)
			continue;
		for (size_t k = j; k < v->rows.n && k < j + LOOK_AHEAD; k++) {
			if (v->rows.all[k].removal || !fits(v, &v->list.all[i], &v->rows.all[k]))
				continue;
			join(v, i, k, false);
			j = k + 1;
			break;
		}
	}
}

static struct pair_end *free_items(const struct visit *v, bool exact, size_t *n)
{
	struct pair_end *ends = malloc((v->list.n + 1) * sizeof *ends);

	*n = 0;
	for (size_t i = 0; ends != NULL && i < v->list.n; i++) {
		const struct item *item = &v->list.all[i];

		if (item->row == PAIR_NONE && item->name != 0 && (!exact || item->need != ITEM_UNKNOWN))
			ends[(*n)++] = (struct pair_end){ slice_str(listing_name(&v->list, item)), item->size,
							  (uint32_t)i, exact, PAIR_NONE };
	}
	return ends;
}

/* Of several with one name those come last that may be gone: they have a higher index. */
static struct pair_end *free_rows(const struct visit *v, const bool *later, size_t *n)
{
	struct pair_end *ends = malloc((v->rows.n + 1) * sizeof *ends);

	*n = 0;
	for (size_t i = 0; ends != NULL && i < v->rows.n; i++) {
		const struct row *row = &v->rows.all[i];
		const bool last = later == NULL ? row->removal : later[i];
		const size_t index = last ? v->rows.n + i : i;

		if (row->item == PAIR_NONE && row->name != 0 && !row->old)
			ends[(*n)++] = (struct pair_end){ slice_str(rows_name(&v->rows, row)), row->size,
							  (uint32_t)index, later != NULL, PAIR_NONE };
	}
	return ends;
}

int plan_pair_names(struct visit *v, const bool *later)
{
	struct pair_end *items, *rows;
	size_t nitems, nrows;

	if (later == NULL)
		pair_in_order(v);
	items = free_items(v, later != NULL, &nitems);
	rows = free_rows(v, later, &nrows);
	if (items == NULL || rows == NULL) {
		free(items);
		free(rows);
		return run_stop(v->run, RUN_REFUSED,
				"there is no memory to hold the listing against what is remembered");
	}
	pair_up(items, nitems, rows, nrows);
	for (size_t i = 0; i < nitems; i++)
		if (items[i].with != PAIR_NONE)
			join(v, items[i].index, items[i].with % v->rows.n, later != NULL);
	free(items);
	free(rows);
	return 0;
}
