/*
 * Authentication of a POP3 session: AUTH with the shared SASL code (RFC 1734, and
 * with an initial response as RFC 5034 has it), else USER and PASS; APOP only for
 * those who ask for it. A password that was refused is not sent again; an access
 * token is replaced once.
 */
#include "fetch/pop3_auth.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "fetch/pop3_refusal.h"

enum {
	TRIES_MAX = 6, /* commands of one session: servers hang up on those who try too often */
	COMMAND_MAX = 255 /* octets of AUTH with its initial response and line end (RFC 5034, 4) */
};

enum next { NEXT_OTHER_WAY, NEXT_SAME_WAY, NEXT_FRESH_TOKEN, NEXT_NOTHING };

static bool says(const struct pop3_reply *r, const char *const *texts)
{
	for (; *texts != NULL; texts++) {
		if (strcasestr(r->text, *texts) != NULL)
			return true;
	}
	return false;
}

/* ---- AUTH ---- */

static int send_line(struct pop3_attempt *a, struct buf *line, struct err *e)
{
	struct source_session *s = a->session;
	int ret;

	s->secrets[2] = buf_str(line);
	ret = pop3_put(s, e, "%s", buf_str(line));
	pop3_wipe(s);
	return ret;
}

/* What comes next in answer to the challenge IN. READY: it stands in LINE already. */
static int answer(struct pop3_attempt *a, struct sasl *x, struct slice in, bool ready, struct buf *line, struct err *e)
{
	/* A server that says nothing behind an initial response has passed over it: then the answer is still the same. */
	bool ignored = a->initial && in.n == 0;

	a->initial = false;
	if (!ready && !ignored && sasl_step(x, in, line, e) != 0)
		return -1;
	return send_line(a, line, e);
}

/* The server's turn until its last word, which goes into a->reply. */
static int converse(struct pop3_attempt *a, struct sasl *x, bool ready, struct buf *line, struct err *e)
{
	struct source_session *s = a->session;

	for (;;) {
		struct slice got;
		size_t used;
		int ret;

		if (pop3_line(s, &got, &used, e) != 0)
			return -1;
		pop3_reply_of(s, got, &a->reply);
		if (a->reply.status == POP3_JUNK)
			return pop3_out_of_step(s, a->reply.text, e);
		if (a->reply.status != POP3_CONTINUE) {
			pop3_take(s, used);
			return 0;
		}
		ret = answer(a, x, pop3_challenge(got), ready, line, e);
		pop3_take(s, used);
		if (ret != 0)
			return -1;
		ready = false;
	}
}

static int exchange(struct pop3_attempt *a, struct sasl *x, const char *name, struct err *e)
{
	struct source_session *s = a->session;
	bool ready = sasl_client_first(x); /* LINE holds what comes next */
	struct buf line, command;
	int ret = -1;

	a->initial = false;
	buf_init(&line, SASL_LINE_MAX);
	buf_init(&command, SASL_LINE_MAX + COMMAND_MAX);
	if (buf_reserve(&command, command.max) == NULL || pop3_quiet(s, e) != 0 ||
	    (ready && sasl_step(x, SLICE_NONE, &line, e) != 0))
		goto done;
	(void)buf_addf(&command, "AUTH %s", name);
	if (ready && !a->no_initial && command.n + 1 + line.n + 2 <= COMMAND_MAX) {
		(void)buf_addf(&command, " %s", line.n == 0 ? "=" : buf_str(&line));
		s->secrets[2] = buf_str(&line);
		a->initial = true;
	}
	if (pop3_put(s, e, "%s", buf_str(&command)) != 0)
		goto done;
	pop3_wipe(s);
	ret = converse(a, x, ready && !a->initial, &line, e);
done:
	s->secrets[2] = NULL;
	buf_wipe(&line);
	buf_wipe(&command);
	return ret;
}

/* Does the server say that it can't do the mechanism, and nothing of user and password? */
static bool unsupported(const struct pop3_attempt *a, const struct sasl *x)
{
	static const char *const no_command[] = { "unknown command", "unrecognized", "invalid command", NULL };

	if (sasl_verdict(x) == SASL_UNSAID) {
		if (a->reply.code[0] != '\0')
			return false;
		if (says(&a->reply, no_command))
			return true;
	}
	return credential_unsupported(x, a->reply.text);
}

/* An old server may not know initial responses. */
static bool wants_no_initial(const struct pop3_attempt *a, bool initial)
{
	static const char *const texts[] = { "syntax", "argument", "parameter", "usage", NULL };

	return initial && !a->no_initial && a->reply.code[0] == '\0' && says(&a->reply, texts);
}

static enum next judge(struct pop3_attempt *a, const struct sasl *x, const char *name, bool initial, struct err *e)
{
	struct pop3_meaning m = pop3_mean(&a->reply, true);
	enum sasl_verdict verdict = sasl_verdict(x);

	(void)snprintf(a->complaint, sizeof a->complaint, "%s", sasl_complaint(x));
	if (verdict == SASL_RELAYED) {
		(void)credential_relayed(a->session->server, name, a->complaint, e);
		return NEXT_NOTHING;
	}
	if (pop3_refused_for_now(a, verdict)) {
		(void)pop3_refused_login(a, name, verdict, e);
		return NEXT_NOTHING;
	}
	if (wants_no_initial(a, initial))
		return NEXT_SAME_WAY;
	if (unsupported(a, x))
		return NEXT_OTHER_WAY;
	if (a->token.text != NULL && !a->token.fresh && m.advice == NULL)
		return NEXT_FRESH_TOKEN;
	(void)pop3_refused_login(a, name, verdict, e);
	return NEXT_NOTHING;
}

static int take_token(struct pop3_attempt *a, bool fresh, struct err *e)
{
	struct source_session *s = a->session;
	const int ret = credential_token_take(&a->token, s->server, fresh, &a->setup, e);

	s->secrets[1] = a->token.text;
	return ret;
}

/* 1: logged in; 0: try again; -1. */
static int try_way(struct pop3_attempt *a, int way, struct err *e)
{
	struct source_session *s = a->session;
	struct sasl *x = sasl_new(way, &a->setup);
	bool initial = sasl_client_first(x) && !a->no_initial;
	int ret = -1;

	if (exchange(a, x, sasl_name(way), e) != 0) {
		credential_hung_up(s->server, x, &a->token, &a->setup, e);
		s->secrets[1] = a->token.text;
		goto done;
	}
	if (a->reply.status == POP3_OK) {
		ret = sasl_accept(x, e) == 0 ? 1 : -1;
		goto done;
	}
	switch (judge(a, x, sasl_name(way), initial, e)) {
	case NEXT_OTHER_WAY:
		log_debug("mechanism-refused", LOG_STR("source", s->source->name), LOG_STR("auth", sasl_name(way)),
			  LOG_STR("text", a->reply.text));
		sasl_exclude(&a->setup, way);
		ret = 0;
		break;
	case NEXT_SAME_WAY:
		a->no_initial = true;
		ret = 0;
		break;
	case NEXT_FRESH_TOKEN:
		log_info("token-refused", LOG_STR("source", s->source->name), LOG_STR("text", a->reply.text),
			 LOG_STR("status", a->complaint));
		ret = take_token(a, true, e);
		break;
	case NEXT_NOTHING:
		break;
	}
done:
	sasl_free(&x);
	return ret;
}

/* ---- which ---- */

static bool may_use_user(const struct pop3_attempt *a)
{
	const struct source_session *s = a->session;
	const struct config_server *c = s->server;

	return c->password != NULL && !c->oauth &&
	       ((s->can & POP3_CAN_USER) != 0 || !s->capa || (s->can & POP3_CAN_SASL) == 0) &&
	       (c->auth == NULL || strcasecmp(c->auth, "LOGIN") == 0 || strcasecmp(c->auth, "USER") == 0) &&
	       (c->login_as == NULL || strcmp(c->login_as, c->user) == 0);
}

static int log_in(struct pop3_attempt *a, struct err *e)
{
	const struct config_server *c = a->session->server;
	int way, ret;

	if (c->auth != NULL && strcasecmp(c->auth, "APOP") == 0)
		return c->password == NULL ? pop3_no_way(a, e) : pop3_try_apop(a, e);
	for (int tries = 0; tries < TRIES_MAX && (way = sasl_pick(&a->setup)) != SASL_NO_WAY; tries++) {
		ret = try_way(a, way, e);
		if (ret != 0) {
			a->session->mechanism = sasl_name(way);
			return ret < 0 ? -1 : 0;
		}
	}
	return may_use_user(a) ? pop3_try_user(a, e) : pop3_no_way(a, e);
}

int pop3_authenticate(struct source_session *s, struct err *e)
{
	const struct config_server *c = s->server;
	struct pop3_attempt a = { .session = s,
				  .token = { .get = s->login->token, .arg = s->login->arg } };
	int ret;

	if (credential_setup(c, s->stream, s->sasl, a.bindings, &a.setup, e) != 0)
		return -1;
	ret = c->oauth ? take_token(&a, false, e) : 0;
	if (ret == 0)
		ret = log_in(&a, e);
	s->secrets[1] = NULL;
	credential_token_free(&a.token);
	mem_wipe(a.bindings, sizeof a.bindings);
	return ret;
}
