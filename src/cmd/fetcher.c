#include "cmd/fetcher.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/spool_ask.h"
#include "config/value.h"

/* So many fetch at once: each is a process and a connection. Those that wait for news do not count. */
enum { FETCHERS_MAX = 50, POLLED_MS = 10 * 60 * 1000, SLEPT_MS = 30 * 1000 };

struct fetcher *fetcher_of_name(struct supervisor *sup, const char *name)
{
	for (struct slot *s = sup->slots; s != NULL; s = s->next)
		if (s->kind == SLOT_FETCH && !s->gone && strcmp(s->account, name) == 0)
			return s->fetcher;
	return NULL;
}

/* ---- the plan ---- */

static void plan_times(struct fetcher *f, char *const *texts, size_t n)
{
	char hint[VALUE_HINT_SIZE];

	free(f->at);
	f->at = mem_array(n + 1, sizeof *f->at);
	f->plan.table.nat = 0;
	/* The configuration was checked when it was read. */
	for (size_t i = 0; i < n; i++)
		if (schedule_parse(slice_str(texts[i]), &f->at[f->plan.table.nat], hint) == 0)
			f->plan.table.nat++;
	f->plan.table.at = f->at;
}

void fetcher_configure(struct fetcher *f)
{
	const struct config_source *c = config_source(f->slot->sup->setup->config, f->slot->account);

	if (c == NULL)
		return;
	f->plan = (struct agenda_plan){ .table = { .name = f->slot->account, .every = c->every, .jitter = c->jitter },
					.push = c->push };
	plan_times(f, c->at, c->nat);
	f->polled = false;
	f->deadline = c->deadline;
	f->past.known_ms = clock_wall_ms();
}

struct fetcher *fetcher_new(struct slot *s)
{
	struct fetcher *f = mem_alloc(sizeof *f);

	f->slot = s;
	f->draw = (uint16_t)(random() & AGENDA_DRAW_MAX);
	f->progress.folder = mem_strdup("");
	fetcher_configure(f);
	return f;
}

void fetcher_free(struct fetcher **fp)
{
	struct fetcher *f = *fp;

	if (f == NULL)
		return;
	*fp = NULL;
	if (f->overdue != NULL)
		event_free(f->overdue);
	fetch_progress_clear(&f->progress);
	free(f->copy_to);
	free(f->at);
	free(f);
}

/* ---- when ---- */

struct agenda_next fetcher_next(struct fetcher *f)
{
	struct agenda_plan plan = f->plan;
	struct agenda_next never = { .at_ms = INT64_MAX };

	if (f->slot->sup->sync_only)
		return never;
	if (f->polled) {
		plan.push = false;
		if (plan.table.every == 0 && plan.table.nat == 0)
			plan.table.every = POLLED_MS;
	}
	agenda_mend(&f->past, clock_wall_ms());
	return agenda_next(&plan, &f->past, f->draw);
}

int64_t fetcher_poll(const struct fetcher *f)
{
	const struct config_source *c = config_source(f->slot->sup->setup->config, f->slot->account);

	return c == NULL ? FETCH_POLL_MS : fetch_poll_ms(c, f->since_ms);
}

static bool is_wanted(const struct fetcher *f)
{
	for (int task = TASK_FETCH; task < TASKS; task++)
		if (f->wanted[task])
			return true;
	return false;
}

/* Whether it is F's turn, among those that wait because too many run: who has waited longest is first. */
static bool has_turn(struct fetcher *f)
{
	size_t busy = 0, before = 0;

	if (f->queued == 0)
		f->queued = clock_mono_ms();
	for (const struct slot *s = f->slot->sup->slots; s != NULL; s = s->next) {
		const struct fetcher *other = s->fetcher;

		if (other == NULL || other == f)
			continue;
		busy += s->worker != NULL && other->stage != FETCHER_IDLES;
		before += s->worker == NULL && other->queued != 0 && other->queued < f->queued;
	}
	return busy + before < FETCHERS_MAX;
}

/* As fetcher_wait, were there no others. */
static int64_t wait_alone(struct fetcher *f)
{
	struct supervisor *sup = f->slot->sup;
	int64_t wait = f->slot->not_before - clock_mono_ms();

	if (!f->known || worker_of_kind(sup, SLOT_CONNECT) == NULL || slot_waits_for_token(f->slot))
		return -1;
	if (!is_wanted(f)) {
		int64_t at = fetcher_next(f).at_ms;

		if (at == INT64_MAX)
			return -1;
		if (at - clock_wall_ms() > wait)
			wait = at - clock_wall_ms();
	}
	return wait < 0 ? 0 : wait;
}

int64_t fetcher_wait(struct fetcher *f)
{
	int64_t wait = wait_alone(f);

	/* Who is not due, or can't begin, keeps no place in the queue. */
	if (wait != 0) {
		f->queued = 0;
		return wait;
	}
	/* When one of them has ended, all slots are considered again. */
	return has_turn(f) ? 0 : -1;
}

/* ---- what a person asks for ---- */

enum fetcher_task fetcher_task_of(enum run_mode mode, const char *copy_to)
{
	if (mode == RUN_COPY)
		return TASK_COPY;
	if (mode == RUN_DRY)
		return copy_to == NULL ? TASK_DRY : TASK_DRY_COPY;
	return TASK_FETCH;
}

/* Where copies go: to one account at a time. */
static int set_copy(struct fetcher *f, const char *to, struct err *e)
{
	bool copies =
	    f->wanted[TASK_COPY] || f->wanted[TASK_DRY_COPY] || (f->slot->worker != NULL && f->task >= TASK_COPY);
	char *copy;

	if (copies && strcmp(f->copy_to, to) != 0)
		return err_set(e, ERR_TEMP, 0, "%s is being copied to %s; wait until that has ended", f->slot->account,
			       f->copy_to);
	copy = mem_strdup(to);
	free(f->copy_to);
	f->copy_to = copy;
	return 0;
}

int fetcher_want(struct fetcher *f, enum fetcher_task task, const char *copy_to, struct err *e)
{
	if (task >= TASK_COPY && set_copy(f, copy_to, e) != 0)
		return -1;
	f->wanted[task] = true;
	/* One that is about to leave does not hear it: the next one does. */
	if (f->stage != FETCHER_IDLES || f->slot->worker->state != WORKER_READY) {
		slot_consider(f->slot);
	} else if (task == f->task) {
		fetcher_ready(f);
	} else {
		worker_stop(f->slot->worker);
		fetcher_enter(f, FETCHER_ENDS);
	}
	return 0;
}

void fetcher_lift(struct fetcher *f)
{
	struct agenda_next next = fetcher_next(f);

	if (!next.held || next.at_ms == INT64_MAX)
		return;
	f->past.failures = 0;
	f->wanted[TASK_FETCH] = true;
	slot_consider(f->slot);
}

void fetchers_lift(struct supervisor *sup, bool oauth_only)
{
	for (struct slot *s = sup->slots; s != NULL; s = s->next) {
		const struct config_source *c =
		    s->fetcher == NULL ? NULL : config_source(sup->setup->config, s->account);

		if (c != NULL && (!oauth_only || c->server.oauth))
			fetcher_lift(s->fetcher);
	}
}

/* ---- what the spool remembers ---- */

static enum run_end end_of_name(const char *name)
{
	for (int end = RUN_OK; name != NULL && end <= RUN_PARTLY; end++)
		if (strcmp(run_end_name((enum run_end)end), name) == 0)
			return (enum run_end)end;
	return RUN_OK;
}

static void learn_one(struct fetcher *f, const struct source_run *run)
{
	f->past.started_ms = run->started_ms;
	f->past.ended_ms = run->ended_ms;
	f->past.failures = run->failures;
	f->past.end = end_of_name(run->end);
	(void)snprintf(f->words, sizeof f->words, "%s", run->words == NULL ? "" : run->words);
}

static void on_source(void *arg, const struct spool_source_row *row, bool good)
{
	struct supervisor *sup = arg;
	struct fetcher *f = row == NULL ? NULL : fetcher_of_name(sup, row->source);

	if (f != NULL && !f->known)
		learn_one(f, &row->run);
	if (row != NULL)
		return;
	/* A spool that can't say it lets nothing be fetched either: what is missing here is only when. */
	if (!good)
		log_warning("last-runs-not-known", LOG_STR("effect", "every source is fetched soon"));
	for (struct slot *s = sup->slots; s != NULL; s = s->next)
		if (s->fetcher != NULL)
			s->fetcher->known = true;
	slot_consider_all(sup);
}

void fetchers_learn(struct supervisor *sup)
{
	bool all = true;

	for (const struct slot *s = sup->slots; s != NULL; s = s->next)
		all = all && (s->fetcher == NULL || s->fetcher->known);
	if (!all && sup->ask != NULL)
		spool_ask_sources(sup->ask, on_source, sup);
}

void fetchers_minute(struct supervisor *sup)
{
	int64_t now = clock_wall_ms(), lead = now - clock_mono_ms();

	/* The monotonic clock stands while the machine sleeps. What was missed is spread as after a start. */
	if (sup->wall_lead != 0 && lead - sup->wall_lead > SLEPT_MS) {
		log_info("clock-went-ahead", LOG_NUM("ms", lead - sup->wall_lead));
		for (struct slot *s = sup->slots; s != NULL; s = s->next)
			if (s->fetcher != NULL)
				s->fetcher->past.known_ms = now;
	}
	sup->wall_lead = lead;
}
