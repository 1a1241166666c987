#include "role/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

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
