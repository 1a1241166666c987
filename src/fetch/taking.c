/* One message on its way from the source through intake into the spool. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/step.h"
#include "fetch/take_impl.h"

enum {
	ASKED_MAX = 128,		 /* messages for which the spool was asked and has not answered … */
	ASKED_OCTETS = 16 * 1024 * 1024, /* … and their octets */
	DRAIN_MAX = 64 * 1024 * 1024,	 /* octets behind the limit that are read away for the sake of the session */
	FAILURES_MAX = 3		 /* messages that the spool could not take, until the run is given up */
};

void taking_free(struct taking **t)
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

int taking_feed(struct taking *t, struct slice bytes)
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

int taking_decide(struct taking *t)
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
	return taking_feed(t, block);
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

int taking_bound(struct taking *t)
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

int taking_finish(struct take *k)
{
	struct taking *t = k->now;

	if (t->state == TAKING_HEAD && taking_decide(t) != 0)
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
