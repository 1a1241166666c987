#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/slice.h"

enum { BACKLOG = 1024, UNIX_MODE = 0666 };

union any_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

static int parse_tcp(const char *address, union any_address *a, socklen_t *len, struct err *e)
{
	struct slice s = slice_str(address), host, port;
	size_t colon = s.n;
	char text[INET6_ADDRSTRLEN];
	uint64_t number;

	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return err_set(e, ERR_CONFIG, 0, "%s: no port; write it as \"192.0.2.1:25\" or \"[2001:db8::1]:25\"",
			       address);
	host = slice_of(s.p, colon - 1);
	port = slice_of(s.p + colon, s.n - colon);
	if (slice_number(port, 65535, &number) != 0)
		return err_set(e, ERR_CONFIG, 0, "%s: the port is not a number from 0 to 65535", address);
	memset(a, 0, sizeof *a);
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
		host = slice_of(host.p + 1, host.n - 2);
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons((uint16_t)number);
		*len = sizeof a->v6;
	} else {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons((uint16_t)number);
		*len = sizeof a->v4;
	}
	if (host.n < sizeof text) {
		if (host.n > 0)
			memcpy(text, host.p, host.n);
		text[host.n] = '\0';
		if (inet_pton(a->any.sa_family, text,
			      a->any.sa_family == AF_INET ? (void *)&a->v4.sin_addr : (void *)&a->v6.sin6_addr) == 1)
			return 0;
	}
	return err_set(e, ERR_CONFIG, 0, "%s: not an IP address and port (names are not looked up here)", address);
}

static int parse_unix(const char *path, union any_address *a, socklen_t *len, struct err *e)
{
	size_t n = strlen(path);

	memset(a, 0, sizeof *a);
	a->un.sun_family = AF_UNIX;
	if (n == 0 || n >= sizeof a->un.sun_path)
		return err_set(e, ERR_CONFIG, 0, "unix:%s: the path must have 1 to %zu characters", path,
			       sizeof a->un.sun_path - 1);
	memcpy(a->un.sun_path, path, n);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	return 0;
}

/* Takes away a socket that a dead process left behind. */
static int clear_stale(const union any_address *a, socklen_t len, struct err *e)
{
	const char *path = a->un.sun_path;
	struct stat st;
	int fd, r;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "unix:%s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_CONFIG, 0,
			       "unix:%s: exists and is no socket; move it away or choose another path", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, errno, "socket");
	r = connect(fd, &a->any, len) == 0 || errno != ECONNREFUSED ? -1 : 0;
	file_close(&fd);
	if (r != 0)
		return err_set(e, ERR_CONFIG, 0, "unix:%s: another process listens there; stop it first", path);
	if (unlink(path) != 0 && errno != ENOENT)
		return err_sys(e, errno, "unix:%s: can't remove the old socket", path);
	return 0;
}

static int bind_error(const char *address, int errnum, struct err *e)
{
	if (errnum == EADDRINUSE)
		return err_set(e, ERR_CONFIG, 0,
			       "%s: another program listens there; stop it or choose another address or port", address);
	if (errnum == EACCES)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s: not allowed; ports below 1024 need root, a UNIX socket a directory that can be written",
		    address);
	if (errnum == EADDRNOTAVAIL)
		return err_set(e, ERR_CONFIG, 0, "%s: this machine does not have that address", address);
	return err_sys(e, errnum, "%s: can't listen", address);
}

int listener_bind(const char *address, struct err *e)
{
	const bool local = strncmp(address, "unix:", 5) == 0;
	const int on = 1;
	union any_address a;
	socklen_t len = 0;
	mode_t mask;
	int fd, r, failure;

	if (local ? parse_unix(address + 5, &a, &len, e) != 0 || clear_stale(&a, len, e) != 0
		  : parse_tcp(address, &a, &len, e) != 0)
		return -1;
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, errno, "%s: no socket", address);
	if (!local) {
		/* Old connections in TIME_WAIT must not keep a restarted daemon from its port. */
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (a.any.sa_family == AF_INET6)
			(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	}
	/* Who may speak to it is a matter of the directory, as with other mail programs' sockets. The mode comes with
	 * the name: a chmod afterwards could be turned to another file by whom the directory belongs to. */
	mask = umask(0777 & ~UNIX_MODE);
	r = bind(fd, &a.any, len);
	failure = errno;
	(void)umask(mask);
	if (r != 0) {
		(void)bind_error(address, failure, e);
		file_close(&fd);
		return -1;
	}
	if (listen(fd, BACKLOG) != 0) {
		(void)bind_error(address, errno, e);
		file_close(&fd);
		return -1;
	}
	return fd;
}

void listener_peer_ip(const struct sockaddr *sa, socklen_t len, char out[LISTENER_NAME_SIZE])
{
	const struct in6_addr *a;

	out[0] = '\0';
	if (sa->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
		(void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, out,
				LISTENER_NAME_SIZE);
	} else if (sa->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
		a = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(a))
			(void)inet_ntop(AF_INET, &a->s6_addr[12], out, LISTENER_NAME_SIZE);
		else
			(void)inet_ntop(AF_INET6, a, out, LISTENER_NAME_SIZE);
	}
}

void listener_peer_name(const struct sockaddr *sa, socklen_t len, char out[LISTENER_NAME_SIZE])
{
	char text[LISTENER_NAME_SIZE];
	in_port_t port;

	listener_peer_ip(sa, len, text);
	if (text[0] == '\0') {
		(void)snprintf(out, LISTENER_NAME_SIZE, "unix");
		return;
	}
	port = sa->sa_family == AF_INET ? ((const struct sockaddr_in *)(const void *)sa)->sin_port
					: ((const struct sockaddr_in6 *)(const void *)sa)->sin6_port;
	if (strchr(text, ':') == NULL)
		(void)snprintf(out, LISTENER_NAME_SIZE, "%.45s:%u", text, ntohs(port));
	else
		(void)snprintf(out, LISTENER_NAME_SIZE, "[%.45s]:%u", text, ntohs(port));
}
