/*
 * Authentication of a session: AUTHENTICATE (RFC 9051, 6.2.2; RFC 4959), or the
 * LOGIN command where the server offers nothing better. A password that was
 * refused is not sent again; an access token is replaced once.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "imap/answers.h"
#include "imap/dialog.h"
#include "imap/refusal.h"
#include "imap/session_impl.h"
#include "net/sasl.h"

enum {
	TRIES_MAX = 6,		 /* commands of one session: servers hang up on those who try too often */
	INITIAL_MAX = 8000,	 /* of an initial response (RFC 2683, 3.2.1.5: of a command line) */
	COMMAND_LINE_MAX = 8192	 /* of LOGIN */
};

/* What a reply that is not OK means for the way that was tried. */
enum next { NEXT_OTHER_WAY, NEXT_FRESH_TOKEN, NEXT_NOTHING };

/* ---- one command ---- */

static int put_line(struct imap *s, const struct buf *line, struct err *e)
{
	return dialog_put(s, buf_slice(line), e) != 0 || dialog_put(s, SLICE_LIT("\r\n"), e) != 0 ? -1 : 0;
}

/* A BYE may repeat it too. Only then: among words of ours asterisks would tell what they stand for. */
static void hide_bye(const struct attempt *a, struct err *e)
{
	if (e == NULL || imap_filter_bye(a->session->filter) == NULL)
		return;
	sasl_hide(e->text, a->session->server->password);
	sasl_hide(e->text, a->token.text);
}

/* The reply that ends the command TAG, SENT being the last line that went before it. */
static int take_reply(struct attempt *a, uint32_t tag, const char *sent, struct err *e)
{
	if (dialog_reply(a->session, tag, true, &a->reply, e) != 1)
		return -1;
	sasl_hide(a->reply.text, sent);
	sasl_hide(a->reply.text, a->session->server->password);
	sasl_hide(a->reply.text, a->token.text);
	return 0;
}

/* AUTHENTICATE with X until the server's last word in a->reply. 0, or -1 when the connection is over. */
static int exchange(struct attempt *a, struct sasl *x, int way, struct err *e)
{
	struct imap *s = a->session;
	uint32_t tag = dialog_tag(s);
	bool ready = sasl_client_first(x); /* LINE holds what comes next */
	struct buf line;
	int ret = -1;

	buf_init(&line, SASL_LINE_MAX);
	if (ready && sasl_step(x, SLICE_NONE, &line, e) != 0)
		goto done;
	if (dialog_putf(s, e, "%lu AUTHENTICATE %s", (unsigned long)tag, sasl_name(way)) != 0)
		goto done;
	if (ready && (s->can & IMAP_CAN_SASL_IR) != 0 && line.n <= INITIAL_MAX) {
		if (dialog_put(s, SLICE_LIT(" "), e) != 0 || (line.n == 0 && dialog_put(s, SLICE_LIT("="), e) != 0) ||
		    put_line(s, &line, e) != 0)
			goto done;
		ready = false;
	} else if (dialog_put(s, SLICE_LIT("\r\n"), e) != 0) {
		goto done;
	}
	while ((ret = dialog_await_continue(s, e)) == 1) {
		if ((!ready && sasl_step(x, slice_str(imap_filter_challenge(s->filter)), &line, e) != 0) ||
		    put_line(s, &line, e) != 0) {
			ret = -1;
			break;
		}
		ready = false;
	}
	dialog_forget_continue(s);
	if (ret == 0)
		ret = take_reply(a, tag, buf_str(&line), e);
done:
	buf_wipe(&line);
	stream_wipe(s->stream);
	return ret;
}

static int login_command(struct attempt *a, struct err *e)
{
	struct imap *s = a->session;
	const struct config_server *c = s->server;
	uint32_t tag = dialog_tag(s);
	struct buf line;
	int ret;

	if (!ascii_only(slice_str(c->user)) || !ascii_only(slice_str(c->password)))
		return err_set(e, ERR_CONFIG, 0,
			       "%s only offers LOGIN, which can't carry a user or password that is not ASCII", c->host);
	buf_init(&line, COMMAND_LINE_MAX);
	(void)buf_reserve(&line, line.max);
	(void)buf_addf(&line, "%lu LOGIN ", (unsigned long)tag);
	(void)dialog_quote(&line, c->user);
	(void)buf_add_char(&line, ' ');
	if (dialog_quote(&line, c->password) != 0)
		ret = err_set(e, ERR_CONFIG, 0, "user or password is too long");
	else
		ret = put_line(s, &line, e) != 0 || dialog_flush(s, e) != 0 ? -1 : take_reply(a, tag, "", e);
	buf_wipe(&line);
	stream_wipe(s->stream);
	return ret;
}

/* ---- what comes next ---- */

/* Does the server say that it can't do the mechanism, and nothing of user and password? */
static bool unsupported(const struct imap_reply *r, const struct sasl *x)
{
	if (sasl_verdict(x) == SASL_UNSAID) {
		if (r->status == IMAP_BAD || imap_reply_is(r, "CANNOT"))
			return true;
		if (r->code[0] != '\0')
			return false;
	}
	return credential_unsupported(x, r->text);
}

static enum next judge(struct attempt *a, const struct sasl *x, int way, struct err *e)
{
	const struct config_server *c = a->session->server;
	struct answer answer = answers_read(&a->reply, ANSWER_LOGIN);
	char said[CREDENTIAL_SAID_SIZE];
	bool person = answer.account == ACCOUNT_PERSON;

	(void)snprintf(a->complaint, sizeof a->complaint, "%s", sasl_complaint(x));
	if (sasl_verdict(x) == SASL_RELAYED) {
		(void)credential_relayed(c, sasl_name(way), a->complaint, e);
		return NEXT_NOTHING;
	}
	if (!person || sasl_verdict(x) == SASL_LATER) {
		(void)err_set(e, ERR_TEMP, 0, "%s does not let %s log in now: %s", c->host, credential_name(c),
			      refusal_words(a, said));
		return NEXT_NOTHING;
	}
	if (unsupported(&a->reply, x))
		return NEXT_OTHER_WAY;
	if (a->token.text != NULL && !a->token.fresh && !imap_reply_is(&a->reply, "AUTHORIZATIONFAILED") &&
	    (answer.advice == NULL || imap_reply_is(&a->reply, "EXPIRED")))
		return NEXT_FRESH_TOKEN;
	(void)refusal_person(a, way, answer.advice, e);
	return NEXT_NOTHING;
}

/* The strongest way left. 1: logged in; 0: try again; -1. */
static int try_way(struct attempt *a, int way, struct err *e)
{
	struct imap *s = a->session;
	struct sasl *x = sasl_new(way, &a->setup);
	int ret = -1;

	imap_forget_capability(s);
	dialog_deadline(s, s->server->timeout);
	if (exchange(a, x, way, e) != 0) {
		hide_bye(a, e);
		credential_hung_up(s->server, x, &a->token, &a->setup, e);
		goto done;
	}
	if (a->reply.status == IMAP_OK) {
		ret = sasl_accept(x, e) == 0 ? 1 : -1;
		goto done;
	}
	switch (judge(a, x, way, e)) {
	case NEXT_OTHER_WAY:
		log_debug("mechanism-refused", LOG_STR(config_field(s->server), s->server->name),
			  LOG_STR("auth", sasl_name(way)), LOG_STR("text", a->reply.text));
		sasl_exclude(&a->setup, way);
		ret = 0;
		break;
	case NEXT_FRESH_TOKEN:
		log_info("token-refused", LOG_STR(config_field(s->server), s->server->name),
			 LOG_STR("text", a->reply.text), LOG_STR("status", a->complaint));
		ret = credential_token_take(&a->token, s->server, true, &a->setup, e);
		break;
	case NEXT_NOTHING:
		break;
	}
done:
	sasl_free(&x);
	return ret;
}

static bool may_use_login_command(const struct attempt *a)
{
	const struct config_server *c = a->session->server;

	return c->password != NULL && !c->oauth && (a->session->can & IMAP_LOGIN_DISABLED) == 0 &&
	       (c->auth == NULL || strcasecmp(c->auth, "LOGIN") == 0) &&
	       (c->login_as == NULL || strcmp(c->login_as, c->user) == 0);
}

static int try_login_command(struct attempt *a, struct err *e)
{
	struct imap *s = a->session;
	struct answer answer;
	char said[CREDENTIAL_SAID_SIZE];

	imap_forget_capability(s);
	dialog_deadline(s, s->server->timeout);
	a->complaint[0] = '\0';
	if (login_command(a, e) != 0) {
		hide_bye(a, e);
		return -1;
	}
	if (a->reply.status == IMAP_OK)
		return 0;
	answer = answers_read(&a->reply, ANSWER_LOGIN);
	if (answer.account == ACCOUNT_PERSON)
		return refusal_person(a, SASL_NO_WAY, answer.advice, e);
	return err_set(e, ERR_TEMP, 0, "%s does not let %s log in now: %s", s->server->host,
		       credential_name(s->server), refusal_words(a, said));
}

static int log_in(struct attempt *a, struct err *e)
{
	int way, ret;

	for (int tries = 0; tries < TRIES_MAX && (way = sasl_pick(&a->setup)) != SASL_NO_WAY; tries++) {
		ret = try_way(a, way, e);
		if (ret != 0) {
			a->session->mechanism = sasl_name(way);
			return ret < 0 ? -1 : 0;
		}
	}
	if (!may_use_login_command(a))
		return refusal_no_way(a, e);
	a->session->mechanism = "LOGIN command";
	return try_login_command(a, e);
}

int imap_authenticate(struct imap *s, const struct imap_login *login, struct err *e)
{
	const struct config_server *c = s->server;
	struct attempt a = { .session = s, .token = { .get = login->token, .arg = login->token_arg } };
	int ret;

	if (credential_setup(c, s->stream, s->sasl, a.bindings, &a.setup, e) != 0)
		return -1;
	ret = c->oauth ? credential_token_take(&a.token, c, false, &a.setup, e) : 0;
	if (ret == 0)
		ret = log_in(&a, e);
	if (ret == 0)
		ret = imap_renew_capability(s, e); /* they may differ from before (RFC 9051, 6.2.3) */
	credential_token_free(&a.token);
	mem_wipe(a.bindings, sizeof a.bindings);
	return ret;
}
