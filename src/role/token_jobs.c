/* Exchanges of the token role: a connection from the connector, then a child that asks the provider. */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "role/connect.h"
#include "role/token_impl.h"

enum { NAME_MAX_BYTES = 4096, CONNECT_MS = 20 * 1000, LATE_SECONDS = 5 };

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
void token_stop_advance(struct token *t)
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
	token_turn(t);
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
	token_turn(t);
	return 0;
}

static void on_result_closed(void *arg, const struct err *why)
{
	struct job *j = arg;
	struct err e;

	(void)why;
	(void)err_set(&e, ERR_TEMP, 0, "no access token for %s %s: the process that asked for it ended too early",
		      config_kind(j->order->server), j->order->server->name);
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
static _Noreturn void child_run(struct token *t, const struct job *j, int connection, int result,
				struct tls_client *tls)
{
	int keep[] = { connection, result, t->directory, t->lock, step_descriptor() };
	struct exchange_result r;
	struct ipc_out out;
	struct err e;

	(void)signal(SIGALRM, SIG_DFL);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)alarm(EXCHANGE_MS / 1000 + LATE_SECONDS);
	close_others(keep, sizeof keep / sizeof keep[0]);
	keeper_narrow(t->keeper, j->number);
	exchange_run(j->order, connection, tls, t->store, clock_mono_ms() + EXCHANGE_MS, &r);
	ipc_out_init(&out);
	ipc_begin(&out, 1, 1);
	exchange_put(&r, &out);
	(void)ipc_send(result, &out, NULL, 0, &e);
	_exit(0);
}

static struct tls_shared *tls_of(struct token *t, const struct config_server *a)
{
	struct tls_shared *s = t->tls;

	while (s != NULL &&
	       strcmp(s->ca_file == NULL ? "" : s->ca_file, a->token.ca_file == NULL ? "" : a->token.ca_file) != 0)
		s = s->next;
	return s;
}

static void connected(struct job *j, int *fd)
{
	struct token *t = j->token;
	const struct tls_shared *tls = tls_of(t, j->order->server);
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
	(void)err_prefix(&e, "no access token for %s %s", config_kind(j->order->server), j->order->server->name);
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
	ipc_put_str(&out, CONNECT_TAG_ACCOUNT, j->order->server->name);
	ipc_put_number(&out, CONNECT_TAG_ENDPOINT, device ? CONNECT_DEVICE : CONNECT_TOKEN);
	ipc_put_number(&out, CONNECT_TAG_TIMEOUT, CONNECT_MS);
	ret = channel_send(t->connector, &out, NULL, 0, e);
	ipc_out_free(&out);
	return ret;
}

/* The keeper is in the middle of its turn: what fails at once is told from the loop. */
void token_begin(void *arg, unsigned number, const struct exchange_order *order)
{
	struct timeval late = { .tv_sec = CONNECT_MS / 1000 + LATE_SECONDS };
	struct token *t = arg;
	struct job *j = mem_alloc(sizeof *j);
	const struct tls_shared *tls = tls_of(t, order->server);

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
	(void)err_set(&e, ERR_TEMP, 0, "no access token for %s %s: %s", config_kind(j->order->server),
		      j->order->server->name, text == NULL ? "the connector did not say why" : text);
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

void token_connector_take(struct token *t, int fd)
{
	channel_free(&t->connector);
	t->connector = channel_new(t->base, fd, &connector_handler, t);
}

/* The authorities are read now, so that nothing is opened later; what is wrong with them harms those accounts only. */
void token_tls_prepare(struct token *t)
{
	const struct config *c = t->role.config;

	for (size_t i = 0; i < config_servers(c); i++) {
		const struct config_server *a = config_server_at(c, i);
		struct tls_policy policy = { .ca_file = a->token.ca_file };
		struct tls_shared *s;

		if (!a->oauth || tls_of(t, a) != NULL)
			continue;
		s = mem_alloc(sizeof *s);
		s->ca_file = a->token.ca_file;
		s->tls = tls_client_new(&policy, &s->err);
		if (s->tls == NULL)
			log_error("no-authorities", LOG_STR(config_field(a), a->name), LOG_STR("why", s->err.text));
		s->next = t->tls;
		t->tls = s;
	}
}

void token_jobs_free(struct token *t)
{
	while (t->jobs != NULL)
		job_free(t->jobs);
	while (t->tls != NULL) {
		struct tls_shared *s = t->tls;

		t->tls = s->next;
		tls_client_free(&s->tls);
		free(s);
	}
}
