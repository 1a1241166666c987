#include "smtp/arrival.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "net/listener.h"
#include "smtp/proxy.h"

enum { HEADER_SECONDS = 10 };

struct arrival {
	struct arrivals *all;
	struct arrival *next, **prev;
	const struct config_listener *listener;
	int fd;
	struct sockaddr_storage peer;
	socklen_t peer_size;
	struct event *readable, *late;
	struct proxy proxy;
};

struct arrivals {
	struct event_base *base;
	arrival_fn *fn;
	void *arg;
	struct arrival *first;
	unsigned n;
};

struct arrivals *arrivals_new(struct event_base *base, arrival_fn *fn, void *arg)
{
	struct arrivals *a = mem_alloc(sizeof *a);

	a->base = base;
	a->fn = fn;
	a->arg = arg;
	return a;
}

/* Ends the wait; the connection stays open. */
static int take_out(struct arrival *x)
{
	int fd = x->fd;

	event_free(x->readable);
	event_free(x->late);
	proxy_free(&x->proxy);
	*x->prev = x->next;
	if (x->next != NULL)
		x->next->prev = x->prev;
	x->all->n--;
	free(x);
	return fd;
}

static void cut_off(struct arrival *x)
{
	int fd = take_out(x);

	file_close(&fd);
}

static void refuse(struct arrival *x, const char *why)
{
	char peer[LISTENER_NAME_SIZE];

	listener_peer_name((const struct sockaddr *)&x->peer, x->peer_size, peer);
	log_warning("proxy-header-refused", LOG_STR("proxy", peer), LOG_STR("listener", x->listener->name),
		    LOG_STR("reason", why));
	cut_off(x);
}

static void arrived(struct arrival *x)
{
	const struct config_listener *l = x->listener;
	struct arrivals *all = x->all;
	const bool told = x->proxy.told;
	struct sockaddr_storage sa = told ? x->proxy.client : x->peer;
	socklen_t len = told ? x->proxy.client_size : x->peer_size;
	int fd = take_out(x);

	all->fn(all->arg, l, fd, (struct sockaddr *)&sa, len, told);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct arrival *x = arg;
	char piece[PROXY_HEADER_MAX];
	ssize_t n;
	size_t used;
	int done;

	(void)what;
	n = recv(fd, piece, sizeof piece, MSG_PEEK);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		refuse(x, x->proxy.in.n == 0 ? "it closed the connection without one"
					     : "it closed the connection within it");
		return;
	}
	done = proxy_feed(&x->proxy, slice_of(piece, (size_t)n), &used);
	/* What was looked at is there, and nothing else reads this socket. */
	if (done >= 0 && recv(fd, piece, used, 0) != (ssize_t)used) {
		refuse(x, "the connection broke");
		return;
	}
	if (done < 0)
		refuse(x, x->proxy.why);
	else if (done > 0)
		arrived(x);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	refuse(arg, "it did not come in time");
}

void arrivals_add(struct arrivals *a, const struct config_listener *l, int fd, const struct sockaddr *sa, socklen_t len)
{
	static const struct timeval time = { .tv_sec = HEADER_SECONDS };
	struct arrival *x = mem_alloc(sizeof *x);

	x->all = a;
	x->listener = l;
	x->fd = fd;
	x->peer_size = len < sizeof x->peer ? len : sizeof x->peer;
	memcpy(&x->peer, sa, x->peer_size);
	proxy_init(&x->proxy);
	x->next = a->first;
	x->prev = &a->first;
	if (x->next != NULL)
		x->next->prev = &x->next;
	a->first = x;
	a->n++;
	x->readable = event_new(a->base, fd, EV_READ | EV_PERSIST, on_readable, x);
	x->late = event_new(a->base, -1, 0, on_late, x);
	if (x->readable == NULL || x->late == NULL || event_add(x->readable, NULL) != 0 ||
	    event_add(x->late, &time) != 0)
		abort(); /* a small allocation failed */
}

unsigned arrivals_count(const struct arrivals *a)
{
	return a->n;
}

void arrivals_stop(struct arrivals *a)
{
	while (a->first != NULL)
		cut_off(a->first);
}

void arrivals_free(struct arrivals **a)
{
	if (*a == NULL)
		return;
	arrivals_stop(*a);
	free(*a);
	*a = NULL;
}
