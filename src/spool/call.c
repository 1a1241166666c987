#include "spool/call.h"

#include <errno.h>

#include "base/file.h"
#include "ipc/channel.h"

/* A reply comes after a sync; a disk that takes longer than this has failed. */
enum { REPLY_MS = 10 * 60 * 1000 };

void call_init(struct call *c, int fd)
{
	*c = (struct call){ .fd = fd, .reply_fd = -1, .wait_ms = REPLY_MS };
	buf_init(&c->frame, IPC_MAX);
	parts_init(&c->parts);
}

void call_free(struct call *c)
{
	file_close(&c->fd);
	file_close(&c->reply_fd);
	buf_free(&c->frame);
	parts_free(&c->parts);
	packets_free(&c->packets);
	pool_free(&c->pool);
}

void call_begin(struct call *c, enum request type)
{
	file_close(&c->reply_fd);
	pool_free(&c->pool);
	packets_begin(&c->packets, (uint16_t)type, ++c->id);
}

static int receive(struct call *c, struct slice *fields, struct err *e)
{
	for (;;) {
		struct ipc_in in;
		int fds[IPC_FDS_MAX];
		size_t nfds = 0;
		int r;

		if (ipc_receive(c->fd, &c->frame, &in, fds, &nfds, c->wait_ms, e) != 0) {
			if (e->class == ERR_TEMP && e->code == ETIMEDOUT)
				return err_set(e, ERR_TEMP, ETIMEDOUT,
					       "no answer in %lld s; its disk is very slow or hangs",
					       (long long)c->wait_ms / 1000);
			return -1;
		}
		for (size_t i = 0; i < nfds; i++) {
			if (c->reply_fd < 0)
				c->reply_fd = fds[i];
			else
				file_close(&fds[i]);
		}
		if (in.type != c->packets.type || in.id != c->id)
			return err_set(e, ERR_PROTOCOL, 0, "the spool answers another question");
		r = parts_take(&c->parts, &in, fields, e);
		if (r != 0)
			return r < 0 ? -1 : 0;
	}
}

int call_run(struct call *c, struct slice *fields, struct err *e)
{
	if (c->packets.failed)
		return err_set(e, ERR_INPUT, 0, "a request to the spool does not fit its bounds");
	for (size_t i = 0; i < c->packets.n; i++)
		if (ipc_send(c->fd, &c->packets.all[i], NULL, 0, e) != 0)
			return err_prefix(e, "spool");
	if (receive(c, fields, e) != 0)
		return err_prefix(e, "spool");
	if (protocol_get_one(&wire_reply, *fields, &c->reply, &c->pool, e) != 0)
		return err_prefix(e, "spool");
	if (c->reply.class != ERR_NONE)
		return err_set(e, (enum err_class)c->reply.class, 0, "spool: %s",
			       c->reply.text == NULL ? "refused" : c->reply.text);
	return 0;
}
