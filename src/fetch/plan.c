/* What a folder holds, what of it is remembered, and so what is to be done. */
#include <stdlib.h>
#include <string.h>

#include "base/step.h"
#include "fetch/run_impl.h"

static int too_large(struct visit *v)
{
	return run_stop(v->run, RUN_REFUSED,
			"%s%sthe listing is too large: more than %llu messages, or their names are too long",
			v->folder->name, *v->folder->name == '\0' ? "" : ": ",
			(unsigned long long)(v->list.refused == 0 ? SOURCE_ITEMS_MAX : v->list.refused - 1));
}

static int add_item(void *arg, const struct source_item *item)
{
	struct visit *v = arg;

	return listing_add(&v->list, item);
}

static int list(struct visit *v, uint32_t from, bool *complete)
{
	struct err e = { 0 };

	if (v->run->setup->driver->list(v->run->session, from, add_item, v, complete, &e) != 0)
		return v->list.refused != 0 ? too_large(v) : run_source_failed(v->run, &e);
	if (v->list.refused != 0)
		return too_large(v);
	listing_order(&v->list);
	step("fetch: a folder is listed");
	return 0;
}

/* ---- the memory ---- */
struct reading {
	struct visit *v;
	bool old;
};

static int add_row(void *arg, const struct spool_origin *o)
{
	struct reading *r = arg;
	struct row *row = rows_add(&r->v->rows, o);

	if (row == NULL)
		return -1;
	row->old = r->old;
	return 0;
}

static int rows_failed(struct visit *v)
{
	return run_stop(v->run, RUN_REFUSED, "%s: there is no memory for what is remembered of it", v->folder->name);
}

int plan_rows(struct visit *v, int64_t folder, uint32_t from, bool old)
{
	struct reading r = { v, old };
	struct err e = { 0 };

	if (spool_source_origins(v->run->setup->memory, folder, from, add_row, &r, &e) != 0)
		return run_memory_failed(v->run, &e);
	return v->rows.failed ? rows_failed(v) : 0;
}

/* It was left for its size or age. With the size it is known at once whether it would be today; with the age, once the
 * date is known again, or there is no limit any more. */
bool plan_limits_changed(const struct run *r, const struct row *row)
{
	char reason[200];

	if (row->fate != ORIGIN_SKIPPED)
		return false;
	return row->larger ? !skip_by_size(r, row->size, reason) : row->older && r->source.skip.older == 0;
}

bool plan_retry_due(const struct run *r, const struct row *row)
{
	const unsigned more = row->tries <= RETRY_QUICK ? 0 : row->tries - RETRY_QUICK - 1;
	int64_t wait = more >= 8 ? RETRY_MAX_MS : (int64_t)RETRY_MS << more;

	/* A line that breaks is not the message's fault: the next runs ask for it again. */
	if (row->tries <= RETRY_QUICK)
		wait = 0;
	else if (wait > RETRY_MAX_MS)
		wait = RETRY_MAX_MS;
	/* What this very run has tried again is not due, or its sessions would be spent on that alone; a time far ahead is
	 * from before the clock was put back. */
	return row->fate == ORIGIN_REFUSED && ((row->tried_ms < r->now_ms && r->now_ms - row->tried_ms >= wait) ||
					       row->tried_ms - r->now_ms > RETRY_MAX_MS);
}

static int add_missed(void *arg, const struct spool_origin *o)
{
	struct visit *v = arg;
	struct row *row;

	/* Those of this folder were read with the rest, if all of it was looked at. */
	if (o->folder == v->gen->f.number && (v->asked_present || v->from <= 1))
		return 0;
	for (size_t i = 0; i < v->run->ngens; i++) {
		const struct generation *g = &v->run->gens[i];

		if (g->f.number != o->folder || g == v->gen)
			continue;
		/* One of its former generations, or of another mailbox. */
		if (strcmp(g->name, v->folder->name) == 0 || !generation_is_ours(v->run, g))
			return 0;
	}
	row = rows_add(&v->rows, o);
	if (row == NULL)
		return -1;
	row->old = row->foreign = true;
	return 0;
}

int plan_missed(struct visit *v)
{
	const struct origin_want want = { .fates = 1U << ORIGIN_TAKEN | 1U << ORIGIN_OWN | 1U << ORIGIN_KNOWN,
					  .settled = 1U << ORIGIN_WAITS | 1U << ORIGIN_DELIVERED | 1U << ORIGIN_STUCK,
					  .before_ms = INT64_MAX,
					  .handled = true,
					  .absent = true };
	struct err e = { 0 };

	if (spool_source_pending(v->run->setup->memory, &want, add_missed, v, &e) != 0)
		return run_memory_failed(v->run, &e);
	return v->rows.failed ? rows_failed(v) : 0;
}

/* ---- which UIDs are there ---- */
static int add_uid(void *arg, const struct source_item *item)
{
	struct visit *v = arg;

	if (v->npresent == v->cappresent) {
		const size_t cap = v->cappresent == 0 ? 64 : v->cappresent * 2;
		uint32_t *more = v->npresent >= SOURCE_ITEMS_MAX ? NULL : realloc(v->present, cap * sizeof *more);

		if (more == NULL) {
			v->list.refused = v->npresent + 1;
			return -1;
		}
		v->present = more;
		v->cappresent = cap;
	}
	v->present[v->npresent++] = item->number;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void order_present(struct visit *v)
{
	for (size_t i = 1; i < v->npresent; i++)
		if (v->present[i - 1] > v->present[i]) {
			qsort(v->present, v->npresent, sizeof *v->present, by_value);
			return;
		}
}

int plan_present(struct visit *v)
{
	struct err e = { 0 };
	bool complete = false;

	v->npresent = 0;
	if (v->run->setup->driver->present(v->run->session, add_uid, v, &complete, &e) != 0)
		return v->list.refused != 0 ? too_large(v) : run_source_failed(v->run, &e);
	if (v->list.refused != 0)
		return too_large(v);
	order_present(v);
	v->asked_present = true;
	v->complete = complete;
	return 0;
}

bool visit_has_uid(const struct visit *v, uint32_t uid)
{
	return v->npresent > 0 && bsearch(&uid, v->present, v->npresent, sizeof uid, by_value) != NULL;
}

/* ---- POP3 ---- */

/* Other programs remember names without sizes. */
static int learn_sizes(struct visit *v)
{
	for (size_t i = 0; i < v->rows.n; i++) {
		struct row *row = &v->rows.all[i];
		struct spool_origin o;

		if (row->item == PAIR_NONE || row->size != 0 || row->fate != ORIGIN_KNOWN)
			continue;
		o = visit_origin(v, &v->list.all[row->item], ORIGIN_KNOWN);
		row->size = o.size;
		if (run_change(v->run, ORIGIN_RENAME, &o) != 0)
			return -1;
	}
	return 0;
}

static int plan_names(struct visit *v)
{
	if (list(v, 1, &v->complete) != 0 || plan_rows(v, v->gen->f.number, 0, false) != 0 ||
	    plan_pair_names(v, NULL) != 0)
		return -1;
	return learn_sizes(v);
}

/* ---- IMAP ---- */
static void pair_uids(struct visit *v)
{
	for (size_t i = 0; i < v->rows.n; i++) {
		struct row *row = &v->rows.all[i];
		struct item *item = row->old ? NULL : listing_find(&v->list, row->uid);

		if (item == NULL || item->row != PAIR_NONE)
			continue;
		/* In a folder that went back in time another message may have the UID: heads tell. */
		if (v->mass && (head_is_known(row->head) || (row->size != 0 && item->size != row->size)))
			continue;
		item->row = (uint32_t)i;
		row->item = (uint32_t)(item - v->list.all);
	}
}

/* Rows of the folder below FROM, as far as they have something to do. */
struct below {
	struct visit *v;
	uint32_t from;
	size_t at;	  /* in present: all before it are remembered or unknown */
	uint32_t unknown; /* the lowest UID that is there and has to be listed: not remembered, or to be taken now; 0:
			     none */
};

static void note_unknown(struct below *b, uint32_t uid)
{
	const struct visit *v = b->v;

	for (; b->at < v->npresent && v->present[b->at] < uid; b->at++)
		if (b->unknown == 0 && v->present[b->at] < b->from)
			b->unknown = v->present[b->at];
}

static int look_below(void *arg, const struct spool_origin *o)
{
	struct below *b = arg;
	const struct visit *v = b->v;
	bool there;

	if (o->uid >= b->from)
		return 1; /* the others were read */
	note_unknown(b, o->uid);
	there = b->at < v->npresent && v->present[b->at] == o->uid;
	if (there)
		b->at++;
	if (!there || o->absent > 0)
		return rows_add(&b->v->rows, o) == NULL ? -1 : 0;
	return 0;
}

static uint32_t lowest_retry(const struct visit *v)
{
	uint32_t lowest = 0;

	for (size_t i = 0; i < v->run->retry.n; i++) {
		const struct row *row = &v->run->retry.all[i];

		if (row->folder == v->gen->f.number && (lowest == 0 || row->uid < lowest))
			lowest = row->uid;
	}
	return lowest;
}

/* Some of what is below has to be listed after all, from LOWEST on. */
static int list_below(struct visit *v, uint32_t lowest)
{
	bool complete = false;

	listing_free(&v->list); /* what was in it comes again */
	listing_init(&v->list);
	if (list(v, lowest, &complete) != 0)
		return -1;
	v->sure = v->sure && complete;
	return 0;
}

/* Is it time to look at all that is there? */
static bool wants_present(const struct visit *v, uint32_t from)
{
	const struct origin_folder *f = &v->gen->f;
	uint64_t expected = f->exists;

	for (size_t i = 0; i < v->list.n; i++)
		expected +=
		    v->list.all[i].number >= from && (v->now.uidnext == 0 || v->list.all[i].number < v->now.uidnext);
	if (originals_due(v->run, f->number))
		return true;
	/* Servers have shown part of a folder and said that it was all: what they hid then must be found some day. */
	return v->run->now_ms - f->listed_ms > (v->same ? ABSENT_MS : RUN_DAY_MS) ||
	       (!v->same && expected != v->now.exists);
}

/* Below FROM all is remembered, or so it was. Is all of it still there, is there more, is some of it to be tried again?
 */
static int look_at_all(struct visit *v, uint32_t from)
{
	struct below b = { .v = v, .from = from };
	struct err e = { 0 };
	uint32_t retry = lowest_retry(v), lowest;
	const bool all = wants_present(v, from);

	if (all) {
		if (plan_present(v) != 0)
			return -1;
		if (spool_source_origins(v->run->setup->memory, v->gen->f.number, 0, look_below, &b, &e) != 0)
			return run_memory_failed(v->run, &e);
		if (v->rows.failed)
			return rows_failed(v);
		note_unknown(&b, from);
	}
	lowest = b.unknown == 0 || (retry != 0 && retry < b.unknown) ? retry : b.unknown;
	if (lowest == 0 || lowest >= from)
		return 0;
	if (list_below(v, lowest) != 0)
		return -1;
	/* All rows from there on are needed to know what is new. */
	rows_free(&v->rows);
	rows_init(&v->rows);
	return plan_rows(v, v->gen->f.number, all ? 0 : lowest, false);
}

static int plan_uids(struct visit *v)
{
	const uint32_t uidnext = v->gen->f.uidnext;
	uint32_t from = v->fresh || uidnext == 0 ? 1 : uidnext;
	bool complete = false;

	if (!v->fresh && v->now.uidnext != 0 && v->now.uidnext < uidnext) {
		from = 1; /* it was put back from a backup, perhaps: a UID may mean another message now */
		v->mass = true;
	}
	v->from = from;
	if ((!v->same || from == 1) && list(v, from, &complete) != 0)
		return -1;
	v->listed = !v->same || from == 1;
	v->sure = complete;
	if (v->list.n > 0 && v->list.all[0].number < from) {
		/* "from:*" has the last message in any case (RFC 3501, 6.4.8). */
		size_t k = 0;

		while (k < v->list.n && v->list.all[k].number < from)
			k++;
		memmove(v->list.all, v->list.all + k, (v->list.n - k) * sizeof *v->list.all);
		v->list.n -= k;
	}
	if ((!v->same || from == 1) && v->gen->f.number != 0 &&
	    plan_rows(v, v->gen->f.number, from == 1 ? 0 : from, false) != 0)
		return -1;
	if (from == 1)
		v->complete = complete;
	else if (look_at_all(v, from) != 0)
		return -1;
	pair_uids(v);
	return 0;
}

/* ---- what is to be done ---- */

enum item_need plan_need(const struct visit *v, const struct item *item, const struct row *row)
{
	char reason[200];
	bool skip;

	if (row != NULL && row->fate != ORIGIN_REFUSED && row->fate != ORIGIN_SKIPPED)
		return ITEM_KNOWN;
	if (row != NULL && row->fate == ORIGIN_REFUSED && !plan_retry_due(v->run, row))
		return ITEM_KNOWN;
	skip = skip_by_size(v->run, item->size, reason) || skip_by_age(v->run, item->internal_ms, reason);
	if (row != NULL && row->fate == ORIGIN_SKIPPED && (skip || !plan_limits_changed(v->run, row)))
		return ITEM_KNOWN;
	return skip ? ITEM_SKIP : ITEM_TAKE;
}

int visit_plan(struct visit *v)
{
	if ((v->run->by_uid ? plan_uids(v) : plan_names(v)) != 0)
		return -1;
	for (size_t i = 0; i < v->list.n; i++) {
		struct item *item = &v->list.all[i];

		item->need = plan_need(v, item, item->row == PAIR_NONE ? NULL : &v->rows.all[item->row]);
	}
	return 0;
}
