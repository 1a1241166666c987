/* Remembered messages whose names are gone, found again by their heads: after a change of UIDVALIDITY or of all UIDLs,
 * on servers that have no names, and when somebody has moved a message out and back. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fetch/run_impl.h"

struct lost {
	unsigned char hash[ORIGIN_HEAD_SIZE];
	uint64_t size;
	uint32_t row;
	bool weak, leaves; /* it was to be removed */
	uint32_t used;	   /* of the first of a hash and size: how many of those at its front have been found */
};

enum { TRIES = 64 };

/* Names are no help here, so that equal size and header have to do even where no Message-ID is. */
static bool is_loose(const struct visit *v, const struct item *item)
{
	return (v->flip && v->fresh) || v->mass || (!v->run->by_uid && item->name == 0);
}

static int by_hash(const void *a, const void *b)
{
	const struct lost *x = a, *y = b;
	int r = memcmp(x->hash, y->hash, sizeof x->hash);

	if (r != 0)
		return r;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	if (x->weak != y->weak)
		return x->weak ? 1 : -1;
	if (x->leaves != y->leaves)
		return x->leaves ? 1 : -1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* It was gone before, or was to go: one that is like it, but has no Message-ID, may as well be another one. */
static bool is_weak(const struct visit *v, const struct row *row)
{
	return row->absent > 0 || (row->removal && (v->run->by_uid || row->name != 0));
}

static bool may_be_found(const struct visit *v, const struct row *row)
{
	if (row->item != PAIR_NONE || row->gone || !head_is_known(row->head))
		return false;
	if (row->other)
		return (v->moved || !v->judged) && row->fate != ORIGIN_SKIPPED && row->fate != ORIGIN_REFUSED;
	if (row->old)
		return true;
	if (v->run->by_uid)
		return (!row->removal || v->mass) && visit_misses(v, row);
	/* Where names are missing or have changed, only the head tells what is remembered, however incomplete the
	 * listing is: it would come again, in each run. What was to be removed, and is not there, is removed; but where
	 * names change that is not known. */
	return (v->complete || v->nameless || v->mass) && (!row->removal || v->mass || row->name == 0);
}

void match_lost(struct visit *v)
{
	free(v->lost);
	v->lost = NULL;
	v->nlost = 0;
	for (size_t i = 0; i < v->rows.n; i++)
		v->nlost += may_be_found(v, &v->rows.all[i]);
	if (v->nlost == 0)
		return;
	v->lost = mem_array(v->nlost, sizeof *v->lost);
	v->nlost = 0;
	for (size_t i = 0; i < v->rows.n; i++) {
		const struct row *row = &v->rows.all[i];
		struct lost *l = &v->lost[v->nlost];

		if (!may_be_found(v, row))
			continue;
		memcpy(l->hash, row->head, sizeof l->hash);
		l->size = row->size;
		l->row = (uint32_t)i;
		l->weak = is_weak(v, row);
		l->leaves = row->removal;
		v->nlost++;
	}
	qsort(v->lost, v->nlost, sizeof *v->lost, by_hash);
}

/* ITEM is what ROW remembers. */
static int found(struct visit *v, struct item *item, struct row *row)
{
	struct spool_origin o;

	if (row->other)
		return former_known(v, item, row);
	item->row = (uint32_t)(row - v->rows.all);
	item->need = (uint8_t)plan_need(v, item, row);
	o = visit_origin(v, item, (enum origin_fate)row->fate);
	row->item = (uint32_t)(item - v->list.all);
	if (!v->run->by_uid && row->removal) {
		/* So it was not removed; and it need not be looked at again each time if it is to stay now. */
		row->removal = false;
		if (run_change_row(v->run, ORIGIN_PRESENT, row->number) != 0)
			return -1;
	}
	if (!row->old && row->uid == o.uid && row->size == o.size && strcmp(rows_name(&v->rows, row), o.name) == 0)
		return 0;
	row->old = false;
	row->absent = 0;
	row->folder = o.folder;
	row->uid = o.uid;
	row->size = o.size;
	v->run->result->done.known++;
	return run_change(v->run, ORIGIN_RENAME, &o);
}

/* Items whose heads were read and that are not known yet. */
static size_t heads_to_match(const struct visit *v, bool named_only, struct pair_end *out)
{
	size_t n = 0;

	for (size_t i = 0; i < v->list.n; i++) {
		const struct item *item = &v->list.all[i];
		const struct head *head = item->head == PAIR_NONE ? NULL : &v->heads[item->head];
		const bool loose = is_loose(v, item);

		if (head == NULL || item->row != PAIR_NONE || item->need == ITEM_DONE)
			continue;
		if (!head->named && (named_only || !loose))
			continue;
		out[n++] = (struct pair_end){ slice_of((const char *)head->hash, sizeof head->hash), item->size,
					      (uint32_t)i, !(loose && head->named), PAIR_NONE };
	}
	return n;
}

static size_t lost_to_match(const struct visit *v, bool weak, struct pair_end *out)
{
	size_t n = 0;

	for (size_t i = 0; i < v->nlost; i++) {
		const struct lost *l = &v->lost[i];
		const struct row *row = &v->rows.all[l->row];
		const size_t last = row->removal ? v->rows.n : 0; /* it may be gone */

		if (row->item == PAIR_NONE && l->weak == weak)
			out[n++] = (struct pair_end){ slice_of((const char *)l->hash, sizeof l->hash), l->size,
						      (uint32_t)(last + l->row), false, PAIR_NONE };
	}
	return n;
}

/* The row of its name, if it is the same message for all that its size is another. */
static struct row *suspect(struct visit *v, const struct item *item, const struct head *head)
{
	struct row *row = item->suspect == PAIR_NONE ? NULL : &v->rows.all[item->suspect];

	if (row == NULL || row->item != PAIR_NONE || row->gone || memcmp(row->head, head->hash, sizeof row->head) != 0)
		return NULL;
	return row;
}

static int match_suspects(struct visit *v)
{
	for (size_t i = 0; i < v->list.n; i++) {
		struct item *item = &v->list.all[i];
		struct row *row = NULL;

		if (item->head != PAIR_NONE && item->row == PAIR_NONE && item->need != ITEM_DONE)
			row = suspect(v, item, &v->heads[item->head]);
		if (row != NULL && found(v, item, row) != 0)
			return -1;
	}
	return 0;
}

static int move_away(struct visit *v, struct row *row)
{
	const struct spool_origin o = {
		.number = row->number, .folder = row->folder, .size = row->size, .name = rows_name(&v->rows, row)
	};

	row->uid = 0;
	return run_change(v->run, ORIGIN_RENAME, &o);
}

/* The folder went back in time. A row keeps its UID if that is still its message's; else it makes room for the one that
 * has the UID now, which may be new, or remembered under another. */
static int match_same_uids(struct visit *v)
{
	int r = 0;

	if (!v->run->by_uid || !v->mass)
		return 0;
	for (size_t i = 0; i < v->rows.n && r == 0; i++) {
		struct row *row = &v->rows.all[i];
		struct item *item =
		    row->old || row->uid == 0 || row->item != PAIR_NONE || row->folder != v->gen->f.number
			? NULL
			: listing_find(&v->list, row->uid);
		const struct head *head = item == NULL || item->head == PAIR_NONE ? NULL : &v->heads[item->head];

		if (item == NULL)
			continue;
		if (head != NULL && item->row == PAIR_NONE && memcmp(head->hash, row->head, sizeof row->head) == 0)
			r = found(v, item, row);
		else
			r = move_away(v, row);
	}
	return r;
}

/* Those that were there last time come first. */
int match_heads(struct visit *v)
{
	struct pair_end *items = mem_array(v->list.n + 1, sizeof *items);
	struct pair_end *rows = mem_array(v->nlost + 1, sizeof *rows);
	int r = match_suspects(v);

	if (r == 0)
		r = match_same_uids(v);
	for (int weak = 0; weak <= 1 && r == 0; weak++) {
		const size_t n = heads_to_match(v, weak == 1, items), m = lost_to_match(v, weak == 1, rows);

		pair_up(items, n, rows, m);
		for (size_t i = 0; i < n && r == 0; i++)
			if (items[i].with != PAIR_NONE)
				r = found(v, &v->list.all[items[i].index], &v->rows.all[items[i].with % v->rows.n]);
	}
	free(items);
	free(rows);
	if (r == 0)
		match_lost(v); /* those that are left */
	return r;
}

/* The first with this hash and at least this size. */
static size_t lower(const struct visit *v, const unsigned char hash[ORIGIN_HEAD_SIZE], uint64_t size)
{
	size_t low = 0, high = v->nlost;

	while (low < high) {
		const size_t at = low + (high - low) / 2;
		const int r = memcmp(v->lost[at].hash, hash, ORIGIN_HEAD_SIZE);

		if (r < 0 || (r == 0 && v->lost[at].size < size))
			low = at + 1;
		else
			high = at;
	}
	return low;
}

static bool has_hash(const struct visit *v, size_t at, const struct head *head)
{
	return at < v->nlost && memcmp(v->lost[at].hash, head->hash, sizeof head->hash) == 0;
}

struct row *match_find(struct visit *v, const struct item *item, const struct head *head)
{
	const bool loose = is_loose(v, item);
	struct row *same = item->row != PAIR_NONE ? NULL : suspect(v, item, head);
	size_t first, at;

	if (same != NULL || item->row != PAIR_NONE || v->nlost == 0 || !(loose || head->named))
		return same;
	first = lower(v, head->hash, item->size);
	if (has_hash(v, first, head) && v->lost[first].size == item->size) {
		for (at = first + v->lost[first].used; has_hash(v, at, head) && v->lost[at].size == item->size; at++) {
			struct row *row = &v->rows.all[v->lost[at].row];

			if (row->item != PAIR_NONE || row->gone)
				v->lost[first].used++;
			else if (head->named || !v->lost[at].weak)
				return row;
			else
				break;
		}
	}
	if (!loose || !head->named)
		return NULL;
	at = lower(v, head->hash, 0);
	for (size_t i = 0; i < TRIES && has_hash(v, at + i, head); i++) {
		struct row *row = &v->rows.all[v->lost[at + i].row];

		if (row->item == PAIR_NONE && !row->gone)
			return row;
	}
	return NULL;
}

int match_one(struct visit *v, struct item *item, const struct head *head)
{
	struct row *row = match_find(v, item, head);

	if (row == NULL)
		return 0;
	return found(v, item, row) == 0 ? 1 : -1;
}

bool match_is_lost(const struct visit *v, const struct head *head)
{
	const size_t first = lower(v, head->hash, 0);
	size_t i;

	for (i = 0; i < TRIES && has_hash(v, first + i, head); i++)
		if (v->rows.all[v->lost[first + i].row].item == PAIR_NONE)
			return true;
	return i == TRIES; /* too many to look at each: who knows */
}
