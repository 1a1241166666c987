/* A person's sign-in: by a code that the browser brings back, or by one that is typed in elsewhere. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "oauth/keeper_impl.h"

enum { SIGN_IN_MS = 15 * 60 * 1000, SLOWER_MS = 5 * 1000, LATER_MS = 5 * 1000 };

void sign_in_free(struct sign_in **sp)
{
	struct sign_in *s = *sp;

	if (s == NULL)
		return;
	mem_wipe_str(&s->code);
	mem_wipe_str(&s->device_code);
	mem_wipe(s->verifier, sizeof s->verifier);
	free(s->url);
	free(s->user_code);
	free(s->redirect);
	free(s);
	*sp = NULL;
}

static void refuse(struct keeper *k, uint64_t asker, const struct err *e)
{
	k->hooks.answer(k->hooks.arg, asker, &(struct keeper_answer){ .err = e });
}

/* The grant whose account ASKER may sign in for; NULL: it was told why not. */
static struct grant *person_grant(struct keeper *k, uint64_t asker, const char *account)
{
	struct grant *g = keeper_grant(k, account);
	struct err e;

	if (g != NULL && grant_is_person(g))
		return g;
	if (g == NULL)
		(void)err_set(&e, ERR_CONFIG, 0,
			      "no account or source with oauth is called %s in the running configuration", account);
	else
		(void)err_set(&e, ERR_CONFIG, 0,
			      "%s has grant \"application\" or \"service-account\": nobody signs in for it", account);
	refuse(k, asker, &e);
	return NULL;
}

void keeper_sign_in(struct keeper *k, uint64_t asker, const char *account, const char *redirect)
{
	struct grant *g = person_grant(k, asker, account);
	struct sign_in *s;
	struct err e;
	struct buf url;

	if (g == NULL)
		return;
	if (redirect == NULL && g->server->token.device_endpoint == NULL)
		(void)err_set(&e, ERR_CONFIG, 0, "%s has no device_endpoint", account);
	else if (redirect != NULL && g->server->token.authorization_endpoint == NULL)
		(void)err_set(&e, ERR_CONFIG, 0, "%s has no authorization_endpoint", account);
	else
		err_clear(&e);
	if (e.class != ERR_NONE) {
		refuse(k, asker, &e);
		return;
	}
	(void)err_set(&e, ERR_TEMP, 0, "another sign-in for %s was begun since", account);
	keeper_answer_all(k, g, WANT_PLEASE, &e);
	keeper_answer_all(k, g, WANT_CODE, &e);
	keeper_answer_all(k, g, WANT_AGREED, &e);
	sign_in_free(&g->sign_in);
	g->sign_in = s = mem_alloc(sizeof *s);
	s->until = keeper_now(k) + SIGN_IN_MS;
	s->device = redirect == NULL;
	if (s->device) {
		keeper_ask(g, asker, WANT_PLEASE);
		return;
	}
	s->redirect = mem_strdup(redirect);
	grant_random(s->state);
	grant_random(s->verifier);
	buf_init(&url, 16 * 1024);
	grant_authorization_url(g->server, redirect, s->state, s->verifier, &url);
	s->url = mem_strdup(buf_str(&url));
	buf_free(&url);
	keeper_answer_one(k, g, asker, WANT_PLEASE, NULL);
}

void keeper_code(struct keeper *k, uint64_t asker, const char *account, const char *answer)
{
	struct grant *g = person_grant(k, asker, account);
	struct sign_in *s = g == NULL ? NULL : g->sign_in;
	struct err e;
	char *code;

	if (g == NULL)
		return;
	if (s == NULL || s->device || keeper_now(k) >= s->until) {
		(void)err_set(&e, ERR_TEMP, 0,
			      "no sign-in for %s is under way, or it took too long; begin again: mailferry "
			      "login %s",
			      account, account);
		refuse(k, asker, &e);
		return;
	}
	code = grant_code_take(g->server, answer, s->state, &e);
	if (code == NULL) {
		refuse(k, asker, &e);
		return;
	}
	mem_wipe_str(&s->code);
	s->code = code;
	keeper_ask(g, asker, WANT_CODE);
}

void keeper_wait(struct keeper *k, uint64_t asker, const char *account)
{
	struct grant *g = person_grant(k, asker, account);
	struct err e;

	if (g == NULL)
		return;
	if (g->sign_in == NULL || !g->sign_in->device) {
		(void)err_set(&e, ERR_TEMP, 0, "no sign-in for %s is under way; begin again: mailferry login %s",
			      account, account);
		refuse(k, asker, &e);
		return;
	}
	keeper_ask(g, asker, WANT_AGREED);
}

static bool is_wanted(const struct grant *g, enum want want)
{
	for (const struct asker *a = g->askers; a != NULL; a = a->next) {
		if (a->want == want)
			return true;
	}
	return false;
}

bool sign_in_turn(struct keeper *k, struct grant *g)
{
	struct sign_in *s = g->sign_in;
	int64_t now = keeper_now(k);
	struct err e;

	if (s == NULL)
		return false;
	if (now >= s->until && s->code == NULL) {
		(void)err_set(&e, ERR_TEMP, 0, "the sign-in for %s took too long; begin again: mailferry login %s",
			      g->server->name, g->server->name);
		keeper_answer_all(k, g, WANT_PLEASE, &e);
		keeper_answer_all(k, g, WANT_AGREED, &e);
		sign_in_free(&g->sign_in);
		return false;
	}
	if (s->code != NULL)
		keeper_begin(k, g, GRANT_CODE, s->code);
	else if (s->device && s->device_code == NULL && is_wanted(g, WANT_PLEASE))
		keeper_begin(k, g, GRANT_DEVICE_START, NULL);
	else if (s->device_code != NULL && now >= s->next_poll && is_wanted(g, WANT_AGREED))
		keeper_begin(k, g, GRANT_DEVICE_POLL, s->device_code);
	return g->running;
}

int64_t sign_in_next(const struct grant *g)
{
	const struct sign_in *s = g->sign_in;

	if (s == NULL)
		return INT64_MAX;
	if (s->device_code != NULL && is_wanted(g, WANT_AGREED) && s->next_poll < s->until)
		return s->next_poll;
	return s->until;
}

static void device_started(struct keeper *k, struct grant *g, const struct grant_answer *d)
{
	struct sign_in *s = g->sign_in;

	s->device_code = mem_strdup(d->device_code);
	s->url = mem_strdup(d->verification_uri_complete != NULL ? d->verification_uri_complete : d->verification_uri);
	s->user_code = mem_strdup(d->user_code);
	s->interval = d->interval;
	s->next_poll = keeper_now(k) + d->interval;
	s->until = keeper_now(k) + d->expires_in;
	keeper_answer_all(k, g, WANT_PLEASE, NULL);
}

static void done(struct keeper *k, struct grant *g, const struct exchange_result *r)
{
	const struct err *e = r->unwritten ? &g->trouble : NULL;

	log_info("signed-in", LOG_STR(config_field(g->server), g->server->name));
	sign_in_free(&g->sign_in);
	keeper_answer_all(k, g, WANT_CODE, e);
	keeper_answer_all(k, g, WANT_AGREED, e);
	k->hooks.signed_in(k->hooks.arg, g->server->name);
}

void sign_in_finished(struct keeper *k, struct grant *g, const struct exchange_result *r, const struct err *e)
{
	enum grant_verdict verdict = r == NULL ? GRANT_LATER : r->answer.verdict;
	struct sign_in *s = g->sign_in;
	enum grant_step step = g->order.request.step;

	if (verdict == GRANT_OK && step != GRANT_DEVICE_START) {
		done(k, g, r);
		return;
	}
	/* Another one may have been begun meanwhile. */
	if (s == NULL || s->device != (step != GRANT_CODE))
		return;
	if (step == GRANT_DEVICE_START && verdict == GRANT_OK) {
		device_started(k, g, &r->answer);
		return;
	}
	if (step == GRANT_DEVICE_POLL &&
	    (verdict == GRANT_PENDING || verdict == GRANT_SLOW_DOWN || verdict == GRANT_LATER)) {
		if (verdict == GRANT_SLOW_DOWN) /* RFC 8628, 3.5 */
			s->interval += SLOWER_MS;
		s->next_poll =
		    keeper_now(k) + (verdict == GRANT_LATER && s->interval < LATER_MS ? LATER_MS : s->interval);
		return;
	}
	log_warning("sign-in-failed", LOG_STR(config_field(g->server), g->server->name), LOG_STR("reason", e->text));
	if (step == GRANT_CODE)
		mem_wipe_str(&s->code); /* it can be used once */
	else
		sign_in_free(&g->sign_in);
	keeper_answer_all(k, g, WANT_PLEASE, e);
	keeper_answer_all(k, g, WANT_CODE, e);
	keeper_answer_all(k, g, WANT_AGREED, e);
}
