#include "smtp/conn_internal.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "net/tls_server.h"

enum {
	READ_MAX = 64 * 1024,	    /* octets a read */
	LINGER_MS = 5000,	    /* how long the client may take to close after our last word */
	LINGER_BYTES = 1024 * 1024, /* and how much it may still send */
	RECORD_MAX = 16 * 1024,	    /* octets in a record of TLS (RFC 8446, 5.1) */
	RECORDS_MAX = 8,	    /* taken in one turn */
	INPUT_MAX = READ_MAX + SMTP_COMMAND_MAX
};

/* One for all connections: nothing stays in it between two events. */
static char shared[INPUT_MAX];

void conn_drop(struct smtp_conn *c, bool reset)
{
	static const struct linger at_once = { .l_onoff = 1 };
	struct smtp_conns *all = c->all;
	struct smtp_source *source = c->source;

	log_debug("closed", LOG_STR("session", smtp_session_id(c->session)));
	if (smtp_session_unconfirmed(c->session) &&
	    smtp_session_gone(c->session, transport_acknowledged(&c->wire), reset))
		(void)setsockopt(c->wire.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	(void)event_del(&c->readable);
	(void)event_del(&c->more);
	(void)event_del(&c->writable);
	smtp_session_free(&c->session);
	/* Before the client can know of it: it may come again at once, and to another process. */
	all->closed(all->arg, source);
	transport_close(&c->wire);
	tls_server_drop(&c->ready);
	buf_free(&c->in);
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	free(c);
	all->n--;
}

void conn_set_reading(struct smtp_conn *c, bool on)
{
	if (c->reading == on)
		return;
	c->reading = on;
	(void)(on ? event_add(&c->readable, NULL) : event_del(&c->readable));
	if (!on)
		(void)event_del(&c->more);
}

/* Of what was read already the descriptor says nothing any more. It has another turn, behind those whose descriptors have
 * something: an event that is made active by itself would come before them, for as long as the client sends. */
static void read_more(struct smtp_conn *c)
{
	static const struct timeval now = { 0 };

	if (transport_pending(&c->wire))
		(void)event_add(&c->more, &now);
}

void conn_set_writing(struct smtp_conn *c, bool on)
{
	if (c->writing == on)
		return;
	c->writing = on;
	(void)(on ? event_add(&c->writable, NULL) : event_del(&c->writable));
}

/* Octets that the client has sent and the session has not taken. Records of TLS are opened to count what they hold. */
static size_t waiting(struct smtp_conn *c)
{
	enum transport_status status = TRANSPORT_OK;
	size_t n;

	if (!transport_is_tls(&c->wire))
		return c->in.n + transport_waiting(&c->wire);
	while (status == TRANSPORT_OK && c->in.n + RECORD_MAX <= INPUT_MAX) {
		char *to = buf_reserve(&c->in, RECORD_MAX);

		if (to == NULL)
			break;
		status = transport_read(&c->wire, to, RECORD_MAX, &n);
		c->in.n += n;
	}
	if (c->in.n == 0)
		buf_free(&c->in);
	/* The beginning of a record was sent before, and so its end does not count either. */
	return c->in.n + (transport_pending(&c->wire) ? 1 : 0);
}

/* For smtp_session_sent, of what is about to be sent: input that is there already does not answer it. To be asked before,
 * as a fast client's answer would be there afterwards, too. */
static size_t stale(struct smtp_conn *c)
{
	bool gone, input;
	size_t n;

	if (!smtp_session_unconfirmed(c->session))
		return 0;
	/* Mostly nothing is there, which one look tells. */
	gone = transport_hung_up(&c->wire, &input);
	input = input || transport_pending(&c->wire);
	n = input ? waiting(c) : c->in.n;
	/* A goodbye may have been among the records. */
	if (input && transport_is_tls(&c->wire))
		gone = transport_hung_up(&c->wire, &input) || gone;
	return gone ? SIZE_MAX : n;
}

/* 0, or -1 when the connection is broken. */
static int flush(struct smtp_conn *c)
{
	struct buf *out = smtp_session_output(c->session);

	if (buf_failed(out))
		return -1; /* a reply was lost: nothing said from here on would be in step */
	if (c->handshaking)
		return 0;
	if (smtp_session_held(c->session)) {
		conn_set_writing(c, c->read_blocked);
		return 0;
	}
	if (out->n > 0)
		smtp_session_saying(c->session);
	while (out->n > 0) {
		const size_t before = stale(c);
		size_t n;

		switch (transport_write(&c->wire, out->p, out->n, &n)) {
		case TRANSPORT_OK:
			c->write_blocked = false;
			break;
		case TRANSPORT_WANT_READ:
			c->write_blocked = true;
			conn_set_writing(c, false);
			conn_set_reading(c, true);
			return 0;
		case TRANSPORT_WANT_WRITE:
			conn_set_writing(c, true);
			return 0;
		default:
			return -1;
		}
		buf_consume(out, n);
		if (out->n == 0) {
			buf_free(out); /* idle sessions hold no buffers */
			if (smtp_session_unconfirmed(c->session)) {
				step("receiver: 250 said");
				smtp_session_sent(c->session, before);
			}
		}
	}
	conn_set_writing(c, c->read_blocked);
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
static bool begin_end(struct smtp_conn *c)
{
	/* With TLS a goodbye of the client's is still to come, which must not meet a socket that is closed. */
	if (c->handshaking || (!smtp_session_lingers(c->session) && !transport_is_tls(&c->wire))) {
		conn_drop(c, false);
		return false;
	}
	if (!c->shut) {
		c->shut = true;
		transport_shutdown(&c->wire);
	}
	conn_set_reading(c, true);
	return true;
}

/* ---- what happens ---- */

bool conn_go_on(struct smtp_conn *c)
{
	/* What was flushed may have made room for replies to what still waits: in the end at most a part of a line
	 * does. */
	do {
		if (flush(c) != 0) {
			conn_drop(c, true);
			return false;
		}
	} while (feed(c) || (smtp_session_want(c->session) == SMTP_TLS && !c->handshaking && conn_starttls(c)));
	switch (smtp_session_want(c->session)) {
	case SMTP_READ:
		conn_set_reading(c, true);
		if (!c->taking)
			read_more(c);
		break;
	case SMTP_CLOSE:
		if (c->gone_ms == 0)
			c->gone_ms = clock_mono_ms() + LINGER_MS;
		if (smtp_session_output(c->session)->n == 0)
			return begin_end(c);
		break;
	case SMTP_TLS:
		break;
	case SMTP_WAIT:
		/* Reading stays set as long as nothing comes: most clients wait for their answer. */
		break;
	}
	return true;
}

static void wake(void *arg)
{
	(void)conn_go_on(arg);
}

/* Of N octets in SHARED; the client could not have seen what was said last if ACKNOWLEDGED is false. As go_on. */
static bool on_input(struct smtp_conn *c, size_t n, bool acknowledged)
{
	size_t used;

	if (!c->spoken) {
		c->spoken = true;
		/* Whoever has not yet received the banner can't have waited for it. */
		if (!acknowledged && smtp_session_want(c->session) == SMTP_READ) {
			smtp_session_early(c->session);
			return conn_go_on(c);
		}
	}
	used = smtp_session_input(c->session, slice_of(shared, n));
	if (used < n && buf_add(&c->in, shared + used, n - used) != 0) {
		conn_drop(c, false);
		return false;
	}
	return conn_go_on(c);
}

/* The client has closed its side, or (ERRNUM) the connection broke. ACKNOWLEDGED: what we had said until then. */
static void end_of_input(struct smtp_conn *c, int errnum, bool acknowledged)
{
	if (errnum == 0)
		smtp_session_eof(c->session, acknowledged);
	if (errnum != 0 || !smtp_session_waits(c->session)) {
		conn_drop(c, errnum == ECONNRESET || errnum == EPIPE);
		return;
	}
	/* A reset or an acknowledgement tells what became of the reply. */
	c->closed = true;
	c->gone_ms = clock_mono_ms() + LINGER_MS;
	conn_set_reading(c, false);
	conn_set_writing(c, false);
}

/* True when it is known what became of the reply. */
static bool is_told(const struct smtp_conn *c, bool *reset)
{
	struct pollfd p = { .fd = c->wire.fd };

	*reset = poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0;
	return *reset || transport_acknowledged(&c->wire);
}

/* Reads and passes on what one read gives: with TLS a record. True: there may be more, and C is still there. */
static bool read_once(struct smtp_conn *c)
{
	const bool ended = smtp_session_want(c->session) == SMTP_CLOSE;
	const size_t have = ended ? 0 : c->in.n, room = sizeof shared - have; /* of what is left then nothing counts */
	/* Input that answers a reply acknowledges it, too. */
	const bool acknowledged =
	    (c->spoken && !smtp_session_unconfirmed(c->session)) || transport_acknowledged(&c->wire);
	size_t n;

	if (!ended && smtp_session_want(c->session) != SMTP_READ) {
		conn_set_reading(c, false);
		return false;
	}
	if (have > 0)
		memcpy(shared, c->in.p, have);
	c->read_blocked = false;
	switch (transport_read(&c->wire, shared + have, room < READ_MAX ? room : READ_MAX, &n)) {
	case TRANSPORT_OK:
		break;
	case TRANSPORT_WANT_READ:
		return false;
	case TRANSPORT_WANT_WRITE:
		c->read_blocked = true;
		conn_set_reading(c, false);
		conn_set_writing(c, true);
		return false;
	case TRANSPORT_END:
		end_of_input(c, 0, transport_acknowledged(&c->wire));
		return false;
	case TRANSPORT_CUT:
		log_debug("tls-cut", LOG_STR("session", smtp_session_id(c->session)));
		/* Many clients leave so. What counts for a reply is that its end closed, and was not reset: asked for before,
		 * as OpenSSL has sent an alert by now, which nobody acknowledges. */
		end_of_input(c, 0, acknowledged);
		return false;
	default:
		if (c->wire.error == 0)
			log_warning("tls-broken", LOG_STR("session", smtp_session_id(c->session)),
				    LOG_STR("error", "what came is no part of this encrypted session"));
		end_of_input(c, c->wire.error == 0 ? EPROTO : c->wire.error, false);
		return false;
	}
	if (ended) {
		c->lingered += n;
		if (c->lingered > LINGER_BYTES)
			conn_drop(c, false);
		return false;
	}
	if (!acknowledged && smtp_session_unconfirmed(c->session))
		smtp_session_crossed(c->session, n);
	buf_free(&c->in);
	c->taking = true;
	if (!on_input(c, have + n, acknowledged))
		return false;
	c->taking = false;
	/* A full record is seldom the last. */
	return !c->handshaking && transport_is_tls(&c->wire) && (n == RECORD_MAX || transport_pending(&c->wire));
}

/* What has come, but not so much that others wait long. */
static void read_some(struct smtp_conn *c)
{
	unsigned left = RECORDS_MAX;

	while (read_once(c))
		if (--left == 0) {
			read_more(c);
			return;
		}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct smtp_conn *c = arg;

	(void)fd;
	(void)what;
	if (c->handshaking) {
		conn_handshake(c);
	} else if (c->write_blocked) {
		c->write_blocked = false;
		(void)conn_go_on(c);
	} else {
		read_some(c);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct smtp_conn *c = arg;

	(void)fd;
	(void)what;
	if (c->handshaking) {
		conn_handshake(c);
	} else {
		const bool blocked = c->read_blocked;

		c->read_blocked = false;
		if (conn_go_on(c) && blocked && !c->handshaking)
			read_some(c);
	}
}

void smtp_conn_open(struct smtp_conns *all, int fd, const struct smtp_origin *origin, bool early)
{
	struct smtp_conn *c = mem_alloc(sizeof *c);

	c->all = all;
	transport_init(&c->wire, fd);
	c->listener = origin->listener;
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
	    event_assign(&c->writable, all->base, fd, EV_WRITE | EV_PERSIST, on_writable, c) != 0 ||
	    evtimer_assign(&c->more, all->base, on_readable, c) != 0)
		abort(); /* only wrong flags fail here */
	log_info("connected", LOG_STR("session", smtp_session_id(c->session)), LOG_STR("client", origin->client),
		 LOG_STR("listener", origin->listener->name));
	if (c->listener->tls == CONFIG_OFFER_IMPLICIT) {
		conn_open_tls(c);
		return;
	}
	smtp_session_greet(c->session, early);
	(void)conn_go_on(c);
}

/* Even the client's end of the connection counts: who waits for the banner closes nothing. */
static bool has_input(const struct smtp_conn *c)
{
	char byte;

	return transport_pending(&c->wire) || recv(c->wire.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

void smtp_conns_tick(struct smtp_conns *all)
{
	const int64_t now = clock_mono_ms();
	struct smtp_conn *next;

	for (struct smtp_conn *c = all->first; c != NULL; c = next) {
		bool reset = false;

		next = c->next;
		if (smtp_session_waits(c->session))
			smtp_session_look(c->session, transport_acknowledged(&c->wire));
		if (c->closed && is_told(c, &reset)) {
			conn_drop(c, reset);
		} else if (c->gone_ms != 0 && now >= c->gone_ms) {
			conn_drop(c, false);
		} else if (c->gone_ms == 0 && now >= smtp_session_deadline(c->session)) {
			if (!c->spoken && smtp_session_held(c->session) && has_input(c))
				smtp_session_early(c->session);
			else
				smtp_session_timeout(c->session);
			(void)conn_go_on(c);
		}
	}
}

void smtp_conns_stop(struct smtp_conns *all, bool gently)
{
	struct smtp_conn *next;

	for (struct smtp_conn *c = all->first; c != NULL; c = next) {
		next = c->next;
		if (c->closed)
			continue;
		smtp_session_stop(c->session, gently);
		(void)conn_go_on(c);
	}
}

void smtp_conns_close(struct smtp_conns *all)
{
	while (all->first != NULL)
		conn_drop(all->first, false);
}
