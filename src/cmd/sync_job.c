#include "cmd/sync_job.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/spool_ask.h"
#include "cmd/sync_impl.h"

enum {
	JOBS_MAX = 32,
	TICK_MS = 500,
	LOOK_MS = 20, /* after which the filing is looked at for the first time; later ones come further apart */
	FLUSH_MS = 30 * 1000, /* how long a client may take to read the end */
};

void sync_job_free(struct sync_job *j)
{
	struct sync_job **p = &j->sup->jobs;

	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	spool_ask_forget(j->sup->ask, j);
	sync_file_left(j);
	for (size_t i = 0; i < j->nsources; i++)
		free(j->sources[i].name);
	for (size_t i = 0; i < j->naccounts; i++)
		free(j->accounts[i].name);
	free(j->sources);
	free(j->accounts);
	free(j->copy_to);
	channel_free(&j->client);
	event_free(j->tick);
	free(j);
}

static void tick_in(struct sync_job *j, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	(void)event_add(j->tick, &tv);
}

void sync_break(struct sync_job *j)
{
	j->broken = true;
	tick_in(j, 0);
}

/* The one that most asks for a person wins. */
void sync_worse(struct sync_job *j, int status)
{
	static const int order[] = { EX_OK, EX_TEMPFAIL, EX_PROTOCOL, EX_CONFIG };
	size_t now = 0, then = 0;

	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		if (order[i] == j->status)
			now = i;
		if (order[i] == status)
			then = i;
	}
	if (then > now)
		j->status = status;
}

void sync_done(struct sync_job *j, const char *words)
{
	struct sync_event ev = { .kind = SYNC_DONE, .status = j->status, .words = words };

	if (j->stage == SYNC_OVER)
		return;
	sync_emit(j, &ev);
	j->stage = SYNC_OVER;
	j->over_ms = clock_mono_ms();
	tick_in(j, 0);
}

/* ---- the runs ---- */

static struct sync_part *part_of(struct sync_job *j, const struct fetcher *f)
{
	if (j->task != f->task || j->stage != SYNC_FETCHES)
		return NULL;
	for (size_t i = 0; i < j->nsources; i++)
		if (strcmp(j->sources[i].name, f->slot->account) == 0)
			return j->sources[i].state == SYNC_ENDED ? NULL : &j->sources[i];
	return NULL;
}

static void tell_source(struct sync_job *j, struct sync_part *p, enum sync_state state, const char *words)
{
	const struct fetcher *f = fetcher_of_name(j->sup, p->name);
	struct sync_event ev = {
		.kind = SYNC_SOURCE, .name = p->name, .state = state, .attached = p->attached, .words = words
	};

	p->state = state;
	if (state == SYNC_RUNS && f != NULL)
		ev.started_ms = f->since_ms;
	sync_emit(j, &ev);
}

/* Whoever waits for a few messages waits no half second for the news, and whoever waits for many costs the spool
 * little. */
static int64_t next_look(const struct sync_job *j)
{
	const int64_t share = (clock_mono_ms() - j->files_ms) / 10;

	if (j->stage != SYNC_FILES || share > TICK_MS)
		return TICK_MS;
	return share < LOOK_MS ? LOOK_MS : share;
}

static void fetch_on(struct sync_job *j)
{
	if (j->stage != SYNC_FETCHES)
		return;
	for (size_t i = 0; i < j->nsources; i++)
		if (j->sources[i].state != SYNC_ENDED)
			return;
	if (j->mode == RUN_DRY || j->naccounts == 0) {
		sync_done(j, NULL);
	} else {
		sync_file(j);
		j->files_ms = clock_mono_ms();
		tick_in(j, next_look(j));
	}
}

static void source_over(struct sync_job *j, struct sync_part *p, const struct fetch_ran *r, int64_t next_ms)
{
	static const int statuses[] = { [RUN_OK] = EX_OK,	    [RUN_AWAY] = EX_TEMPFAIL,
					[RUN_REFUSED] = EX_CONFIG,  [RUN_THROTTLED] = EX_TEMPFAIL,
					[RUN_BROKEN] = EX_PROTOCOL, [RUN_FULL] = EX_TEMPFAIL,
					[RUN_LOST] = EX_TEMPFAIL,   [RUN_PARTLY] = EX_CONFIG };
	struct sync_event ev = { .kind = SYNC_RAN,
				 .name = p->name,
				 .state = SYNC_ENDED,
				 .words = r->result.words,
				 .end = r->result.end,
				 .progress = r->result.done,
				 .started_ms = r->started_ms,
				 .ended_ms = r->ended_ms,
				 .next_ms = next_ms };

	p->state = SYNC_ENDED;
	sync_worse(j, statuses[r->result.end]);
	sync_emit(j, &ev);
}

static void order_run(struct sync_job *j, struct sync_part *p)
{
	struct fetcher *f = fetcher_of_name(j->sup, p->name);
	struct fetch_ran none = { .started_ms = clock_wall_ms(),
				  .ended_ms = clock_wall_ms(),
				  .result.end = RUN_REFUSED };
	struct err e = { 0 };
	bool busy = f != NULL && (f->stage == FETCHER_COMES || f->stage == FETCHER_RUNS);
	/* A copy to somewhere else is another run: fetcher_want says what is in the way. */
	bool same =
	    busy && f->task == j->task && (j->task < TASK_COPY || strcmp(f->copy_to, j->copy_to) == 0);

	p->attached = same && f->stage == FETCHER_RUNS;
	if (p->attached) {
		tell_source(j, p, SYNC_RUNS, NULL);
		return;
	}
	tell_source(j, p, SYNC_WAITS, busy && f->task != j->task ? "another run of it has to end first" : NULL);
	if (f == NULL)
		(void)err_set(&e, ERR_CONFIG, 0, "it is no longer in the configuration");
	if (f != NULL && (same ? 0 : fetcher_want(f, j->task, j->copy_to, &e)) == 0)
		return;
	(void)snprintf(none.result.words, sizeof none.result.words, "%.*s", (int)sizeof none.result.words - 1, e.text);
	source_over(j, p, &none, INT64_MAX);
}

static void begin(struct sync_job *j)
{
	j->stage = SYNC_FETCHES;
	sync_watch(j);
	for (size_t i = 0; i < j->nsources; i++)
		order_run(j, &j->sources[i]);
	fetch_on(j);
}

/* ---- from the fetchers ---- */

#define EACH_JOB(job, f) for (struct sync_job *job = (f)->slot->sup->jobs; job != NULL; job = job->next)

void sync_source_runs(const struct fetcher *f)
{
	EACH_JOB(j, f)
	{
		struct sync_part *p = part_of(j, f);

		if (p != NULL)
			tell_source(j, p, SYNC_RUNS, NULL);
	}
}

void sync_source_progress(const struct fetcher *f)
{
	EACH_JOB(j, f)
	{
		struct sync_part *p = part_of(j, f);
		struct sync_event ev = {
			.kind = SYNC_PROGRESS, .name = f->slot->account, .state = SYNC_RUNS, .progress = f->progress
		};

		if (p != NULL)
			sync_emit(j, &ev);
	}
}

void sync_source_line(const struct fetcher *f, const struct run_line *l)
{
	EACH_JOB(j, f)
	{
		struct sync_part *p = part_of(j, f);
		struct sync_event ev = { .kind = SYNC_LINE, .name = f->slot->account, .state = SYNC_RUNS, .line = *l };

		if (p != NULL)
			sync_emit(j, &ev);
	}
}

void sync_source_ran(struct fetcher *f, const struct fetch_ran *r)
{
	EACH_JOB(j, f)
	{
		struct sync_part *p = part_of(j, f);

		if (p == NULL)
			continue;
		source_over(j, p, r, fetcher_next(f).at_ms);
		fetch_on(j);
	}
}

void sync_source_fails(struct fetcher *f, const char *words)
{
	struct fetch_ran r = { .started_ms = clock_wall_ms(), .ended_ms = clock_wall_ms(), .result.end = RUN_AWAY };

	(void)snprintf(r.result.words, sizeof r.result.words, "%s", words);
	sync_source_ran(f, &r);
}

void sync_source_gone(struct fetcher *f)
{
	struct fetch_ran r = { .started_ms = clock_wall_ms(), .ended_ms = clock_wall_ms(), .result.end = RUN_REFUSED };

	(void)snprintf(r.result.words, sizeof r.result.words, "it is no longer in the configuration");
	/* Whatever was waited for, it does not come. */
	EACH_JOB(j, f)
	{
		for (size_t i = 0; i < j->nsources && j->stage == SYNC_FETCHES; i++) {
			struct sync_part *p = &j->sources[i];

			if (strcmp(p->name, f->slot->account) != 0 || p->state == SYNC_ENDED)
				continue;
			source_over(j, p, &r, INT64_MAX);
			fetch_on(j);
		}
	}
}

/* ---- a job's life ---- */

static bool tick_is_due(struct sync_job *j)
{
	const int64_t now = clock_mono_ms();

	if (now - j->told_ms < TICK_MS)
		return false;
	j->told_ms = now;
	return true;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct sync_job *j = arg;
	struct sync_event tick = { .kind = SYNC_TICK };

	(void)fd;
	(void)what;
	if (j->stage == SYNC_BEGINS && !j->broken)
		begin(j);
	else if (j->stage == SYNC_TELLS && !j->broken)
		sync_plan(j);
	else if (j->client == NULL && j->stage != SYNC_OVER && tick_is_due(j))
		sync_emit(j, &tick);
	if (j->client == NULL && (j->broken || j->stage == SYNC_OVER)) {
		struct supervisor *sup = j->sup;
		int status = j->stage == SYNC_OVER ? j->status : EX_TEMPFAIL;

		sync_job_free(j);
		/* Who came by the control socket meanwhile. */
		sync_end_all(sup, "another `mailferry sync' made this run, and has ended; ask again");
		sup->sync_status = status;
		supervisor_stop(sup);
		return;
	}
	if (j->broken || (j->stage == SYNC_OVER && clock_mono_ms() - j->over_ms > FLUSH_MS)) {
		sync_job_free(j);
		return;
	}
	if (j->stage != SYNC_OVER)
		sync_watch(j);
	tick_in(j, next_look(j));
}

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	(void)arg;
	(void)in;
	(void)fds;
	(void)nfds;
	return -1; /* it has said what it wants */
}

static void on_closed(void *arg, const struct err *e)
{
	(void)e;
	sync_break(arg);
}

static const struct channel_handler handler = { on_message, on_closed };

struct sync_job *sync_job_new(struct supervisor *sup, enum sync_stage stage, int fd, struct err *e)
{
	struct sync_job *j;
	size_t n = 0;
	int copy = -1;

	for (const struct sync_job *other = sup->jobs; other != NULL; other = other->next)
		n++;
	if (n >= JOBS_MAX) {
		(void)err_set(e, ERR_TEMP, 0, "%zu others ask already; try again when they are done", n);
		return NULL;
	}
	if (fd >= 0 && (copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0) {
		(void)err_set(e, ERR_TEMP, 0, "it has no descriptor left");
		return NULL;
	}
	j = mem_alloc(sizeof *j);
	j->sup = sup;
	j->stage = stage;
	j->status = EX_OK;
	if (copy >= 0)
		j->client = channel_new(sup->base, copy, &handler, j);
	j->tick = event_new(sup->base, -1, 0, on_tick, j);
	if (j->tick == NULL)
		abort();
	j->next = sup->jobs;
	sup->jobs = j;
	tick_in(j, 0);
	return j;
}

void sync_ask_lost(struct supervisor *sup)
{
	for (struct sync_job *j = sup->jobs; j != NULL; j = j->next)
		j->asked = false;
}

void sync_end_all(struct supervisor *sup, const char *words)
{
	for (struct sync_job *j = sup->jobs; j != NULL; j = j->next) {
		if (j->stage == SYNC_TELLS)
			continue;
		sync_worse(j, EX_TEMPFAIL);
		sync_done(j, words);
		sup->sync_status = j->status;
	}
}

void sync_free_all(struct supervisor *sup)
{
	while (sup->jobs != NULL)
		sync_job_free(sup->jobs);
}
