#include "smtp/milter_link.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

enum {
	READ_MAX = 64 * 1024,
	IDLE_MAX = 16,	    /* connections that wait for a session, of all milters */
	IDLE_MS = 20 * 1000 /* and how long */
};

struct link {
	struct milter_pool *pool;
	struct link *next, **prev; /* among the idle ones */
	struct milter *m;	   /* NULL: idle */
	milter_moved_fn *moved;
	void *moved_arg;
	int fd;		 /* -1: not yet */
	uint64_t dialing; /* handle, or 0 */
	struct event readable, writable, timer;
	bool reading, writing;
	const struct config_milter *config;
	struct milter_terms terms; /* while idle */
};

struct milter_pool {
	struct event_base *base;
	const struct milter_dialer *dialer;
	struct milter_wires wires;
	struct link *idle;
	unsigned nidle;
};

/* One for all: nothing stays in it between two events. */
static char shared[READ_MAX];

static void idle_remove(struct link *l)
{
	*l->prev = l->next;
	if (l->next != NULL)
		l->next->prev = l->prev;
	l->pool->nidle--;
}

static void link_free(struct link *l)
{
	if (l->dialing != 0)
		l->pool->dialer->cancel(l->pool->dialer->arg, l->dialing);
	if (l->fd >= 0) {
		(void)event_del(&l->readable);
		(void)event_del(&l->writable);
	}
	(void)event_del(&l->timer);
	file_close(&l->fd);
	milter_terms_free(&l->terms);
	free(l);
}

static void set_timer(struct link *l)
{
	const int64_t at = milter_deadline(l->m), left = at - clock_mono_ms();
	struct timeval tv = { 0 };

	if (at == INT64_MAX) {
		(void)event_del(&l->timer);
		return;
	}
	if (left > 0)
		tv = (struct timeval){ .tv_sec = (time_t)(left / 1000), .tv_usec = (suseconds_t)(left % 1000 * 1000) };
	(void)event_add(&l->timer, &tv);
}

static void set_reading(struct link *l, bool on)
{
	if (l->reading != on)
		(void)(on ? event_add(&l->readable, NULL) : event_del(&l->readable));
	l->reading = on;
}

static void set_writing(struct link *l, bool on)
{
	if (l->writing != on)
		(void)(on ? event_add(&l->writable, NULL) : event_del(&l->writable));
	l->writing = on;
}

/* 0: all is out, or as much as goes. */
static int write_out(struct link *l, struct buf *out)
{
	while (out->n > 0) {
		const ssize_t n = send(l->fd, out->p, out->n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
		buf_consume(out, (size_t)n);
	}
	buf_free(out); /* idle sessions hold no buffers */
	return 0;
}

static void flush(void *wire)
{
	struct link *l = wire;
	struct buf *out = milter_output(l->m);

	if (l->fd >= 0 && write_out(l, out) != 0)
		milter_lost(l->m, strerror(errno));
	if (l->fd >= 0) {
		set_writing(l, out->n > 0);
		set_reading(l, milter_edits(l->m)->body.n == 0);
	}
	set_timer(l);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	bool decided = true;
	ssize_t n;

	(void)what;
	if (l->m == NULL) {
		/* Nothing is to be said while nobody is there: it closes, or talks out of turn. */
		idle_remove(l);
		link_free(l);
		return;
	}
	if (milter_edits(l->m)->body.n > 0) {
		set_reading(l, false);
		return;
	}
	n = read(fd, shared, sizeof shared);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n > 0)
		decided = milter_input(l->m, slice_of(shared, (size_t)n));
	else
		milter_lost(l->m, n == 0 ? "it closes the connection" : strerror(errno));
	if (milter_state(l->m) == MILTER_FAILED)
		set_reading(l, false); /* what it has to say besides does not count */
	set_timer(l);
	if (decided)
		l->moved(l->moved_arg);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	(void)fd;
	(void)what;
	flush(l);
	if (milter_state(l->m) == MILTER_FAILED || milter_output(l->m)->n < MILTER_OUTPUT_PAUSE)
		l->moved(l->moved_arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	(void)fd;
	(void)what;
	if (l->m == NULL) {
		idle_remove(l);
		link_free(l);
		return;
	}
	if (clock_mono_ms() < milter_deadline(l->m)) {
		set_timer(l);
		return;
	}
	milter_late(l->m);
	l->moved(l->moved_arg);
}

static void have_fd(struct link *l, int fd)
{
	l->fd = fd;
	if (event_assign(&l->readable, l->pool->base, fd, EV_READ | EV_PERSIST, on_readable, l) != 0 ||
	    event_assign(&l->writable, l->pool->base, fd, EV_WRITE | EV_PERSIST, on_writable, l) != 0)
		abort(); /* only wrong flags fail here */
}

static void dialed(void *arg, int fd, const struct err *e)
{
	struct link *l = arg;

	l->dialing = 0;
	if (fd < 0) {
		milter_lost(l->m, e->text);
		set_timer(l);
	} else {
		have_fd(l, fd);
		milter_connected(l->m, NULL);
		flush(l);
	}
	if (milter_state(l->m) == MILTER_FAILED)
		l->moved(l->moved_arg);
}

static struct link *take_idle(struct milter_pool *p, const struct config_milter *c)
{
	for (struct link *l = p->idle; l != NULL; l = l->next) {
		if (l->config != c)
			continue;
		idle_remove(l);
		(void)event_del(&l->timer);
		return l;
	}
	return NULL;
}

static void *open_wire(void *arg, struct milter *m, bool fresh, bool *again, milter_moved_fn *moved, void *moved_arg)
{
	struct milter_pool *p = arg;
	struct link *l = fresh ? NULL : take_idle(p, milter_config(m));

	*again = l != NULL;
	if (l == NULL) {
		l = mem_alloc(sizeof *l);
		l->pool = p;
		l->fd = -1;
		l->config = milter_config(m);
		if (evtimer_assign(&l->timer, p->base, on_timer, l) != 0)
			abort(); /* only wrong flags fail here */
	}
	l->m = m;
	l->moved = moved;
	l->moved_arg = moved_arg;
	if (*again)
		milter_connected(m, &l->terms);
	else
		l->dialing = p->dialer->dial(p->dialer->arg, l->config->name, l->config->connect_timeout, dialed, l);
	set_timer(l);
	return l;
}

static void close_wire(void *wire, struct milter_terms *again)
{
	static const struct timeval idle = { .tv_sec = IDLE_MS / 1000 };
	struct link *l = wire;
	struct milter_pool *p = l->pool;
	struct buf *out = milter_output(l->m);
	const bool whole = l->fd >= 0 && write_out(l, out) == 0 && out->n == 0;

	buf_free(out);
	l->m = NULL;
	if (again == NULL || !whole || p->nidle >= IDLE_MAX) {
		link_free(l);
		return;
	}
	l->terms = *again;
	*again = (struct milter_terms){ 0 };
	set_writing(l, false);
	set_reading(l, true);
	(void)event_add(&l->timer, &idle);
	l->next = p->idle;
	l->prev = &p->idle;
	if (l->next != NULL)
		l->next->prev = &l->next;
	p->idle = l;
	p->nidle++;
}

struct milter_pool *milter_pool_new(struct event_base *base, const struct milter_dialer *d)
{
	struct milter_pool *p = mem_alloc(sizeof *p);

	p->base = base;
	p->dialer = d;
	p->wires = (struct milter_wires){ .open = open_wire, .flush = flush, .close = close_wire, .arg = p };
	return p;
}

void milter_pool_free(struct milter_pool **pool)
{
	struct milter_pool *p = *pool;

	if (p == NULL)
		return;
	while (p->idle != NULL) {
		struct link *l = p->idle;

		idle_remove(l);
		link_free(l);
	}
	free(p);
	*pool = NULL;
}

const struct milter_wires *milter_pool_wires(struct milter_pool *p)
{
	return &p->wires;
}
