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

enum {
	TAKE_MAX = 200,			   /* deliveries in one turn */
	TAKE_BYTES_MAX = 64 * 1024 * 1024, /* and octets, but at least one */
	TRUSTED_MS = 1000,		   /* a connection that was used so lately is not asked first */
	EARLY_LOOK_MS = 2000		   /* a first look soon after a connection broke often finds the message */
};

struct worker *worker_new(const struct worker_setup *setup)
{
	struct worker *w = mem_alloc(sizeof *w);

	imap_start();
	w->setup = *setup;
	w->account = setup->account;
	w->spool = setup->spool;
	w->window = setup->account->window;
	w->hurry = INT64_MAX;
	return w;
}

void worker_rest(struct worker *w)
{
	imap_close(&w->session);
	append_habits_clear(&w->habits);
}

void worker_free(struct worker **w)
{
	if (*w == NULL)
		return;
	worker_rest(*w);
	quiet_free(&(*w)->quiet);
	free(*w);
	*w = NULL;
}

void worker_hurry(struct worker *w, int64_t ms)
{
	int64_t at = clock_mono_ms() + ms;

	if (at < w->hurry)
		w->hurry = at;
	if (w->session != NULL)
		imap_hurry(w->session, w->hurry);
}

/* ---- the connection ---- */

static void hang_up(struct worker *w)
{
	imap_abort(&w->session);
	append_habits_clear(&w->habits);
}

/* 0, or -1 with w->trouble set. */
static int log_in(struct worker *w)
{
	struct imap_login login = { .account = w->account,
				    .tls = w->setup.tls,
				    .wake_fd = w->setup.wake_fd,
				    .wake = w->setup.wake,
				    .wake_arg = w->setup.arg,
				    .token = w->setup.token,
				    .token_arg = w->setup.arg };
	struct err e = { 0 };
	int fd;

	/* Stores hang up on those who idle: better noticed now than in the middle of a batch. */
	if (w->session != NULL && clock_mono_ms() - w->used > TRUSTED_MS && imap_noop(w->session, &e) != 0)
		hang_up(w);
	if (w->session != NULL)
		return 0;
	w->session_since = clock_wall_ms();
	fd = w->setup.connect(w->setup.arg, &e);
	if (fd >= 0)
		w->session = imap_open(fd, &login, &e);
	if (w->session == NULL) {
		trouble_from(&w->trouble, &e);
		return -1;
	}
	if (w->hurry != INT64_MAX)
		imap_hurry(w->session, w->hurry);
	log_debug("logged-in", LOG_STR("account", w->account->name));
	return 0;
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
	if (!w->trouble.set) {
		if (w->attempts == 0 || w->stored == w->stored_before)
			return 0;
		w->attempts = 0;
		ret = spool_hold_account(w->spool, 0, "", 0, &e);
	} else {
		w->attempts++;
		ms = trouble_hold(w->account, &w->trouble, w->attempts);
		log_warning("account-waits", LOG_STR("account", w->account->name),
			    LOG_NUM("seconds", (ms + 999) / 1000), LOG_NUM("attempts", w->attempts),
			    LOG_STR("reason", w->trouble.text));
		ret = spool_hold_account(w->spool, clock_wall_ms() + ms, w->trouble.text, w->attempts, &e);
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

/* Reports those of JOBS that have an outcome. 0, or -1: then they stay in flight in the spool, and the next worker
 * looks. */
static int settle(struct worker *w, struct job **jobs, size_t n)
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
		if (jobs[i]->state == JOB_ANSWERED)
			log_outcome(w, jobs[i]);
	}
	return 0;
}

/* ---- sending ---- */

static int load(void *arg, struct job *j, struct err *e)
{
	struct worker *w = arg;

	return job_load(j, w->spool, clock_wall_ms() + trouble_backoff(w->account, 1), e);
}

/* The connection ended with E. Bytes of some jobs were on their way; the oldest of them is suspected. */
static void broken(struct worker *w, struct job **jobs, size_t n, const struct err *e)
{
	/* In a hurry the deadline was ours. */
	bool silent = e->code == ETIMEDOUT && w->hurry == INT64_MAX, suspect = true;
	int64_t now = clock_wall_ms(), early = w->account->settle < EARLY_LOOK_MS ? w->account->settle : EARLY_LOOK_MS;

	/* Reset first: the time to settle counts from the end of the connection. */
	hang_up(w);
	for (size_t i = 0; i < n; i++) {
		struct job *j = jobs[i];

		if (j->state == JOB_SENT) {
			worker_doubt(w, j, silent ? now + w->account->settle * 10 : now + early, silent, suspect,
				     e->text);
			suspect = false;
		} else if (j->state == JOB_READY) {
			job_settle(j, OUTCOME_RETRY, 0, false, NULL);
		}
	}
	w->window = w->window > 1 ? w->window / 2 : 1;
}

/* Those of JOBS that are ready and whose folder is known, into OUT. */
static size_t ready(struct job **jobs, size_t n, struct job **out)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->state == JOB_READY)
			out[k++] = jobs[i];
	}
	return k;
}

/* What is too large for the store is not even offered. */
static void check_sizes(const struct worker *w, struct job **jobs, size_t n)
{
	uint64_t limit = imap_append_limit(w->session);

	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->state == JOB_READY && jobs[i]->size > limit)
			job_settle(jobs[i], OUTCOME_REFUSED, 0, false,
				   "it has %llu octets, and the store takes %llu at most (APPENDLIMIT)",
				   (unsigned long long)jobs[i]->size, (unsigned long long)limit);
	}
}

static int record_flight(struct worker *w, struct job **jobs, size_t n, struct err *e)
{
	struct spool_flight *f = mem_array(n + 1, sizeof *f);
	int ret;

	for (size_t i = 0; i < n; i++)
		f[i] = (struct spool_flight){ jobs[i]->work->number, jobs[i]->mailbox, jobs[i]->floor.uidvalidity,
					      jobs[i]->floor.uidnext };
	step("store: before the in-flight record");
	ret = spool_in_flight(w->spool, f, n, e);
	step("store: after the in-flight record");
	free(f);
	return ret;
}

/* One pass over those of JOBS that are ready: folders, record, APPENDs. 0; -1 when the connection broke (outcomes are
 * set); -2 when the spool failed, before anything was sent. */
static int send_pass(struct worker *w, struct job **jobs, size_t n, struct err *e)
{
	struct job **go = mem_array(n + 1, sizeof(struct job *));
	struct append a = { .session = w->session,
			    .habits = &w->habits,
			    .window = w->window,
			    .timeout = w->account->timeout,
			    .jobs = go,
			    .load = load,
			    .answered = worker_answered,
			    .arg = w };
	int ret;

	check_sizes(w, jobs, n);
	ret = place_jobs(w->session, w->account, jobs, n, &w->trouble, e);
	if (ret != 0) {
		broken(w, jobs, n, e);
		goto done;
	}
	a.n = ready(jobs, n, go);
	if (a.n == 0)
		goto done;
	if (record_flight(w, go, a.n, e) != 0) {
		ret = -2;
		goto done;
	}
	ret = append_run(&a, e);
	if (ret != 0)
		broken(w, jobs, n, e);
done:
	free(go);
	return ret;
}

/* Deliveries that were sent again: are there two now? Counted before they are settled, while they may still be looked
 * for. */
static void count_resent(struct worker *w, struct job **jobs, size_t n)
{
	struct recover rc = { w->session, w->account, &w->quiet, true };
	struct job **again = mem_array(n + 1, sizeof(struct job *));
	struct err e;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->state == JOB_ANSWERED && jobs[i]->outcome.kind == OUTCOME_DONE && jobs[i]->resend)
			again[k++] = jobs[i];
	}
	/* They are stored, whatever becomes of the counting. */
	if (k > 0 && w->session != NULL && recover_count(&rc, again, k, &e) != 0)
		hang_up(w);
	free(again);
}

/* A store that answers NO to everything has trouble of its own, and no message is to blame. */
static void check_refusals(struct worker *w, struct job **jobs, size_t n)
{
	if (w->habits.done > 0 || w->habits.refused < 2)
		return;
	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->state == JOB_ANSWERED && jobs[i]->outcome.kind == OUTCOME_DOUBT) {
			trouble_set(&w->trouble, false, jobs[i]->reason);
			jobs[i]->outcome.sent = false;
		}
	}
}

static int send_jobs(struct worker *w, struct job **jobs, size_t n)
{
	unsigned stored = w->stored;
	struct err e = { 0 };
	int ret = send_pass(w, jobs, n, &e);

	/* Folders that vanished meanwhile, keywords that were refused. */
	if (ret == 0)
		ret = send_pass(w, jobs, n, &e);
	if (ret == -2) {
		log_error("in-flight-failed", LOG_STR("account", w->account->name), LOG_STR("reason", e.text));
		if (job_spool_lost(&e))
			return -1;
		for (size_t i = 0; i < n; i++) {
			/* In flight by its first pass: only the next worker may judge it. */
			if (jobs[i]->state == JOB_READY && jobs[i]->retried)
				return -1;
		}
		/* Nothing was sent, so nothing needs to be told. A person took one out of the queue meanwhile: the next
		 * turn knows. Or the disk is full, and may have room later. */
		if (e.class != ERR_PERM)
			trouble_from(&w->trouble, &e);
	} else if (ret == -1) {
		/* Others got through: go on at once with a smaller window. Nothing did: leave the store alone for a
		 * while. */
		log_warning("connection-broke", LOG_STR("account", w->account->name), LOG_STR("reason", e.text));
		if (w->stored == stored)
			trouble_from(&w->trouble, &e);
	} else if (w->window < w->account->window) {
		w->window = w->window * 2 < w->account->window ? w->window * 2 : w->account->window;
	}
	check_refusals(w, jobs, n);
	count_resent(w, jobs, n);
	return settle(w, jobs, n);
}

/* ---- one turn ---- */

/* The store answers the look with something that can't be understood, and will do so again: looks come before other
 * mail, so these must come later than the account's wait ends. */
static void postpone(struct worker *w, struct job **jobs, size_t n, const struct err *e)
{
	int64_t due = clock_wall_ms() + 2 * trouble_backoff(w->account, w->attempts + 2);

	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->state != JOB_ANSWERED)
			job_settle(jobs[i], OUTCOME_DOUBT, due, false, "it could not be looked for: %s", e->text);
	}
}

static int look_for(struct worker *w, struct job **jobs, size_t n)
{
	struct recover rc = { NULL, w->account, &w->quiet, w->stored > 0 };
	struct err e = { 0 };

	/* A look only counts from a connection that began after the doubt. */
	if (w->session != NULL && w->session_since <= w->newest_doubt)
		worker_rest(w);
	if (log_in(w) != 0)
		return 0;
	rc.session = w->session;
	if (recover_jobs(&rc, jobs, n, &e) != 0) {
		hang_up(w);
		trouble_from(&w->trouble, &e);
		if (e.class == ERR_PROTOCOL)
			postpone(w, jobs, n, &e);
	}
	return settle(w, jobs, n);
}

/* Picks what to send this time: mail without a bad record first; a suspect alone, when nothing else is there. */
static size_t choose(const struct worker *w, struct job *jobs, size_t n, struct job **out)
{
	size_t limit = w->window <= 2 ? 1 : (size_t)w->window * 4, k = 0;
	struct job *suspect = NULL;

	for (size_t i = 0; i < n && k < limit; i++) {
		struct job *j = &jobs[i];

		if (j->work->state == DELIVERY_DOUBT)
			continue;
		if (j->work->attempts < RECOVER_SUSPECT)
			out[k++] = j;
		else if (suspect == NULL)
			suspect = j;
	}
	if (k == 0 && suspect != NULL)
		out[k++] = suspect;
	return k;
}

static int work_on(struct worker *w, struct job *jobs, size_t n)
{
	struct job **some = mem_array(n + 1, sizeof(struct job *));
	size_t k = 0;
	int ret = 0;

	for (size_t i = 0; i < n; i++) {
		if (jobs[i].work->state == DELIVERY_DOUBT)
			some[k++] = &jobs[i];
	}
	if (k > 0)
		ret = look_for(w, some, k);
	if (ret == 0 && !w->trouble.set && (k = choose(w, jobs, n, some)) > 0 && log_in(w) == 0)
		ret = send_jobs(w, some, k);
	w->used = clock_mono_ms();
	if (ret == 0)
		ret = account_state(w);
	free(some);
	return ret;
}

enum worker_turn worker_turn(struct worker *w, int64_t *next_due_ms)
{
	struct spool_work *work = NULL;
	struct job *jobs;
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
		return WORKER_IDLE;
	}
	jobs = mem_array(n, sizeof *jobs);
	for (size_t i = 0; i < n; i++)
		job_init(&jobs[i], &work[i]);
	ret = work_on(w, jobs, n);
	for (size_t i = 0; i < n; i++)
		job_free(&jobs[i]);
	free(jobs);
	spool_work_free(work, n);
	return ret == 0 ? WORKER_BUSY : WORKER_LOST;
lost:
	log_error("spool-lost", LOG_STR("account", w->account->name), LOG_STR("reason", e.text));
	return WORKER_LOST;
}
