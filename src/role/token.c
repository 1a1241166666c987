/*
 * mailferry-token: alone holds refresh tokens and client secrets, and gives out
 * access tokens, which live for an hour or so. What is due is oauth/keeper.h's
 * affair; here are its sockets and processes: who asks, the connector, and a
 * child for each exchange with a provider, so that one that hangs holds up
 * nobody. A child that has sent its request outlives this process, up to its
 * deadline: the refresh token that comes must get to disk.
 */
#include "role/token.h"

#include <jansson.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "intake/notice.h"
#include "net/crypto.h"
#include "role/token_impl.h"

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
		token_stop_advance(t);
	} else if (in->type == ROLE_PEER && nfds == 1) {
		token_peer_new(t, in->rest, &fds[0]);
	} else if (in->type == ROLE_CONNECT && nfds == 1) {
		token_connector_take(t, fds[0]);
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

void token_turn(struct token *t)
{
	struct timeval tv;
	int64_t wait;

	if (t->stopping) {
		token_stop_advance(t);
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
	token_turn(arg);
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

static void clean_up(struct token *t)
{
	token_jobs_free(t);
	token_peers_free(t);
	keeper_free(&t->keeper);
	token_store_free(&t->store);
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
				      .begin = token_begin,
				      .answer = token_answer,
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
	token_connector_take(&t, t.role.connect);
	t.role.connect = -1;
	token_tls_prepare(&t);
	crypto_start();
	json_object_seed(0); /* opens a file the first time */
	t.role.work_directory = fcntl(t.directory, F_DUPFD_CLOEXEC, 0);
	role_ready(&t.role);
	t.supervisor = channel_new(t.base, t.role.socket, &supervisor_handler, &t);
	t.keeper = keeper_new(t.role.config, t.store, &hooks);
	token_turn(&t);
	if (event_base_dispatch(t.base) < 0)
		abort();
	clean_up(&t);
	return 0;
}
