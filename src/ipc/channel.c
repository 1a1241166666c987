#include "ipc/channel.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "ipc/socket.h"

/* Messages taken at one readiness, so that one busy peer does not starve the others. */
enum { MESSAGES_A_TURN = 64, DRAINED_MAX = 64 * 1024 };

struct packet {
	struct packet *next;
	size_t n, nfds;
	int *fds;
	char bytes[];
};

struct channel {
	int fd;
	struct event *readable, *writable;
	const struct channel_handler *handler;
	void *arg;
	struct buf frame;
	struct packet *first, **last; /* waiting to be sent */
	size_t waiting;		      /* their octets */
	bool closed;
	/* Set while a callback runs: tells read_messages that the handler freed the channel. */
	bool *freed;
};

static void packet_free(struct packet *p)
{
	ipc_close_fds(p->fds, &p->nfds);
	free(p->fds);
	free(p);
}

static void close_channel(struct channel *c, const struct err *e)
{
	if (c->closed)
		return;
	c->closed = true;
	event_del(c->readable);
	event_del(c->writable);
	c->handler->closed(c->arg, e);
}

/* One message: 1, 0 when nothing waits, -1 when the channel is closed or gone. */
static int read_one(struct channel *c)
{
	int fds[IPC_FDS_MAX];
	size_t nfds = 0;
	struct ipc_in in;
	struct err e = { 0 };
	bool freed = false;
	int r = ipc_socket_receive(c->fd, &c->frame, fds, &nfds);

	if (r == EAGAIN || r == EWOULDBLOCK)
		return 0;
	if (r != 0) {
		ipc_close_fds(fds, &nfds);
		if (r == EPIPE)
			(void)err_set(&e, ERR_SYSTEM, EPIPE, "the other role has gone");
		else
			(void)err_sys(&e, r, "receive from another role");
		close_channel(c, &e);
		return -1;
	}
	if (ipc_parse(buf_slice(&c->frame), &in, &e) != 0) {
		ipc_close_fds(fds, &nfds);
		close_channel(c, &e);
		return -1;
	}
	c->freed = &freed;
	r = c->handler->message(c->arg, &in, fds, nfds);
	ipc_close_fds(fds, &nfds);
	if (freed)
		return -1;
	c->freed = NULL;
	if (r != 0) {
		(void)err_set(&e, ERR_PROTOCOL, 0, "the other role sent a message (type %u) that it may not send",
			      (unsigned)in.type);
		close_channel(c, &e);
		return -1;
	}
	return c->closed ? -1 : 1;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	for (int i = 0; i < MESSAGES_A_TURN; i++)
		if (read_one(arg) != 1)
			return;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct channel *c = arg;

	(void)fd;
	(void)what;
	while (c->first != NULL) {
		struct packet *p = c->first;
		int r = ipc_socket_send(c->fd, slice_of(p->bytes, p->n), p->fds, p->nfds);

		if (r == EAGAIN || r == EWOULDBLOCK)
			return;
		if (r != 0) {
			struct err e = { 0 };

			/* Gone: what it has said before is read first, and then its end. */
			if (r == EPIPE || r == ECONNRESET) {
				event_del(c->writable);
				return;
			}
			(void)err_sys(&e, r, "send to another role");
			close_channel(c, &e);
			return;
		}
		c->first = p->next;
		if (c->first == NULL)
			c->last = &c->first;
		c->waiting -= p->n;
		packet_free(p);
	}
	event_del(c->writable);
}

struct channel *channel_new(struct event_base *base, int fd, const struct channel_handler *handler, void *arg)
{
	struct channel *c = mem_alloc(sizeof *c);

	c->fd = fd;
	c->handler = handler;
	c->arg = arg;
	c->last = &c->first;
	buf_init(&c->frame, IPC_MAX);
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	if (c->readable == NULL || c->writable == NULL || event_add(c->readable, NULL) != 0)
		abort();
	return c;
}

void channel_free(struct channel **cp)
{
	struct channel *c = *cp;

	if (c == NULL)
		return;
	*cp = NULL;
	if (c->freed != NULL)
		*c->freed = true;
	event_free(c->readable);
	event_free(c->writable);
	while (c->first != NULL) {
		struct packet *p = c->first;

		c->first = p->next;
		packet_free(p);
	}
	file_close(&c->fd);
	buf_free(&c->frame);
	free(c);
}

static int enqueue(struct channel *c, struct slice frame, const int *fds, size_t nfds, struct err *e)
{
	struct packet *p;

	if (c->waiting + frame.n > CHANNEL_QUEUE_MAX || nfds > IPC_FDS_MAX)
		return err_set(e, ERR_LIMIT, 0, "another role does not read what it is sent");
	p = mem_alloc(sizeof *p + frame.n);
	p->n = frame.n;
	memcpy(p->bytes, frame.p, frame.n);
	p->fds = mem_array(nfds, sizeof p->fds[0]);
	while (p->nfds < nfds) {
		int copy = fcntl(fds[p->nfds], F_DUPFD_CLOEXEC, 0);

		if (copy < 0) {
			(void)err_sys(e, errno, "hand over a descriptor");
			packet_free(p);
			return -1;
		}
		p->fds[p->nfds++] = copy;
	}
	if (c->first == NULL)
		event_add(c->writable, NULL);
	*c->last = p;
	c->last = &p->next;
	c->waiting += p->n;
	return 0;
}

void channel_drain(struct channel *c)
{
	/* More does not fit into a socket; what it has left running may go on talking for ever. */
	for (int i = 0; i < DRAINED_MAX && read_one(c) == 1; i++)
		continue;
}

size_t channel_waiting(const struct channel *c)
{
	return c->waiting;
}

int channel_send(struct channel *c, const struct ipc_out *out, const int *fds, size_t nfds, struct err *e)
{
	struct slice frame = buf_slice(&out->buf);
	int r;

	if (c->closed)
		return err_set(e, ERR_SYSTEM, EPIPE, "the other role has gone");
	if (buf_failed(&out->buf) || out->depth != 0)
		return err_set(e, ERR_LIMIT, 0, "a message between roles grew past %d octets", IPC_MAX);
	if (c->first == NULL) {
		r = ipc_socket_send(c->fd, frame, fds, nfds);
		if (r == 0)
			return 0;
		/* A peer that is gone is told by the reading side, once and from the loop. */
		if (r != EAGAIN && r != EWOULDBLOCK)
			return err_sys(e, r == ECONNRESET ? EPIPE : r, "send to another role");
	}
	return enqueue(c, frame, fds, nfds, e);
}
