/*
 * mailferry-token: alone holds refresh tokens and client secrets, and gives out
 * access tokens, which live for an hour or so. What is due is oauth/keeper.h's
 * affair; here are its sockets and processes: who asks, the connector, and a
 * child for each exchange with a provider, so that one that hangs holds up
 * nobody. A child that has sent its request outlives this process, up to its
 * deadline: the refresh token that comes must get to disk.
 */
#include "role/token.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "intake/notice.h"
#include "net/tls.h"
#include "oauth/keeper.h"
#include "role/connect.h"
#include "role/role.h"

enum { PEERS_MAX = 1100, NAME_MAX_BYTES = 4096, ANSWER_MAX_BYTES = 16 * 1024, CONNECT_MS = 20 * 1000 };

struct token;

/* Somebody who may ask: a store, the command line. */
struct peer {
	struct peer *next;
	struct token *token;
	struct channel *channel;
	uint64_t asker;	   /* its number */
	char *account;	   /* of a store; NULL: any, and may sign in */
	bool asks;	   /* waits for an answer */
	uint16_t wants;	   /* type of the answer */
	uint32_t id;	   /* of its request */
};

/* An exchange under way: first with the connector, then in a child. */
struct job {
	struct job *next;
	struct token *token;
	unsigned number; /* the keeper's */
	const struct exchange_order *order;
	pid_t child;		 /* 0: waits for its connection */
	struct channel *channel; /* to the child */
	struct event *deadline;	 /* for the connection */
	struct err why;		 /* it can't begin */
};

struct tls_shared {
	struct tls_shared *next;
	const char *ca_file; /* NULL: the system's */
	struct tls_client *tls;
	struct err err; /* why TLS is NULL */
};

struct token {
	struct role role;
	struct event_base *base;
	struct channel *supervisor, *connector;
	struct token_store *store;
	struct keeper *keeper;
	struct tls_shared *tls;
	struct peer *peers;
	size_t npeers;
	uint64_t askers; /* numbers given out */
	struct job *jobs;
	struct event *due, *reap;
	int directory, lock;
	bool stopping; /* only what was sent to a provider is waited for */
};

static void turn(struct token *t);

/* ---- exchanges ---- */

static void job_free(struct job *j)
{
	struct job **at = &j->token->jobs;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	channel_free(&j->channel);
	event_free(j->deadline);
	free(j);
}

/* Ends the loop when no child is at work any more. */
static void stop_advance(struct token *t)
{
	if (!t->stopping)
		return;
	for (const struct job *j = t->jobs; j != NULL; j = j->next) {
		if (j->child != 0)
			return;
	}
	(void)event_base_loopbreak(t->base);
}

static void job_failed(struct job *j, const struct err *e)
{
	struct token *t = j->token;
	unsigned number = j->number;

	job_free(j);
	keeper_finished(t->keeper, number, NULL, e);
	turn(t);
}

static int on_result(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct job *j = arg;
	struct token *t = j->token;
	struct exchange_result r;
	unsigned number = j->number;
	struct err e;

	(void)fds;
	if (nfds != 0 || exchange_get(in->rest, &r) != 0) {
		(void)err_set(&e, ERR_TEMP, 0, "the process that asks the provider spoke nonsense");
		job_failed(j, &e);
		return 0;
	}
	job_free(j);
	keeper_finished(t->keeper, number, &r, NULL);
	exchange_result_free(&r);
	turn(t);
	return 0;
}

static void on_result_closed(void *arg, const struct err *why)
{
	struct job *j = arg;
	struct err e;

	(void)why;
	(void)err_set(&e, ERR_TEMP, 0, "no access token for account %s: the process that asked for it ended too early",
		      j->order->account->name);
	job_failed(j, &e);
}

static const struct channel_handler result_handler = { .message = on_result, .closed = on_result_closed };

/* Closes all but the descriptors of KEEP (N of them, not sorted) and standard error. */
static void close_others(int *keep, size_t n)
{
	unsigned from = STDERR_FILENO + 1;

	for (;;) {
		unsigned least = ~0U;

		for (size_t i = 0; i < n; i++) {
			if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < least)
				least = (unsigned)keep[i];
		}
		if (least == ~0U) {
			(void)close_range(from, ~0U, 0);
			return;
		}
		if (least > from)
			(void)close_range(from, least - 1, 0);
		from = least + 1;
	}
}

/* It meets the network and a parser, so it keeps only what it needs: one account's secrets, its connection, the
 * directory (with its lock: the next token role waits until this child is done). */
static _Noreturn void child_run(struct token *t, const struct job *j, int connection, int result, struct tls_client *tls)
{
	int keep[] = { connection, result, t->directory, t->lock };
	struct exchange_result r;
	struct ipc_out out;
	struct err e;

	(void)signal(SIGALRM, SIG_DFL);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)alarm(EXCHANGE_MS / 1000 + 5);
	close_others(keep, sizeof keep / sizeof keep[0]);
	keeper_narrow(t->keeper, j->number);
	exchange_run(j->order, connection, tls, t->store, clock_mono_ms() + EXCHANGE_MS, &r);
	ipc_out_init(&out);
	ipc_begin(&out, 1, 1);
	exchange_put(&r, &out);
	(void)ipc_send(result, &out, NULL, 0, &e);
	_exit(0);
}

static struct tls_shared *tls_of(struct token *t, const struct config_account *a)
{
	struct tls_shared *s = t->tls;

	while (s != NULL && strcmp(s->ca_file == NULL ? "" : s->ca_file, a->token.ca_file == NULL ? "" : a->token.ca_file) != 0)
		s = s->next;
	return s;
}

static void connected(struct job *j, int *fd)
{
	struct token *t = j->token;
	const struct tls_shared *tls = tls_of(t, j->order->account);
	int pair[2];
	struct err e;

	if (ipc_pair(pair, &e) != 0) {
		e.class = ERR_TEMP;
		job_failed(j, &e);
		return;
	}
	j->child = fork();
	if (j->child == 0)
		child_run(t, j, *fd, pair[1], tls == NULL ? NULL : tls->tls);
	(void)close(pair[1]);
	file_close(fd);
	if (j->child < 0) {
		(void)close(pair[0]);
		(void)err_sys(&e, errno, "cannot start another process to ask a provider");
		e.class = ERR_TEMP;
		j->child = 0;
		job_failed(j, &e);
		return;
	}
	j->channel = channel_new(t->base, pair[0], &result_handler, j);
	(void)event_del(j->deadline);
}

static void on_connect_late(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;
	struct err e;

	(void)fd;
	(void)what;
	if (j->why.class != ERR_NONE)
		e = j->why;
	else if (j->token->connector == NULL)
		(void)err_set(&e, ERR_TEMP, 0, "the connector is being started again");
	else
		(void)err_set(&e, ERR_TEMP, ETIMEDOUT, "the connector does not answer");
	(void)err_prefix(&e, "no access token for account %s", j->order->account->name);
	job_failed(j, &e);
}

static int connector_ask(struct token *t, const struct job *j, struct err *e)
{
	bool device = j->order->request.step == GRANT_DEVICE_START;
	struct ipc_out out;
	int ret;

	if (t->connector == NULL)
		return err_set(e, ERR_TEMP, 0, "the connector is being started again");
	ipc_out_init(&out);
	ipc_begin(&out, CONNECT_OPEN, j->number);
	ipc_put_str(&out, CONNECT_TAG_ACCOUNT, j->order->account->name);
	ipc_put_number(&out, CONNECT_TAG_ENDPOINT, device ? CONNECT_DEVICE : CONNECT_TOKEN);
	ipc_put_number(&out, CONNECT_TAG_TIMEOUT, CONNECT_MS);
	ret = channel_send(t->connector, &out, NULL, 0, e);
	ipc_out_free(&out);
	return ret;
}

/* The keeper is in the middle of its turn: what fails at once is told from the loop. */
static void begin(void *arg, unsigned number, const struct exchange_order *order)
{
	struct timeval late = { .tv_sec = CONNECT_MS / 1000 + 5 };
	struct token *t = arg;
	struct job *j = mem_alloc(sizeof *j);
	const struct tls_shared *tls = tls_of(t, order->account);

	j->token = t;
	j->number = number;
	j->order = order;
	j->deadline = event_new(t->base, -1, 0, on_connect_late, j);
	if (j->deadline == NULL)
		abort();
	j->next = t->jobs;
	t->jobs = j;
	if (tls != NULL && tls->tls == NULL)
		j->why = tls->err;
	if (j->why.class != ERR_NONE || connector_ask(t, j, &j->why) != 0)
		late = (struct timeval){ .tv_usec = 1000 };
	(void)event_add(j->deadline, &late);
}

static int on_connection(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct token *t = arg;
	struct job *j = t->jobs;
	struct err e;
	char *text;

	while (j != NULL && (j->number != in->id || j->child != 0))
		j = j->next;
	/* One that came too late is closed. */
	if (j == NULL || in->type != CONNECT_DONE)
		return j == NULL ? 0 : -1;
	if (nfds == 1) {
		connected(j, &fds[0]);
		return 0;
	}
	text = ipc_get_str(in->rest, CONNECT_TAG_TEXT, NAME_MAX_BYTES);
	(void)err_set(&e, ERR_TEMP, 0, "no access token for account %s: %s", j->order->account->name,
		      text == NULL ? "the connector did not say why" : text);
	free(text);
	job_failed(j, &e);
	return 0;
}

static void on_connector_closed(void *arg, const struct err *e)
{
	struct token *t = arg;

	(void)e;
	channel_free(&t->connector);
	for (struct job *j = t->jobs, *next; j != NULL; j = next) {
		struct timeval now = { .tv_usec = 1000 };

		next = j->next;
		if (j->child == 0)
			(void)event_add(j->deadline, &now);
	}
}

static const struct channel_handler connector_handler = { .message = on_connection, .closed = on_connector_closed };

static void connector_take(struct token *t, int fd)
{
	channel_free(&t->connector);
	t->connector = channel_new(t->base, fd, &connector_handler, t);
}

/* ---- who asks ---- */

static void peer_free(struct peer *p)
{
	struct peer **at = &p->token->peers;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->token->npeers--;
	keeper_forget(p->token->keeper, p->asker);
	channel_free(&p->channel);
	free(p->account);
	free(p);
}

static void answer(void *arg, uint64_t asker, const struct keeper_answer *a)
{
	struct token *t = arg;
	struct peer *p = t->peers;
	struct ipc_out out;
	struct err e;

	while (p != NULL && p->asker != asker)
		p = p->next;
	if (p == NULL || !p->asks)
		return;
	p->asks = false;
	ipc_out_init(&out);
	ipc_begin(&out, a->err != NULL ? TOKEN_DONE : p->wants, p->id);
	if (a->err != NULL) {
		ipc_put_number(&out, TOKEN_TAG_CLASS, a->err->class);
		ipc_put_str(&out, TOKEN_TAG_TEXT, a->err->text);
	} else if (a->token != NULL) {
		ipc_put_str(&out, TOKEN_TAG_TOKEN, a->token);
		ipc_put_number(&out, TOKEN_TAG_SERIAL, a->serial);
		ipc_put_number(&out, TOKEN_TAG_EXPIRES, a->expires);
	} else if (a->url != NULL) {
		ipc_put_str(&out, TOKEN_TAG_URL, a->url);
		ipc_put_str(&out, TOKEN_TAG_CODE, a->user_code);
		ipc_put_number(&out, TOKEN_TAG_EXPIRES, a->expires);
	}
	/* One that is gone is noticed by the loop. */
	(void)channel_send(p->channel, &out, NULL, 0, &e);
	mem_wipe(out.buf.p, out.buf.cap);
	ipc_out_free(&out);
}

/* 0, or -1 when the peer may not ask that. */
static int peer_asks(struct peer *p, const struct ipc_in *in, const char *account)
{
	struct keeper *k = p->token->keeper;
	char *url = ipc_get_str(in->rest, TOKEN_TAG_URL, ANSWER_MAX_BYTES);
	int ret = 0;

	switch (in->type) {
	case TOKEN_GET:
		if (p->account == NULL && ipc_get_number(in->rest, TOKEN_TAG_PERSON, 0) == 1)
			keeper_urge(k, account);
		keeper_get(k, p->asker, account, ipc_get_number(in->rest, TOKEN_TAG_SERIAL, 0));
		break;
	case TOKEN_SIGN_IN:
		p->wants = TOKEN_PLEASE;
		keeper_sign_in(k, p->asker, account, url);
		break;
	case TOKEN_CODE:
		if (url != NULL)
			keeper_code(k, p->asker, account, url);
		else
			ret = -1;
		break;
	case TOKEN_WAIT:
		keeper_wait(k, p->asker, account);
		break;
	default:
		ret = -1;
	}
	mem_wipe_str(&url);
	return ret;
}

static int on_request(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct peer *p = arg;
	struct token *t = p->token;
	char *account = ipc_get_str(in->rest, TOKEN_TAG_ACCOUNT, NAME_MAX_BYTES);
	int ret = -1;

	(void)fds;
	/* One that asks again no longer waits for the answer before. */
	keeper_forget(t->keeper, p->asker);
	if (nfds == 0 && account != NULL &&
	    (p->account == NULL || (strcmp(p->account, account) == 0 && in->type == TOKEN_GET))) {
		p->asks = true;
		p->wants = TOKEN_DONE;
		p->id = in->id;
		ret = peer_asks(p, in, account);
	}
	free(account);
	if (ret == 0)
		turn(t);
	return ret;
}

static void on_peer_closed(void *arg, const struct err *e)
{
	struct peer *p = arg;

	if (e->class == ERR_PROTOCOL)
		log_warning("asker-put-out", LOG_STR("account", p->account), LOG_STR("reason", e->text));
	peer_free(p);
}

static const struct channel_handler peer_handler = { .message = on_request, .closed = on_peer_closed };

static void peer_new(struct token *t, struct slice fields, int *fd)
{
	char *role = ipc_get_str(fields, ROLE_TAG_ROLE, NAME_MAX_BYTES);
	bool admin = role != NULL && strcmp(role, "admin") == 0;
	struct peer *p;

	free(role);
	if (t->npeers == PEERS_MAX) {
		log_error("too-many-askers", LOG_NUM("askers", t->npeers));
		return;
	}
	p = mem_alloc(sizeof *p);
	p->token = t;
	p->asker = ++t->askers;
	p->account = admin ? NULL : ipc_get_str(fields, ROLE_TAG_NAME, NAME_MAX_BYTES);
	if (!admin && p->account == NULL)
		p->account = mem_strdup("");
	p->channel = channel_new(t->base, *fd, &peer_handler, p);
	*fd = -1;
	p->next = t->peers;
	t->peers = p;
	t->npeers++;
}

/* ---- the supervisor ---- */

static void say(struct token *t, const struct ipc_out *out)
{
	struct err e;

	if (channel_send(t->supervisor, out, NULL, 0, &e) != 0)
		log_warning("supervisor-gone", LOG_STR("reason", e.text));
}

static void signed_in(void *arg, const char *account)
{
	struct ipc_out out;

	(void)account;
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_LIFT, 0);
	say(arg, &out);
	ipc_out_free(&out);
}

static void notice(void *arg, const char *account, bool expires, const char *text)
{
	struct ipc_out out;

	ipc_out_init(&out);
	ipc_begin(&out, ROLE_NOTICE, 0);
	ipc_put_str(&out, ROLE_TAG_NAME, account);
	ipc_put_number(&out, ROLE_TAG_KIND, expires ? NOTICE_EXPIRES : NOTICE_HELD);
	ipc_put_str(&out, ROLE_TAG_TEXT, text);
	say(arg, &out);
	ipc_out_free(&out);
}

static int on_supervisor(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct token *t = arg;

	if (in->type == ROLE_STOP) {
		t->stopping = true;
		stop_advance(t);
	} else if (in->type == ROLE_PEER && nfds == 1) {
		peer_new(t, in->rest, &fds[0]);
	} else if (in->type == ROLE_CONNECT && nfds == 1) {
		connector_take(t, fds[0]);
		fds[0] = -1;
	}
	return 0;
}

static void on_supervisor_closed(void *arg, const struct err *e)
{
	struct token *t = arg;

	(void)e;
	(void)event_base_loopbreak(t->base);
}

static const struct channel_handler supervisor_handler = { .message = on_supervisor, .closed = on_supervisor_closed };

/* ---- the loop ---- */

static int64_t clock_now(void *arg)
{
	(void)arg;
	return clock_mono_ms();
}

static void turn(struct token *t)
{
	struct timeval tv;
	int64_t wait;

	if (t->stopping) {
		stop_advance(t);
		return;
	}
	wait = keeper_turn(t->keeper) - clock_mono_ms();
	tv = (struct timeval){ .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
	if (wait < 1)
		tv = (struct timeval){ .tv_usec = 1000 };
	(void)event_add(t->due, &tv);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	turn(arg);
}

static void on_child(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	(void)arg;
	/* What became of an exchange is told by its socket. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* The authorities are read now, so that nothing is opened later; what is wrong with them harms those accounts only. */
static void tls_prepare(struct token *t)
{
	const struct config *c = t->role.config;

	for (size_t i = 0; i < c->naccounts; i++) {
		const struct config_account *a = &c->accounts[i];
		struct tls_policy policy = { .ca_file = a->token.ca_file };
		struct tls_shared *s;

		if (!a->oauth || tls_of(t, a) != NULL)
			continue;
		s = mem_alloc(sizeof *s);
		s->ca_file = a->token.ca_file;
		s->tls = tls_client_new(&policy, &s->err);
		if (s->tls == NULL)
			log_error("no-authorities", LOG_STR("account", a->name), LOG_STR("why", s->err.text));
		s->next = t->tls;
		t->tls = s;
	}
}

static void clean_up(struct token *t)
{
	while (t->jobs != NULL)
		job_free(t->jobs);
	while (t->peers != NULL)
		peer_free(t->peers);
	keeper_free(&t->keeper);
	token_store_free(&t->store);
	while (t->tls != NULL) {
		struct tls_shared *s = t->tls;

		t->tls = s->next;
		tls_client_free(&s->tls);
		free(s);
	}
	channel_free(&t->connector);
	channel_free(&t->supervisor);
	event_free(t->due);
	event_free(t->reap);
	event_base_free(t->base);
	t->role.socket = -1;
	role_free(&t->role);
}

int main(void)
{
	struct token t = { .npeers = 0 };
	struct keeper_hooks hooks = { .clock = clock_now,
				      .begin = begin,
				      .answer = answer,
				      .signed_in = signed_in,
				      .notice = notice,
				      .arg = &t };
	struct err e;

	role_begin(&t.role, "token");
	t.base = event_base_new();
	if (t.base == NULL)
		abort();
	if (t.role.token_directory < 0 || t.role.connect < 0) {
		log_error("role-start-failed", LOG_STR("what", "the token role needs its directory and the connector"));
		return EX_SOFTWARE;
	}
	t.store = token_store_new(t.role.token_directory, TOKEN_STORE_WAIT_MS, &e);
	t.role.token_directory = -1;
	if (t.store == NULL) {
		log_error("role-start-failed", LOG_STR("why", e.text));
		return EX_CONFIG;
	}
	token_store_descriptors(t.store, &t.directory, &t.lock);
	t.due = event_new(t.base, -1, 0, on_due, &t);
	t.reap = evsignal_new(t.base, SIGCHLD, on_child, &t);
	if (t.due == NULL || t.reap == NULL || event_add(t.reap, NULL) != 0)
		abort();
	connector_take(&t, t.role.connect);
	t.role.connect = -1;
	tls_prepare(&t);
	role_ready(&t.role);
	t.supervisor = channel_new(t.base, t.role.socket, &supervisor_handler, &t);
	t.keeper = keeper_new(t.role.config, t.store, &hooks);
	turn(&t);
	if (event_base_dispatch(t.base) < 0)
		abort();
	clean_up(&t);
	return 0;
}
