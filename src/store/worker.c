#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "store/place.h"
#include "store/recover.h"
#include "store/worker_impl.h"

struct worker *worker_new(const struct worker_setup *setup)
{
	struct worker *w = mem_alloc(sizeof *w);

	imap_start();
	w->setup = *setup;
	w->account = setup->account;
	w->spool = setup->spool;
	w->window = setup->account->window;
	w->batch = setup->account->batch;
	w->lanes_max = setup->account->connections;
	w->hurry = INT64_MAX;
	return w;
}

void worker_free(struct worker **w)
{
	if (*w == NULL)
		return;
	worker_rest(*w);
	quiet_free(&(*w)->quiet);
	floors_free(&(*w)->floors);
	free(*w);
	*w = NULL;
}

void worker_hurry(struct worker *w, int64_t ms)
{
	int64_t at = clock_mono_ms() + ms;

	if (at < w->hurry)
		w->hurry = at;
	for (size_t i = 0; i < APPEND_LANES_MAX; i++) {
		if (w->lanes[i].session != NULL)
			imap_hurry(w->lanes[i].session, w->hurry);
	}
}

/* Tells the spool of the account's trouble, or that it is over. 0, or -1 when the spool is lost. */
static int account_state(struct worker *w)
{
	struct err e = { 0 };
	int64_t ms;
	int ret;

	/* Whatever broke because we must leave says nothing about the account. */
	if (w->hurry != INT64_MAX)
		return 0;
	/* A mailbox that is too full for some mail, and took other: it does not wait, but somebody must make room. */
	if (w->trouble.set && w->trouble.full && w->stored != w->stored_before) {
		if (w->setup.notice != NULL)
			w->setup.notice(w->setup.arg, w->trouble.text);
		w->trouble.set = false;
	}
	if (!w->trouble.set) {
		if (w->attempts == 0 || w->stored == w->stored_before)
			return 0;
		w->attempts = 0;
		ret = spool_hold_account(w->spool, 0, "", 0, false, &e);
	} else {
		w->attempts++;
		ms = trouble_hold(w->account, &w->trouble, w->attempts);
		log_warning("account-waits", LOG_STR("account", w->account->name),
			    LOG_NUM("seconds", (ms + 999) / 1000), LOG_NUM("attempts", w->attempts),
			    LOG_STR("reason", w->trouble.text));
		ret = spool_hold_account(w->spool, clock_wall_ms() + ms, w->trouble.text, w->attempts,
					 w->trouble.person, &e);
		if (ret == 0 && w->trouble.tell && w->setup.notice != NULL)
			w->setup.notice(w->setup.arg, w->trouble.text);
	}
	w->trouble.set = false;
	w->stored_before = w->stored;
	if (ret == 0)
		return 0;
	/* Without a hold on record the next turn would be at the store at once, again and again. */
	log_error("hold-failed", LOG_STR("account", w->account->name), LOG_STR("reason", e.text));
	return -1;
}

/* ---- outcomes ---- */

static void log_outcome(const struct worker *w, const struct job *j)
{
	static const char *const events[] = {
		[OUTCOME_DONE] = "filed",     [OUTCOME_RETRY] = "delayed", [OUTCOME_REFUSED] = "quarantined",
		[OUTCOME_DOUBT] = "in-doubt", [OUTCOME_PARKED] = "parked", [OUTCOME_ELSEWHERE] = "other-folder",
	};

	enum log_level level = LOG_WARNING;

	if (j->outcome.kind == OUTCOME_DONE || j->outcome.kind == OUTCOME_ELSEWHERE)
		level = LOG_INFO;
	/* Not sent yet when a connection broke: nothing happened to it. */
	if (j->outcome.kind == OUTCOME_RETRY && j->reason == NULL)
		level = LOG_DEBUG;
	log_event(level, events[j->outcome.kind],
		  (const struct log_field[]){
		      LOG_STR("account", w->account->name),
		      LOG_STR("delivery", j->work->id),
		      LOG_STR("folder", j->outcome.folder == NULL ? j->work->folder : j->outcome.folder),
		      LOG_NUM("uid", j->outcome.uid),
		      LOG_STR("reason", j->reason),
		      { 0 } });
}

int worker_settle(struct worker *w, struct job **jobs, size_t n)
{
	struct spool_outcome *out = mem_array(n + 1, sizeof *out);
	struct err e = { 0 };
	size_t k = 0;
	int ret = 0;

	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->state == JOB_ANSWERED)
			out[k++] = jobs[i]->outcome;
	}
	step("store: before settling");
	if (k > 0)
		ret = spool_settle(w->spool, out, k, &e);
	free(out);
	if (ret != 0) {
		log_error("settle-failed", LOG_STR("account", w->account->name), LOG_STR("reason", e.text));
		return -1;
	}
	step("store: after settling");
	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->state != JOB_ANSWERED)
			continue;
		log_outcome(w, jobs[i]);
		turn_forget(&w->turn, jobs[i]);
	}
	return 0;
}

/* ---- one turn ---- */

/* The store fails at the look in the same way each time, or it may: looks come before other mail, so these must come later
 * than the account's wait ends. The folder that it was asked for comes last, behind what waits to be looked for in others. */
static void postpone(struct worker *w, struct job **jobs, size_t n, const struct err *e)
{
	int64_t now = clock_wall_ms(), wait = 2 * trouble_backoff(w->account, w->attempts + 2);
	const char *asked = NULL;

	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->state == JOB_ANSWERED)
			continue;
		if (asked == NULL)
			asked = jobs[i]->mailbox;
		job_settle(jobs[i], OUTCOME_DOUBT, now + (strcmp(jobs[i]->mailbox, asked) == 0 ? 2 * wait : wait), false,
			   "it could not be looked for: %s", e->text);
	}
}

static int look_for(struct worker *w, struct job **jobs, size_t n)
{
	struct recover rc = { NULL, w->account, &w->quiet, w->stored > 0 };
	struct err e = { 0 };

	/* A look only counts from a connection that began after the doubt. */
	if (w->lanes[0].session != NULL && w->lanes[0].since <= w->newest_doubt)
		worker_rest(w);
	if (worker_log_in(w) != 0)
		return 0;
	rc.session = w->lanes[0].session;
	if (recover_jobs(&rc, jobs, n, &e) != 0) {
		worker_hang_up(w);
		trouble_from(&w->trouble, &e);
		/* A connection that breaks once says nothing. In a hurry it is we who end it. */
		if (w->hurry == INT64_MAX && (e.class == ERR_PROTOCOL || w->attempts > 0))
			postpone(w, jobs, n, &e);
	}
	return worker_settle(w, jobs, n);
}

/* Picks what to send this time: mail without a bad record first; a suspect alone, when nothing else is there. */
static size_t choose(const struct worker *w, struct page *p, struct job **out)
{
	size_t limit = w->window == w->account->window ? p->n : w->window <= 2 ? 1 : (size_t)w->window * 4, k = 0;
	struct job *suspect = NULL;

	for (size_t i = 0; i < p->n && k < limit; i++) {
		struct job *j = &p->jobs[i];

		if (j->work->state == DELIVERY_DOUBT)
			continue;
		j->alone = j->work->attempts > 1;
		if (j->work->attempts < RECOVER_SUSPECT)
			out[k++] = j;
		else if (suspect == NULL)
			suspect = j;
	}
	if (k == 0 && suspect != NULL)
		out[k++] = suspect;
	return k;
}

static int work_on(struct worker *w, struct page *p)
{
	struct job **doubts = mem_array(p->n + 1, sizeof(struct job *));
	struct job **some = mem_array(p->n + 1, sizeof(struct job *));
	size_t k = 0, n = choose(w, p, some);
	int ret = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->jobs[i].work->state == DELIVERY_DOUBT)
			doubts[k++] = &p->jobs[i];
	}
	/* The page goes with its last job, so it is not looked at from here on. */
	if (k > 0)
		ret = look_for(w, doubts, k);
	if (ret == 0 && !w->trouble.set && n > 0 && worker_log_in(w) == 0)
		ret = worker_deliver(w, some, n);
	w->used = clock_mono_ms();
	if (ret == 0)
		ret = account_state(w);
	free(doubts);
	free(some);
	return ret;
}

/* What the store is like, when it is time for that. */
static void tell(struct worker *w, bool idle)
{
	struct err e = { 0 };

	if (w->lanes[0].session == NULL || w->hurry != INT64_MAX)
		return;
	if (tell_facts(&w->tell, idle, w->lanes[0].session, w->spool, &e) == 0)
		return;
	log_info("connection-broke", LOG_STR("account", w->account->name), LOG_STR("reason", e.text));
	worker_hang_up(w);
}

enum worker_turn worker_turn(struct worker *w, int64_t *next_due_ms)
{
	struct spool_work *work = NULL;
	struct err e = { 0 };
	int64_t until;
	size_t n = 0;
	int ret;

	if (!w->known && spool_account(w->spool, &until, &w->attempts, &e) != 0)
		goto lost;
	w->known = true;
	if (spool_next(w->spool, TAKE_MAX, TAKE_BYTES_MAX, &work, &n, next_due_ms, &e) != 0)
		goto lost;
	if (n == 0) {
		spool_work_free(work, 0);
		tell(w, true);
		return WORKER_IDLE;
	}
	ret = work_on(w, turn_add(&w->turn, work, n));
	turn_free(&w->turn);
	if (ret == 0)
		tell(w, false);
	return ret == 0 ? WORKER_BUSY : WORKER_LOST;
lost:
	log_error("spool-lost", LOG_STR("account", w->account->name), LOG_STR("reason", e.text));
	return WORKER_LOST;
}
