/*
 * sink PORT [CHAIN KEY] [pipelining]: answers SMTP with 250 and keeps nothing, as
 * smtp-sink does, and has STARTTLS when it is given a certificate, which smtp-sink
 * has not: what the load generator, loopback and TLS can do at most. Commands may
 * come in groups in any case; `pipelining' says so, with 8BITMIME and SIZE, as
 * servers do that take mail to send. Ends when it is killed.
 */
#include "smtp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256 };

struct client {
	int fd;
	SSL *tls;
	bool shaking, content;
	char line[1024]; /* the part of a line that has come */
	size_t n;
	size_t end; /* octets of CR LF . CR LF that the content ends in */
};

static SSL_CTX *context;
static const char *offers = "250 sink\r\n";
static char shared[64 * 1024];

static void drop(struct client *c)
{
	SSL_free(c->tls);
	(void)close(c->fd);
	free(c);
}

static bool reply(struct client *c, const char *text)
{
	size_t n = strlen(text);

	/* Some octets always fit: a client reads each before it goes on. */
	return (c->tls != NULL ? SSL_write(c->tls, text, (int)n) : write(c->fd, text, n)) == (ssize_t)n;
}

static bool command(struct client *c)
{
	if (strncasecmp(c->line, "DATA", 4) == 0) {
		c->content = true;
		c->end = 2;
		return reply(c, "354 Go on\r\n");
	}
	if (strncasecmp(c->line, "STARTTLS", 8) == 0) {
		if (!reply(c, "220 Go on\r\n"))
			return false;
		c->tls = SSL_new(context);
		if (c->tls == NULL || SSL_set_fd(c->tls, c->fd) != 1)
			return false;
		SSL_set_accept_state(c->tls);
		c->shaking = true;
		return true;
	}
	if (strncasecmp(c->line, "EHLO", 4) == 0)
		return reply(c, context != NULL && c->tls == NULL ? "250-sink\r\n250 STARTTLS\r\n" : offers);
	if (strncasecmp(c->line, "QUIT", 4) == 0) {
		(void)reply(c, "221 Bye\r\n");
		return false;
	}
	return reply(c, "250 Ok\r\n");
}

/* How much of it is content; what is behind its end are commands. */
static size_t take_content(struct client *c, const char *p, size_t n)
{
	static const char end[] = "\r\n.\r\n";
	size_t i = 0;

	while (i < n && c->end < sizeof end - 1) {
		if (c->end == 0) {
			const char *cr = memchr(p + i, '\r', n - i);

			if (cr == NULL)
				return n;
			i = (size_t)(cr - p);
		}
		c->end = p[i] == end[c->end] ? c->end + 1 : p[i] == '\r';
		i++;
	}
	c->content = c->end < sizeof end - 1;
	return i;
}

static bool take(struct client *c, const char *p, size_t n)
{
	while (n > 0) {
		const char *lf;
		size_t used;

		if (c->content) {
			used = take_content(c, p, n);
			if (!c->content && !reply(c, "250 Ok\r\n"))
				return false;
			p += used;
			n -= used;
			continue;
		}
		lf = memchr(p, '\n', n);
		used = lf == NULL ? n : (size_t)(lf - p) + 1;
		if (c->n + used >= sizeof c->line)
			return false;
		memcpy(c->line + c->n, p, used);
		c->n += used;
		c->line[c->n] = '\0';
		p += used;
		n -= used;
		if (lf == NULL)
			break;
		c->n = 0;
		if (!command(c))
			return false;
	}
	return true;
}

static bool on_ready(struct client *c)
{
	ssize_t n;

	if (c->shaking) {
		int r;

		/* What another client's end left behind would be taken for this one's. */
		ERR_clear_error();
		r = SSL_do_handshake(c->tls);
		if (r != 1)
			return SSL_get_error(c->tls, r) == SSL_ERROR_WANT_READ;
		c->shaking = false;
	}
	do {
		if (c->tls != NULL) {
			ERR_clear_error();
			n = SSL_read(c->tls, shared, sizeof shared);
			if (n <= 0)
				return SSL_get_error(c->tls, (int)n) == SSL_ERROR_WANT_READ;
		} else {
			n = read(c->fd, shared, sizeof shared);
			if (n <= 0)
				return false;
		}
		if (!take(c, shared, (size_t)n))
			return false;
	} while (c->tls != NULL && !c->shaking && SSL_pending(c->tls) > 0);
	return true;
}

static void admit(int listener, int poll)
{
	struct epoll_event e = { .events = EPOLLIN };
	int on = 1, fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct client *c = calloc(1, sizeof *c);

		if (c == NULL)
			give_up("memory", "none left");
		c->fd = fd;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		e.data.ptr = c;
		if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &e) != 0)
			give_up("epoll_ctl", "failed");
		if (!reply(c, "220 sink\r\n"))
			drop(c);
	}
}

static void use_certificate(const char *chain, const char *key)
{
	context = SSL_CTX_new(TLS_server_method());
	if (context == NULL || SSL_CTX_use_certificate_chain_file(context, chain) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		give_up("certificate", "it can't be used");
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct epoll_event ready[EVENTS], e = { .events = EPOLLIN, .data.ptr = NULL };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	int poll = epoll_create1(EPOLL_CLOEXEC);

	if (argc > 2 && strcmp(argv[argc - 1], "pipelining") == 0) {
		offers = "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n";
		argc--;
	}
	if (argc != 2 && argc != 4)
		give_up("usage", "sink PORT [CHAIN KEY] [pipelining]");
	if (argc == 4)
		use_certificate(argv[2], argv[3]);
	at.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 1024) != 0 ||
	    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &e) != 0)
		give_up("listen", argv[1]);
	for (;;) {
		int n = epoll_wait(poll, ready, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct client *c = ready[i].data.ptr;

			if (c == NULL)
				admit(listener, poll);
			else if (!on_ready(c))
				drop(c);
		}
	}
}
