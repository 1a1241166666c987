/* What happens to the originals, after the spool's commit only. What it may be is asked of the memory, not of this run:
 * a row that says "taken" is the one proof that the spool has the message. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "fetch/run_impl.h"

#define BIT(n) (1U << (n))

enum verb { VERB_MARK, VERB_MOVE, VERB_REMOVE };

static bool has_verb(const struct run *r, enum verb verb)
{
	const struct source_driver *d = r->setup->driver;

	if (r->setup->mode != RUN_FETCH)
		return false;
	if (verb == VERB_REMOVE)
		return r->source.delete != CONFIG_DELETE_NEVER;
	if (verb == VERB_MOVE)
		return r->source.move_to != NULL && d->move != NULL && r->source.delete == CONFIG_DELETE_NEVER;
	return r->source.mark_seen && d->mark != NULL;
}

static struct origin_want want_of(const struct run *r, enum verb verb)
{
	struct origin_want want = { .fates = BIT(ORIGIN_TAKEN),
				    .settled = BIT(ORIGIN_WAITS) | BIT(ORIGIN_DELIVERED),
				    .before_ms = INT64_MAX };

	if (verb == VERB_MARK)
		want.settled |= BIT(ORIGIN_STUCK);
	if (verb == VERB_REMOVE) {
		want.handled = true;
		if (r->source.delete == CONFIG_DELETE_DELIVERED)
			want.settled = BIT(ORIGIN_DELIVERED);
		else if (r->source.delete_after > 0) {
			want.before_ms = r->now_ms - r->source.delete_after;
			want.fates |= BIT(ORIGIN_KNOWN); /* another program had taken it, so long ago */
		}
	}
	return want;
}

bool originals_at_once(const struct run *r)
{
	return has_verb(r, VERB_MARK) || has_verb(r, VERB_MOVE) ||
	       (has_verb(r, VERB_REMOVE) && r->source.delete == CONFIG_DELETE_ACCEPTED && r->source.delete_after == 0);
}

struct reading {
	struct rows *rows;
	int64_t folder;	 /* 0: all */
	bool not_marked; /* leave those that a server could only mark \Deleted */
};

static int add(void *arg, const struct spool_origin *o)
{
	struct reading *r = arg;

	if ((r->folder != 0 && o->folder != r->folder) || (r->not_marked && o->removal && o->handled))
		return 0;
	return rows_add(r->rows, o) == NULL ? -1 : 0;
}

static int read_due(struct run *r, enum verb verb, int64_t folder, struct rows *rows)
{
	const struct origin_want want = want_of(r, verb);
	struct reading reading = { rows, folder, verb == VERB_REMOVE && !has_verb(r, VERB_MARK) };
	struct err e = { 0 };

	if (spool_source_pending(r->setup->memory, &want, add, &reading, &e) != 0)
		return run_memory_failed(r, &e);
	return rows->failed ? run_stop(r, RUN_REFUSED, "there is no memory for the originals that are due") : 0;
}

static int add_retry(void *arg, const struct spool_origin *o)
{
	struct run *r = arg;
	struct row *row = rows_add(&r->retry, o);

	if (row == NULL)
		return -1;
	if (!plan_retry_due(r, row) && !plan_limits_changed(r, row))
		r->retry.n--;
	return 0;
}

int originals_load(struct run *r)
{
	const struct origin_want left = { .fates = BIT(ORIGIN_REFUSED) | BIT(ORIGIN_SKIPPED),
					  .settled = BIT(ORIGIN_WAITS) | BIT(ORIGIN_DELIVERED) | BIT(ORIGIN_STUCK),
					  .before_ms = INT64_MAX,
					  .handled = true };
	struct err e = { 0 };

	if (r->by_uid && spool_source_pending(r->setup->memory, &left, add_retry, r, &e) != 0)
		return run_memory_failed(r, &e);
	for (enum verb verb = VERB_MARK; verb <= VERB_REMOVE; verb++)
		if (has_verb(r, verb) && read_due(r, verb, 0, &r->due) != 0)
			return -1;
	return 0;
}

bool originals_due(const struct run *r, int64_t folder)
{
	for (size_t i = 0; i < r->due.n; i++)
		if (r->due.all[i].folder == folder)
			return true;
	return false;
}

/* ---- which of them are in this session's listing ---- */
static int by_row(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Items that no row stands for, by name: another one of that name may be what was taken. */
static bool has_stranger(const struct visit *v, struct slice *strangers, size_t n, const char *name)
{
	size_t low = 0, high = n;

	(void)v;
	while (low < high) {
		const size_t at = low + (high - low) / 2;
		const int r = slice_cmp(strangers[at], slice_str(name));

		if (r == 0)
			return true;
		if (r < 0)
			low = at + 1;
		else
			high = at;
	}
	return false;
}

static int by_slice(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* POP3: by name and equal size, in numbers of this listing. Of several that share a name those that are not due are
 * taken to be there first, so that none of theirs goes. */
static int find_by_name(struct visit *v, const struct rows *due, struct source_item *items, int64_t *numbers, size_t *n)
{
	int64_t *wanted = mem_array(due->n + 1, sizeof *wanted);
	struct slice *strangers = mem_array(v->list.n + 1, sizeof *strangers);
	size_t nstrangers = 0;
	bool *later;
	int r;

	for (size_t i = 0; i < due->n; i++)
		wanted[i] = due->all[i].number;
	qsort(wanted, due->n, sizeof *wanted, by_row);
	rows_free(&v->rows);
	rows_init(&v->rows);
	for (size_t i = 0; i < v->list.n; i++)
		v->list.all[i].row = PAIR_NONE;
	r = plan_rows(v, v->gen->f.number, 0, false);
	later = mem_array(v->rows.n + 1, sizeof *later);
	for (size_t i = 0; i < v->rows.n; i++)
		later[i] = bsearch(&v->rows.all[i].number, wanted, due->n, sizeof *wanted, by_row) != NULL;
	if (r == 0)
		r = plan_pair_names(v, later);
	for (size_t i = 0; i < v->list.n; i++)
		if (v->list.all[i].row == PAIR_NONE)
			strangers[nstrangers++] = slice_str(listing_name(&v->list, &v->list.all[i]));
	qsort(strangers, nstrangers, sizeof *strangers, by_slice);
	for (size_t i = 0; i < v->list.n && r == 0; i++) {
		const struct item *item = &v->list.all[i];

		if (item->row == PAIR_NONE || !later[item->row] ||
		    has_stranger(v, strangers, nstrangers, listing_name(&v->list, item)))
			continue;
		numbers[*n] = v->rows.all[item->row].number;
		items[(*n)++] = listing_item(&v->list, item);
	}
	free(later);
	free(strangers);
	free(wanted);
	return r;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Sizes of messages of which nothing else is known: one of them may be a twin of what is to be removed. From mem_alloc.
 */
static uint64_t *unknown_sizes(const struct visit *v, size_t *n)
{
	uint64_t *sizes = mem_array(v->list.n + 1, sizeof *sizes);

	*n = 0;
	for (size_t i = 0; i < v->list.n; i++)
		if (v->list.all[i].need == ITEM_UNKNOWN)
			sizes[(*n)++] = v->list.all[i].size;
	qsort(sizes, *n, sizeof *sizes, by_size);
	return sizes;
}

static int row_by_number(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* POP3 without names: those that this run has joined with rows by their heads. What it took itself comes next time. */
static size_t find_by_head(const struct visit *v, struct rows *due, struct source_item *items, int64_t *numbers)
{
	size_t n = 0, k = 0, nunknown;
	uint64_t *unknown = unknown_sizes(v, &nunknown);

	/* Those of the folder come by ascending number. */
	qsort(due->all, due->n, sizeof *due->all, row_by_number);
	for (size_t i = 0; i < v->rows.n && n < due->n; i++) {
		const struct row *row = &v->rows.all[i];
		struct head head = { .named = true };

		while (k < due->n && due->all[k].number < row->number)
			k++;
		if (k == due->n || due->all[k].number != row->number || row->item == PAIR_NONE)
			continue;
		/* Of two that are the same, which one is left can't be known. */
		memcpy(head.hash, row->head, sizeof head.hash);
		if (v->list.all[row->item].size != row->size || match_is_lost(v, &head) ||
		    bsearch(&row->size, unknown, nunknown, sizeof *unknown, by_size) != NULL)
			continue;
		numbers[n] = row->number;
		items[n++] = listing_item(&v->list, &v->list.all[row->item]);
	}
	free(unknown);
	return n;
}

static int find_by_uid(struct visit *v, const struct rows *due, struct source_item *items, int64_t *numbers, size_t *n)
{
	bool all = true;

	for (size_t i = 0; i < due->n && all; i++)
		all = listing_find(&v->list, due->all[i].uid) != NULL;
	if (!all && !v->asked_present && plan_present(v) != 0)
		return -1;
	for (size_t i = 0; i < due->n; i++) {
		const uint32_t uid = due->all[i].uid;

		if (listing_find(&v->list, uid) == NULL && !visit_has_uid(v, uid))
			continue;
		numbers[*n] = due->all[i].number;
		items[(*n)++] =
		    (struct source_item){ .number = uid, .name = "", .flags = "", .size = due->all[i].size };
	}
	return 0;
}

/* ---- what is done with them ---- */
static int change_all(struct run *r, enum origin_act act, const int64_t *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (run_change_row(r, act, numbers[i]) != 0)
			return -1;
	return run_flush(r);
}

static int act(struct visit *v, enum verb verb, const struct source_item *items, const int64_t *numbers, size_t n)
{
	const struct source_driver *d = v->run->setup->driver;
	struct run_progress *p = &v->run->result->done;
	struct run *r = v->run;
	struct err e = { 0 };
	struct buf refused;
	bool marked = false, well;
	int done;

	buf_init(&refused, 400);
	step("fetch: before originals are seen to");
	/* Asked for first, and noted first: what is noted and not done is seen in the next listing. */
	if (verb != VERB_MARK && change_all(r, ORIGIN_REMOVAL, numbers, n) != 0)
		return -1;
	if (verb == VERB_REMOVE)
		done = d->remove(r->session, items, n, &marked, &refused, &e);
	else if (verb == VERB_MOVE)
		done = d->move(r->session, items, n, r->source.move_to, &marked, &refused, &e);
	else
		done = d->mark(r->session, items, n, &refused, &e);
	step("fetch: originals are seen to");
	well = refused.n == 0 && !refused.failed;
	if (done == 0 && !well)
		run_trouble(r, RUN_OK, "the server does not %s some originals: %s",
			    verb == VERB_REMOVE ? "remove"
			    : verb == VERB_MOVE ? "move"
						: "mark",
			    buf_str(&refused));
	buf_free(&refused);
	if (done != 0)
		return run_source_failed(r, &e);
	*(verb == VERB_REMOVE ? &p->removed : verb == VERB_MOVE ? &p->moved : &p->marked) += well ? n : 0;
	r->removed = r->removed || verb == VERB_REMOVE;
	run_progress(r);
	if (well && (verb != VERB_REMOVE || marked) && change_all(r, ORIGIN_HANDLED, numbers, n) != 0)
		return -1;
	return 0;
}

static int see_to(struct visit *v, enum verb verb)
{
	struct rows due;
	struct source_item *items;
	int64_t *numbers;
	size_t n = 0;
	int r;

	rows_init(&due);
	r = read_due(v->run, verb, v->gen->f.number, &due);
	items = mem_array(v->list.n + due.n + 1, sizeof *items);
	numbers = mem_array(v->list.n + due.n + 1, sizeof *numbers);
	if (r == 0 && due.n > 0) {
		if (v->run->by_uid)
			r = find_by_uid(v, &due, items, numbers, &n);
		else if (v->nameless)
			n = find_by_head(v, &due, items, numbers);
		else
			r = find_by_name(v, &due, items, numbers, &n);
	}
	for (size_t at = 0; at < n && r == 0; at += ORIGIN_BATCH_MAX)
		r = act(v, verb, items + at, numbers + at, n - at < ORIGIN_BATCH_MAX ? n - at : ORIGIN_BATCH_MAX);
	free(items);
	free(numbers);
	rows_free(&due);
	return r;
}

int visit_originals(struct visit *v)
{
	if (!originals_due(v->run, v->gen->f.number) && !(v->taken > 0 && originals_at_once(v->run)))
		return 0;
	for (enum verb verb = VERB_MARK; verb <= VERB_REMOVE; verb++)
		if (has_verb(v->run, verb) && see_to(v, verb) != 0)
			return -1;
	return 0;
}
