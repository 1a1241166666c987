#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/stream_impl.h"

enum {
	READ_CHUNK = 16 * 1024,
	INPUT_WHILE_WRITING = 256 * 1024, /* more replies than this wait in the socket */
	LIBETPAN_BUFFER = 32 * 1024
};

int stream_failed(struct stream *s, struct err *e)
{
	if (e != NULL)
		*e = s->failure;
	return -1;
}

/* Waits for EVENTS on the socket. 0, or -1 at the deadline. */
static int wait_for(struct stream *s, short events)
{
	bool woken = false; /* what woke us may stay readable: leave it alone for a moment */

	for (;;) {
		struct pollfd fds[2] = { { s->fd, events, 0 }, { s->wake_fd, POLLIN, 0 } };
		int64_t left = s->deadline - clock_mono_ms();
		int n;

		if (left <= 0)
			return stream_fail_late(s);
		if (left > (woken ? STREAM_WAKE_PAUSE_MS : INT_MAX))
			left = woken ? STREAM_WAKE_PAUSE_MS : INT_MAX;
		n = poll(fds, s->wake_fd < 0 || woken ? 1 : 2, (int)left);
		if (n < 0 && errno != EINTR)
			return stream_fail_io(s, errno);
		woken = n > 0 && s->wake_fd >= 0 && !woken && fds[1].revents != 0;
		if (woken)
			s->wake(s->wake_arg);
		if (n > 0 && fds[0].revents != 0)
			return 0;
	}
}

/* ---- input ---- */

static int take_in(struct stream *s, struct slice bytes)
{
	if (s->in_at == s->in.n) {
		buf_clear(&s->in);
		s->in_at = 0;
	} else if (s->in_at > STREAM_INPUT_MAX / 2) {
		buf_consume(&s->in, s->in_at);
		s->in_at = 0;
	}
	if (s->tap == NULL)
		(void)buf_add_slice(&s->in, bytes);
	else if (s->tap(s->tap_arg, bytes, &s->in, &s->failure) != 0)
		return -1;
	if (buf_failed(&s->in))
		return stream_fail(s, ERR_PROTOCOL, 0, "%s sends more than was asked for", s->host);
	return 0;
}

int stream_poll(struct stream *s, struct err *e)
{
	char chunk[READ_CHUNK];
	size_t got = 0;
	short want;
	int ret;

	if (s->failure.class != ERR_NONE)
		return stream_failed(s, e);
	ret = stream_get(s, chunk, sizeof chunk, &got, &want);
	if (ret == 1 && take_in(s, slice_of(chunk, got)) != 0)
		ret = -1;
	return ret < 0 ? stream_failed(s, e) : ret;
}

int stream_urge(struct stream *s, short *events)
{
	short want = 0;
	int ret = stream_push(s, &want);

	if (ret < 0)
		stream_drain(s);
	*events = (short)(*events | want);
	return ret < 0 ? -1 : 0;
}

int stream_wait(struct stream *s, struct err *e)
{
	int ret;

	while ((ret = stream_poll(s, e)) == 0) {
		short events = POLLIN;

		if (stream_urge(s, &events) != 0 || wait_for(s, events) != 0)
			return stream_failed(s, e);
	}
	return ret < 0 ? -1 : 0;
}

/* ---- libetpan's driver ---- */

static ssize_t low_read(mailstream_low *low, void *p, size_t size)
{
	struct stream *s = low->data;
	size_t n;

	if (size == 0)
		return -1;
	while (s->in_at == s->in.n) {
		if (stream_wait(s, NULL) != 0)
			return -1; /* never 0: libetpan would ask for ever */
	}
	n = s->in.n - s->in_at;
	if (n > size)
		n = size;
	memcpy(p, s->in.p + s->in_at, n);
	s->in_at += n;
	return (ssize_t)n;
}

void stream_drain(struct stream *s)
{
	struct err first = s->failure;

	err_clear(&s->failure);
	while (s->in.n - s->in_at < INPUT_WHILE_WRITING && stream_poll(s, NULL) == 1)
		;
	s->failure = first;
}

static ssize_t low_write(mailstream_low *low, const void *p, size_t n)
{
	struct stream *s = low->data;
	size_t put = 0;
	short want = POLLOUT;
	int ret;

	if (s->failure.class != ERR_NONE || n == 0)
		return -1;
	while ((ret = stream_put(s, slice_of(p, n), &put, &want)) == 0) {
		bool listen = s->in.n - s->in_at < INPUT_WHILE_WRITING;

		if (wait_for(s, listen ? (short)(want | POLLIN) : want) != 0)
			return -1;
		if (listen && stream_poll(s, NULL) < 0)
			return -1;
	}
	if (ret < 0)
		stream_drain(s);
	return ret < 0 ? -1 : (ssize_t)put;
}

ssize_t stream_write_some(struct stream *s, struct slice bytes, struct err *e)
{
	size_t put = 0;
	int ret;

	if (s->failure.class != ERR_NONE)
		return stream_failed(s, e);
	if (bytes.n == 0)
		return 0;
	ret = stream_put(s, bytes, &put, &s->write_wants);
	if (ret < 0)
		stream_drain(s);
	return ret < 0 ? stream_failed(s, e) : (ssize_t)put;
}

static int low_close(mailstream_low *low)
{
	(void)low; /* the stream closes itself: in order, or by reset */
	return 0;
}

static int low_get_fd(mailstream_low *low)
{
	struct stream *s = low->data;

	return s->fd;
}

static void low_free(mailstream_low *low)
{
	free(low);
}

static void low_cancel(mailstream_low *low)
{
	(void)low;
}

static mailstream_low_driver driver = {
	.mailstream_read = low_read,
	.mailstream_write = low_write,
	.mailstream_close = low_close,
	.mailstream_get_fd = low_get_fd,
	.mailstream_free = low_free,
	.mailstream_cancel = low_cancel,
};

/* ---- life ---- */

struct stream *stream_new(int fd, const char *host)
{
	struct stream *s = mem_alloc(sizeof *s);
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int flags = fcntl(fd, F_GETFL), on = 1;
	mailstream_low *low;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		(void)err_sys(&s->failure, errno, "can't use the connection to %s", host);
	/* Small pipelined commands must not wait for each other's acknowledgement. A socket pair has no such option. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	/* Should this process die, the system must not go on sending for it: half a minute of a message may be in there, and
	 * the next process soon looks whether it was stored. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	s->fd = fd;
	s->host = mem_strdup(host);
	s->wake_fd = -1;
	s->deadline = INT64_MAX;
	buf_init(&s->in, STREAM_INPUT_MAX);
	low = mailstream_low_new(s, &driver);
	if (low == NULL || (s->ms = mailstream_new(low, LIBETPAN_BUFFER)) == NULL)
		abort();
	return s;
}

void stream_set_tap(struct stream *s, stream_tap_fn *tap, void *arg)
{
	s->tap = tap;
	s->tap_arg = arg;
}

void stream_set_wake(struct stream *s, int fd, void (*fn)(void *arg), void *arg)
{
	s->wake_fd = fd;
	s->wake = fn;
	s->wake_arg = arg;
}

void stream_set_deadline(struct stream *s, int64_t mono_ms)
{
	s->deadline = mono_ms;
}

int64_t stream_deadline(const struct stream *s)
{
	return s->deadline;
}

bool stream_encrypted(const struct stream *s)
{
	return s->ssl != NULL;
}

void stream_set_careful(struct stream *s, bool careful)
{
	s->careful = careful;
}

int stream_start_deflate(struct stream *s, struct err *e)
{
	if (s->failure.class == ERR_NONE && stream_unread(s) != 0)
		(void)stream_fail(s, ERR_PROTOCOL, 0, "%s sent something uncompressed behind its answer to COMPRESS",
				  s->host);
	if (s->failure.class != ERR_NONE)
		return stream_failed(s, e);
	s->deflate = deflate_new();
	return 0;
}

bool stream_deflated(const struct stream *s, struct deflate_count *out)
{
	if (s->deflate == NULL)
		return false;
	deflate_counts(s->deflate, out);
	return true;
}

bool stream_tls_facts(const struct stream *s, struct tls_facts *out)
{
	if (s->ssl == NULL)
		return false;
	tls_describe(s->ssl, out);
	return true;
}

bool stream_bindings(const struct stream *s, struct binding out[BINDING_TYPES])
{
	if (s->ssl == NULL)
		return false;
	binding_read(s->ssl, out);
	return true;
}

void stream_wipe(struct stream *s)
{
	/* What is still to be written stands at the front. */
	mem_wipe(s->ms->write_buffer + s->ms->write_buffer_len, s->ms->buffer_max_size - s->ms->write_buffer_len);
}

mailstream *stream_mailstream(struct stream *s)
{
	return s->ms;
}

size_t stream_unread(const struct stream *s)
{
	return s->ms->read_buffer_len + (s->in.n - s->in_at);
}

struct slice stream_peek(const struct stream *s)
{
	return s->in_at == s->in.n ? SLICE_NONE : slice_of(s->in.p + s->in_at, s->in.n - s->in_at);
}

void stream_take(struct stream *s, size_t n)
{
	s->in_at += n;
}

const struct err *stream_failure(const struct stream *s)
{
	return &s->failure;
}

int stream_start_tls(struct stream *s, struct tls_client *t, struct err *e)
{
	short want = POLLIN;
	int ret;

	if (s->failure.class != ERR_NONE)
		return stream_failed(s, e);
	if (stream_unread(s) != 0) {
		(void)stream_fail(s, ERR_PROTOCOL, 0, "%s sent something unencrypted behind its answer to STARTTLS",
				  s->host);
		return stream_failed(s, e);
	}
	s->ssl = tls_session_new(t, s->host, &s->verdict, &s->failure);
	if (s->ssl == NULL || SSL_set_fd(s->ssl, s->fd) != 1) {
		(void)stream_fail(s, ERR_TEMP, 0, "can't set up TLS for %s", s->host);
		return stream_failed(s, e);
	}
	for (;;) {
		ERR_clear_error();
		errno = 0;
		ret = SSL_connect(s->ssl);
		if (ret == 1)
			return 0;
		ret = SSL_get_error(s->ssl, ret);
		if (ret == SSL_ERROR_WANT_READ)
			want = POLLIN;
		else if (ret == SSL_ERROR_WANT_WRITE)
			want = POLLOUT;
		else
			break;
		if (wait_for(s, want) != 0)
			return stream_failed(s, e);
	}
	tls_explain(&s->verdict, &s->failure);
	tls_forget(t);
	return stream_failed(s, e);
}

static void release(struct stream **sp)
{
	struct stream *s = *sp;

	/* What libetpan still wants to write is not wanted any more. */
	s->ms->write_buffer_len = 0;
	(void)mailstream_close(s->ms);
	/* A connection that broke is no fault of its session, which may be resumed; OpenSSL else takes it for bad. */
	if (s->ssl != NULL)
		SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(s->ssl);
	(void)close(s->fd);
	deflate_free(&s->deflate);
	buf_free(&s->in);
	free(s->host);
	free(s);
	*sp = NULL;
}

void stream_close(struct stream **s)
{
	struct linger order = { .l_onoff = 0 };

	if (*s == NULL)
		return;
	(void)setsockopt((*s)->fd, SOL_SOCKET, SO_LINGER, &order, sizeof order);
	if ((*s)->ssl != NULL && (*s)->failure.class == ERR_NONE) {
		ERR_clear_error();
		(void)SSL_shutdown((*s)->ssl);
	}
	release(s);
}

void stream_abort(struct stream **s)
{
	/* It resets, as stream_new made it. */
	if (*s != NULL)
		release(s);
}
