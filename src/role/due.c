#include "role/due.h"

#include <errno.h>
#include <poll.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "role/connect.h"

enum {
	NEXT_MS = 10 * 1000,  /* how long a role that was replaced may be away */
	LINGER_MS = 10 * 1000 /* how long the connection waits for more mail */
};

void due_begin(struct due *d, const char *name, const struct due_worker *functions)
{
	*d = (struct due){ .functions = functions };
	role_begin(&d->role, name);
	buf_init(&d->frame, IPC_MAX);
}

void due_free(struct due *d)
{
	buf_free(&d->frame);
	role_free(&d->role);
}

/* ---- the supervisor ---- */

void due_wake(void *arg)
{
	struct due *d = arg;
	int fds[IPC_FDS_MAX];
	size_t nfds = 0;
	struct ipc_in in;
	struct err e;

	if (d->stop || ipc_receive(d->role.socket, &d->frame, &in, fds, &nfds, 0, &e) != 0) {
		if (!d->stop && e.class == ERR_TEMP)
			return;
		in.type = ROLE_STOP;
	}
	if (in.type == ROLE_DUE)
		d->more = true;
	/* A new spool knows nothing of what this process holds in hand: the next one begins with it. */
	if (in.type == ROLE_STOP || in.type == ROLE_SPOOL) {
		d->stop = true;
		d->functions->hurry(d->worker, d->functions->hurry_ms);
	}
	if (in.type == ROLE_CONNECT && nfds == 1)
		role_take_socket(&d->role.connect, &fds[0]);
	if (in.type == ROLE_TOKEN && nfds == 1)
		role_take_socket(&d->role.token, &fds[0]);
	for (size_t i = 0; i < nfds; i++)
		file_close(&fds[i]);
}

static void tell(struct due *d, struct ipc_out *out)
{
	struct err e;

	if (ipc_send(d->role.socket, out, NULL, 0, &e) != 0)
		log_warning("supervisor-gone", LOG_STR("reason", e.text));
	ipc_out_free(out);
}

void due_notice(struct due *d, enum notice_kind kind, const char *reason)
{
	struct ipc_out out;

	ipc_out_init(&out);
	ipc_begin(&out, ROLE_NOTICE, 0);
	ipc_put_number(&out, ROLE_TAG_KIND, kind);
	ipc_put_str(&out, ROLE_TAG_TEXT, reason);
	tell(d, &out);
}

static void say_idle(struct due *d, int64_t next_ms)
{
	struct ipc_out out;

	ipc_out_init(&out);
	ipc_begin(&out, ROLE_IDLE, 0);
	ipc_put_number(&out, ROLE_TAG_TIME, next_ms);
	tell(d, &out);
}

/* ---- what the worker asks for ---- */

/* The role behind SOCKET was replaced: waits until the supervisor hands us a socket to the next one, or has another
 * word for us. It says nothing about the account or the relay, which would wait for it. */
static bool wait_for_next(struct due *d, int *socket, const struct err *e, int64_t until)
{
	if (e->code != EPIPE)
		return false;
	file_close(socket);
	while (!d->stop && *socket < 0 && clock_mono_ms() < until) {
		struct pollfd p = { d->role.socket, POLLIN, 0 };

		if (poll(&p, 1, (int)(until - clock_mono_ms()) + 1) > 0)
			due_wake(d);
	}
	return *socket >= 0;
}

int due_connect(void *arg, struct err *e)
{
	struct due *d = arg;
	const int64_t until = clock_mono_ms() + NEXT_MS;
	int fd;

	do
		fd = connect_account(d->role.connect, d->account, d->connect_ms, e);
	while (fd < 0 && wait_for_next(d, &d->role.connect, e, until));
	return fd;
}

char *due_token(void *arg, bool fresh, struct err *e)
{
	struct due *d = arg;
	const int64_t until = clock_mono_ms() + NEXT_MS;
	char *token;

	d->asker.account = d->account;
	do {
		d->asker.socket = d->role.token;
		token = token_get(&d->asker, fresh, e);
	} while (token == NULL && wait_for_next(d, &d->role.token, e, until));
	return token;
}

/* ---- the work ---- */

int due_refuse(struct due *d, struct spool_store *spool, enum notice_kind kind, int64_t again_ms, const char *why)
{
	struct err e;

	due_notice(d, kind, why);
	(void)spool_hold_account(spool, again_ms, why, 1, true, &e);
	role_ready(&d->role);
	say_idle(d, again_ms);
	return EX_CONFIG;
}

/* Waits until there may be work again. False when there was none for a while. */
static bool wait_for_work(struct due *d, int64_t next_ms)
{
	int64_t until = clock_mono_ms() + LINGER_MS;

	while (!d->stop && !d->more && clock_wall_ms() < next_ms) {
		struct pollfd p = { d->role.socket, POLLIN, 0 };
		int64_t left = until - clock_mono_ms(), work = next_ms - clock_wall_ms();

		if (left <= 0)
			return false;
		if (work < left)
			left = work < 1 ? 1 : work;
		if (poll(&p, 1, (int)left) > 0)
			due_wake(d);
	}
	d->more = false;
	return true;
}

int due_run(struct due *d)
{
	int64_t next_ms = 0;

	while (!d->stop) {
		struct pollfd p = { d->role.socket, POLLIN, 0 };
		const int r = d->functions->turn(d->worker, &next_ms);

		if (r < 0)
			return EX_TEMPFAIL;
		if (r > 0) {
			if (poll(&p, 1, 0) > 0)
				due_wake(d);
		} else if (!wait_for_work(d, next_ms)) {
			d->functions->rest(d->worker);
			say_idle(d, next_ms);
			return 0;
		}
	}
	return 0;
}
