#include "smtp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static SSL_SESSION *latest; /* what the server gave last */
static bool resumes;

void give_up(const char *what, const char *why)
{
	(void)fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double cpu(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int on_session(SSL *tls, SSL_SESSION *session)
{
	(void)tls;
	SSL_SESSION_free(latest);
	latest = session;
	return 1; /* it is ours now */
}

SSL_CTX *smtp_context(bool resume)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (c == NULL)
		give_up("TLS", "no context");
	resumes = resume;
	SSL_CTX_set_verify(c, SSL_VERIFY_NONE, NULL);
	(void)SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	if (resume) {
		(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(c, on_session);
	}
	return c;
}

void smtp_open(struct smtp *s, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1;

	*s = (struct smtp){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) };
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (s->fd < 0)
		give_up("socket", strerror(errno));
	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(s->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
		give_up("connect", strerror(errno));
}

void smtp_close(struct smtp *s)
{
	SSL_free(s->tls);
	(void)close(s->fd);
	*s = (struct smtp){ .fd = -1 };
}

static void taken(struct smtp *s, size_t n)
{
	for (size_t i = 0; i < 2; i++) {
		size_t part = n < s->out[i].iov_len ? n : s->out[i].iov_len;

		s->out[i].iov_base = (char *)s->out[i].iov_base + part;
		s->out[i].iov_len -= part;
		n -= part;
	}
}

/* False when there is no room. */
static bool send_some(struct smtp *s)
{
	const struct iovec *v = s->out[0].iov_len > 0 ? &s->out[0] : &s->out[1];
	ssize_t n;

	if (s->tls != NULL) {
		n = SSL_write(s->tls, v->iov_base, (int)v->iov_len);
		if (n <= 0) {
			int why = SSL_get_error(s->tls, (int)n);

			ERR_clear_error();
			if (why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ)
				give_up("TLS", "writing failed");
			return false;
		}
	} else {
		n = writev(s->fd, s->out, 2);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			give_up("write", strerror(errno));
		if (n < 0)
			return false;
	}
	taken(s, (size_t)n);
	return true;
}

void smtp_go_on(struct smtp *s)
{
	while (s->out[0].iov_len + s->out[1].iov_len > 0)
		if (!send_some(s)) {
			s->writing = true;
			return;
		}
	s->writing = false;
}

void smtp_send(struct smtp *s, const char *a, const char *b, size_t nb)
{
	s->out[0] = (struct iovec){ (void *)(uintptr_t)a, strlen(a) };
	s->out[1] = (struct iovec){ (void *)(uintptr_t)b, nb };
	smtp_go_on(s);
}

int smtp_reply(struct smtp *s)
{
	for (;;) {
		char *line = s->in, *end;
		ssize_t n;

		while ((end = memchr(line, '\n', s->n - (size_t)(line - s->in))) != NULL) {
			if (end - line >= 4 && line[3] != '-') {
				int code = atoi(line);

				s->in[s->n] = '\0';
				s->n = 0;
				return code;
			}
			line = end + 1;
		}
		if (s->n == sizeof s->in - 1)
			give_up("reply", "too long");
		n = s->tls != NULL ? SSL_read(s->tls, s->in + s->n, (int)(sizeof s->in - 1 - s->n))
				   : read(s->fd, s->in + s->n, sizeof s->in - 1 - s->n);
		if (s->tls != NULL && n <= 0) {
			int why = SSL_get_error(s->tls, (int)n);

			ERR_clear_error();
			if (why == SSL_ERROR_WANT_READ)
				return 0;
			return -1;
		}
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return -1;
		s->n += (size_t)n;
	}
}

bool smtp_tls(struct smtp *s, SSL_CTX *context)
{
	int r;

	if (s->tls == NULL) {
		s->tls = SSL_new(context);
		if (s->tls == NULL || SSL_set_fd(s->tls, s->fd) != 1)
			give_up("TLS", "no session");
		if (resumes && latest != NULL)
			(void)SSL_set_session(s->tls, latest);
		SSL_set_connect_state(s->tls);
	}
	r = SSL_do_handshake(s->tls);
	if (r == 1)
		return true;
	if (SSL_get_error(s->tls, r) != SSL_ERROR_WANT_READ)
		give_up("TLS", "the handshake failed");
	return false;
}
