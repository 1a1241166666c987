/* When an exchange begins, and what follows from its end. */
#include <string.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/mem.h"
#include "oauth/keeper_impl.h"

enum {
	RUNNING_MAX = 32,
	SAME_MAX = 8, /* of them at one endpoint: one that hangs must leave room for others */
	SECOND_MS = 1000,
	MINUTE_MS = 60 * SECOND_MS,
	HOUR_MS = 60 * MINUTE_MS,
	DAY_MS = 24 * HOUR_MS,
	AHEAD_MS = 5 * MINUTE_MS, /* of the expiry */
	LATER_MS = 2 * SECOND_MS,
	LATER_MAX_MS = 5 * MINUTE_MS,
	REFUSED_MS = 15 * MINUTE_MS,
	REFUSED_MAX_MS = 6 * HOUR_MS,
	LOST_MS = HOUR_MS,
	LOST_MAX_MS = DAY_MS,
	WARN_DAYS = 30
};

/* A refresh token that nobody uses dies of age: 90 days at Microsoft, six months at Google. */
#define ALIVE_MS ((int64_t)7 * DAY_MS)

void keeper_begin(struct keeper *k, struct grant *g, enum grant_step step, const char *value)
{
	g->order.server = g->server;
	g->order.request = (struct grant_request){ .step = step, .value = mem_strdup(value), .now = clock_wall_ms() };
	if (step == GRANT_CODE) {
		g->order.request.verifier = mem_strdup(g->sign_in->verifier);
		g->order.request.redirect = mem_strdup(g->sign_in->redirect);
	}
	g->order.stored = (struct stored_token){ .binding = grant_binding(g->server),
						 .signed_in = g->stored.signed_in,
						 .refreshed = g->stored.refreshed,
						 .serial = g->stored.serial };
	g->order.touch = clock_wall_ms() - g->stored.refreshed > DAY_MS;
	g->running = true;
	k->running++;
	k->hooks.begin(k->hooks.arg, g->job, &g->order);
}

static int64_t renew_at(const struct grant *g)
{
	int64_t life = g->expires - g->got;
	int64_t at = g->expires - (AHEAD_MS < life / 4 ? AHEAD_MS : life / 4);

	/* One that nobody has asked for since the time of the one before needs no successor. */
	return g->token == NULL || g->asked < at - life ? INT64_MAX : at;
}

/* A sign-in that no mail has used for long. */
static int64_t keep_alive_in(const struct grant *g)
{
	int64_t age = clock_wall_ms() - g->stored.refreshed;

	if (!grant_is_person(g) || g->stored.refresh_token == NULL)
		return INT64_MAX;
	return age < 0 ? DAY_MS : age >= ALIVE_MS ? 0 : ALIVE_MS - age;
}

static bool is_waited_for(const struct grant *g)
{
	for (const struct asker *a = g->askers; a != NULL; a = a->next) {
		if (a->want == WANT_TOKEN)
			return true;
	}
	return false;
}

static void refresh_begin(struct keeper *k, struct grant *g)
{
	enum grant_step step = GRANT_REFRESH;

	if (g->server->token.grant == CONFIG_GRANT_APPLICATION)
		step = GRANT_APPLICATION;
	else if (g->server->token.grant == CONFIG_GRANT_SERVICE_ACCOUNT)
		step = GRANT_SERVICE;
	keeper_begin(k, g, step, step == GRANT_REFRESH ? g->stored.refresh_token : NULL);
}

/* It is the only copy: it must get to disk, and nothing else happens before. */
static void write_again(struct keeper *k, struct grant *g)
{
	struct err e;

	if (token_store_write(k->store, g->server->name, &g->stored, &e) == 0) {
		g->unwritten = false;
		err_clear(&g->trouble);
		g->failures = 0;
		log_info("refresh-token-written", LOG_STR(config_field(g->server), g->server->name));
		keeper_answer_all(k, g, WANT_TOKEN, NULL);
		return;
	}
	g->not_before = keeper_now(k) + LATER_MS;
	keeper_answer_all(k, g, WANT_TOKEN, &g->trouble);
}

/* Where not, the end of another exchange brings us here again. */
static bool may_begin(const struct keeper *k, const struct grant *g)
{
	unsigned same = 0;

	for (const struct grant *o = k->grants; o != NULL; o = o->next)
		same += o->running && strcmp(o->server->token.token_endpoint, g->server->token.token_endpoint) == 0;
	return k->running < RUNNING_MAX && same < SAME_MAX;
}

/* When G is to be looked at next; begins what is due. */
static int64_t grant_turn(struct keeper *k, struct grant *g, int64_t now)
{
	int64_t due = renew_at(g), alive = keep_alive_in(g), next;

	if (g->running)
		return INT64_MAX;
	if (g->unwritten && now >= g->not_before)
		write_again(k, g);
	if (g->unwritten)
		return g->not_before;
	if (g->sign_in != NULL && !may_begin(k, g))
		return INT64_MAX;
	if (sign_in_turn(k, g))
		return INT64_MAX;
	if (grant_is_unsigned(g)) {
		keeper_answer_all(k, g, WANT_TOKEN, &g->trouble);
		return sign_in_next(g);
	}
	if (is_waited_for(g))
		due = now;
	if (alive != INT64_MAX && now + alive < due)
		due = now + alive;
	if (due < g->not_before)
		due = g->not_before;
	if (due <= now) {
		if (may_begin(k, g))
			refresh_begin(k, g);
		return INT64_MAX;
	}
	next = sign_in_next(g);
	return due < next ? due : next;
}

/* Client secrets and certificates end on a day that is known before. */
static void tell_expiring(struct keeper *k)
{
	int64_t wall = clock_wall_ms();

	for (struct grant *g = k->grants; g != NULL; g = g->next) {
		const char *what;
		int64_t at = grant_expires(g->server, &what), days = (at - wall) / DAY_MS;
		struct err e;

		if (at == INT64_MAX || at - wall > (int64_t)WARN_DAYS * DAY_MS)
			continue;
		if (at <= wall)
			(void)err_set(&e, ERR_CONFIG, 0,
				      "the %s of %s %s has expired: make a new one in the provider's console", what,
				      config_kind(g->server), g->server->name);
		else
			(void)err_set(&e, ERR_CONFIG, 0,
				      "the %s of %s %s expires in %lld days: make a new one in the provider's "
				      "console before",
				      what, config_kind(g->server), g->server->name, (long long)days);
		log_warning("secret-expires", LOG_STR(config_field(g->server), g->server->name), LOG_STR("what", what),
			    LOG_NUM("days", days), LOG_STR("reason", e.text));
		k->hooks.notice(k->hooks.arg, g->server->name, true, e.text);
	}
}

int64_t keeper_turn(struct keeper *k)
{
	int64_t now = keeper_now(k), next;

	if (now - k->told >= DAY_MS) {
		k->told = now;
		tell_expiring(k);
	}
	next = k->told + DAY_MS;
	for (struct grant *g = k->grants; g != NULL; g = g->next) {
		int64_t due = grant_turn(k, g, now);

		next = due < next ? due : next;
	}
	return next;
}

/* ---- results ---- */

static int64_t back_off(const struct grant *g, int64_t first, int64_t most)
{
	int64_t ms = first;

	for (unsigned i = 1; i < g->failures && ms < most; i++)
		ms *= 2;
	ms = ms < most ? ms : most;
	return ms - ms / 4 + (int64_t)random_below((uint64_t)(ms / 2) + 1);
}

static void failed(struct keeper *k, struct grant *g, const struct exchange_result *r, const struct err *e)
{
	enum grant_verdict verdict = r == NULL ? GRANT_LATER : r->answer.verdict;
	bool person = verdict == GRANT_LOST || verdict == GRANT_REFUSED;
	bool told = g->trouble.class == ERR_CONFIG;
	int64_t wait;

	g->failures = person != told ? 1 : g->failures + 1;
	g->trouble = *e;
	g->trouble.class = person ? ERR_CONFIG : ERR_TEMP;
	if (verdict == GRANT_LOST)
		wait = back_off(g, LOST_MS, LOST_MAX_MS);
	else if (verdict == GRANT_REFUSED)
		wait = back_off(g, REFUSED_MS, REFUSED_MAX_MS);
	else
		wait = back_off(g, LATER_MS, LATER_MAX_MS);
	if (r != NULL && wait < r->answer.retry_after)
		wait = r->answer.retry_after;
	g->not_before = keeper_now(k) + wait;
	LOG_EVENT(person ? LOG_ERROR : LOG_WARNING, verdict == GRANT_LOST ? "sign-in-lost" : "no-access-token",
		  LOG_STR(config_field(g->server), g->server->name), LOG_NUM("attempts", g->failures),
		  LOG_NUM("seconds", wait / SECOND_MS), LOG_STR("reason", g->trouble.text), { 0 });
	if (person && !told)
		k->hooks.notice(k->hooks.arg, g->server->name, false, g->trouble.text);
	/* The old token may live yet. */
	keeper_answer_all(k, g, WANT_TOKEN, grant_is_usable(k, g) ? NULL : &g->trouble);
}

static void succeeded(struct keeper *k, struct grant *g, const struct exchange_result *r)
{
	const struct grant_answer *a = &r->answer;

	if (r->fresh || g->order.request.step == GRANT_CODE || g->order.request.step == GRANT_DEVICE_POLL) {
		stored_token_free(&g->stored);
		g->stored.refresh_token = mem_strdup(a->refresh_token);
		g->stored.binding = mem_strdup(g->order.stored.binding);
		g->stored.signed_in = g->order.stored.signed_in;
		g->stored.serial = g->order.stored.serial;
	}
	g->stored.refreshed = clock_wall_ms();
	if (r->serial != 0)
		g->stored.serial = r->serial;
	mem_wipe_str(&g->token);
	g->token = mem_strdup(a->access_token);
	g->got = keeper_now(k);
	g->expires = g->got + a->expires_in;
	g->expires_wall = clock_wall_ms() + a->expires_in;
	g->serial = ++k->serial;
	g->refused = false;
	g->failures = 0;
	g->not_before = g->got;
	err_clear(&g->trouble);
	log_info("access-token", LOG_STR(config_field(g->server), g->server->name),
		 LOG_NUM("seconds", a->expires_in / SECOND_MS), LOG_STR("rotated", r->fresh ? "yes" : NULL));
	if (r->unwritten) {
		g->unwritten = true;
		g->trouble = r->err;
		g->trouble.class = ERR_TEMP;
		(void)err_prefix(&g->trouble, "the new refresh token of %s %s is not safe yet", config_kind(g->server),
				 g->server->name);
		log_error("refresh-token-not-written", LOG_STR(config_field(g->server), g->server->name),
			  LOG_STR("reason", r->err.text));
		k->hooks.notice(k->hooks.arg, g->server->name, false, g->trouble.text);
		keeper_answer_all(k, g, WANT_TOKEN, &g->trouble);
		return;
	}
	keeper_answer_all(k, g, WANT_TOKEN, NULL);
}

void keeper_finished(struct keeper *k, unsigned job, const struct exchange_result *r, const struct err *e)
{
	struct grant *g = k->grants;
	enum grant_step step;

	while (g != NULL && g->job != job)
		g = g->next;
	if (g == NULL || !g->running)
		return;
	step = g->order.request.step;
	g->running = false;
	k->running--;
	if (e == NULL)
		e = &r->err;
	if (r != NULL && r->answer.verdict == GRANT_OK && step != GRANT_DEVICE_START)
		succeeded(k, g, r);
	else if (step == GRANT_APPLICATION || step == GRANT_SERVICE || step == GRANT_REFRESH)
		failed(k, g, r, e);
	if (step == GRANT_CODE || step == GRANT_DEVICE_START || step == GRANT_DEVICE_POLL)
		sign_in_finished(k, g, r, e);
	exchange_order_free(&g->order);
}
