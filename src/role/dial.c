#include "role/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/file.h"

enum { ADDRESSES_MAX = 16 };

/* 0, or an errno. */
static int connect_one(int fd, const struct addrinfo *a, int64_t until)
{
	int failure = 0;
	socklen_t size = sizeof failure;

	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	for (;;) {
		struct pollfd p = { fd, POLLOUT, 0 };
		int64_t left = until - clock_mono_ms();
		int n = left <= 0 ? 0 : poll(&p, 1, (int)left);

		if (n == 0)
			return ETIMEDOUT;
		if (n > 0)
			break;
		if (errno != EINTR)
			return errno;
	}
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0 ? errno : failure;
}

static int resolve(const char *host, uint16_t port, struct addrinfo **list, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	char service[8];
	int ret;

	(void)snprintf(service, sizeof service, "%u", port);
	ret = getaddrinfo(host, service, &hints, list);
	if (ret == 0)
		return 0;
	if (ret == EAI_NONAME || ret == EAI_NODATA)
		return err_set(e, ERR_TEMP, ENOENT, "no host is called %s; check host, and this machine's name server",
			       host);
	return err_set(e, ERR_TEMP, EAGAIN, "cannot look up %s: %s; check this machine's name server", host,
		       gai_strerror(ret));
}

/* What to do about FAILURE. */
static int explain(int failure, const char *host, uint16_t port, const char *keys, struct err *e)
{
	const char *before = "check ", *after = "";

	if (failure == ECONNREFUSED) {
		before = "nobody listens there: check ";
		after = ", or wait until the server is back";
	} else if (failure == ETIMEDOUT) {
		after = ", and the firewall";
	} else if (failure == ENETUNREACH || failure == EHOSTUNREACH) {
		keys = "this machine's network";
	}
	return err_set(e, ERR_TEMP, failure, "cannot connect to %s port %u: %s; %s%s%s", host, port, strerror(failure),
		       before, keys, after);
}

int dial(const char *host, uint16_t port, const char *keys, int64_t timeout_ms, struct err *e)
{
	int64_t until = clock_mono_ms() + timeout_ms;
	struct addrinfo *list = NULL, *a;
	int n = 0, failure = 0, fd = -1;

	if (resolve(host, port, &list, e) != 0)
		return -1;
	for (a = list; a != NULL && n < ADDRESSES_MAX; a = a->ai_next)
		n++;
	for (a = list; a != NULL && n > 0; a = a->ai_next, n--) {
		int64_t now = clock_mono_ms();

		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		failure = fd < 0 ? errno : connect_one(fd, a, now + (until - now) / n);
		if (failure == 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) != 0)
			failure = errno;
		if (failure == 0)
			break;
		file_close(&fd);
	}
	freeaddrinfo(list);
	if (fd < 0)
		(void)explain(failure, host, port, keys, e);
	return fd;
}

/* 0, or -1: HOST is no IP address. */
static int numeric(const char *host, uint16_t port, struct sockaddr_storage *sa, socklen_t *len)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
		memcpy(sa, &in, sizeof in);
		*len = sizeof in;
		return 0;
	}
	if (inet_pton(AF_INET6, host, &in6.sin6_addr) != 1)
		return -1;
	memcpy(sa, &in6, sizeof in6);
	*len = sizeof in6;
	return 0;
}

static int local(struct slice path, struct sockaddr_storage *sa, socklen_t *len)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (path.n >= sizeof un.sun_path)
		return -1;
	memcpy(un.sun_path, path.p, path.n);
	memcpy(sa, &un, sizeof un);
	*len = sizeof un;
	return 0;
}

int dial_begin(const char *host, uint16_t port, struct slice path, struct err *e)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = 0;
	int fd, on = 1;

	err_clear(e);
	if (path.n == 0 && numeric(host, port, &sa, &len) != 0)
		return -1;
	if (path.n > 0 && local(path, &sa, &len) != 0)
		return err_set(e, ERR_CONFIG, 0, "the path of its socket is too long");
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, errno, "no socket can be made");
	if (sa.ss_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (const struct sockaddr *)&sa, len) == 0 || errno == EINPROGRESS)
		return fd;
	if (sa.ss_family == AF_UNIX)
		(void)err_set(e, ERR_TEMP, errno, "cannot connect to %.*s: %s; check its address, and whether it runs",
			      (int)path.n, path.p, strerror(errno));
	else
		(void)explain(errno, host, port, "its address, and whether it runs", e);
	file_close(&fd);
	return -1;
}
