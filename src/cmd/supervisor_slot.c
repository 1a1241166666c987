/* Slots: which workers should run, and when the next one may start. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/fetcher.h"
#include "cmd/hours.h"
#include "cmd/spool_ask.h"
#include "cmd/supervisor.h"
#include "cmd/sync_job.h"

enum { LOOK_AGAIN_MS = 60 * 1000, FAILED_STARTS_TOLD = 5, STORE_SPACING_MS = 1000, STORES_MAX = 200 };

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	slot_consider(arg);
}

struct slot *slot_new(struct supervisor *sup, enum slot_kind kind, const char *account)
{
	struct slot *s = mem_alloc(sizeof *s);

	s->sup = sup;
	s->kind = kind;
	s->account = mem_strdup(account);
	s->due = INT64_MAX;
	s->timer = event_new(sup->base, -1, 0, on_timer, s);
	if (s->timer == NULL)
		abort();
	s->next = sup->slots;
	sup->slots = s;
	if (kind == SLOT_FETCH)
		s->fetcher = fetcher_new(s);
	return s;
}

void slot_free(struct slot *s)
{
	struct slot **p = &s->sup->slots;

	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	if (s->worker != NULL)
		s->worker->slot = NULL;
	event_free(s->timer);
	fetcher_free(&s->fetcher);
	hours_free(&s->hours);
	free(s->account);
	free(s);
}

struct slot *slot_of_account(struct supervisor *sup, struct slice account)
{
	for (struct slot *s = sup->slots; s != NULL; s = s->next)
		if (slot_kind_files(s->kind) && !s->gone && slice_eq(slice_str(s->account), account))
			return s;
	return NULL;
}

struct slot *slot_of_name(struct supervisor *sup, struct slice name)
{
	struct slot *s = sup->slots;

	while (s != NULL &&
	       (s->gone || (!slot_kind_files(s->kind) && s->kind != SLOT_FETCH) || !slice_eq(slice_str(s->account), name)))
		s = s->next;
	return s;
}

static struct slot *slot_of_kind(const struct supervisor *sup, enum slot_kind kind)
{
	struct slot *s = sup->slots;

	while (s != NULL && s->kind != kind)
		s = s->next;
	return s;
}

/* One that could log in as soon as the token role is ready. A token role that does not become ready is not waited for:
 * the store or fetcher then says what is missing. */
bool slot_waits_for_token(const struct slot *s)
{
	const struct config_server *server = config_server(s->sup->setup->config, s->account);
	const struct slot *token = slot_of_kind(s->sup, SLOT_TOKEN);

	return server != NULL && server->oauth && token != NULL && token->failed_starts == 0 &&
	       worker_of_kind(s->sup, SLOT_TOKEN) == NULL;
}

/* Wall clock when the store of S may begin with what is due; INT64_MAX: not before something else happens. */
static int64_t store_due(struct slot *s)
{
	int64_t now = clock_wall_ms(), opens;

	if (s->due == INT64_MAX || (s->sup->sync_only && !sync_wants_account(s->sup, s->account)))
		return INT64_MAX;
	if (s->hours == NULL)
		return s->due;
	/* Only mail that is due can open it. */
	opens = s->due <= now ? hours_wait(s->hours, now) : s->hours->open ? 0 : hours_next(s->hours);
	return opens > s->due ? opens : s->due;
}

/* Milliseconds until a worker should start in S; 0: now; -1: not before something else happens. */
static int64_t slot_wait(struct slot *s)
{
	struct supervisor *sup = s->sup;
	int64_t wait = s->not_before - clock_mono_ms();

	if (sup->stage != STAGE_RUNNING || s->worker != NULL || s->gone)
		return -1;
	if (s->kind != SLOT_SPOOL && worker_of_kind(sup, SLOT_SPOOL) == NULL)
		return -1;
	if (s->kind == SLOT_TOKEN && worker_of_kind(sup, SLOT_CONNECT) == NULL)
		return -1;
	if (s->kind == SLOT_FETCH)
		return fetcher_wait(s->fetcher);
	if (slot_kind_files(s->kind)) {
		int64_t at = store_due(s), due = at == INT64_MAX ? INT64_MAX : at - clock_wall_ms();

		/* When one of them has left, all slots are considered again. */
		if (slot_waits_for_token(s))
			return -1;
		if (due == INT64_MAX || sup->stores >= STORES_MAX || worker_of_kind(sup, SLOT_CONNECT) == NULL)
			return -1;
		if (due > wait)
			wait = due;
	}
	return wait < 0 ? 0 : wait;
}

static void slot_failed(struct slot *s)
{
	s->not_before = clock_mono_ms() + backoff_next(&s->backoff, 0);
	if (++s->failed_starts == FAILED_STARTS_TOLD)
		log_error("role-does-not-start", LOG_STR("kind", slot_kind_names[s->kind]),
			  LOG_STR("account", s->account),
			  LOG_STR("what", "it ended before it was ready, five times in a row; see its own lines above; "
					  "mailferry keeps trying"));
	/* Nothing goes without spool and connector; who asks meanwhile would wait for ever. */
	if (s->failed_starts >= FAILED_STARTS_TOLD && s->fetcher == NULL &&
	    (s->sup->sync_only || s->kind == SLOT_SPOOL || s->kind == SLOT_CONNECT))
		sync_end_all(s->sup, s->sup->sync_only ? "one of mailferry's programs does not start; see the lines above"
						 : "one of mailferry's programs does not start; see its log");
}

void slot_consider(struct slot *s)
{
	int64_t wait = slot_wait(s);

	while (wait == 0) {
		struct err e = { 0 };

		if (worker_start(s, &e) == 0)
			return;
		log_error("role-not-started", LOG_STR("kind", slot_kind_names[s->kind]), LOG_STR("account", s->account),
			  LOG_STR("why", e.text));
		slot_failed(s);
		wait = slot_wait(s);
	}
	if (wait > 0) {
		/* The wall clock may jump: a far time is looked at again before it comes. */
		struct timeval tv = { .tv_sec = wait > LOOK_AGAIN_MS ? LOOK_AGAIN_MS / 1000 : wait / 1000,
				      .tv_usec = wait > LOOK_AGAIN_MS ? 0 : (wait % 1000) * 1000 };

		(void)event_add(s->timer, &tv);
	}
}

void slot_consider_all(struct supervisor *sup)
{
	for (struct slot *s = sup->slots; s != NULL; s = s->next)
		slot_consider(s);
}

void slot_due(struct slot *s, int64_t wall_ms)
{
	if (s->hours != NULL && s->due == INT64_MAX && s->worker == NULL)
		hours_mail(s->hours, clock_wall_ms());
	if (wall_ms < s->due)
		s->due = wall_ms;
	if (s->worker != NULL && wall_ms <= clock_wall_ms())
		worker_wake(s->worker);
	slot_consider(s);
}

void slot_file_now(struct slot *s)
{
	if (s->hours != NULL)
		hours_open(s->hours, clock_wall_ms());
	slot_consider(s);
}

/* ---- since when mail waits for accounts with `at' ---- */

static void on_account(void *arg, const struct spool_account_row *row, bool good)
{
	struct supervisor *sup = arg;
	struct slot *s = row == NULL ? NULL : slot_of_account(sup, slice_str(row->account));
	int64_t now = clock_wall_ms();

	(void)good;
	if (s != NULL && s->hours != NULL && !s->hours->known)
		hours_begin(s->hours, row->oldest_ms, now);
	if (row != NULL)
		return;
	for (s = sup->slots; s != NULL; s = s->next)
		if (s->hours != NULL && !s->hours->known)
			hours_begin(s->hours, 0, now);
	slot_consider_all(sup);
}

void slots_learn_hours(struct supervisor *sup)
{
	bool all = true;

	for (const struct slot *s = sup->slots; s != NULL; s = s->next)
		all = all && (s->hours == NULL || s->hours->known);
	if (!all && sup->ask != NULL)
		spool_ask_accounts(sup->ask, on_account, sup);
}

void slot_ended(struct slot *s, const struct worker *w, bool clean)
{
	int64_t now = clock_mono_ms();

	s->worker = NULL;
	if (clean) {
		/* A store that left because it had nothing to do may be wanted again at once; not more than once a
		 * second. */
		s->not_before = w->started + STORE_SPACING_MS;
	} else if (!w->ready_once) {
		slot_failed(s);
	} else {
		s->not_before = now + backoff_next(&s->backoff, now - w->started);
	}
	if (slot_kind_files(s->kind) && (w->idle ? w->idle_until : 0) < s->due)
		s->due = w->idle ? w->idle_until : 0;
	if (s->hours != NULL)
		hours_left(s->hours, s->due != INT64_MAX, clock_wall_ms());
	if (s->sup->stores == STORES_MAX - 1 || s->kind == SLOT_FETCH)
		slot_consider_all(s->sup);
	else
		slot_consider(s);
}
