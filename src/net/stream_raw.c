/* The layers of a stream: socket, TLS, DEFLATE. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/identity.h"
#include "net/stream_impl.h"

int stream_fail(struct stream *s, enum err_class class, int code, const char *fmt, ...)
{
	va_list ap;
	char text[sizeof s->failure.text];

	if (s->failure.class != ERR_NONE)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(&s->failure, class, code, "%s", text);
}

int stream_fail_io(struct stream *s, int errnum)
{
	return stream_fail(s, ERR_TEMP, errnum, "the connection to %s broke: %s", s->host, strerror(errnum));
}

int stream_fail_late(struct stream *s)
{
	return stream_fail(s, ERR_TEMP, ETIMEDOUT, "%s did not answer in time", s->host);
}

static int fail_eof(struct stream *s)
{
	return stream_fail(s, ERR_TEMP, ECONNRESET, "%s closed the connection", s->host);
}

/* ---- raw bytes; 1 done, 0 with *WANT set to poll's events, -1 ---- */

static int ssl_result(struct stream *s, int ret, short *want)
{
	int saved = errno;

	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		*want = POLLIN;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		*want = POLLOUT;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return fail_eof(s);
	case SSL_ERROR_SYSCALL:
		if (saved == 0)
			return fail_eof(s);
		return stream_fail_io(s, saved);
	default: {
		unsigned long code = ERR_peek_last_error();
		const char *text = ERR_reason_error_string(code);
		struct err why;

		/* In TLS 1.3 a server says this behind the handshake. */
		if (identity_explain(ERR_GET_REASON(code), s->host, &why))
			return stream_fail(s, why.class, 0, "%s", why.text);
		return stream_fail(s, ERR_TEMP, ECONNRESET, "TLS with %s failed: %s", s->host,
				   text == NULL ? "unknown error" : text);
	}
	}
}

static int raw_read(struct stream *s, char *p, size_t size, size_t *got, short *want)
{
	ssize_t n;

	if (s->ssl != NULL) {
		int ret;

		ERR_clear_error();
		errno = 0;
		ret = SSL_read_ex(s->ssl, p, size, got);
		return ret == 1 ? 1 : ssl_result(s, ret, want);
	}
	do
		n = read(s->fd, p, size);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		*got = (size_t)n;
		return 1;
	}
	if (n == 0)
		return fail_eof(s);
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return stream_fail_io(s, errno);
	*want = POLLIN;
	return 0;
}

static int raw_write(struct stream *s, const void *p, size_t n, size_t *put, short *want)
{
	ssize_t sent;

	if (s->ssl != NULL) {
		int ret;

		ERR_clear_error();
		errno = 0;
		ret = SSL_write_ex(s->ssl, p, n, put);
		return ret == 1 ? 1 : ssl_result(s, ret, want);
	}
	do
		sent = send(s->fd, p, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent > 0) {
		*put = (size_t)sent;
		return 1;
	}
	if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		return stream_fail_io(s, errno);
	*want = POLLOUT;
	return 0;
}

/* ---- compression ---- */

int stream_get(struct stream *s, char *p, size_t size, size_t *got, short *want)
{
	char packed[DEFLATE_FEED_MAX];
	size_t n = 0;
	int ret;

	if (s->deflate == NULL)
		return raw_read(s, p, s->careful ? 1 : size, got, want);
	for (;;) {
		switch (deflate_take(s->deflate, p, size, got)) {
		case DEFLATE_GOT:
			return 1;
		case DEFLATE_ENDED:
			return fail_eof(s);
		case DEFLATE_GARBAGE:
			return stream_fail(s, ERR_PROTOCOL, 0, "%s sent octets that are not compressed as was agreed",
					   s->host);
		case DEFLATE_HUNGRY:
			break;
		}
		ret = raw_read(s, packed, sizeof packed, &n, want);
		if (ret != 1)
			return ret;
		deflate_feed(s->deflate, slice_of(packed, n));
		/* Compressed octets can go on for ever and hold nothing. */
		if (clock_mono_ms() >= s->deadline)
			return stream_fail_late(s);
	}
}

static int write_pending(struct stream *s, short *want)
{
	struct slice rest;
	size_t n = 0;
	int ret;

	while ((rest = deflate_pending(s->deflate)).n > 0) {
		ret = raw_write(s, rest.p, rest.n, &n, want);
		if (ret != 1)
			return ret;
		deflate_sent(s->deflate, n);
	}
	return 1;
}

int stream_put(struct stream *s, struct slice bytes, size_t *put, short *want)
{
	int ret;

	if (s->deflate == NULL)
		return raw_write(s, bytes.p, bytes.n, put, want);
	ret = write_pending(s, want);
	if (ret != 1)
		return ret;
	*put = bytes.n < DEFLATE_PUT_MAX ? bytes.n : DEFLATE_PUT_MAX;
	deflate_put(s->deflate, slice_of(bytes.p, *put));
	return write_pending(s, want) < 0 ? -1 : 1;
}

int stream_push(struct stream *s, short *want)
{
	if (s->deflate == NULL)
		return 1;
	deflate_flush(s->deflate);
	return write_pending(s, want);
}

bool stream_holds(const struct stream *s)
{
	return (s->ssl != NULL && SSL_pending(s->ssl) > 0) || (s->deflate != NULL && deflate_holds(s->deflate));
}
