/* AUTH (RFC 4954) by the shared SASL code. A password that was refused is not sent again; an access token is replaced
 * once. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/credential.h"
#include "relay/session_impl.h"

enum {
	TRIES_MAX = 6,	 /* of one connection: servers hang up on those who try too often */
	COMMAND_MAX = 512 /* octets of a command with its end (RFC 5321, 4.5.3.1.4): else the response comes by itself */
};

struct attempt {
	struct relay_session *session;
	struct sasl_setup setup;
	struct binding bindings[BINDING_TYPES];
	struct credential_token token;
	char complaint[SASL_COMPLAINT_MAX];
};

enum next { NEXT_OTHER_WAY, NEXT_FRESH_TOKEN, NEXT_NOTHING };

static int send_line(struct attempt *a, struct buf *line, struct err *e)
{
	struct relay_session *s = a->session;
	struct buf whole;
	int r;

	buf_init(&whole, SASL_LINE_MAX + 8);
	if (buf_reserve(&whole, SASL_LINE_MAX + 8) == NULL)
		abort();
	(void)buf_add_slice(&whole, buf_slice(line));
	(void)buf_add_str(&whole, "\r\n");
	s->secrets[1] = buf_str(line);
	r = relay_ask(s, buf_str(&whole), true, e);
	buf_wipe(&whole);
	return r;
}

/* The server's challenge, base64: the text of a 334. */
static struct slice challenge(const struct relay_session *s)
{
	return slice_trim(buf_slice(&s->reply.text));
}

/* Up to the reply that is no challenge, which stands in the session then. */
static int exchange(struct attempt *a, struct sasl *x, const char *name, struct err *e)
{
	struct relay_session *s = a->session;
	struct buf line, command;
	bool ready = sasl_client_first(x); /* LINE holds what comes next */
	int r = -1;

	buf_init(&line, SASL_LINE_MAX);
	buf_init(&command, SASL_LINE_MAX + COMMAND_MAX);
	if (buf_reserve(&command, command.max) == NULL || (ready && sasl_step(x, SLICE_NONE, &line, e) != 0))
		goto done;
	(void)buf_addf(&command, "AUTH %s", name);
	if (ready && command.n + 1 + line.n + 2 <= COMMAND_MAX) {
		(void)buf_addf(&command, " %s", line.n == 0 ? "=" : buf_str(&line));
		s->secrets[1] = buf_str(&line);
		ready = false;
	}
	(void)buf_add_str(&command, "\r\n");
	r = relay_ask(s, buf_str(&command), true, e);
	while (r == 0 && s->reply.code == 334) {
		if (!ready && sasl_step(x, challenge(s), &line, e) != 0) {
			r = -1;
			break;
		}
		ready = false;
		r = send_line(a, &line, e);
	}
done:
	buf_wipe(&line);
	buf_wipe(&command);
	return r;
}

static int refuse(struct attempt *a, const char *how, struct err *e)
{
	struct relay_session *s = a->session;
	char words[RELAY_WORDS_SIZE], said[CREDENTIAL_SAID_SIZE];
	const struct credential_refusal r = {
		.server = s->server,
		.protocol = "SMTP AUTH",
		.how = how,
		.token = a->token.text != NULL,
		.said = credential_said(relay_said(s, words), a->complaint, said),
	};

	return credential_refused(&r, e);
}

static enum next judge(struct attempt *a, const struct sasl *x, const char *name, struct err *e)
{
	struct relay_session *s = a->session;
	char place[RELAY_PLACE_SIZE], words[RELAY_WORDS_SIZE];
	const int code = s->reply.code;

	(void)snprintf(a->complaint, sizeof a->complaint, "%s", sasl_complaint(x));
	if (sasl_verdict(x) == SASL_RELAYED) {
		(void)credential_relayed(s->server, name, a->complaint, e);
		return NEXT_NOTHING;
	}
	/* RFC 4954, 6: 454, and 4xx of any kind. */
	if (code / 100 == 4 || sasl_verdict(x) == SASL_LATER) {
		(void)err_set(e, ERR_TEMP, 0, "%s can't log us in now: \"%s\"", relay_place(s, place), relay_said(s, words));
		return NEXT_NOTHING;
	}
	/* 504: it does not know it; 534: it is too weak; 500 to 502: it can't read this. 535 is about who we are. */
	if (sasl_verdict(x) == SASL_UNSUPPORTED || code == 504 || code == 534 ||
	    (code != 535 && (code <= 502 || !sasl_committed(x))))
		return NEXT_OTHER_WAY;
	if (a->token.text != NULL && !a->token.fresh)
		return NEXT_FRESH_TOKEN;
	(void)refuse(a, name, e);
	return NEXT_NOTHING;
}

/* 1: logged in; 0: try again; -1. */
static int try_way(struct attempt *a, int way, struct err *e)
{
	struct relay_session *s = a->session;
	struct sasl *x = sasl_new(way, &a->setup);
	int r = -1;

	if (exchange(a, x, sasl_name(way), e) != 0) {
		credential_hung_up(s->server, x, &a->token, &a->setup, e);
	} else if (s->reply.code == 235) {
		r = sasl_accept(x, e) == 0 ? 1 : -1;
	} else {
		switch (judge(a, x, sasl_name(way), e)) {
		case NEXT_OTHER_WAY:
			sasl_exclude(&a->setup, way);
			r = 0;
			break;
		case NEXT_FRESH_TOKEN:
			log_info("token-refused", LOG_STR("relay", s->server->host));
			r = credential_token_take(&a->token, s->server, true, &a->setup, e);
			break;
		case NEXT_NOTHING:
			break;
		}
	}
	s->secrets[1] = NULL;
	sasl_free(&x);
	return r;
}

static int no_way(const struct attempt *a, struct err *e)
{
	const struct relay_session *s = a->session;
	char place[RELAY_PLACE_SIZE];

	if ((s->offers.what & OFFERS_AUTH) == 0)
		return err_set(e, ERR_CONFIG, 0,
			       "%s offers no login (AUTH)%s; correct port and tls of the relay, or take user away",
			       relay_place(s, place),
			       s->server->tls == CONFIG_TLS_NONE ? " without encryption" : "");
	return err_set(e, ERR_CONFIG, 0,
		       "%s offers no way to log in that we have (it offers: %s); look at user, password, oauth and auth "
		       "of the relay",
		       relay_place(s, place), s->offers.mechanisms);
}

static int log_in(struct attempt *a, struct err *e)
{
	int way, r;

	for (int tries = 0; tries < TRIES_MAX && (way = sasl_pick(&a->setup)) != SASL_NO_WAY; tries++) {
		r = try_way(a, way, e);
		if (r > 0)
			a->session->mechanism = sasl_name(way);
		if (r != 0)
			return r < 0 ? -1 : 0;
	}
	return no_way(a, e);
}

int relay_log_in(struct relay_session *s, struct err *e)
{
	struct attempt a = { .session = s, .token = { .get = s->login->token, .arg = s->login->arg } };
	int r;

	if (credential_setup(s->server, s->stream, s->offers.sasl, a.bindings, &a.setup, e) != 0)
		return -1;
	r = s->server->oauth ? credential_token_take(&a.token, s->server, false, &a.setup, e) : 0;
	if (r == 0)
		r = log_in(&a, e);
	credential_token_free(&a.token);
	mem_wipe(a.bindings, sizeof a.bindings);
	return r;
}
