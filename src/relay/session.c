#include "relay/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "net/sasl.h"
#include "relay/session_impl.h"

/* RFC 5321, 4.5.3.2 */
enum {
	COMMAND_MS = 5 * 60 * 1000,
	DATA_MS = 2 * 60 * 1000,
	CONTENT_MS = 3 * 60 * 1000,
	END_MS = 10 * 60 * 1000,
	QUIT_MS = 2000,
	OUTPUT_HIGH = 128 * 1024 /* octets that may wait to be written */
};

/* ---- deadlines ---- */

/* What the configuration gives holds for everything. */
static void deadline(struct relay_session *s, int64_t ms)
{
	int64_t at = clock_mono_ms() + (s->server->timeout > 0 ? s->server->timeout : ms);

	stream_set_deadline(s->stream, at < s->hurry ? at : s->hurry);
}

static void deadline_for(struct relay_session *s, enum relay_wait wait)
{
	deadline(s, wait == RELAY_WAIT_DATA ? DATA_MS : wait == RELAY_WAIT_END ? END_MS : COMMAND_MS);
}

void relay_session_hurry(struct relay_session *s, int64_t mono_ms)
{
	/* Whatever is not sent whole is not sent. */
	if (s->client == NULL || relay_client_waits(s->client) != RELAY_WAIT_END)
		mono_ms = clock_mono_ms();
	if (mono_ms < s->hurry)
		s->hurry = mono_ms;
	if (stream_deadline(s->stream) > s->hurry)
		stream_set_deadline(s->stream, s->hurry);
}

/* ---- one command, one reply ---- */

const char *relay_place(const struct relay_session *s, char out[RELAY_PLACE_SIZE])
{
	(void)snprintf(out, RELAY_PLACE_SIZE, "%s port %u", s->server->host, s->server->port);
	return out;
}

const char *relay_said(const struct relay_session *s, char out[RELAY_WORDS_SIZE])
{
	(void)relay_reply_words(&s->reply, out);
	for (size_t i = 0; i < sizeof s->secrets / sizeof s->secrets[0]; i++)
		sasl_hide(out, s->secrets[i]);
	return out;
}

/* Writes what stands in OUT; replies that come meanwhile stay in the stream. */
static int flush(struct relay_session *s, struct buf *out, struct err *e)
{
	while (out->n > 0) {
		ssize_t n = stream_write_some(s->stream, buf_slice(out), e);
		const struct stream_watch watch = { s->stream, true };

		if (n < 0)
			return -1;
		buf_consume(out, (size_t)n);
		if (n > 0)
			continue;
		stream_wait_any(&watch, 1);
		if (stream_poll(s->stream, e) < 0)
			return -1;
		if (clock_mono_ms() >= stream_deadline(s->stream))
			return err_set(e, ERR_TEMP, ETIMEDOUT, "%s takes nothing more", s->server->host);
	}
	return 0;
}

/* Waits for one whole reply. What is behind it, nobody has asked for. */
static int reply_wait(struct relay_session *s, struct err *e)
{
	char place[RELAY_PLACE_SIZE];

	for (;;) {
		struct slice in = stream_peek(s->stream);
		size_t n = in.n;
		int r = n == 0 ? 0 : relay_reply_feed(&s->reply, &in, e);

		stream_take(s->stream, n - in.n);
		if (r < 0)
			return err_prefix(e, "%s", relay_place(s, place));
		if (r == 1)
			return 0;
		if (stream_wait(s->stream, e) != 0)
			return -1;
	}
}

int relay_ask(struct relay_session *s, const char *line, bool secret, struct err *e)
{
	struct buf out;
	int r;

	buf_init(&out, SASL_LINE_MAX + 100);
	if (buf_reserve(&out, SASL_LINE_MAX + 100) == NULL || buf_add_str(&out, line) != 0)
		abort();
	deadline(s, COMMAND_MS);
	r = flush(s, &out, e);
	if (secret)
		buf_wipe(&out);
	else
		buf_free(&out);
	return r == 0 ? reply_wait(s, e) : -1;
}

/* ---- beginning ---- */

/* A refusal at the beginning. 5xx needs a person, but for one that some send when they are busy. */
static int refused(struct relay_session *s, const char *what, struct err *e)
{
	char place[RELAY_PLACE_SIZE], said[RELAY_WORDS_SIZE];
	enum err_class class = s->reply.code / 100 == 4 ? ERR_TEMP : ERR_CONFIG;

	return err_set(e, class, 0, "%s %s: \"%s\"", relay_place(s, place), what, relay_said(s, said));
}

static int greet(struct relay_session *s, struct err *e)
{
	deadline(s, COMMAND_MS);
	if (reply_wait(s, e) != 0)
		return -1;
	return s->reply.code / 100 == 2 ? 0 : refused(s, "takes no connection", e);
}

static int hello(struct relay_session *s, struct err *e)
{
	char line[300];

	(void)snprintf(line, sizeof line, "EHLO %s\r\n", s->login->hostname);
	if (relay_ask(s, line, false, e) != 0)
		return -1;
	if (s->reply.code / 100 == 2) {
		offers_read(&s->reply, &s->offers);
		return 0;
	}
	s->offers = (struct offers){ 0 };
	if (s->reply.code / 100 == 4)
		return refused(s, "does not take EHLO", e);
	/* RFC 5321, 3.2 */
	(void)snprintf(line, sizeof line, "HELO %s\r\n", s->login->hostname);
	if (relay_ask(s, line, false, e) != 0)
		return -1;
	return s->reply.code / 100 == 2 ? 0 : refused(s, "does not take EHLO nor HELO", e);
}

static int start_tls(struct relay_session *s, struct err *e)
{
	char place[RELAY_PLACE_SIZE];

	if ((s->offers.what & OFFERS_STARTTLS) == 0)
		return err_set(e, ERR_CONFIG, 0,
			       "%s does not offer STARTTLS; set tls = \"implicit\" and its port (465), or ask the provider",
			       relay_place(s, place));
	if (relay_ask(s, "STARTTLS\r\n", false, e) != 0)
		return -1;
	if (s->reply.code != 220)
		return refused(s, "refuses STARTTLS", e);
	deadline(s, COMMAND_MS);
	if (stream_start_tls(s->stream, s->login->tls, e) != 0)
		return -1;
	/* What was learned before may be forged (RFC 3207, 4.2). */
	return hello(s, e);
}

static int begin(struct relay_session *s, struct err *e)
{
	const struct config_server *c = s->server;

	deadline(s, COMMAND_MS);
	if (c->tls == CONFIG_TLS_IMPLICIT && stream_start_tls(s->stream, s->login->tls, e) != 0)
		return -1;
	if (greet(s, e) != 0 || hello(s, e) != 0)
		return -1;
	if (c->tls == CONFIG_TLS_STARTTLS && start_tls(s, e) != 0)
		return -1;
	if (c->user != NULL && relay_log_in(s, e) != 0)
		return -1;
	s->client = relay_client_new(&s->offers);
	log_debug("relay-ready", LOG_STR("host", c->host), LOG_STR("auth", s->mechanism));
	return 0;
}

struct relay_session *relay_session_open(int fd, const struct relay_login *l, struct err *e)
{
	struct relay_session *s = mem_alloc(sizeof *s);

	s->login = l;
	s->server = l->server;
	s->hurry = INT64_MAX;
	s->secrets[0] = l->server->password;
	relay_reply_init(&s->reply);
	s->stream = stream_new(fd, l->server->host);
	if (l->wake_fd >= 0)
		stream_set_wake(s->stream, l->wake_fd, l->wake, l->arg);
	if (begin(s, e) != 0) {
		s->over = true;
		relay_session_close(&s);
	}
	return s;
}

void relay_session_close(struct relay_session **sp)
{
	struct relay_session *s = *sp;
	struct buf quit;
	struct err e;

	if (s == NULL)
		return;
	*sp = NULL;
	if (s->over || s->hurry != INT64_MAX) {
		stream_abort(&s->stream);
	} else {
		buf_init(&quit, 16);
		(void)buf_add_str(&quit, "QUIT\r\n");
		stream_set_deadline(s->stream, clock_mono_ms() + QUIT_MS);
		if (flush(s, &quit, &e) == 0)
			(void)stream_wait(s->stream, &e);
		buf_free(&quit);
		stream_close(&s->stream);
	}
	relay_client_free(&s->client);
	relay_reply_free(&s->reply);
	free(s);
}

const struct offers *relay_session_offers(const struct relay_session *s)
{
	return &s->offers;
}

const char *relay_session_mechanism(const struct relay_session *s)
{
	return s->mechanism;
}

bool relay_session_tls(const struct relay_session *s, struct tls_facts *out)
{
	return stream_tls_facts(s->stream, out);
}

bool relay_session_gone(struct relay_session *s)
{
	struct err e;

	return s->over || stream_poll(s->stream, &e) < 0 || stream_peek(s->stream).n > 0;
}

/* ---- transactions ---- */

/* Replies that are there. */
static int listen(struct relay_session *s, struct err *e)
{
	struct slice in = stream_peek(s->stream);
	char place[RELAY_PLACE_SIZE];
	int r;

	if (in.n == 0)
		return 0;
	r = relay_client_input(s->client, in, e);
	stream_take(s->stream, in.n);
	return r == 0 ? 0 : err_prefix(e, "%s", relay_place(s, place));
}

static int write_all(struct relay_session *s, struct err *e)
{
	if (flush(s, relay_client_output(s->client), e) != 0)
		return -1;
	return listen(s, e);
}

static int not_sent(struct err *e)
{
	return err_set(e, ERR_TEMP, 0, "the message could not be had from the spool");
}

/* The content of T, and its end, once T is on record. */
static int send_content(struct relay_session *s, const struct relay_supply *supply, struct relay_transaction *t,
			struct err *e)
{
	struct buf *out = relay_client_output(s->client);
	struct slice piece;
	bool last = false;

	step("relay: the server waits for the content");
	while (!last) {
		if (s->hurry != INT64_MAX)
			return err_set(e, ERR_TEMP, 0, "mailferry stops");
		if (supply->read(supply->arg, t, &piece, &last) != 0)
			return not_sent(e);
		relay_client_add(s->client, piece);
		deadline(s, CONTENT_MS);
		if (out->n > OUTPUT_HIGH && write_all(s, e) != 0)
			return -1;
	}
	step("relay: before the record in flight");
	if (!supply->commit(supply->arg, t))
		return not_sent(e);
	step("relay: in flight, its end not sent");
	relay_client_end(s->client);
	return 0;
}

static bool may_begin(const struct relay_session *s)
{
	const unsigned most = s->offers.messages;

	return s->hurry == INT64_MAX && relay_client_ready(s->client) && (most == 0 || s->sent < most);
}

/* More transactions as far as the server has room for them. False: there is none. */
static bool feed(struct relay_session *s, const struct relay_supply *supply, bool *more)
{
	while (*more && may_begin(s)) {
		struct relay_transaction *t = supply->next(supply->arg);

		*more = t != NULL;
		if (t == NULL)
			break;
		s->sent++;
		relay_client_begin(s->client, t);
	}
	return *more;
}

/* Gives back what is over. */
static void reap(struct relay_session *s, const struct relay_supply *supply, bool *more)
{
	struct relay_transaction *t;

	while ((t = relay_client_over(s->client)) != NULL)
		if (!supply->over(supply->arg, t))
			*more = false;
}

/* One step: something is sent or read. 0; 1: nothing is under way; -1. */
static int advance(struct relay_session *s, const struct relay_supply *supply, struct err *e)
{
	struct relay_transaction *t = relay_client_content(s->client);

	if (t != NULL)
		return send_content(s, supply, t, e);
	deadline_for(s, relay_client_waits(s->client));
	if (write_all(s, e) != 0)
		return -1;
	if (relay_client_content(s->client) != NULL)
		return 0;
	if (relay_client_waits(s->client) == RELAY_WAIT_NOTHING)
		return 1;
	step("relay: waits for a reply");
	if (stream_wait(s->stream, e) != 0)
		return -1;
	return listen(s, e);
}

/* The server will not take more on this connection. */
static int closed(struct relay_session *s, const char *words, bool login, struct err *e)
{
	char place[RELAY_PLACE_SIZE];

	s->over = true;
	if (login)
		return err_set(e, ERR_CONFIG, 0,
			       "%s takes no mail from us as we are: \"%s\"; give user and password of the relay",
			       relay_place(s, place), words);
	return err_set(e, ERR_TEMP, 0, "%s: \"%s\"", relay_place(s, place), words);
}

int relay_session_run(struct relay_session *s, const struct relay_supply *supply, struct err *e)
{
	const char *words;
	bool more = true, login;
	int r = 0;

	while (r == 0) {
		reap(s, supply, &more);
		(void)feed(s, supply, &more);
		/* One that was refused for what EHLO says is over at once. */
		reap(s, supply, &more);
		r = advance(s, supply, e);
		if (r == 1 && more && may_begin(s))
			r = 0;
	}
	reap(s, supply, &more);
	if (r < 0) {
		s->over = true;
		relay_client_lost(s->client, s->hurry != INT64_MAX, e->text);
		reap(s, supply, &more);
		return -1;
	}
	words = relay_client_closing(s->client, &login);
	if (words != NULL)
		return closed(s, words, login, e);
	/* As many as it takes on a connection: the rest goes by another. */
	if (more)
		s->over = s->offers.messages != 0;
	return 0;
}
