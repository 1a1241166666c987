/*
 * mailferry-store: files the mail of one account. The supervisor starts it when
 * mail is due; it leaves when nothing has been for a while.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "intake/notice.h"
#include "net/tls.h"
#include "role/connect.h"
#include "role/role.h"
#include "role/token.h"
#include "store/worker.h"

enum {
	NEXT_MS = 10 * 1000,	  /* how long a role that was replaced may be away */
	LINGER_MS = 10 * 1000,	  /* how long the connection waits for more mail */
	HURRY_MS = 3 * 1000	  /* how long a stop waits for answers that are under way */
};

struct store {
	struct role role;
	struct worker *worker;
	struct tls_client *tls;
	struct token_asker asker; /* of access tokens */
	struct buf frame;
	bool stop; /* the supervisor said so, or is gone */
	bool due;  /* it said that there is work */
};

static void supervisor_says(void *arg)
{
	struct store *s = arg;
	int fds[IPC_FDS_MAX];
	size_t nfds = 0;
	struct ipc_in in;
	struct err e;

	if (s->stop || ipc_receive(s->role.socket, &s->frame, &in, fds, &nfds, 0, &e) != 0) {
		if (!s->stop && e.class == ERR_TEMP)
			return;
		in.type = ROLE_STOP;
	}
	if (in.type == ROLE_DUE)
		s->due = true;
	/* A new spool knows nothing of what this process holds in hand: the next one begins with it. */
	if (in.type == ROLE_STOP || in.type == ROLE_SPOOL) {
		s->stop = true;
		worker_hurry(s->worker, HURRY_MS);
	}
	if (in.type == ROLE_CONNECT && nfds == 1) {
		file_close(&s->role.connect);
		s->role.connect = fds[0];
		fds[0] = -1;
	}
	if (in.type == ROLE_TOKEN && nfds == 1) {
		file_close(&s->role.token);
		s->role.token = fds[0];
		fds[0] = -1;
	}
	for (size_t i = 0; i < nfds; i++)
		file_close(&fds[i]);
}

/* What the supervisor does not hear is still in the log and in the queue's listing. */
static void notice(void *arg, const char *reason)
{
	struct store *s = arg;
	struct ipc_out out;
	struct err e;

	ipc_out_init(&out);
	ipc_begin(&out, ROLE_NOTICE, 0);
	ipc_put_number(&out, ROLE_TAG_KIND, NOTICE_HELD);
	ipc_put_str(&out, ROLE_TAG_TEXT, reason);
	if (ipc_send(s->role.socket, &out, NULL, 0, &e) != 0)
		log_warning("supervisor-gone", LOG_STR("reason", e.text));
	ipc_out_free(&out);
}

/* The role behind SOCKET was replaced: waits until the supervisor hands us a socket to the next one, or has another word for
 * us. It says nothing about the account, which would wait for it. */
static bool wait_for_next(struct store *s, int *socket, const struct err *e, int64_t until)
{
	if (e->code != EPIPE)
		return false;
	file_close(socket);
	while (!s->stop && *socket < 0 && clock_mono_ms() < until) {
		struct pollfd p = { s->role.socket, POLLIN, 0 };

		if (poll(&p, 1, (int)(until - clock_mono_ms()) + 1) > 0)
			supervisor_says(s);
	}
	return *socket >= 0;
}

static int connect_now(void *arg, struct err *e)
{
	struct store *s = arg;
	const int64_t timeout = s->role.config->accounts[0].server.timeout, until = clock_mono_ms() + NEXT_MS;
	int fd;

	do
		fd = connect_account(s->role.connect, s->role.account, timeout, e);
	while (fd < 0 && wait_for_next(s, &s->role.connect, e, until));
	return fd;
}

static char *token_now(void *arg, bool fresh, struct err *e)
{
	struct store *s = arg;
	const int64_t until = clock_mono_ms() + NEXT_MS;
	char *token;

	s->asker.account = s->role.account;
	do {
		s->asker.socket = s->role.token;
		token = token_get(&s->asker, fresh, e);
	} while (token == NULL && wait_for_next(s, &s->role.token, e, until));
	return token;
}

/* Waits until there may be work again. False when there was none for a while. */
static bool wait_for_work(struct store *s, int64_t due)
{
	int64_t until = clock_mono_ms() + LINGER_MS;

	while (!s->stop && !s->due && clock_wall_ms() < due) {
		struct pollfd p = { s->role.socket, POLLIN, 0 };
		int64_t left = until - clock_mono_ms(), work = due - clock_wall_ms();

		if (left <= 0)
			return false;
		if (work < left)
			left = work < 1 ? 1 : work;
		if (poll(&p, 1, (int)left) > 0)
			supervisor_says(s);
	}
	s->due = false;
	return true;
}

static void say_idle(struct store *s, int64_t due)
{
	struct ipc_out out;
	struct err e;

	ipc_out_init(&out);
	ipc_begin(&out, ROLE_IDLE, 0);
	ipc_put_number(&out, ROLE_TAG_TIME, due);
	if (ipc_send(s->role.socket, &out, NULL, 0, &e) != 0)
		log_warning("supervisor-gone", LOG_STR("reason", e.text));
	ipc_out_free(&out);
}

static int run(struct store *s)
{
	int64_t due = 0;

	while (!s->stop) {
		struct pollfd p = { s->role.socket, POLLIN, 0 };

		switch (worker_turn(s->worker, &due)) {
		case WORKER_LOST:
			return EX_TEMPFAIL;
		case WORKER_BUSY:
			if (poll(&p, 1, 0) > 0)
				supervisor_says(s);
			break;
		case WORKER_IDLE:
			if (!wait_for_work(s, due)) {
				worker_rest(s->worker);
				say_idle(s, due);
				return 0;
			}
			break;
		}
	}
	return 0;
}

int main(void)
{
	struct store s = { .stop = false };
	struct worker_setup setup = { .wake = supervisor_says, .arg = &s, .connect = connect_now, .notice = notice };
	struct spool_store *spool;
	struct err e;
	int ret;

	role_begin(&s.role, "store");
	buf_init(&s.frame, IPC_MAX);
	if (s.role.config->naccounts != 1 || s.role.spool < 0 || s.role.connect < 0) {
		log_error("role-start-failed",
			  LOG_STR("what", "a store needs its account, the spool and the connector"));
		return EX_SOFTWARE;
	}
	setup.account = &s.role.config->accounts[0];
	if (setup.account->server.oauth)
		setup.token = token_now;
	setup.wake_fd = s.role.socket;
	spool = spool_store_new(s.role.spool);
	s.role.spool = -1;
	setup.spool = spool;
	if (setup.account->server.tls != CONFIG_TLS_NONE) {
		setup.tls = s.tls = tls_client_of(&setup.account->server, &e);
		if (s.tls == NULL) {
			log_error("role-start-failed", LOG_STR("account", setup.account->name), LOG_STR("why", e.text));
			/* Mail waits with this reason, instead of a process that starts again and again. */
			notice(&s, e.text);
			(void)spool_hold_account(spool, clock_wall_ms() + setup.account->retry_max, e.text, 1, true, &e);
			role_ready(&s.role);
			say_idle(&s, clock_wall_ms() + setup.account->retry_max);
			return EX_CONFIG;
		}
	}
	s.worker = worker_new(&setup);
	role_ready(&s.role);
	ret = run(&s);
	worker_free(&s.worker);
	spool_store_free(&spool);
	tls_client_free(&s.tls);
	buf_free(&s.frame);
	role_free(&s.role);
	return ret;
}
