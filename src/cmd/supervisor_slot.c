/* Slots: which workers should run, and when the next one may start. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/supervisor.h"

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
	free(s->account);
	free(s);
}

struct slot *slot_of_account(struct supervisor *sup, struct slice account)
{
	for (struct slot *s = sup->slots; s != NULL; s = s->next)
		if (s->kind == SLOT_STORE && !s->gone && slice_eq(slice_str(s->account), account))
			return s;
	return NULL;
}

static struct slot *slot_of_kind(const struct supervisor *sup, enum slot_kind kind)
{
	struct slot *s = sup->slots;

	while (s != NULL && s->kind != kind)
		s = s->next;
	return s;
}

/* A store that could log in as soon as the token role is ready. One that does not become ready is not waited for: the
 * store then says in the queue what is missing. */
static bool waits_for_token(const struct slot *s)
{
	const struct config_account *a = config_account(s->sup->setup->config, s->account);
	const struct slot *token = slot_of_kind(s->sup, SLOT_TOKEN);

	return a != NULL && a->server.oauth && token != NULL && token->failed_starts == 0 &&
	       worker_of_kind(s->sup, SLOT_TOKEN) == NULL;
}

/* Milliseconds until a worker should start in S; 0: now; -1: not before something else happens. */
static int64_t slot_wait(const struct slot *s)
{
	struct supervisor *sup = s->sup;
	int64_t wait = s->not_before - clock_mono_ms();

	if (sup->stage != STAGE_RUNNING || s->worker != NULL || s->gone)
		return -1;
	if (s->kind != SLOT_SPOOL && worker_of_kind(sup, SLOT_SPOOL) == NULL)
		return -1;
	if (s->kind == SLOT_TOKEN && worker_of_kind(sup, SLOT_CONNECT) == NULL)
		return -1;
	if (s->kind == SLOT_STORE) {
		int64_t due = s->due == INT64_MAX ? INT64_MAX : s->due - clock_wall_ms();

		/* When one of them has left, all slots are considered again. */
		if (waits_for_token(s))
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
	if (wall_ms < s->due)
		s->due = wall_ms;
	if (s->worker != NULL && wall_ms <= clock_wall_ms())
		worker_wake(s->worker);
	slot_consider(s);
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
	if (s->kind == SLOT_STORE && (w->idle ? w->idle_until : 0) < s->due)
		s->due = w->idle ? w->idle_until : 0;
	if (s->sup->stores == STORES_MAX - 1)
		slot_consider_all(s->sup);
	else
		slot_consider(s);
}

static size_t slots_of_kind(const struct supervisor *sup, enum slot_kind kind)
{
	size_t n = 0;

	for (const struct slot *s = sup->slots; s != NULL; s = s->next)
		n += s->kind == kind;
	return n;
}

static void drop_slots(struct supervisor *sup)
{
	const struct config *c = sup->setup->config;
	size_t receivers = slots_of_kind(sup, SLOT_RECEIVER);

	for (struct slot *s = sup->slots, *next; s != NULL; s = next) {
		next = s->next;
		if (s->kind == SLOT_TOKEN && !config_has_oauth(c)) {
			slot_free(s);
		} else if (s->kind == SLOT_RECEIVER && receivers > c->receivers) {
			receivers--;
			slot_free(s);
		} else if (s->kind == SLOT_STORE && config_account(c, s->account) == NULL) {
			/* Its store must be reaped before the account may come back. */
			s->gone = true;
			if (s->worker == NULL)
				slot_free(s);
		} else if (s->kind == SLOT_STORE) {
			s->gone = false;
		}
	}
}

static bool has_slot(const struct supervisor *sup, const char *account)
{
	for (const struct slot *s = sup->slots; s != NULL; s = s->next)
		if (s->kind == SLOT_STORE && strcmp(s->account, account) == 0)
			return true;
	return false;
}

void slot_match(struct supervisor *sup)
{
	const struct config *c = sup->setup->config;

	drop_slots(sup);
	if (slots_of_kind(sup, SLOT_SPOOL) == 0)
		(void)slot_new(sup, SLOT_SPOOL, "");
	if (slots_of_kind(sup, SLOT_CONNECT) == 0)
		(void)slot_new(sup, SLOT_CONNECT, "");
	if (config_has_oauth(c) && slots_of_kind(sup, SLOT_TOKEN) == 0)
		(void)slot_new(sup, SLOT_TOKEN, "");
	for (size_t n = slots_of_kind(sup, SLOT_RECEIVER); n < c->receivers; n++)
		(void)slot_new(sup, SLOT_RECEIVER, "");
	for (size_t i = 0; i < c->naccounts; i++)
		if (!has_slot(sup, c->accounts[i].name))
			(void)slot_new(sup, SLOT_STORE, c->accounts[i].name);
}
