#include "smtp/server.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/listener.h"
#include "smtp/arrival.h"
#include "smtp/conn.h"
#include "smtp/milter_link.h"
#include "smtp/gate.h"
#include "smtp/reply.h"
#include "smtp/sources.h"

enum {
	ACCEPTS_MAX = 64, /* a turn of the loop */
	PAUSE_MS = 1000,  /* without accepting when descriptors have run out */
	TICK_MS = 250
};

struct listener {
	struct smtp_server *server;
	const struct config_listener *config;
	int fd;
	struct event *event;
};

struct smtp_server {
	struct event_base *base;
	const struct config *config;
	struct smtp_service service;
	struct smtp_conns conns;
	struct sources *sources;
	struct arrivals *arrivals;
	struct listener **listeners;
	size_t nlisteners;
	struct event *tick, *pause;
	struct milter_pool *pool; /* NULL: there are no milters */
	void (*ended)(void *arg);
	void *arg;
	bool leaving;
	int64_t stop_ms; /* when a stop waits for nobody any more */
};

static const struct timeval tick_time = { .tv_usec = TICK_MS * 1000 };

static void closed(void *arg, struct smtp_source *source)
{
	struct smtp_server *s = arg;

	sources_put(s->sources, source);
}

/* Refuses a connection that gets no session. Where the client expects TLS, nothing can be said. */
static void turn_away(const struct config_listener *l, int fd, int code, const char *enhanced, const char *text)
{
	char discard[512];
	struct buf out;

	buf_init(&out, 1024);
	smtp_reply_format(&out, code, enhanced, "%s", text);
	if (l->tls != CONFIG_OFFER_IMPLICIT)
		(void)send(fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_free(&out);
	(void)shutdown(fd, SHUT_WR);
	/* What it sent already must be read, or closing would destroy the reply. */
	(void)recv(fd, discard, sizeof discard, MSG_DONTWAIT);
	file_close(&fd);
}

static bool is_proxy(const struct config_listener *l, const struct sockaddr *sa)
{
	for (size_t i = 0; i < l->nproxy; i++)
		if (config_network_has(&l->proxy[i], sa))
			return true;
	return false;
}

/* PROXIED: a proxy stands in front; OWN: it is the proxy itself that asks whether we are there. */
static void admit(struct smtp_server *s, const struct config_listener *l, int fd, const struct sockaddr *sa,
		  socklen_t len, bool proxied, bool own)
{
	char client[LISTENER_NAME_SIZE], ip[LISTENER_NAME_SIZE], byte;
	const struct smtp_reply *refusal;
	struct smtp_source *source;
	struct smtp_client known;
	const char *why;
	uint64_t had;

	listener_peer_name(sa, len, client);
	listener_peer_ip(sa, len, ip);
	gate_know(s->config, sa, &known);
	refusal = own ? NULL : gate_refusal(&s->service, l, sa, &known, &why);
	if (refusal != NULL) {
		log_warning("not-welcome", LOG_STR("client", client), LOG_STR("listener", l->name),
			    LOG_STR("reason", why));
		turn_away(l, fd, refusal->code, refusal->enhanced, refusal->text);
		return;
	}
	if (s->conns.n + arrivals_count(s->arrivals) >= s->config->limits.sessions) {
		log_warning("too-many-sessions", LOG_STR("client", client), LOG_NUM("sessions", s->conns.n));
		turn_away(l, fd, 421, "4.7.0", "Too many sessions, try again later");
		return;
	}
	source = sources_get(s->sources, sa);
	had = source_sum(&s->service, source).sessions;
	if (had > s->config->limits.sessions_per_address) {
		log_warning("too-many-sessions", LOG_STR("client", client), LOG_NUM("of-address", had - 1));
		sources_put(s->sources, source);
		turn_away(l, fd, 421, "4.7.0", "Too many sessions from your address, try again later");
		return;
	}
	if (s->conns.n == 0)
		(void)event_add(s->tick, &tick_time);
	smtp_conn_open(&s->conns, fd,
		       &(struct smtp_origin){ .listener = l,
					      .client = client,
					      .ip = ip,
					      .source = source,
					      .proxied = proxied,
					      .unnamed = own,
					      .known = known },
		       recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0);
}

/* A proxy has said whose connection it is. */
static void introduced(void *arg, const struct config_listener *l, int fd, const struct sockaddr *sa, socklen_t len,
		       bool told)
{
	admit(arg, l, fd, sa, len, true, !told);
}

static void arrive(struct smtp_server *s, const struct config_listener *l, int fd, const struct sockaddr *sa,
		   socklen_t len)
{
	if (!is_proxy(l, sa)) {
		admit(s, l, fd, sa, len, false, false);
		return;
	}
	if (s->conns.n + arrivals_count(s->arrivals) >= s->config->limits.sessions) {
		log_warning("too-many-sessions", LOG_NUM("sessions", s->conns.n),
			    LOG_NUM("of-proxies", arrivals_count(s->arrivals)));
		turn_away(l, fd, 421, "4.7.0", "Too many sessions, try again later");
		return;
	}
	arrivals_add(s->arrivals, l, fd, sa, len);
}

static void set_accepting(struct smtp_server *s, bool on)
{
	for (size_t i = 0; i < s->nlisteners; i++)
		if (s->listeners[i]->event != NULL)
			(void)(on ? event_add(s->listeners[i]->event, NULL) : event_del(s->listeners[i]->event));
}

/* Out of descriptors or memory: trying again at once would only burn the processor. */
static void pause_accepting(struct smtp_server *s, int errnum)
{
	struct timeval wait = { .tv_sec = PAUSE_MS / 1000 };
	struct err e;

	(void)err_sys(&e, errnum, "accept");
	log_error("accept-paused", LOG_STR("error", e.text), LOG_NUM("sessions", s->conns.n));
	set_accepting(s, false);
	(void)event_add(s->pause, &wait);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct smtp_server *s = l->server;

	(void)what;
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		struct sockaddr_storage sa = { 0 };
		socklen_t len = sizeof sa;
		int new = accept4(fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (new >= 0) {
			arrive(s, l->config, new, (struct sockaddr *)&sa, len);
			continue;
		}
		/* Another process took it. */
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		/* The client is gone already (accept(2) names these). */
		if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO || errno == ENETDOWN ||
		    errno == ENETUNREACH || errno == EHOSTDOWN || errno == EHOSTUNREACH || errno == ENONET)
			continue;
		pause_accepting(s, errno);
		return;
	}
}

static void on_pause(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	set_accepting(arg, true);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct smtp_server *s = arg;

	(void)fd;
	(void)what;
	smtp_conns_tick(&s->conns);
	if (s->service.stopping && clock_mono_ms() >= s->stop_ms)
		smtp_conns_stop(&s->conns, false);
	if (s->conns.n > 0 || (s->leaving && arrivals_count(s->arrivals) > 0))
		return;
	/* An idle receiver sleeps, and what it needed goes back to the kernel. */
	(void)event_del(s->tick);
	(void)malloc_trim(0);
	if (s->leaving)
		s->ended(s->arg);
}

struct smtp_server *smtp_server_new(struct event_base *base, const struct config *c, struct intake *intake,
				    struct tally *t, void (*ended)(void *arg), void *arg)
{
	struct smtp_server *s = mem_alloc(sizeof *s);

	s->base = base;
	s->config = c;
	s->service = (struct smtp_service){ .config = c, .intake = intake, .now = clock_tick_ms, .tally = t };
	s->sources = sources_new(t);
	s->arrivals = arrivals_new(base, introduced, s);
	s->conns = (struct smtp_conns){ .base = base, .service = &s->service, .closed = closed, .arg = s };
	s->ended = ended;
	s->arg = arg;
	s->tick = event_new(base, -1, EV_PERSIST, on_tick, s);
	s->pause = event_new(base, -1, 0, on_pause, s);
	if (s->tick == NULL || s->pause == NULL)
		abort(); /* a small allocation failed */
	return s;
}

void smtp_server_milters(struct smtp_server *s, const struct milter_dialer *d)
{
	s->pool = milter_pool_new(s->base, d);
	s->service.wires = milter_pool_wires(s->pool);
}

void smtp_server_users(struct smtp_server *s, const struct sasl_users *u)
{
	s->service.users = u;
}

void smtp_server_meter(struct smtp_server *s, struct meter *m)
{
	s->service.meter = m;
}

void smtp_server_use_tls(struct smtp_server *s, struct tls_server *tls)
{
	s->conns.tls = tls;
	s->service.tls = tls != NULL;
}

static void close_listeners(struct smtp_server *s)
{
	(void)event_del(s->pause);
	for (size_t i = 0; i < s->nlisteners; i++) {
		event_free(s->listeners[i]->event);
		file_close(&s->listeners[i]->fd);
		free(s->listeners[i]);
	}
	free(s->listeners);
	s->listeners = NULL;
	s->nlisteners = 0;
}

void smtp_server_free(struct smtp_server **s)
{
	if (*s == NULL)
		return;
	close_listeners(*s);
	arrivals_free(&(*s)->arrivals);
	smtp_conns_close(&(*s)->conns);
	milter_pool_free(&(*s)->pool);
	sources_free(&(*s)->sources);
	event_free((*s)->tick);
	event_free((*s)->pause);
	free(*s);
	*s = NULL;
}

int smtp_server_listen(struct smtp_server *s, const char *name, int fd, struct err *e)
{
	struct listener *l;
	size_t i = 0;

	while (i < s->config->nlisteners && strcmp(s->config->listeners[i].name, name) != 0)
		i++;
	if (i == s->config->nlisteners) {
		file_close(&fd);
		return err_set(e, ERR_CONFIG, 0, "no listener is called %s", name);
	}
	l = mem_alloc(sizeof *l);
	l->server = s;
	l->config = &s->config->listeners[i];
	l->fd = fd;
	l->event = event_new(s->base, fd, EV_READ | EV_PERSIST, on_accept, l);
	if (l->event == NULL || event_add(l->event, NULL) != 0)
		abort(); /* a small allocation failed */
	s->listeners = mem_resize(s->listeners, s->nlisteners + 1, sizeof *s->listeners);
	s->listeners[s->nlisteners++] = l;
	return 0;
}

void smtp_server_drain(struct smtp_server *s)
{
	close_listeners(s);
	s->leaving = s->service.leaving = true;
	(void)event_add(s->tick, &tick_time);
}

void smtp_server_stop(struct smtp_server *s)
{
	smtp_server_drain(s);
	arrivals_stop(s->arrivals);
	if (s->service.stopping)
		return;
	s->service.stopping = true;
	s->stop_ms = clock_mono_ms() + s->config->stop_timeout;
	smtp_conns_stop(&s->conns, true);
}
