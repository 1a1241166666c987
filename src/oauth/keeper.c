#include "oauth/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "oauth/keeper_impl.h"

enum {
	DAY_MS = 24 * 3600 * 1000,
	LEFT_MS = 60 * 1000,  /* that a token must have left to be of use */
	FORCE_MS = 30 * 1000, /* between exchanges because a token did not work */
	URGE_MS = 10 * 1000   /* between exchanges because a person is waiting */
};

/* ---- life ---- */

bool grant_is_person(const struct grant *g)
{
	return g->server->token.grant == CONFIG_GRANT_USER || g->server->token.grant == CONFIG_GRANT_DEVICE;
}

static void asker_drop(struct asker **at)
{
	struct asker *a = *at;

	*at = a->next;
	free(a);
}

void exchange_order_free(struct exchange_order *o)
{
	char *value = (char *)(uintptr_t)o->request.value;

	mem_wipe_str(&value);
	free((char *)(uintptr_t)o->request.verifier);
	free((char *)(uintptr_t)o->request.redirect);
	free(o->stored.binding);
	*o = (struct exchange_order){ 0 };
}

static void grant_free(struct grant *g)
{
	while (g->askers != NULL)
		asker_drop(&g->askers);
	sign_in_free(&g->sign_in);
	exchange_order_free(&g->order);
	stored_token_free(&g->stored);
	mem_wipe_str(&g->token);
	free(g->key);
	free(g);
}

/* What is on disk. Trouble with it is told to whoever asks. */
static void grant_read(struct keeper *k, struct grant *g)
{
	const char *name = g->server->name;
	struct err e = { 0 };
	char *binding;

	if (!grant_is_person(g))
		return;
	switch (token_store_read(k->store, name, &g->stored, &e)) {
	case 0:
		(void)err_set(&g->trouble, ERR_CONFIG, 0,
			      "nobody has signed in for %s %s yet; do so with: mailferry login %s",
			      config_kind(g->server), name, name);
		break;
	case 1:
		binding = grant_binding(g->server);
		if (strcmp(binding, g->stored.binding) != 0) {
			/* Another endpoint must not see it. */
			(void)err_set(&g->trouble, ERR_CONFIG, 0,
				      "the sign-in of %s %s was made with another client_id or endpoint; sign in "
				      "again: mailferry login %s",
				      config_kind(g->server), name, name);
			mem_wipe_str(&g->stored.refresh_token);
		}
		free(binding);
		break;
	default:
		g->trouble = e;
		(void)err_prefix(&g->trouble, "%s %s", config_kind(g->server), name);
	}
	if (g->trouble.class != ERR_NONE)
		log_warning("not-signed-in", LOG_STR(config_field(g->server), name), LOG_STR("reason", g->trouble.text));
}

static void grant_new(struct keeper *k, const struct config_server *a)
{
	char *key = grant_key(a);
	struct grant **at = &k->grants, *g;
	unsigned job = 1;

	for (; *at != NULL; at = &(*at)->next, job++) {
		if (strcmp((*at)->key, key) == 0) {
			free(key);
			return;
		}
	}
	g = mem_alloc(sizeof *g);
	g->job = job;
	g->key = key;
	g->server = a;
	g->forced = g->asked = g->urged = INT64_MIN;
	g->not_before = keeper_now(k);
	*at = g;
	grant_read(k, g);
}

struct keeper *keeper_new(const struct config *config, struct token_store *store, const struct keeper_hooks *hooks)
{
	struct keeper *k = mem_alloc(sizeof *k);

	*k = (struct keeper){ .config = config, .store = store, .hooks = *hooks, .serial = clock_wall_ms() };
	k->told = keeper_now(k) - DAY_MS;
	for (size_t i = 0; i < config_servers(config); i++) {
		if (config_server_at(config, i)->oauth)
			grant_new(k, config_server_at(config, i));
	}
	return k;
}

void keeper_free(struct keeper **kp)
{
	struct keeper *k = *kp;

	if (k == NULL)
		return;
	while (k->grants != NULL) {
		struct grant *g = k->grants;

		k->grants = g->next;
		grant_free(g);
	}
	free(k);
	*kp = NULL;
}

struct grant *keeper_grant(struct keeper *k, const char *account)
{
	const struct config_server *a = config_server(k->config, account);
	char *key = a == NULL || !a->oauth ? NULL : grant_key(a);
	struct grant *g = key == NULL ? NULL : k->grants;

	while (g != NULL && strcmp(g->key, key) != 0)
		g = g->next;
	free(key);
	return g;
}

void keeper_narrow(struct keeper *k, unsigned job)
{
	for (struct grant *g = k->grants; g != NULL; g = g->next) {
		struct config_oauth *o = (struct config_oauth *)(uintptr_t)&g->server->token;

		mem_wipe_str(&g->token);
		if (g->job == job)
			continue;
		mem_wipe_str(&g->stored.refresh_token);
		sign_in_free(&g->sign_in);
		exchange_order_free(&g->order);
		mem_wipe_str(&o->client_secret);
		mem_wipe_str(&o->key);
		mem_wipe_str(&o->service_account);
	}
}

/* ---- who asks ---- */

void keeper_ask(struct grant *g, uint64_t id, enum want want)
{
	struct asker *a = mem_alloc(sizeof *a);

	*a = (struct asker){ g->askers, id, want };
	g->askers = a;
}

void keeper_forget(struct keeper *k, uint64_t id)
{
	for (struct grant *g = k->grants; g != NULL; g = g->next) {
		for (struct asker **at = &g->askers; *at != NULL;) {
			if ((*at)->id == id)
				asker_drop(at);
			else
				at = &(*at)->next;
		}
	}
}

void keeper_answer_one(struct keeper *k, const struct grant *g, uint64_t id, enum want want, const struct err *e)
{
	struct keeper_answer a = { .err = e };

	if (e == NULL && want == WANT_TOKEN) {
		a.token = g->token;
		a.expires = g->expires_wall;
		a.serial = g->serial;
	} else if (e == NULL && want == WANT_PLEASE) {
		a.url = g->sign_in->url;
		a.user_code = g->sign_in->user_code;
		a.expires = clock_wall_ms() + g->sign_in->until - keeper_now(k);
	}
	k->hooks.answer(k->hooks.arg, id, &a);
}

void keeper_answer_all(struct keeper *k, struct grant *g, enum want want, const struct err *e)
{
	struct asker *list = g->askers, *later = NULL;

	/* The hook may ask again at once. */
	g->askers = NULL;
	while (list != NULL) {
		struct asker *a = list;

		list = a->next;
		if (a->want != want) {
			a->next = later;
			later = a;
			continue;
		}
		keeper_answer_one(k, g, a->id, want, e);
		free(a);
	}
	while (later != NULL) {
		struct asker *a = later;

		later = a->next;
		a->next = g->askers;
		g->askers = a;
	}
}

bool grant_is_usable(const struct keeper *k, const struct grant *g)
{
	int64_t life = g->expires - g->got, left = LEFT_MS < life / 8 ? LEFT_MS : life / 8;

	return g->token != NULL && !g->refused && !g->unwritten && keeper_now(k) < g->expires - left;
}

bool grant_is_unsigned(const struct grant *g)
{
	return grant_is_person(g) && g->stored.refresh_token == NULL;
}

void keeper_get(struct keeper *k, uint64_t asker, const char *account, int64_t refused)
{
	struct grant *g = keeper_grant(k, account);
	int64_t now = keeper_now(k);
	struct err e;

	if (g == NULL) {
		(void)err_set(&e, ERR_CONFIG, 0,
			      "no account or source with oauth is called %s in the running configuration", account);
		k->hooks.answer(k->hooks.arg, asker, &(struct keeper_answer){ .err = &e });
		return;
	}
	g->asked = now;
	/* A token as new as that is not refused for its age: another would be refused, too. */
	if (refused != 0 && refused == g->serial && (g->forced == INT64_MIN || now - g->forced >= FORCE_MS)) {
		g->forced = now;
		g->refused = true;
	}
	if (grant_is_usable(k, g))
		keeper_answer_one(k, g, asker, WANT_TOKEN, NULL);
	else if (g->trouble.class != ERR_NONE && !g->running && (grant_is_unsigned(g) || now < g->not_before))
		keeper_answer_one(k, g, asker, WANT_TOKEN, &g->trouble);
	else
		keeper_ask(g, asker, WANT_TOKEN);
}

void keeper_urge(struct keeper *k, const char *account)
{
	struct grant *g = keeper_grant(k, account);
	int64_t now = keeper_now(k);

	if (g == NULL || g->running || (g->urged != INT64_MIN && now - g->urged < URGE_MS))
		return;
	g->urged = now;
	g->not_before = now;
}
