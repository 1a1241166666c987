#include "store/supply.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "store/place.h"

enum {
	BATCH_BYTES_MAX = 8 * 1024 * 1024,
	OUTSTANDING_BYTES_MAX = 32 * 1024 * 1024, /* of one connection */
	RECORD_LEAST = 100,			  /* deliveries recorded in flight at once */
	FETCH_MAX = 64,				  /* bodies that are got from the spool at once */
	FETCH_SMALL = 64 * 1024,		  /* octets of one of them, at most */
	FETCH_BYTES_MAX = 512 * 1024,		  /* and of all */
	FETCH_TIMES = 2,			  /* for one command */
	OPEN_MAX = 2000,			  /* deliveries in hand */
	TURN_MAX = 10000			  /* in one turn: then doubts and others get theirs */
};

void supply_check_size(const struct worker *w, struct job *j)
{
	uint64_t limit = imap_append_limit(w->lanes[0].session);

	if (j->state == JOB_READY && j->size > limit)
		job_settle(j, OUTCOME_REFUSED, 0, false,
			   "it has %llu octets, and the store takes %llu at most (APPENDLIMIT)",
			   (unsigned long long)j->size, (unsigned long long)limit);
}

static int by_mailbox(const void *a, const void *b)
{
	const struct job *const *x = a, *const *y = b;
	int order = strcmp((*x)->mailbox, (*y)->mailbox);

	if (order != 0)
		return order;
	return (*x)->work->number < (*y)->work->number ? -1 : 1;
}

void supply_enqueue(struct worker *w, struct job **jobs, size_t n)
{
	struct job **go = mem_array(n + 1, sizeof(struct job *));
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->state == JOB_READY)
			go[k++] = jobs[i];
	}
	if (k > 0)
		qsort(go, k, sizeof *go, by_mailbox);
	for (size_t i = 0; i < k; i++)
		turn_queue(&w->turn, go[i]);
	free(go);
}

static void stop_refused(struct sending *s, const struct err *e)
{
	s->stop = s->refused = true;
	s->why_refused = *e;
}

/* The next part of the queue in flight, by the spool's record. */
static int record(struct sending *s)
{
	struct turn *t = &s->w->turn;
	struct spool_flight f[LANE_BATCH_MAX];
	size_t n = t->n - t->recorded, most = 2 * (size_t)s->w->batch;
	struct err e = { 0 };
	int ret;

	if (most < RECORD_LEAST)
		most = RECORD_LEAST;
	n = n > most ? most : n;
	n = n > LANE_BATCH_MAX ? LANE_BATCH_MAX : n;
	for (size_t i = 0; i < n; i++) {
		struct job *j = t->queue[t->recorded + i];

		f[i] = (struct spool_flight){ j->work->number, j->mailbox, j->floor.uidvalidity, j->floor.uidnext };
	}
	step("store: before the in-flight record");
	ret = spool_in_flight(s->w->spool, f, n, &e);
	step("store: after the in-flight record");
	if (ret != 0) {
		stop_refused(s, &e);
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		t->queue[t->recorded + i]->recorded = true;
	t->recorded += n;
	return 0;
}

/* More from the spool: only what can go without asking the store first. All else waits for its turn. */
static void refill(struct sending *s)
{
	struct worker *w = s->w;
	struct spool_work *work = NULL;
	struct job **go;
	struct page *p;
	struct err e = { 0 };
	int64_t due;
	size_t n = 0, k = 0;

	if (w->turn.open >= OPEN_MAX)
		return;
	s->more =
	    s->taken < TURN_MAX && !w->trouble.set && w->lanes[0].session != NULL && w->window == w->account->window;
	if (!s->more)
		return;
	if (spool_more(w->spool, TAKE_MAX, TAKE_BYTES_MAX, &work, &n, &due, &e) != 0) {
		s->lost = s->stop = true;
		log_error("spool-lost", LOG_STR("account", w->account->name), LOG_STR("reason", e.text));
		return;
	}
	s->more = n > 0;
	s->taken += n;
	if (n == 0) {
		spool_work_free(work, 0);
		return;
	}
	p = turn_add(&w->turn, work, n);
	go = mem_array(n, sizeof(struct job *));
	for (size_t i = 0; i < n; i++) {
		struct job *j = &p->jobs[i];

		if (j->work->state == DELIVERY_DOUBT || j->work->attempts > 0)
			continue;
		supply_check_size(w, j);
		if (j->state == JOB_READY && place_known(w->lanes[0].session, j, &w->floors))
			go[k++] = j;
	}
	supply_enqueue(w, go, k);
	free(go);
}

/* ---- what lanes ask for ---- */

static bool may_send(const struct sending *s, const struct job *j)
{
	return !s->w->trouble.set || j->size < s->w->size_limit;
}

/* Something to send at the front of the queue, with its record. */
static bool prepare(struct sending *s)
{
	struct worker *w = s->w;
	struct turn *t = &w->turn;

	if (w->hurry != INT64_MAX || (w->trouble.set && w->size_limit == UINT64_MAX))
		s->stop = true;
	if (s->halt)
		return false;
	if (!s->stop && s->more && t->n - t->at < w->window)
		refill(s);
	while (!s->stop && t->at < t->n && !may_send(s, t->queue[t->at])) {
		t->recorded += t->recorded == t->at;
		t->at++;
	}
	if (!s->stop && t->recorded < t->n && t->recorded - t->at < w->batch)
		(void)record(s);
	return !s->stop && t->at < t->recorded;
}

static bool goes_along(const struct worker *w, const struct lane *l, const struct job *first, const struct job *j)
{
	return w->batch > 1 && !w->batch_bad && !j->alone && lane_may_batch(l, j) &&
	       strcmp(j->mailbox, first->mailbox) == 0;
}

struct fetching {
	struct job **jobs;
	size_t n;
};

static void take_body(void *arg, int64_t message, struct slice bytes)
{
	struct fetching *f = arg;

	for (size_t i = 0; i < f->n; i++) {
		struct job *j = f->jobs[i];

		if (j->work->message == message && j->bytes == NULL && bytes.n == j->work->size && bytes.n > 0)
			j->bytes = slice_dup(bytes);
	}
}

/* The small bodies of the queue from place FROM on in one question to the spool, instead of one for each. That some do
 * not come is no matter: they are asked for when their turn comes. */
static void fetch_some(struct sending *s, size_t from)
{
	struct turn *t = &s->w->turn;
	int64_t messages[FETCH_MAX];
	struct job *jobs[FETCH_MAX];
	struct fetching f = { jobs, 0 };
	uint64_t octets = 0;
	struct err e;

	for (size_t i = from; i < t->recorded && f.n < FETCH_MAX; i++) {
		struct job *j = t->queue[i];

		if (j->bytes != NULL || j->work->size > FETCH_SMALL)
			continue;
		octets += j->work->size;
		if (octets > FETCH_BYTES_MAX)
			break;
		messages[f.n] = j->work->message;
		jobs[f.n++] = j;
	}
	if (f.n > 1)
		(void)spool_bodies(s->w->spool, messages, f.n, take_body, &f, &e);
}

/* Bodies for the next N of the queue; the rest of a large batch comes one by one, so that memory does not grow with it.
 */
static void fetch_bodies(struct sending *s, size_t n)
{
	struct turn *t = &s->w->turn;

	for (size_t i = 0, times = 0; i < n && times < FETCH_TIMES; i++) {
		if (t->queue[t->at + i]->bytes != NULL || t->queue[t->at + i]->work->size > FETCH_SMALL)
			continue;
		fetch_some(s, t->at + i);
		times++;
		i += FETCH_MAX - 1;
	}
}

int supply_next(void *arg, struct lane *l, struct job **out, struct err *e)
{
	struct sending *s = arg;
	struct worker *w = s->w;
	struct turn *t = &w->turn;
	size_t room = w->window > l->njobs ? w->window - l->njobs : 0, n = 0;
	uint64_t octets = 0;

	(void)e;
	if (room == 0 || l->octets >= OUTSTANDING_BYTES_MAX || !prepare(s))
		return 0;
	while (t->at + n < t->recorded && n < w->batch && n < LANE_BATCH_MAX) {
		struct job *j = t->queue[t->at + n];

		if (n > 0 &&
		    (!goes_along(w, l, t->queue[t->at], j) || octets + j->size > BATCH_BYTES_MAX || !may_send(s, j)))
			break;
		octets += j->size;
		n++;
		if (!goes_along(w, l, t->queue[t->at], j))
			break;
	}
	/* Full batches are worth a moment's wait. */
	if (n > room && lane_busy(l))
		return 0;
	n = n > room ? room : n;
	fetch_bodies(s, n);
	memcpy(out, t->queue + t->at, n * sizeof *out);
	t->at += n;
	return (int)n;
}

int supply_load(void *arg, struct job *j, struct err *e)
{
	struct sending *s = arg;
	int ret;

	if (j->bytes != NULL)
		return 0;
	ret = job_load(j, s->w->spool, clock_wall_ms() + trouble_backoff(s->w->account, 1), e);

	if (ret < 0)
		s->stop = true;
	return ret;
}
