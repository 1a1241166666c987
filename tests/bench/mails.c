#include "mails.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void give_up(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	exit(1);
}

void mails_read(struct mails *m, const char *file, size_t count)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *p, *end;

	if (fd < 0 || fstat(fd, &st) != 0)
		give_up("%s: %s", file, strerror(errno));
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		give_up("%s: %s", file, strerror(errno));
	(void)close(fd);
	end = p + st.st_size;
	*m = (struct mails){ calloc(count, sizeof *m->all), 0, 0 };
	if (m->all == NULL)
		give_up("no memory");
	while (m->n < count && p < end) {
		size_t size = strtoul(p, &p, 10);

		if (++p > end || size > (size_t)(end - p))
			give_up("%s is not a file of mails", file);
		m->all[m->n++] = (struct iovec){ p, size };
		m->bytes += size;
		p += size;
	}
	if (m->n < count)
		give_up("%s has only %zu mails", file, m->n);
}

void peer_open(struct peer *p, unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	p->begin = p->end = 0;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&to, sizeof to) != 0)
		give_up("port %u: %s", port, strerror(errno));
	(void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void peer_write(struct peer *p, struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t did = writev(p->fd, v, n);

		if (did < 0)
			give_up("write: %s", strerror(errno));
		for (; n > 0 && (size_t)did >= v->iov_len; v++, n--)
			did -= (ssize_t)v->iov_len;
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + did;
			v->iov_len -= (size_t)did;
		}
	}
}

void peer_print(struct peer *p, const char *fmt, ...)
{
	char text[1024];
	struct iovec v = { text, 0 };
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof text)
		give_up("command too long");
	v.iov_len = (size_t)n;
	peer_write(p, &v, 1);
}

bool peer_line(struct peer *p, bool wait)
{
	for (;;) {
		char *at = memchr(p->in + p->begin, '\n', p->end - p->begin);
		ssize_t n;

		if (at != NULL) {
			size_t size = (size_t)(at - (p->in + p->begin)), keep = size;

			if (keep > 0 && at[-1] == '\r')
				keep--;
			if (keep >= sizeof p->line)
				keep = sizeof p->line - 1;
			memcpy(p->line, p->in + p->begin, keep);
			p->line[keep] = '\0';
			p->begin += size + 1;
			return true;
		}
		memmove(p->in, p->in + p->begin, p->end - p->begin);
		p->end -= p->begin;
		p->begin = 0;
		if (p->end == sizeof p->in)
			give_up("a line without end");
		n = recv(p->fd, p->in + p->end, sizeof p->in - p->end, wait ? 0 : MSG_DONTWAIT);
		if (n < 0 && !wait && (errno == EAGAIN || errno == EWOULDBLOCK))
			return false;
		if (n <= 0)
			give_up("read: %s", n == 0 ? "the server closed" : strerror(errno));
		p->end += (size_t)n;
	}
}

double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double processor(int who)
{
	struct rusage u;

	(void)getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

void report(double began, const struct mails *m)
{
	(void)printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"messages\": %zu, \"bytes\": %llu}\n", now() - began,
		     processor(RUSAGE_SELF) + processor(RUSAGE_CHILDREN), m->n, (unsigned long long)m->bytes);
}
