#include "cmd/errand.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/process.h"
#include "cmd/setup.h"
#include "role/role.h"

enum { PART_MAX = 16 * 1024 * 1024, START_MS = 60 * 1000 };

int errand_send(struct errand *r, struct err *e)
{
	return ipc_send(r->socket, &r->out, NULL, 0, e);
}

int errand_receive(struct errand *r, struct ipc_in *in, int64_t timeout_ms, struct err *e)
{
	return ipc_receive(r->socket, &r->frame, in, NULL, NULL, timeout_ms, e);
}

int errand_hand(struct errand *r, uint16_t type, int fd, const char *role, const char *name, struct err *e)
{
	ipc_begin(&r->out, type, 0);
	ipc_put_str(&r->out, ROLE_TAG_ROLE, role);
	ipc_put_str(&r->out, ROLE_TAG_NAME, name);
	return ipc_send(r->socket, &r->out, &fd, 1, e);
}

int errand_pair(struct errand *r, const char *role, const char *name, struct err *e)
{
	int ends[2];

	if (ipc_pair(ends, e) != 0)
		return -1;
	if (errand_hand(r, ROLE_PEER, ends[0], role, name, e) != 0)
		file_close(&ends[1]);
	file_close(&ends[0]);
	return ends[1];
}

static int hand_config(struct errand *r, const struct config *c, enum config_part part, const char *account,
		       struct err *e)
{
	struct buf text;
	int fd = -1, ret;

	buf_init(&text, PART_MAX);
	if (config_render(c, part, account, &text) != 0)
		(void)err_set(e, ERR_LIMIT, 0, "its part of the configuration is too large");
	else
		fd = setup_memory_file("mailferry", text.p, text.n, e);
	mem_wipe(text.p, text.n);
	buf_free(&text);
	if (fd < 0)
		return -1;
	ret = errand_hand(r, ROLE_CONFIG, fd, NULL, NULL, e);
	file_close(&fd);
	return ret;
}

int errand_start(struct errand *r, const struct config *c, const char *role, enum config_part part, const char *account,
		 struct err *e)
{
	const char *const roles[] = { role, NULL };
	struct programs *programs;
	struct identity id;
	int ends[2];

	*r = ERRAND_NONE;
	r->role = role;
	ipc_out_init(&r->out);
	buf_init(&r->frame, IPC_MAX);
	if (identity_find(c, &id, e) != 0 || ipc_pair(ends, e) != 0)
		return -1;
	r->socket = ends[0];
	programs = programs_open(roles, e);
	r->pid = programs == NULL ? -1 : process_start(programs, role, &id, ends[1], e);
	programs_free(&programs);
	file_close(&ends[1]);
	if (r->pid < 0) {
		r->pid = 0;
		return -1;
	}
	ipc_begin(&r->out, ROLE_NAME, 0);
	ipc_put_str(&r->out, ROLE_TAG_ROLE, role);
	ipc_put_str(&r->out, ROLE_TAG_NAME, account == NULL ? "" : account);
	ipc_put_number(&r->out, ROLE_TAG_LEVEL, LOG_ERROR);
	ipc_put_number(&r->out, ROLE_TAG_PARENT, getpid());
	if (errand_send(r, e) != 0)
		return -1;
	return hand_config(r, c, part, account, e);
}

int errand_go(struct errand *r, struct err *e)
{
	struct ipc_in in;

	ipc_begin(&r->out, ROLE_GO, 0);
	if (errand_send(r, e) != 0 || errand_receive(r, &in, START_MS, e) != 0)
		return -1;
	if (in.type == ROLE_READY)
		return 0;
	return err_set(e, ERR_PROTOCOL, 0,
		       "mailferry-%s is of another version; install all programs of mailferry together", r->role);
}

int errand_end(struct errand *r, bool now)
{
	int status = 0;

	if (r->pid > 0 && now)
		(void)kill(r->pid, SIGKILL);
	file_close(&r->socket);
	if (r->pid > 0)
		while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
			;
	r->pid = 0;
	mem_wipe(r->frame.p, r->frame.cap);
	buf_free(&r->frame);
	mem_wipe(r->out.buf.p, r->out.buf.n);
	ipc_out_free(&r->out);
	return status;
}

void errand_explain(const struct errand *r, int status, struct err *e)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		(void)err_set(e, ERR_PROTOCOL, 0,
			      "mailferry-%s was ended by its sandbox, as it made a system call that it does not need: it may have been "
			      "taken over by what it read; see docs/security.md",
			      r->role);
	else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		(void)err_set(e, ERR_PROTOCOL, 0,
			      "mailferry-%s died (%s): it may have met something that it could not take", r->role,
			      strsignal(WTERMSIG(status)));
	else if (WIFEXITED(status) && e->code == EPIPE)
		(void)err_set(e, ERR_SYSTEM, 0, "mailferry-%s could not work; what it said stands above", r->role);
}
