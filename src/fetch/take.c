/* Messages go from the source through intake into the spool, many on their way at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/step.h"
#include "fetch/run_impl.h"

enum {
	ASKED_MAX = 128,		 /* messages for which the spool was asked and has not answered … */
	ASKED_OCTETS = 16 * 1024 * 1024, /* … and their octets */
	DRAIN_MAX = 64 * 1024 * 1024,	 /* octets behind the limit that are read away for the sake of the session */
	FAILURES_MAX = 3		 /* messages that the spool could not take, until the run is given up */
};

/* What is to become of it. Nothing of it is done before the source has said that it was the message that was asked for.
 */
enum verdict {
	VERDICT_TAKE,
	VERDICT_FOUND, /* remembered under another name */
	VERDICT_OWN,
	VERDICT_OLD,
	VERDICT_LONG,	/* longer than was said */
	VERDICT_STOPPED /* intake wants no more of it */
};

struct take;

struct taking { /* one message on its way */
	struct take *take;
	struct item *item;
	struct head_gather gather;
	enum { TAKING_HEAD, TAKING_BODY, TAKING_DROP } state;
	enum verdict verdict;
	struct head head;
	struct spool_origin origin;
	struct intake_fetched fetched;
	struct intake_message *message;
	uint64_t octets;
	bool waits;		      /* for resume */
	struct taking *next, *before; /* while the spool is asked */
};

struct take {
	struct visit *v;
	const uint32_t *which;
	const struct source_item *items; /* those that were asked for, in the order of WHICH */
	bool *ended;			 /* of each */
	size_t n;
	struct taking *now;
	struct taking *asked;
	size_t nasked;
	uint64_t octets_asked;
	uint64_t octets_before; /* progress, without the message in hand */
};

static void taking_free(struct taking **t)
{
	if (*t == NULL)
		return;
	intake_end(&(*t)->message);
	head_gather_free(&(*t)->gather);
	free(*t);
	*t = NULL;
}

/* ---- what became of one ---- */
static int failed(struct taking *t, const char *why)
{
	struct visit *v = t->take->v;
	struct spool_origin o = t->origin;

	if (intake_lost(v->run->setup->intake))
		return run_stop(v->run, RUN_LOST, "the spool went away");
	if (++v->run->failures >= FAILURES_MAX)
		return run_stop(v->run, RUN_FULL, "the spool could not take several messages: see its log");
	o.fate = ORIGIN_REFUSED;
	o.reason = why != NULL ? why : "the spool could not take it: see its log";
	o.tries = 1;
	o.tried_ms = v->run->now_ms;
	t->item->need = ITEM_DONE;
	run_trouble(v->run, RUN_OK, "%s", o.reason);
	return run_change(v->run, o.number == 0 ? ORIGIN_ADD : ORIGIN_TRIED, &o);
}

static void settle(struct taking *t)
{
	struct visit *v = t->take->v;
	const char *why = NULL;
	const enum intake_result result = intake_outcome(t->message, &why);

	switch (result) {
	case INTAKE_ACCEPTED:
		step("fetch: a message is committed");
		t->item->need = ITEM_DONE;
		v->taken++;
		v->run->result->done.messages++;
		run_progress(v->run);
		break;
	case INTAKE_FULL:
		(void)run_stop(v->run, RUN_FULL,
			       "the spool takes nothing now: free space, or wait until mail is filed");
		break;
	case INTAKE_LOST:
		(void)run_stop(v->run, RUN_LOST, "the spool went away");
		break;
	case INTAKE_FAILED:
		(void)failed(t, why);
		break;
	default:
		(void)skip_tell(v, t->item, buf_slice(&t->gather.block),
				why != NULL ? why : "it can't be taken as it is");
	}
}

static void on_resume(void *arg)
{
	struct taking *t = arg;

	t->waits = false;
}

static void on_done(void *arg)
{
	struct taking *t = arg;
	struct take *k = t->take;

	if (t->before != NULL)
		t->before->next = t->next;
	else
		k->asked = t->next;
	if (t->next != NULL)
		t->next->before = t->before;
	k->nasked--;
	k->octets_asked -= t->octets;
	settle(t);
	taking_free(&t);
}

/* ---- the bytes ---- */
static int stopped(struct taking *t)
{
	const char *why;
	const enum intake_result result = intake_outcome(t->message, &why);

	t->state = TAKING_DROP;
	t->verdict = VERDICT_STOPPED;
	if (result != INTAKE_FULL && result != INTAKE_LOST)
		return 0;
	settle(t); /* there is nothing to wait for */
	return -1;
}

static int feed(struct taking *t, struct slice bytes)
{
	while (bytes.n > 0) {
		const size_t n = bytes.n < INTAKE_PIECE_MAX ? bytes.n : INTAKE_PIECE_MAX;
		const enum intake_flow flow = intake_add(t->message, slice_of(bytes.p, n));

		if (flow == INTAKE_STOP)
			return stopped(t);
		t->waits = flow == INTAKE_WAIT;
		while (t->waits)
			if (run_turn_wait(t->take->v->run) != 0)
				return -1;
		if (t->take->v->run->stopped)
			return -1;
		bytes = slice_skip(bytes, n);
	}
	return 0;
}

static void begin_intake(struct taking *t)
{
	static const struct intake_events events = { .resume = on_resume, .done = on_done };
	struct visit *v = t->take->v;
	const struct intake_envelope env = { .session = v->run->source.name, .fetched = &t->fetched };

	t->origin = visit_origin(v, t->item, ORIGIN_TAKEN);
	memcpy(t->origin.head, t->head.hash, sizeof t->origin.head);
	t->fetched = (struct intake_fetched){ .origin = &t->origin,
					      .flags = listing_flags(&v->list, t->item),
					      .internal_ms = t->item->internal_ms,
					      .source = &v->run->source,
					      .folder = v->into,
					      .account = v->account };
	t->message = intake_begin(v->run->setup->intake, &env, &events, t);
	t->state = TAKING_BODY;
}

/* The header block is there: is the message wanted at all? */
static int decide(struct taking *t)
{
	struct visit *v = t->take->v;
	const struct slice block = buf_slice(&t->gather.block);
	struct row *row;
	char reason[200];
	int own;

	head_read(block, &t->head);
	t->state = TAKING_DROP;
	row = match_find(v, t->item, &t->head);
	if (row != NULL && plan_need(v, t->item, row) == ITEM_KNOWN) {
		t->verdict = VERDICT_FOUND;
		return 0;
	}
	if (row != NULL) { /* it was refused before */
		t->item->row = (uint32_t)(row - v->rows.all);
		row->item = (uint32_t)(t->item - v->list.all);
	}
	if (v->run->same_mailbox && t->item->head == PAIR_NONE && (own = visit_own(v, block)) != 0) {
		t->verdict = VERDICT_OWN;
		return own < 0 ? -1 : 0;
	}
	if (t->item->internal_ms == 0 && skip_by_age(v->run, t->head.date_ms, reason)) {
		t->verdict = VERDICT_OLD;
		return 0;
	}
	begin_intake(t);
	return feed(t, block);
}

static int take_begin(void *arg, const struct source_item *item)
{
	struct take *k = arg;
	struct item *mine = listing_find(&k->v->list, item->number);

	taking_free(&k->now);
	if (mine == NULL || mine->need != ITEM_TAKE)
		return run_stop(k->v->run, RUN_BROKEN, "the server answered what was not asked");
	k->now = mem_alloc(sizeof *k->now);
	k->now->take = k;
	k->now->item = mine;
	head_gather_init(&k->now->gather);
	return 0;
}

static int tell_long(struct taking *t)
{
	char limit[200], reason[300];

	/* Not one of the reasons of rows.h: as its size is told, it would be asked for again and again. */
	(void)skip_by_size(t->take->v->run, t->octets, limit);
	(void)snprintf(reason, sizeof reason, "longer than the %llu octets that the server tells, and %s",
		       (unsigned long long)t->item->size, limit);
	return skip_tell(t->take->v, t->item, buf_slice(&t->gather.block), reason);
}

/* A server may announce less than it sends. */
static int too_long(struct taking *t)
{
	struct run *r = t->take->v->run;
	const uint64_t most = (uint64_t)r->setup->config->limits.message_size;

	if (t->octets <= most)
		return 0;
	if (t->state != TAKING_DROP) {
		intake_end(&t->message);
		t->state = TAKING_DROP;
		t->verdict = VERDICT_LONG;
	}
	if (t->octets - most <= DRAIN_MAX)
		return 0;
	/* The session ends in the middle of it: next time it must not come to this again. */
	if (t->verdict == VERDICT_LONG && tell_long(t) != 0)
		return -1;
	return run_stop(r, RUN_BROKEN, "the server sends far more of a message than the %llu octets that it told",
			(unsigned long long)t->item->size);
}

static int take_piece(void *arg, struct slice bytes)
{
	struct take *k = arg;
	struct taking *t = k->now;
	struct run *r = k->v->run;

	if (t == NULL)
		return run_stop(r, RUN_BROKEN, "a piece of no message came");
	t->octets += bytes.n;
	r->result->done.octets = k->octets_before + (t->octets < t->item->size ? t->octets : t->item->size);
	if (too_long(t) != 0)
		return -1;
	if (t->state == TAKING_HEAD) {
		if (head_gather_add(&t->gather, &bytes) != 0)
			return run_stop(r, RUN_FULL, "there is no memory for a header");
		if (t->gather.done && decide(t) != 0)
			return -1;
	}
	run_progress(r);
	if (t->state == TAKING_BODY && feed(t, bytes) != 0)
		return -1;
	return r->stopped ? -1 : 0;
}

/* It was the message that was asked for, and it will not be taken. */
static int drop(struct taking *t)
{
	struct visit *v = t->take->v;
	const struct slice block = buf_slice(&t->gather.block);
	char reason[200];

	switch (t->verdict) {
	case VERDICT_FOUND:
		return match_one(v, t->item, &t->head) < 0 ? -1 : 0;
	case VERDICT_OWN:
		return visit_add_own(v, t->item, &t->head);
	case VERDICT_OLD:
		(void)skip_by_age(v->run, t->head.date_ms, reason);
		return skip_tell(v, t->item, block, reason);
	case VERDICT_LONG:
		return tell_long(t);
	default:
		settle(t);
		return 0;
	}
}

/* The message is complete: the spool is asked. */
static int finish(struct take *k)
{
	struct taking *t = k->now;

	if (t->state == TAKING_HEAD && decide(t) != 0)
		return -1;
	if (t->state != TAKING_BODY)
		return drop(t);
	if (intake_finish(t->message)) {
		settle(t);
		return 0;
	}
	k->now = NULL;
	t->next = k->asked;
	if (k->asked != NULL)
		k->asked->before = t;
	k->asked = t;
	k->nasked++;
	k->octets_asked += t->octets;
	while (k->nasked >= ASKED_MAX || k->octets_asked >= ASKED_OCTETS)
		if (run_turn_wait(k->v->run) != 0)
			return -1;
	return 0;
}

static int take_end(void *arg, const struct source_item *item, enum source_got got, const char *words)
{
	struct take *k = arg;
	struct visit *v = k->v;
	struct item *mine;
	int r = 0;
	size_t i;

	if (visit_asked(v, item, k->items, k->n, k->ended, &i) != 0)
		return -1;
	mine = &v->list.all[k->which[i]];
	if (got == SOURCE_GOT_VANISHED)
		mine->need = ITEM_DONE;
	else if (got == SOURCE_GOT_REFUSED)
		r = refused_add(v, mine, words);
	else if (k->now == NULL || k->now->item != mine)
		r = run_stop(v->run, RUN_BROKEN, "the end of a message came without the message");
	else
		r = finish(k);
	taking_free(&k->now);
	k->octets_before += mine->size;
	v->run->result->done.octets = k->octets_before;
	run_progress(v->run);
	return v->run->stopped ? -1 : r;
}

/* ---- all of them ---- */
static int wait_for_spool(struct take *k)
{
	while (k->nasked > 0)
		if (run_turn_wait(k->v->run) != 0)
			return -1;
	return k->v->run->stopped ? -1 : 0;
}

/* The message at which the session has ended: the one in hand, or the first that was not answered. */
static struct item *broke_off_at(const struct take *k)
{
	if (k->now != NULL)
		return k->now->item;
	for (size_t i = 0; i < k->n; i++)
		if (!k->ended[i])
			return &k->v->list.all[k->which[i]];
	return NULL;
}

static int take_some(struct take *k, struct source_item *items)
{
	const struct source_handler h = { take_begin, take_piece, take_end, k };
	struct visit *v = k->v;
	struct err e = { 0 };

	for (size_t i = 0; i < k->n; i++)
		items[i] = listing_item(&v->list, &v->list.all[k->which[i]]);
	memset(k->ended, 0, k->n * sizeof *k->ended);
	if (v->run->setup->driver->fetch(v->run->session, items, k->n, &h, &e) != 0) {
		refused_suspect(v, broke_off_at(k), &e);
		return run_source_failed(v->run, &e);
	}
	return v->run->stopped ? -1 : 0;
}

/* The messages of WHICH. What the spool was asked is answered before this returns, whatever happened to the source. */
static int take_all(struct visit *v, const uint32_t *which, size_t n)
{
	struct source_item *items = mem_array(CHUNK, sizeof *items);
	bool *ended = mem_array(CHUNK, sizeof *ended);
	struct take k = { .v = v, .items = items, .ended = ended, .octets_before = v->run->result->done.octets };
	int r = 0;

	for (size_t at = 0; at < n && r == 0; at += CHUNK) {
		k.which = which + at;
		k.n = n - at < CHUNK ? n - at : CHUNK;
		r = take_some(&k, items);
	}
	taking_free(&k.now);
	if (wait_for_spool(&k) != 0)
		r = -1;
	while (k.asked != NULL) {
		struct taking *t = k.asked;

		k.asked = t->next;
		taking_free(&t);
	}
	free(ended);
	free(items);
	return r;
}

/* Those that were refused before, or may have been, come last, one at a time: on some of them a server breaks off. */
static bool is_second_try(const struct visit *v, const struct item *item)
{
	return refused_in_doubt(v, item) || (item->row != PAIR_NONE && v->rows.all[item->row].fate == ORIGIN_REFUSED);
}

int visit_take(struct visit *v)
{
	struct run_progress *p = &v->run->result->done;
	uint32_t *which = malloc((v->list.n + 1) * sizeof *which);
	size_t n = 0, last;
	int r = 0;

	if (which == NULL)
		return run_stop(v->run, RUN_REFUSED, "there is no memory to take so many messages");
	for (size_t i = 0; i < v->list.n; i++)
		if (v->list.all[i].need == ITEM_TAKE && !is_second_try(v, &v->list.all[i]))
			which[n++] = (uint32_t)i;
	last = n;
	for (size_t i = 0; i < v->list.n; i++)
		if (v->list.all[i].need == ITEM_TAKE && is_second_try(v, &v->list.all[i]))
			which[n++] = (uint32_t)i;
	for (size_t i = 0; i < n; i++)
		p->octets_all += v->list.all[which[i]].size;
	p->messages_all += n;
	p->folder = v->folder->name;
	run_progress(v->run);
	step("fetch: before messages are taken");
	if (last > 0)
		r = take_all(v, which, last);
	for (size_t i = last; i < n && r == 0; i++)
		r = take_all(v, which + i, 1);
	free(which);
	return r != 0 ? r : run_flush(v->run);
}
