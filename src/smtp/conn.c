#include "smtp/conn.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"

enum {
	READ_MAX = 64 * 1024,	    /* octets a read */
	LINGER_MS = 5000,	    /* how long the client may take to close after our last word */
	LINGER_BYTES = 1024 * 1024, /* and how much it may still send */
	INPUT_MAX = READ_MAX + SMTP_COMMAND_MAX
};

struct smtp_conn {
	struct smtp_conns *all;
	struct smtp_conn *next, **prev;
	struct smtp_session *session;
	struct smtp_source *source;
	struct event readable, writable;
	int fd;
	bool reading, writing; /* the events are set */
	bool spoken;	       /* something was read */
	bool shut;	       /* our side is closed */
	int64_t gone_ms;       /* when it is cut off; 0: not ending yet */
	size_t lingered;
	struct buf in; /* read, but not taken by the session yet */
};

/* One for all connections: nothing stays in it between two events. */
static char shared[INPUT_MAX];

static void drop(struct smtp_conn *c)
{
	struct smtp_conns *all = c->all;
	struct smtp_source *source = c->source;

	log_debug("closed", LOG_STR("session", smtp_session_id(c->session)));
	(void)event_del(&c->readable);
	(void)event_del(&c->writable);
	smtp_session_free(&c->session);
	file_close(&c->fd);
	buf_free(&c->in);
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	free(c);
	all->n--;
	all->closed(all->arg, source);
}

static void set_reading(struct smtp_conn *c, bool on)
{
	if (c->reading == on)
		return;
	c->reading = on;
	(void)(on ? event_add(&c->readable, NULL) : event_del(&c->readable));
}

static void set_writing(struct smtp_conn *c, bool on)
{
	if (c->writing == on)
		return;
	c->writing = on;
	(void)(on ? event_add(&c->writable, NULL) : event_del(&c->writable));
}

static bool is_acknowledged(const struct smtp_conn *c)
{
	int left = 0;

	return ioctl(c->fd, SIOCOUTQ, &left) == 0 && left == 0;
}

/* Tells the session that its 250 is out, and what the client had sent by then. */
static void tell_sent(struct smtp_conn *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN | POLLRDHUP };
	int waiting = 0;

	if (!smtp_session_unconfirmed(c->session))
		return;
	step("receiver: 250 said");
	if (poll(&p, 1, 0) < 0 || (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
		smtp_session_sent(c->session, SIZE_MAX);
		return;
	}
	if ((p.revents & POLLIN) != 0)
		(void)ioctl(c->fd, FIONREAD, &waiting);
	smtp_session_sent(c->session, c->in.n + (size_t)waiting);
}

/* 0, or -1 when the connection is broken. */
static int flush(struct smtp_conn *c)
{
	struct buf *out = smtp_session_output(c->session);

	if (buf_failed(out))
		return -1; /* a reply was lost: nothing said from here on would be in step */
	if (smtp_session_held(c->session))
		return 0;
	while (out->n > 0) {
		ssize_t n = send(c->fd, out->p, out->n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			set_writing(c, true);
			return 0;
		}
		if (n < 0)
			return -1;
		buf_consume(out, (size_t)n);
		if (out->n == 0) {
			buf_free(out); /* idle sessions hold no buffers */
			tell_sent(c);
		}
	}
	set_writing(c, false);
	return 0;
}

/* True when the session took some of what waits. */
static bool feed(struct smtp_conn *c)
{
	size_t used;

	if (c->in.n == 0 || smtp_session_want(c->session) != SMTP_READ)
		return false;
	used = smtp_session_input(c->session, buf_slice(&c->in));
	buf_consume(&c->in, used);
	if (c->in.n == 0)
		buf_free(&c->in);
	return used > 0;
}

/* Last words are out: closes, or first our side only, as a close with input unread would destroy them on their way. */
static void begin_end(struct smtp_conn *c)
{
	if (!smtp_session_lingers(c->session)) {
		drop(c);
		return;
	}
	if (!c->shut) {
		c->shut = true;
		(void)shutdown(c->fd, SHUT_WR);
	}
	set_reading(c, true);
}

/* After anything happened: moves what can move. May free C. */
static void go_on(struct smtp_conn *c)
{
	/* What was flushed may have made room for replies to what still waits: in the end at most a part of a line
	 * does. */
	do {
		if (flush(c) != 0) {
			drop(c);
			return;
		}
	} while (feed(c));
	switch (smtp_session_want(c->session)) {
	case SMTP_READ:
		set_reading(c, true);
		break;
	case SMTP_CLOSE:
		if (c->gone_ms == 0)
			c->gone_ms = clock_mono_ms() + LINGER_MS;
		if (smtp_session_output(c->session)->n == 0)
			begin_end(c);
		break;
	case SMTP_WAIT:
		/* Reading stays set as long as nothing comes: most clients wait for their answer. */
		break;
	}
}

static void wake(void *arg)
{
	go_on(arg);
}

static void on_input(struct smtp_conn *c, size_t n)
{
	size_t used;

	if (!c->spoken) {
		c->spoken = true;
		/* Whoever has not yet received the banner can't have waited for it. */
		if (!is_acknowledged(c) && smtp_session_want(c->session) == SMTP_READ) {
			smtp_session_early(c->session);
			go_on(c);
			return;
		}
	}
	used = smtp_session_input(c->session, slice_of(shared, n));
	if (used < n && buf_add(&c->in, shared + used, n - used) != 0) {
		drop(c);
		return;
	}
	go_on(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct smtp_conn *c = arg;
	const bool ended = smtp_session_want(c->session) == SMTP_CLOSE;
	const size_t have = c->in.n, room = sizeof shared - have;
	bool crossed;
	ssize_t n;

	(void)what;
	if (!ended && smtp_session_want(c->session) != SMTP_READ) {
		set_reading(c, false);
		return;
	}
	if (have > 0)
		memcpy(shared, c->in.p, have);
	/* Input that answers a reply acknowledges it, too. */
	crossed = smtp_session_unconfirmed(c->session) && !is_acknowledged(c);
	n = read(fd, shared + have, room < READ_MAX ? room : READ_MAX);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		if (n == 0)
			smtp_session_eof(c->session, is_acknowledged(c));
		drop(c);
		return;
	}
	if (ended) {
		c->lingered += (size_t)n;
		if (c->lingered > LINGER_BYTES)
			drop(c);
		return;
	}
	if (crossed)
		smtp_session_crossed(c->session, (size_t)n);
	buf_free(&c->in);
	on_input(c, have + (size_t)n);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	go_on(arg);
}

void smtp_conn_open(struct smtp_conns *all, int fd, const struct smtp_origin *origin, bool early)
{
	struct smtp_conn *c = mem_alloc(sizeof *c);

	c->all = all;
	c->fd = fd;
	c->source = origin->source;
	c->session = smtp_session_new(all->service, origin, wake, c);
	buf_init(&c->in, INPUT_MAX);
	c->next = all->first;
	c->prev = &all->first;
	if (c->next != NULL)
		c->next->prev = &c->next;
	all->first = c;
	all->n++;
	if (event_assign(&c->readable, all->base, fd, EV_READ | EV_PERSIST, on_readable, c) != 0 ||
	    event_assign(&c->writable, all->base, fd, EV_WRITE | EV_PERSIST, on_writable, c) != 0)
		abort(); /* only wrong flags fail here */
	log_info("connected", LOG_STR("session", smtp_session_id(c->session)), LOG_STR("client", origin->client),
		 LOG_STR("listener", origin->listener->name));
	smtp_session_greet(c->session, early);
	go_on(c);
}

void smtp_conns_tick(struct smtp_conns *all)
{
	const int64_t now = clock_mono_ms();
	struct smtp_conn *next;

	for (struct smtp_conn *c = all->first; c != NULL; c = next) {
		next = c->next;
		if (c->gone_ms != 0 && now >= c->gone_ms) {
			drop(c);
		} else if (c->gone_ms == 0 && now >= smtp_session_deadline(c->session)) {
			smtp_session_timeout(c->session);
			go_on(c);
		}
	}
}

void smtp_conns_stop(struct smtp_conns *all)
{
	struct smtp_conn *next;

	for (struct smtp_conn *c = all->first; c != NULL; c = next) {
		next = c->next;
		smtp_session_stop(c->session);
		go_on(c);
	}
}

void smtp_conns_close(struct smtp_conns *all)
{
	while (all->first != NULL)
		drop(all->first);
}
