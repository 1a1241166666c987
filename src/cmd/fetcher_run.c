/* The life of a fetcher's process: what it is told, what it says, how it ends. */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "cmd/fetcher.h"
#include "cmd/sync_job.h"
#include "cmd/text.h"
#include "intake/notice.h"
#include "ipc/channel.h"
#include "role/role.h"
#include "spool/protocol.h"

/* It sees to its deadline itself; this is for one that does not. */
enum { OVERDUE_GRACE_MS = 5 * 1000, KILL_MS = 5 * 1000, FAILED_STARTS_TOLD = 3 };

static const char *const stage_names[] = {
	[FETCHER_AWAY] = "away",   [FETCHER_COMES] = "comes", [FETCHER_RUNS] = "runs",
	[FETCHER_IDLES] = "idles", [FETCHER_ENDS] = "ends",
};

void fetcher_enter(struct fetcher *f, enum fetcher_stage stage)
{
	/* From stage to stage, as bits. */
	static const unsigned legal[] = {
		[FETCHER_AWAY] = 1u << FETCHER_COMES,
		[FETCHER_COMES] = 1u << FETCHER_RUNS | 1u << FETCHER_ENDS | 1u << FETCHER_AWAY,
		[FETCHER_RUNS] = 1u << FETCHER_IDLES | 1u << FETCHER_ENDS | 1u << FETCHER_AWAY,
		[FETCHER_IDLES] = 1u << FETCHER_RUNS | 1u << FETCHER_COMES | 1u << FETCHER_ENDS | 1u << FETCHER_AWAY,
		[FETCHER_ENDS] = 1u << FETCHER_AWAY,
	};

	if ((legal[f->stage] & 1u << stage) == 0)
		abort();
	f->stage = stage;
	f->since_ms = clock_wall_ms();
	log_debug("source-stage", LOG_STR("source", f->slot->account), LOG_STR("stage", stage_names[stage]));
}

/* ---- the deadline ---- */

static void set_timer(struct fetcher *f, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	(void)event_add(f->overdue, &tv);
}

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	struct fetcher *f = arg;

	(void)fd;
	(void)what;
	if (f->slot->worker == NULL)
		return;
	if (f->overran) {
		worker_kill(f->slot->worker, "it does not end at its deadline");
		return;
	}
	f->overran = true;
	worker_stop(f->slot->worker);
	set_timer(f, KILL_MS);
}

static void arm(struct fetcher *f)
{
	if (f->overdue == NULL)
		f->overdue = event_new(f->slot->sup->base, -1, 0, on_overdue, f);
	if (f->overdue == NULL)
		abort();
	f->overran = false;
	if (f->deadline > 0)
		set_timer(f, f->deadline + OVERDUE_GRACE_MS);
}

static void disarm(struct fetcher *f)
{
	if (f->overdue != NULL)
		(void)event_del(f->overdue);
}

/* ---- what it is told ---- */

static void progress_set(struct fetcher *f, struct run_progress p)
{
	fetch_progress_clear(&f->progress);
	f->progress = p;
}

/* The next run that is asked for; one by the schedule when none is. */
static enum fetcher_task task_next(const struct fetcher *f)
{
	for (int task = TASK_FETCH; task < TASKS; task++)
		if (f->wanted[task])
			return (enum fetcher_task)task;
	return TASK_FETCH;
}

void fetcher_starts(struct fetcher *f)
{
	f->task = task_next(f);
	f->queued = 0;
	f->replaced = false;
	f->slot->worker->copies = f->task >= TASK_COPY;
	fetcher_enter(f, FETCHER_COMES);
}

void fetcher_ready(struct fetcher *f)
{
	struct worker *w = f->slot->worker;
	static const enum run_mode modes[TASKS] = {
		[TASK_FETCH] = RUN_FETCH, [TASK_DRY] = RUN_DRY, [TASK_COPY] = RUN_COPY, [TASK_DRY_COPY] = RUN_DRY
	};
	struct ipc_out out;

	f->wanted[f->task] = false;
	progress_set(f, (struct run_progress){ .folder = mem_strdup("") });
	f->again = f->stage != FETCHER_COMES;
	if (f->again)
		fetcher_enter(f, FETCHER_COMES);
	w->idle = false;
	arm(f);
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_RUN, 0);
	ipc_put_number(&out, FETCH_TAG_MODE, modes[f->task]);
	if (f->task >= TASK_COPY)
		ipc_put_str(&out, FETCH_TAG_COPY_TO, f->copy_to);
	(void)worker_send(w, &out, -1);
	ipc_out_free(&out);
}

void fetcher_replace(struct fetcher *f)
{
	struct worker *w = f->slot->worker;

	if (w == NULL)
		return;
	/* A run that is under way ends with what it began with. */
	f->replaced = true;
	if (f->stage != FETCHER_IDLES)
		return;
	worker_stop(w);
	fetcher_enter(f, FETCHER_ENDS);
}

/* ---- what it says ---- */

static void on_progress(struct fetcher *f, struct slice fields)
{
	struct run_progress p, before = f->progress;

	if (f->stage == FETCHER_COMES || f->stage == FETCHER_IDLES) {
		if (f->stage == FETCHER_IDLES)
			arm(f);
		fetcher_enter(f, FETCHER_RUNS);
		f->slot->worker->idle = false;
		if (f->task == TASK_FETCH) {
			f->past.started_ms = f->since_ms;
			f->past.ended_ms = 0;
		}
		sync_source_runs(f);
	}
	if (f->stage != FETCHER_RUNS)
		return;
	fetch_get_progress(fields, &p);
	/* A mailbox may take days to copy; what counts is that it goes on. */
	if (f->task == TASK_COPY && !f->overran && (p.octets != before.octets || p.messages != before.messages))
		arm(f);
	progress_set(f, p);
	sync_source_progress(f);
}

static void on_line(struct fetcher *f, struct slice fields)
{
	struct run_line l;

	fetch_get_line(fields, &l);
	sync_source_line(f, &l);
	fetch_line_clear(&l);
}

/* Takes the end of a run into account. */
static void account_for(struct fetcher *f, const struct fetch_ran *r)
{
	const struct run_result *result = &r->result;

	disarm(f);
	if (f->task == TASK_FETCH) {
		f->past.started_ms = r->started_ms;
		f->past.ended_ms = r->ended_ms;
		f->past.end = result->end;
		f->past.delay_ms = result->delay_ms;
		/* A source that gives mail, however it ends, is not one that fails again and again. */
		f->past.failures = result->end == RUN_OK ? 0 : result->done.messages > 0 ? 1 : f->past.failures + 1;
		f->draw = (uint16_t)(random() & AGENDA_DRAW_MAX);
		(void)snprintf(f->words, sizeof f->words, "%s", result->words);
		if (result->end == RUN_REFUSED || result->end == RUN_PARTLY)
			supervisor_notice(f->slot->sup, f->slot, NOTICE_SOURCE, result->words);
		/* It failed with what a reload has replaced meanwhile. */
		if (f->replaced)
			fetcher_lift(f);
	}
	sync_source_ran(f, r);
}

static int on_ran(struct fetcher *f, struct slice fields)
{
	struct worker *w = f->slot->worker;
	struct fetch_ran ran;

	if (f->stage != FETCHER_COMES && f->stage != FETCHER_RUNS)
		return -1;
	step("supervisor: a run has ended");
	fetch_get_ran(fields, &ran);
	/* When that was is known here: by what a fetcher says of it, it could be begun again at once, or never. */
	ran.started_ms = f->since_ms;
	ran.ended_ms = clock_wall_ms();
	w->idle = true;
	if (f->stage == FETCHER_COMES)
		fetcher_enter(f, FETCHER_RUNS);
	fetcher_enter(f, ran.idle && f->task == TASK_FETCH ? FETCHER_IDLES : FETCHER_ENDS);
	account_for(f, &ran);
	if (f->stage == FETCHER_ENDS) {
		worker_enter(w, WORKER_LEAVING);
	} else if (f->replaced || (task_next(f) != f->task)) {
		worker_stop(w);
		fetcher_enter(f, FETCHER_ENDS);
	} else if (f->wanted[TASK_FETCH]) {
		fetcher_ready(f);
	} else {
		/* There is a place for another one. */
		slot_consider_all(f->slot->sup);
	}
	return 0;
}

int fetcher_says(struct worker *w, const struct ipc_in *in)
{
	struct fetcher *f = w->slot == NULL ? NULL : w->slot->fetcher;

	/* One that is on its way out may still have something to say: nobody listens. */
	if (f == NULL || w->state != WORKER_READY)
		return 0;
	switch (in->type) {
	case ROLE_PROGRESS:
		on_progress(f, in->rest);
		return 0;
	case ROLE_LINE:
		on_line(f, in->rest);
		return 0;
	case ROLE_RAN:
		return on_ran(f, in->rest);
	default:
		return -1;
	}
}

/* ---- its end ---- */

/* A run that could not say how it ended is written down by us, as by a fetcher that has come after it, or the next
 * start would not know of the failure. */
static void record(struct fetcher *f, const struct fetch_ran *r)
{
	const struct source_run run = { .started_ms = r->started_ms,
					.ended_ms = r->ended_ms,
					.end = run_end_name(r->result.end),
					.words = r->result.words,
					.messages = r->result.done.messages,
					.octets = r->result.done.octets,
					.skipped = r->result.done.skipped };
	struct worker *spool = worker_of_kind(f->slot->sup, SLOT_SPOOL);
	struct packets p = { 0 };
	struct err e;
	int door = spool == NULL ? -1 : worker_peer(spool, "fetch", f->slot->account, &e);
	int fd = door < 0 ? -1 : worker_peer(spool, "memory", f->slot->account, &e);

	if (fd < 0) {
		file_close(&door);
		return;
	}
	packets_begin(&p, REQUEST_RAN, 1);
	packets_put(&p, &wire_run, &run);
	/* The socket holds it until the spool reads it. Without it the record says that the run was cut off. */
	for (size_t i = 0; i < p.n && !p.failed; i++)
		if (ipc_send(fd, &p.all[i], NULL, 0, &e) != 0)
			break;
	packets_free(&p);
	file_close(&door);
	file_close(&fd);
}

static void died(struct fetcher *f, const struct worker *w, int status, int64_t since_ms)
{
	char span[TEXT_SPAN_SIZE];
	struct fetch_ran ran = { .started_ms = since_ms, .ended_ms = clock_wall_ms() };
	struct run_result *r = &ran.result;

	r->end = RUN_AWAY;
	r->done = f->progress;
	r->done.folder = "";
	if (f->overran) {
		text_span(f->deadline, span);
		(void)snprintf(
		    r->words, sizeof r->words,
		    "the run had not ended within %s and was ended: the server hangs, or gives its mail too slowly "
		    "(see deadline)",
		    span);
	} else if (WIFSIGNALED(status)) {
		(void)snprintf(r->words, sizeof r->words, "its fetcher was ended by signal %d (%s); see the log",
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	} else {
		(void)snprintf(r->words, sizeof r->words,
			       "its fetcher ended with status %d in the middle of a run; see the log",
			       WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	}
	log_warning("fetch-ended", LOG_STR("source", w->account), LOG_STR("result", run_end_name(r->end)),
		    LOG_STR("why", r->words));
	if (f->task == TASK_FETCH)
		record(f, &ran);
	account_for(f, &ran);
}

void fetcher_ended(struct fetcher *f, const struct worker *w, int status)
{
	bool told = w->told_to_end && !f->overran, well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	enum fetcher_stage stage = f->stage;
	int64_t since = f->since_ms;

	disarm(f);
	fetcher_enter(f, FETCHER_AWAY);
	if (f->slot->gone)
		return;
	if (!w->ready_once) {
		if (f->slot->failed_starts >= FAILED_STARTS_TOLD)
			sync_source_fails(f, "its fetcher does not start; see the log");
	} else if (stage == FETCHER_IDLES && well && !told) {
		f->polled = true;
	} else if (stage == FETCHER_COMES && f->again && WIFEXITED(status) && !told && !f->overran) {
		/* It was about to leave when it was told to run: the next one does. */
		f->polled = f->polled || well;
		f->wanted[f->task] = true;
	} else if ((stage == FETCHER_COMES || stage == FETCHER_RUNS) && told) {
		/* What it was in the middle of is taken up by the next one. */
		sync_source_fails(f, "it was interrupted");
	} else if (stage == FETCHER_COMES || stage == FETCHER_RUNS) {
		died(f, w, status, since);
	}
	f->overran = false;
}
