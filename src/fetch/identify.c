/* What the names of messages do not tell, their heads do: read ahead of the bodies, in bulk. */
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "fetch/run_impl.h"
#include "msg/received.h"

struct spool_origin visit_origin(const struct visit *v, const struct item *item, enum origin_fate fate)
{
	struct spool_origin o = {
		.folder = v->gen->f.number,
		.uid = v->run->by_uid ? item->number : 0,
		.name = listing_name(&v->list, item),
		.size = item->size,
		.fate = fate,
		.settled = ORIGIN_WAITS,
		.taken_ms = v->run->now_ms,
	};

	if (item->row != PAIR_NONE)
		o.number = v->rows.all[item->row].number;
	if (item->head != PAIR_NONE)
		memcpy(o.head, v->heads[item->head].hash, sizeof o.head);
	return o;
}

/* ---- heads, as a driver gives them ---- */
struct reading {
	struct visit *v;
	const uint32_t *which;
	const struct source_item *items; /* those that were asked for, in the order of WHICH */
	size_t n;
	bool *ended; /* of each */
	struct head_gather gather;
	visit_head_fn *fn;
};

static int head_begin(void *arg, const struct source_item *item)
{
	struct reading *r = arg;

	(void)item;
	head_gather_free(&r->gather);
	head_gather_init(&r->gather);
	return 0;
}

static int head_piece(void *arg, struct slice bytes)
{
	struct reading *r = arg;

	if (head_gather_add(&r->gather, &bytes) == 0)
		return 0;
	return run_stop(r->v->run, RUN_FULL, "there is no memory for a header");
}

static int head_end(void *arg, const struct source_item *item, enum source_got got, const char *words)
{
	struct reading *r = arg;
	const bool whole = got == SOURCE_GOT_WHOLE;
	struct item *mine;
	size_t i;

	(void)words;
	if (visit_asked(r->v, item, r->items, r->n, r->ended, &i) != 0)
		return -1;
	mine = &r->v->list.all[r->which[i]];
	if (got == SOURCE_GOT_VANISHED) {
		mine->need = ITEM_DONE;
		return 0;
	}
	return r->fn(r->v, mine, whole ? buf_slice(&r->gather.block) : SLICE_NONE, whole);
}

int visit_asked(struct visit *v, const struct source_item *item, const struct source_item *items, size_t n, bool *ended,
		size_t *i)
{
	*i = n;
	if ((uintptr_t)item >= (uintptr_t)items && (uintptr_t)item < (uintptr_t)(items + n))
		*i = (size_t)(item - items);
	if (*i == n || ended[*i])
		return run_stop(v->run, RUN_BROKEN, "the server answered what was not asked");
	ended[*i] = true;
	return 0;
}

/* A server that can't show headers is as one that refuses each. */
static int without_heads(struct visit *v, const uint32_t *which, size_t n, visit_head_fn *fn)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = fn(v, &v->list.all[which[i]], SLICE_NONE, false);
	return r;
}

static int some_heads(struct reading *r, struct source_item *items)
{
	const struct source_handler h = { head_begin, head_piece, head_end, r };
	struct visit *v = r->v;
	struct err e = { 0 };
	int result = 0;

	head_gather_init(&r->gather);
	memset(r->ended, 0, r->n * sizeof *r->ended);
	for (size_t i = 0; i < r->n; i++)
		items[i] = listing_item(&v->list, &v->list.all[r->which[i]]);
	if (v->run->setup->driver->heads(v->run->session, items, r->n, &h, &e) != 0)
		result = e.class == ERR_PERM ? without_heads(v, r->which, r->n, r->fn) : run_source_failed(v->run, &e);
	head_gather_free(&r->gather);
	return v->run->stopped ? -1 : result;
}

int visit_heads(struct visit *v, const uint32_t *which, size_t n, visit_head_fn *fn)
{
	struct source_item *items = mem_array(CHUNK, sizeof *items);
	bool *ended = mem_array(CHUNK, sizeof *ended);
	int result = 0;

	for (size_t at = 0; at < n && result == 0; at += CHUNK) {
		const size_t some = n - at < CHUNK ? n - at : CHUNK;
		struct reading r = { .v = v, .which = which + at, .items = items, .n = some, .ended = ended, .fn = fn };

		result = some_heads(&r, items);
	}
	free(ended);
	free(items);
	return result;
}

/* ---- our own mail ---- */
enum { IDS_MAX = RECEIVED_HOPS_MAX };

/* The record of a delivery goes at last. But nothing adds lines to what we append: our own line stays the topmost. It
 * says "by HOSTNAME with PROTOCOL id ID", without the comments that others write there. */
static bool is_ours_on_top(struct slice block, struct slice hostname)
{
	struct header_field f = { 0 };
	struct slice rest, value, id;
	const char *by;

	for (rest = block; header_next(&rest, &f);)
		if (slice_eq_nocase(f.name, SLICE_LIT("Received")))
			break;
	if (!slice_eq_nocase(f.name, SLICE_LIT("Received")))
		return false;
	rest = slice_of(f.name.p, (size_t)(f.value.p + f.value.n - f.name.p));
	if (!received_ids_next(&rest, hostname, &id) || !random_id_like(id))
		return false;
	value = slice_of(f.value.p, (size_t)(id.p - f.value.p)); /* up to the id */
	by = value.n < 4 ? NULL : memmem(value.p, value.n, "by ", 3);
	return by != NULL && memchr(by, '(', (size_t)(id.p - by)) == NULL &&
	       memmem(by, (size_t)(id.p - by), " with ", 6) != NULL;
}

int visit_own(struct visit *v, struct slice block)
{
	const char *hostname = v->run->setup->config->hostname;
	char *ids[IDS_MAX];
	bool mine[IDS_MAX] = { false };
	struct slice id;
	size_t n = 0;
	struct err e = { 0 };
	int r = 0;

	if (is_ours_on_top(block, slice_str(hostname)))
		return 1;
	/* Under whatever name of ours: it may have been another one then. */
	while (n < IDS_MAX && received_ids_next(&block, SLICE_NONE, &id))
		if (id.n == RANDOM_ID_SIZE - 1)
			ids[n++] = slice_dup(id);
	if (n > 0 && spool_source_mine(v->run->setup->memory, (const char *const *)ids, n, mine, &e) != 0)
		r = run_memory_failed(v->run, &e);
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && mine[i])
			r = 1;
		free(ids[i]);
	}
	return r;
}

int visit_add_own(struct visit *v, struct item *item, const struct head *head)
{
	struct spool_origin o = visit_origin(v, item, ORIGIN_OWN);

	memcpy(o.head, head->hash, sizeof o.head);
	item->need = ITEM_DONE;
	v->run->result->done.own++;
	return run_change(v->run, o.number == 0 ? ORIGIN_ADD : ORIGIN_TRIED, &o);
}

/* ---- the decision ---- */
static int identify(struct visit *v, struct item *item, struct slice block, bool got)
{
	struct head *head = &v->heads[v->nheads];
	char reason[200];

	if (!got)
		return 0; /* it is decided when the whole message comes */
	head_read(block, head);
	item->head = (uint32_t)v->nheads++;
	if (v->run->same_mailbox && item->row == PAIR_NONE) {
		const int own = visit_own(v, block);

		if (own != 0)
			return own < 0 ? -1 : visit_add_own(v, item, head);
	}
	if (item->need == ITEM_TAKE && item->internal_ms == 0 && skip_by_age(v->run, head->date_ms, reason))
		item->need = ITEM_SKIP;
	return 0;
}

static bool wants_head(const struct visit *v, const struct item *item)
{
	if ((item->need != ITEM_TAKE && item->need != ITEM_SKIP) || item->row != PAIR_NONE)
		return false;
	if (v->nlost > 0 && ((v->flip && v->fresh) || v->mass || (!v->run->by_uid && item->name == 0)))
		return true;
	if (item->suspect != PAIR_NONE)
		return true;
	if (item->need != ITEM_TAKE)
		return false;
	return (v->run->same_mailbox && item->size > HEAD_FIRST_SIZE) ||
	       (!v->run->by_uid && v->run->source.skip.older > 0);
}

/* Have many names changed at once? Most messages are then the same as ever. */
static bool is_mass(const struct visit *v)
{
	size_t absent = 0, fresh = 0;

	if (v->run->by_uid)
		return v->mass;
	for (size_t i = 0; i < v->rows.n; i++)
		absent += v->rows.all[i].item == PAIR_NONE && v->rows.all[i].absent == 0 && !v->rows.all[i].removal &&
			  !v->rows.all[i].old;
	for (size_t i = 0; i < v->list.n; i++)
		fresh += v->list.all[i].row == PAIR_NONE;
	return absent >= MASS_LEAST && fresh >= absent / 2;
}

int visit_identify(struct visit *v)
{
	uint32_t *which = malloc((v->list.n + 1) * sizeof *which);
	size_t n = 0;
	int r = 0;

	if (which == NULL)
		return run_stop(v->run, RUN_REFUSED, "there is no memory to find messages again by their headers");
	for (size_t i = 0; i < v->list.n; i++)
		v->nameless = v->nameless || (!v->run->by_uid && v->list.all[i].name == 0);
	v->mass = is_mass(v);
	match_lost(v);
	for (size_t i = 0; i < v->list.n; i++)
		if (wants_head(v, &v->list.all[i]))
			which[n++] = (uint32_t)i;
	if (n > 0) {
		v->heads = mem_array(n, sizeof *v->heads);
		r = visit_heads(v, which, n, identify);
	}
	free(which);
	if (r != 0)
		return -1;
	v->judged = true;
	former_judge(v);
	if (v->before != NULL && !v->moved)
		match_lost(v); /* without those of the other mailbox */
	return n > 0 || v->mass ? match_heads(v) : 0;
}
