/*
 * Sending: from a list of deliveries to their outcomes. The order of things is
 * what keeps the promise: a floor that was told before, the record in flight,
 * the octets, the answer, the record of the outcome. While the store is at one
 * batch, the next is recorded and the last one settled.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/place.h"
#include "store/recover.h"
#include "store/supply.h"
#include "store/unclear.h"

enum {
	SETTLE_AT = 100,	/* stored and not settled, or */
	SETTLE_AFTER_MS = 1000, /* for so long */
	PASSES_MAX = 3,		/* behind the first: a batch taken apart, a folder made, a message wrapped */
	EARLY_LOOK_MS = 2000	/* a first look soon after a connection broke often finds the message */
};

static void answered(void *arg, struct job *j, enum verdict v, const struct imap_reply *r)
{
	struct sending *s = arg;

	worker_answered(s->w, j, v, r);
	/* One that was sent again is counted before it is settled. */
	if (j->state == JOB_ANSWERED && j->outcome.kind == OUTCOME_DONE && !j->resend)
		turn_done(&s->w->turn, j);
}

static void refused(void *arg, struct job **jobs, size_t n, const struct imap_reply *r)
{
	struct sending *s = arg;

	s->halt = true;
	worker_refused(s->w, jobs, n, r);
}

static unsigned halve(unsigned now, size_t used)
{
	size_t least = used < now ? used : now;

	return least > 1 ? (unsigned)(least / 2) : 1;
}

/* The connection of L ended with E. Octets of some jobs were on their way; the oldest of them is suspected. */
static void broke(void *arg, struct lane *l, const struct err *e)
{
	struct sending *s = arg;
	struct worker *w = s->w;
	/* In a hurry the deadline was ours. */
	bool ours = w->hurry != INT64_MAX, silent = e->code == ETIMEDOUT && !ours, suspect, batch_bad = l->batch_bad;
	int64_t settle = w->account->settle, now;
	struct job **left = mem_array(l->njobs + 1, sizeof(struct job *));
	size_t n = l->njobs, most = 1;

	for (size_t i = 0; i < l->ncommands; i++)
		most = l->commands[i].n > most ? l->commands[i].n : most;
	if (n > 0) {
		memcpy(left, l->jobs, n * sizeof *left);
		s->broke_at = left[0]->work->folder;
	}
	/* An answer to the oldest, BAD or too early, has said which one it was. */
	suspect = n > 0 && left[0]->state == JOB_SENT && !ours;
	/* Reset first: the time to settle counts from the end of the connection. */
	lane_abort(l);
	now = clock_wall_ms();
	for (size_t i = 0; i < n; i++) {
		struct job *j = left[i];

		if (j->state == JOB_SENT) {
			worker_doubt(w, j,
				     now + (silent		     ? settle * 10
					    : settle < EARLY_LOOK_MS ? settle
								     : EARLY_LOOK_MS),
				     silent, suspect, e->text);
			suspect = false;
		} else if (j->state == JOB_READY) {
			job_unsent(j);
		}
	}
	free(left);
	if (e->code == EUSERS)
		worker_fewer_lanes(w, e->text);
	/* Half of what was on its way: soon only those are together that the store does not mind. */
	w->window = halve(w->window, n);
	w->batch = halve(w->batch, most);
	w->batch_bad = w->batch_bad || batch_bad;
	s->more = false;
	if (!s->broke)
		s->why_broke = *e;
	s->broke = true;
	log_warning("connection-broke", LOG_STR("account", w->account->name), LOG_STR("reason", e->text));
}

/* A store that keeps up with us lets no wait come, in which we would hear that we are to leave. */
static void listen_up(struct worker *w)
{
	struct pollfd fd = { w->setup.wake_fd, POLLIN, 0 };

	if (w->hurry == INT64_MAX && fd.fd >= 0 && poll(&fd, 1, 0) > 0)
		w->setup.wake(w->setup.arg);
}

static void between(void *arg)
{
	struct sending *s = arg;
	struct turn *t = &s->w->turn;
	size_t n = t->ndone;

	listen_up(s->w);
	if (s->lost || n == 0 || (n < SETTLE_AT && clock_mono_ms() - s->settled < SETTLE_AFTER_MS))
		return;
	s->settled = clock_mono_ms();
	n = n > SPOOL_BATCH_MAX ? SPOOL_BATCH_MAX : n;
	if (worker_settle(s->w, t->done, n) != 0) {
		s->lost = s->stop = true;
		return;
	}
	memmove(t->done, t->done + n, (t->ndone - n) * sizeof *t->done);
	t->ndone -= n;
}

/* ---- a pass ---- */

static int place(struct sending *s, struct job **jobs, size_t n)
{
	struct worker *w = s->w;
	const char *asked;
	struct err e = { 0 };

	for (size_t i = 0; i < n; i++) {
		supply_check_size(w, jobs[i]);
		if (w->no_keywords && jobs[i]->keywords)
			job_drop_keywords(jobs[i]);
	}
	if (place_jobs(w->lanes[0].session, w->account, jobs, n, &w->floors, &w->trouble, &asked, &e) == 0)
		return 0;
	broke(s, &w->lanes[0], &e);
	for (size_t i = 0; i < n && asked != NULL; i++) {
		if (jobs[i]->state == JOB_READY && jobs[i]->mailbox != NULL && strcmp(jobs[i]->mailbox, asked) == 0)
			s->broke_at = jobs[i]->work->folder;
	}
	return -1;
}

/* Folders, record, APPENDs for those of JOBS that are ready. */
static void pass(struct sending *s, struct job **jobs, size_t n)
{
	struct worker *w = s->w;
	struct lane_user user = { .timeout = w->account->server.timeout,
				  .next = supply_next,
				  .load = supply_load,
				  .answered = answered,
				  .refused = refused,
				  .arg = s };
	struct append a = {
		.lanes = w->lanes, .nlanes = APPEND_LANES_MAX, .broke = broke, .between = between, .arg = s
	};

	if (place(s, jobs, n) != 0)
		return;
	s->halt = false;
	supply_enqueue(w, jobs, n);
	worker_open_lanes(w, n);
	for (size_t i = 0; i < APPEND_LANES_MAX; i++)
		lane_start(&w->lanes[i], &user);
	append_run(&a);
	/* What was not begun: its record, where it has one, is taken back at the end. */
	w->turn.at = w->turn.recorded = w->turn.n;
}

/* Batches that were refused: what became of each of their messages? */
static void clear_up(struct sending *s)
{
	struct worker *w = s->w;
	struct recover rc = { w->lanes[0].session, w->account, &w->quiet, true };
	struct err e = { 0 };
	size_t n;
	struct job **some = turn_pick(&w->turn, JOB_UNCLEAR, &n);

	if (n > 0 && rc.session != NULL && unclear_jobs(&rc, some, n, &e) != 0) {
		worker_hang_up(w);
		s->broke = true;
		s->why_broke = e;
	}
	for (size_t i = 0; i < n; i++) {
		if (some[i]->state == JOB_UNCLEAR)
			worker_doubt(w, some[i], 0, false, i == 0,
				     some[i]->reason == NULL ? "it was refused together with others" : some[i]->reason);
	}
	free(some);
}

/* Folders that vanished meanwhile, keywords that were refused, messages of a batch that was refused, or that go as an
 * attachment now. True when there was anything to send. */
static bool further_pass(struct sending *s)
{
	struct worker *w = s->w;
	struct job **some, **answered;
	size_t n, m, k = 0;

	clear_up(s);
	if (s->stop || s->broke || w->trouble.set || w->lanes[0].session == NULL)
		return false;
	some = turn_pick(&w->turn, JOB_READY, &n);
	for (size_t i = 0; i < n; i++) {
		if (some[i]->retried)
			some[k++] = some[i];
	}
	/* Not to be sent, but their folders must not be made anew: they may lie in what bore the name before. */
	answered = turn_pick(&w->turn, JOB_ANSWERED, &m);
	for (size_t i = 0, ready = k; ready > 0 && i < m; i++) {
		if (answered[i]->outcome.kind == OUTCOME_DOUBT)
			some[k++] = answered[i];
	}
	free(answered);
	if (k > 0) {
		pass(s, some, k);
		clear_up(s);
	}
	free(some);
	return k > 0;
}

/* ---- after ---- */

/* Deliveries that were sent again: are there two now? Counted before they are settled, while they may still be looked
 * for. */
static void count_resent(struct worker *w)
{
	struct recover rc = { w->lanes[0].session, w->account, &w->quiet, true };
	struct err e;
	size_t n, k = 0;
	struct job **some = turn_pick(&w->turn, JOB_ANSWERED, &n);

	for (size_t i = 0; i < n; i++) {
		if (some[i]->outcome.kind == OUTCOME_DONE && some[i]->resend)
			some[k++] = some[i];
	}
	/* They are stored, whatever becomes of the counting. */
	if (k > 0 && rc.session != NULL && recover_count(&rc, some, k, &e) != 0)
		worker_hang_up(w);
	free(some);
}

static void take_back(void *arg, struct job *j)
{
	(void)arg;
	if (!j->recorded || j->state != JOB_READY)
		return;
	/* Refused together with others, one of which may be to blame; or in flight by the record, but not begun. */
	if (j->body_begun && !j->denied)
		job_settle(j, OUTCOME_RETRY, 0, true, "the store refused it together with others");
	else
		job_unsent(j);
}

/* A folder at which the store fails each time must not stop the mail for others: what is for it comes later than the
 * account's wait ends. */
static void pass_over(void *arg, struct job *j)
{
	const struct sending *s = arg;
	const struct worker *w = s->w;

	if (j->state != JOB_READY || j->work->state == DELIVERY_DOUBT || strcmp(j->work->folder, s->broke_at) != 0)
		return;
	job_settle(j, OUTCOME_RETRY, clock_wall_ms() + 2 * trouble_backoff(w->account, w->attempts), j->body_begun,
		   "the connection broke when the store was busy with %.200s: %s", j->work->folder, s->why_broke.text);
	j->outcome.unsent = !j->resend && (!j->retried || j->denied);
}

/* A store that answers NO to everything has trouble of its own, and no message is to blame. */
static void acquit(void *arg, struct job *j)
{
	struct worker *w = arg;

	if (j->state == JOB_ANSWERED && j->outcome.kind == OUTCOME_DOUBT) {
		trouble_set(&w->trouble, false, j->reason);
		j->outcome.sent = false;
	}
}

static int settle_rest(struct worker *w)
{
	size_t n, at = 0;
	struct job **some = turn_pick(&w->turn, JOB_ANSWERED, &n);
	int ret = 0;

	for (size_t k; ret == 0 && at < n; at += k) {
		k = n - at > SPOOL_BATCH_MAX ? SPOOL_BATCH_MAX : n - at;
		ret = worker_settle(w, some + at, k);
	}
	w->turn.ndone = 0;
	free(some);
	return ret;
}

int worker_deliver(struct worker *w, struct job **jobs, size_t n)
{
	struct sending s = { .w = w, .more = true, .taken = n, .settled = clock_mono_ms() };
	unsigned stored = w->stored;

	w->size_limit = UINT64_MAX;
	pass(&s, jobs, n);
	s.more = false;
	if (!s.lost)
		for (int i = 0; i < PASSES_MAX && further_pass(&s); i++)
			;
	if (s.refused) {
		log_error("in-flight-failed", LOG_STR("account", w->account->name),
			  LOG_STR("reason", s.why_refused.text));
		if (job_spool_lost(&s.why_refused))
			s.lost = true;
		/* What was not recorded was not sent. A person took one out of the queue meanwhile: the next turn
		 * knows. Or the disk is full, and may have room later. */
		else if (s.why_refused.class != ERR_PERM)
			trouble_from(&w->trouble, &s.why_refused);
	}
	/* Others got through: go on at once with a smaller window. Nothing did: leave the store alone for a while. */
	if (s.broke && w->stored == stored)
		trouble_from(&w->trouble, &s.why_broke);
	if (!s.broke && w->window < w->account->window)
		w->window = w->window * 2 < w->account->window ? w->window * 2 : w->account->window;
	if (!s.broke && w->batch < w->account->batch)
		w->batch = w->batch * 2 < w->account->batch ? w->batch * 2 : w->account->batch;
	if (s.lost)
		return -1;
	/* Once says nothing: it can be any fault of the network. In a hurry it is we who end it. */
	if (s.broke_at != NULL && w->stored == stored && w->attempts > 0 && w->hurry == INT64_MAX)
		turn_each(&w->turn, pass_over, &s);
	turn_each(&w->turn, take_back, NULL);
	if (w->passed == 0 && w->refused >= 2)
		turn_each(&w->turn, acquit, w);
	count_resent(w);
	return settle_rest(w);
}
