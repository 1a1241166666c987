#include "spool_tools.h"

#include <event2/event.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "ipc/channel.h"

enum { TAG_ROLE = 1, TAG_ACCOUNT };

/* ---- the server's process ---- */

struct program {
	struct event_base *base;
	struct spool_server *server;
	struct channel *control;
	int tell;
};

static void on_due(void *arg, const char *account)
{
	struct program *p = arg;

	(void)!write(p->tell, account, strlen(account));
	(void)!write(p->tell, "\n", 1);
}

static void on_held(void *arg, const char *reason)
{
	(void)reason;
	on_due(arg, "(held)");
}

static void on_fatal(void *arg)
{
	(void)arg;
	_exit(70);
}

static void on_stopped(void *arg)
{
	struct program *p = arg;

	(void)event_base_loopbreak(p->base);
}

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct program *p = arg;
	char *account;

	if (nfds == 0) {
		spool_server_stop(p->server);
		return 0;
	}
	account = ipc_get_str(in->rest, TAG_ACCOUNT, 100);
	spool_server_peer(p->server, fds[0], (enum spool_peer)ipc_get_number(in->rest, TAG_ROLE, 0), account);
	fds[0] = -1;
	free(account);
	return 0;
}

static void on_closed(void *arg, const struct err *e)
{
	(void)arg;
	(void)e;
	_exit(0);
}

static _Noreturn void serve(struct test_spool *t, int control, int tell)
{
	static const struct channel_handler handler = { on_message, on_closed };
	struct program p = { .base = event_base_new(), .tell = tell };
	struct spool_options options = { .dir = t->dir,
					 .reserve = t->reserve,
					 .retention = t->retention,
					 .rules_daily = t->rules_daily,
					 .memory_max = t->memory_max,
					 .restored = t->restored,
					 .due = on_due,
					 .held = on_held,
					 .fatal = on_fatal,
					 .stopped = on_stopped,
					 .arg = &p,
					 .vfs = t->vfs };
	struct err e = { 0 };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_open("spool", getenv("SPOOL_TEST_LOG") != NULL ? LOG_DEBUG : LOG_ERROR);
	if (getenv("SPOOL_TEST_LOG") == NULL) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		(void)dup2(null, STDERR_FILENO);
	}
	if (t->prepare != NULL)
		t->prepare();
	p.server = spool_server_new(p.base, &options, &e);
	(void)!write(tell, p.server == NULL ? e.text : "ready", p.server == NULL ? strlen(e.text) : 5);
	(void)!write(tell, "\n", 1);
	if (p.server == NULL)
		_exit(78);
	p.control = channel_new(p.base, control, &handler, &p);
	(void)event_base_dispatch(p.base);
	spool_server_free(&p.server);
	channel_free(&p.control);
	event_base_free(p.base);
	exit(0);
}

/* ---- from this side ---- */

static size_t read_line(int fd, char *line, size_t size, int ms)
{
	int64_t end = clock_mono_ms() + ms;
	size_t n = 0;

	while (n < size - 1) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int left = (int)(end - clock_mono_ms());

		if (left < 0 || poll(&p, 1, left) <= 0 || read(fd, line + n, 1) != 1 || line[n] == '\n')
			break;
		n++;
	}
	line[n] = '\0';
	return n;
}

void spool_make(struct test_spool *t)
{
	*t = (struct test_spool){ .pid = -1, .control = -1, .told = -1, .retention = 3600 * 1000 };
	(void)snprintf(t->dir, sizeof t->dir, "/tmp/mailferry-spool-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	t->base = event_base_new();
}

static void on_lost(void *arg)
{
	struct test_spool *t = arg;

	t->lost = true;
}

bool spool_try_start(struct test_spool *t, char *why, size_t size)
{
	int pair[2], tell[2], status;
	struct err e;

	assert_int_equal(ipc_pair(pair, &e), 0);
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	t->pid = fork();
	assert_true(t->pid >= 0);
	if (t->pid == 0) {
		(void)close(pair[0]);
		(void)close(tell[0]);
		serve(t, pair[1], tell[1]);
	}
	(void)close(pair[1]);
	(void)close(tell[1]);
	t->control = pair[0];
	t->told = tell[0];
	(void)read_line(t->told, why, size, 120000);
	if (strcmp(why, "ready") == 0)
		return true;
	(void)waitpid(t->pid, &status, 0);
	t->pid = -1;
	file_close(&t->control);
	file_close(&t->told);
	return false;
}

void spool_start(struct test_spool *t)
{
	char why[600];

	if (!spool_try_start(t, why, sizeof why))
		fail_msg("the spool did not start: %s", why);
	t->lost = false;
	if (t->intake == NULL)
		t->intake = spool_intake_new(t->base, spool_peer(t, SPOOL_PEER_INTAKE, ""), on_lost, t);
	else
		spool_intake_replace(t->intake, spool_peer(t, SPOOL_PEER_INTAKE, ""));
}

int spool_end(struct test_spool *t, int signal)
{
	int status = 0;

	if (t->pid < 0)
		return 0;
	if (signal == 0) {
		struct ipc_out out;
		struct err e;

		ipc_out_init(&out);
		ipc_begin(&out, 2, 0);
		(void)ipc_send(t->control, &out, NULL, 0, &e);
		ipc_out_free(&out);
	} else {
		(void)kill(t->pid, signal);
	}
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	t->pid = -1;
	file_close(&t->control);
	file_close(&t->told);
	return status;
}

void spool_reopen(struct test_spool *t, int signal)
{
	(void)spool_end(t, signal);
	spool_start(t);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void spool_remove(struct test_spool *t)
{
	spool_intake_free(&t->intake);
	(void)spool_end(t, SIGKILL);
	event_base_free(t->base);
	(void)nftw(t->dir, remove_one, 20, FTW_DEPTH | FTW_PHYS);
}

int spool_peer(struct test_spool *t, enum spool_peer role, const char *account)
{
	struct ipc_out out;
	struct err e;
	int pair[2];

	assert_int_equal(ipc_pair(pair, &e), 0);
	ipc_out_init(&out);
	ipc_begin(&out, 1, 0);
	ipc_put_number(&out, TAG_ROLE, role);
	ipc_put_str(&out, TAG_ACCOUNT, account);
	/* A server that was killed has not taken it: then the other end is simply closed. */
	(void)ipc_send(t->control, &out, &pair[1], 1, &e);
	ipc_out_free(&out);
	(void)close(pair[1]);
	return pair[0];
}

bool spool_was_due(struct test_spool *t, const char *account, int ms)
{
	int64_t end = clock_mono_ms() + ms;
	char line[300];

	do {
		if (read_line(t->told, line, sizeof line, (int)(end - clock_mono_ms())) > 0 &&
		    strcmp(line, account) == 0)
			return true;
	} while (clock_mono_ms() < end);
	return false;
}
