/* Slots and the configuration: each has those that the other names. */
#include <string.h>

#include "cmd/fetcher.h"
#include "cmd/hours.h"
#include "cmd/supervisor.h"
#include "cmd/sync_job.h"

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
		} else if ((s->kind == SLOT_STORE && config_account(c, s->account) == NULL) ||
			   (s->kind == SLOT_RELAY && c->relay == NULL) ||
			   (s->kind == SLOT_FETCH && config_source(c, s->account) == NULL)) {
			/* Its store or fetcher must be reaped before the name may come back. */
			s->gone = true;
			if (s->fetcher != NULL)
				sync_source_gone(s->fetcher);
			if (s->worker == NULL)
				slot_free(s);
			else
				worker_stop(s->worker);
		} else {
			s->gone = false;
		}
	}
}

static struct slot *slot_named(const struct supervisor *sup, enum slot_kind kind, const char *name)
{
	struct slot *s = sup->slots;

	while (s != NULL && (s->kind != kind || strcmp(s->account, name) != 0))
		s = s->next;
	return s;
}

static void match_accounts(struct supervisor *sup, const struct config *c)
{
	for (size_t i = 0; i < c->naccounts; i++) {
		const struct config_account *a = &c->accounts[i];
		struct slot *s = slot_named(sup, SLOT_STORE, a->name);
		int64_t opened;
		bool open;

		if (s == NULL)
			s = slot_new(sup, SLOT_STORE, a->name);
		open = s->hours != NULL && s->hours->open;
		opened = open ? s->hours->opened_ms : 0;
		hours_free(&s->hours);
		if (a->nat == 0)
			continue;
		s->hours = hours_new(a->at, a->nat);
		/* What is being filed now is filed. */
		s->hours->open = open;
		s->hours->opened_ms = opened;
	}
}

static void match_sources(struct supervisor *sup, const struct config *c)
{
	for (size_t i = 0; i < c->nsources; i++) {
		struct slot *s = slot_named(sup, SLOT_FETCH, c->sources[i].name);

		if (s == NULL)
			(void)slot_new(sup, SLOT_FETCH, c->sources[i].name);
		else
			fetcher_configure(s->fetcher);
	}
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
	for (size_t n = slots_of_kind(sup, SLOT_RECEIVER); n < c->receivers && !sup->sync_only; n++)
		(void)slot_new(sup, SLOT_RECEIVER, "");
	match_accounts(sup, c);
	if (c->relay != NULL && slots_of_kind(sup, SLOT_RELAY) == 0)
		(void)slot_new(sup, SLOT_RELAY, CONFIG_RELAY);
	match_sources(sup, c);
	slots_learn_hours(sup);
	fetchers_learn(sup);
}
