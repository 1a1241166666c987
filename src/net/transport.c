#include "net/transport.h"

#include <errno.h>
#include <linux/sockios.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "net/tls_server.h"

enum { READS_MAX = 4 }; /* of the descriptor, in one call */

/* Records without data, such as new keys (RFC 8446, 4.6.3), end no read of OpenSSL's, and may come for ever. */
static long on_bio(BIO *b, int what, const char *p, size_t n, int i, long l, int result, size_t *done)
{
	struct transport *t = (struct transport *)(void *)BIO_get_callback_arg(b);

	(void)p;
	(void)n;
	(void)i;
	(void)l;
	(void)done;
	if (what != BIO_CB_READ || t->reads++ < READS_MAX)
		return result;
	BIO_clear_retry_flags(b);
	BIO_set_retry_read(b);
	return -1;
}

void transport_init(struct transport *t, int fd)
{
	*t = (struct transport){ .fd = fd };
}

void transport_close(struct transport *t)
{
	if (t->ssl != NULL) {
		/* Whoever reads to the end can tell that it was one. */
		if (t->ready && !t->failed && (SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) == 0)
			(void)SSL_shutdown(t->ssl);
		SSL_free(t->ssl);
		t->ssl = NULL;
		ERR_clear_error();
	}
	file_close(&t->fd);
}

void transport_secure(struct transport *t, SSL *ssl)
{
	t->ssl = ssl;
	t->failed = SSL_set_fd(ssl, t->fd) != 1;
	if (t->failed)
		return;
	BIO_set_callback_arg(SSL_get_rbio(ssl), (char *)t);
	BIO_set_callback_ex(SSL_get_rbio(ssl), on_bio);
}

bool transport_is_tls(const struct transport *t)
{
	return t->ssl != NULL;
}

static enum transport_status status_of_errno(struct transport *t, int errnum)
{
	if (errnum == EAGAIN || errnum == EWOULDBLOCK || errnum == EINTR)
		return TRANSPORT_WANT_READ;
	t->error = errnum;
	return TRANSPORT_BROKEN;
}

/* After an operation of OpenSSL that returned R, without success. */
static enum transport_status status_of(struct transport *t, int r)
{
	int errnum = errno, error = SSL_get_error(t->ssl, r);

	switch (error) {
	case SSL_ERROR_WANT_READ:
		return TRANSPORT_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TRANSPORT_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TRANSPORT_END;
	default:
		break;
	}
	/* From here on not even a goodbye may be said (SSL_get_error(3)). */
	t->failed = true;
	if (error == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		t->cut = true;
		return TRANSPORT_CUT;
	}
	t->error = error == SSL_ERROR_SYSCALL ? errnum : 0;
	return TRANSPORT_BROKEN;
}

/* Records begin with their type (RFC 8446, 5.1), a ClientHello in the form of SSL 2.0 with a length that has its top bit
 * set (RFC 5246, E.2). OpenSSL would wait for five octets to see it, and say nothing then. */
static bool is_no_tls(const struct transport *t)
{
	static const unsigned char alert[] = { 21, 3, 1, 0, 2, 2, 10 }; /* fatal, unexpected_message */
	unsigned char first;

	if (recv(t->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1 || first == 22 || (first & 0x80) != 0)
		return false;
	(void)send(t->fd, alert, sizeof alert, MSG_NOSIGNAL | MSG_DONTWAIT);
	return true;
}

enum transport_status transport_handshake(struct transport *t, struct err *e)
{
	enum transport_status status = TRANSPORT_BROKEN;
	int r;

	err_clear(e);
	if (!t->failed && !t->begun && is_no_tls(t)) {
		t->failed = true;
		(void)err_set(e, ERR_PROTOCOL, 0, "the client does not speak TLS, which is expected here");
		return TRANSPORT_BROKEN;
	}
	if (!t->failed) {
		ERR_clear_error();
		t->begun = true;
		t->reads = 0;
		r = SSL_accept(t->ssl);
		if (r == 1) {
			t->ready = true;
			return TRANSPORT_OK;
		}
		status = status_of(t, r);
	}
	if (status == TRANSPORT_END) /* before there was anything to end */
		status = TRANSPORT_CUT;
	if (status >= TRANSPORT_END)
		tls_server_explain(t->ssl, status == TRANSPORT_CUT, e);
	return status;
}

enum transport_status transport_read(struct transport *t, void *p, size_t n, size_t *used)
{
	ssize_t r;

	*used = 0;
	if (t->failed)
		return t->cut ? TRANSPORT_CUT : TRANSPORT_BROKEN;
	if (t->ssl != NULL) {
		int ok;

		ERR_clear_error();
		t->reads = 0;
		ok = SSL_read_ex(t->ssl, p, n, used);
		return ok == 1 ? TRANSPORT_OK : status_of(t, ok);
	}
	r = recv(t->fd, p, n, 0);
	if (r < 0)
		return status_of_errno(t, errno);
	*used = (size_t)r;
	return r == 0 ? TRANSPORT_END : TRANSPORT_OK;
}

enum transport_status transport_write(struct transport *t, const void *p, size_t n, size_t *used)
{
	ssize_t r;

	*used = 0;
	if (t->failed)
		return TRANSPORT_BROKEN;
	if (t->ssl != NULL) {
		int ok;

		ERR_clear_error();
		ok = SSL_write_ex(t->ssl, p, n, used);
		return ok == 1 ? TRANSPORT_OK : status_of(t, ok);
	}
	do
		r = send(t->fd, p, n, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return status_of_errno(t, errno) == TRANSPORT_WANT_READ ? TRANSPORT_WANT_WRITE : TRANSPORT_BROKEN;
	*used = (size_t)r;
	return TRANSPORT_OK;
}

bool transport_pending(const struct transport *t)
{
	return t->ssl != NULL && t->ready && SSL_has_pending(t->ssl) == 1;
}

size_t transport_waiting(const struct transport *t)
{
	int n = 0;

	return ioctl(t->fd, FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

/* What the peer of a UNIX socket has not read goes when it closes, and is on its way no longer: but an error tells of it. */
static bool went_unread(const struct transport *t)
{
	struct pollfd p = { .fd = t->fd };
	int family = 0;
	socklen_t n = sizeof family;

	return poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0 &&
	       getsockopt(t->fd, SOL_SOCKET, SO_DOMAIN, &family, &n) == 0 && family == AF_UNIX;
}

bool transport_acknowledged(const struct transport *t)
{
	int left = 0;

	return ioctl(t->fd, SIOCOUTQ, &left) == 0 && left == 0 && !went_unread(t);
}

bool transport_hung_up(const struct transport *t, bool *input)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN | POLLRDHUP };
	const int r = poll(&p, 1, 0);

	*input = r > 0 && (p.revents & POLLIN) != 0;
	if (t->ssl != NULL && (t->failed || (SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN) != 0))
		return true;
	return r < 0 || (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void transport_shutdown(struct transport *t)
{
	if (t->ssl != NULL && t->ready && !t->failed) {
		ERR_clear_error();
		(void)SSL_shutdown(t->ssl);
		ERR_clear_error();
	}
	(void)shutdown(t->fd, SHUT_WR);
}
