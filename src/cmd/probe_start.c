/* The program mailferry-probe: started, told its account, and listened to. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/control.h"
#include "cmd/probe.h"
#include "cmd/process.h"
#include "cmd/setup.h"
#include "ipc/channel.h"
#include "role/role.h"
#include "role/token.h"

enum { PART_MAX = 1024 * 1024, START_MS = 30 * 1000, PATIENCE_MS = 60 * 1000 };

struct probe_run {
	const struct config *config;
	const struct config_account *account;
	const struct probe_options *options;
	int socket;
	struct ipc_out out;
	struct buf frame;
	struct token_asker asker; /* of the running daemon; its socket is -1 until it is needed */
};

/* ---- what it is told ---- */

static int tell_config(struct probe_run *p, struct err *e)
{
	struct buf part;
	int fd = -1, r;

	buf_init(&part, PART_MAX);
	r = config_render(p->config, CONFIG_PART_STORE, p->account->name, &part);
	if (r != 0)
		(void)err_set(e, ERR_LIMIT, 0, "the account's part of the configuration is too large");
	else
		fd = setup_memory_file("mailferry", part.p, part.n, e);
	mem_wipe(part.p, part.n);
	buf_free(&part);
	if (fd < 0)
		return -1;
	ipc_begin(&p->out, ROLE_CONFIG, 0);
	r = ipc_send(p->socket, &p->out, &fd, 1, e);
	file_close(&fd);
	return r;
}

static int tell_all(struct probe_run *p, struct err *e)
{
	struct ipc_in in;

	ipc_begin(&p->out, ROLE_NAME, 0);
	ipc_put_str(&p->out, ROLE_TAG_ROLE, "probe");
	ipc_put_str(&p->out, ROLE_TAG_NAME, p->account->name);
	ipc_put_number(&p->out, ROLE_TAG_LEVEL, LOG_ERROR);
	ipc_put_number(&p->out, ROLE_TAG_PARENT, getpid());
	if (ipc_send(p->socket, &p->out, NULL, 0, e) != 0 || tell_config(p, e) != 0)
		return -1;
	ipc_begin(&p->out, ROLE_GO, 0);
	if (ipc_send(p->socket, &p->out, NULL, 0, e) != 0 ||
	    ipc_receive(p->socket, &p->frame, &in, NULL, NULL, START_MS, e) != 0)
		return -1;
	if (in.type != ROLE_READY)
		return err_set(e, ERR_PROTOCOL, 0,
			       "it is of another version; install all programs of mailferry together");
	ipc_begin(&p->out, PROBE_START, 0);
	ipc_put_number(&p->out, PROBE_TAG_NUMBER, p->options->write ? 1 : 0);
	return ipc_send(p->socket, &p->out, NULL, 0, e);
}

/* ---- access tokens ---- */

/* It gets the token and not the way to tokens: it meets hostile bytes. */
static char *daemon_token(struct probe_run *p, bool fresh, struct err *e)
{
	if (p->asker.socket < 0)
		p->asker.socket = control_connect(p->config->control, p->config->file, CONTROL_WANT_TOKEN, e);
	return p->asker.socket < 0 ? NULL : token_get(&p->asker, fresh, e);
}

static int tell_token(struct probe_run *p, bool fresh, struct err *e)
{
	struct err why = { 0 };
	char *token = p->options->token != NULL ? p->options->token(p->options->token_arg, fresh, &why)
						: daemon_token(p, fresh, &why);
	int r;

	ipc_begin(&p->out, PROBE_TOKEN, 0);
	if (token != NULL) {
		ipc_put_str(&p->out, PROBE_TAG_TEXT, token);
	} else {
		ipc_put_number(&p->out, PROBE_TAG_CLASS, why.class);
		ipc_put_str(&p->out, PROBE_TAG_WHY, why.text);
	}
	r = ipc_send(p->socket, &p->out, NULL, 0, e);
	mem_wipe(p->out.buf.p, p->out.buf.n);
	mem_wipe_str(&token);
	return r;
}

/* ---- what it says ---- */

static int listen_to(struct probe_run *p, struct probe_report *r, struct err *e)
{
	while (!r->ended) {
		/* A step has several commands; each has its own limit in the probe. */
		int64_t wait = p->account->timeout * 4 + PATIENCE_MS;
		struct ipc_in in;

		if (ipc_receive(p->socket, &p->frame, &in, NULL, NULL, wait, e) != 0) {
			if (e->class == ERR_TEMP)
				return err_set(
				    e, ERR_TEMP, ETIMEDOUT,
				    "the probe of %s does not come to an end; check this machine's name server",
				    p->account->host);
			return -1;
		}
		if (in.type == PROBE_TOKEN) {
			if (tell_token(p, ipc_get_number(in.rest, PROBE_TAG_FRESH, 0) != 0, e) != 0)
				return -1;
		} else if (probe_report_take(r, &in) != 0) {
			return err_set(e, ERR_PROTOCOL, 0, "mailferry-probe said something that makes no sense");
		}
	}
	return 0;
}

/* Why it ended before its time. */
static void explain_end(int status, struct err *e)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		(void)err_set(e, ERR_PROTOCOL, 0,
			      "mailferry-probe died (%s): the store may have sent something that it could not take",
			      strsignal(WTERMSIG(status)));
	else if (WIFEXITED(status) && e->code == EPIPE)
		(void)err_set(e, ERR_SYSTEM, 0, "mailferry-probe could not work; what it said stands above");
}

int probe_account(const struct config *c, const struct config_account *a, const struct probe_options *o,
		  struct probe_report *r, struct err *e)
{
	struct probe_run p = { .config = c, .account = a, .options = o, .asker = { .socket = -1, .account = a->name } };
	int ends[2], status = 0, ret;
	struct identity id;
	char *directory;
	pid_t pid;

	if (identity_find(c, &id, e) != 0 || ipc_pair(ends, e) != 0)
		return -1;
	directory = program_directory();
	pid = process_start(directory, "probe", &id, ends[1], e);
	free(directory);
	file_close(&ends[1]);
	p.socket = ends[0];
	if (pid < 0) {
		file_close(&ends[0]);
		return -1;
	}
	ipc_out_init(&p.out);
	buf_init(&p.frame, IPC_MAX);
	ret = tell_all(&p, e);
	if (ret == 0)
		ret = listen_to(&p, r, e);
	if (ret != 0 && e->code != EPIPE)
		(void)kill(pid, SIGKILL);
	file_close(&p.socket);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ret != 0)
		explain_end(status, e);
	file_close(&p.asker.socket);
	ipc_out_free(&p.out);
	buf_free(&p.frame);
	return ret;
}
