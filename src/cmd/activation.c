#include "cmd/activation.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/slice.h"
#include "net/listener.h"

enum { FIRST = 3, SOCKETS_MAX = 1000 };

struct given {
	int fd;
	char *name;
	char address[sizeof ((struct sockaddr_un *)NULL)->sun_path + 6]; /* as a listener has it, "" when it is no such */
	bool used;
};

static struct given *all; /* as long as the process lives */
static size_t nall;

static void read_address(struct given *g)
{
	union {
		struct sockaddr any;
		struct sockaddr_storage storage;
		struct sockaddr_un un;
	} a = { 0 };
	char name[LISTENER_NAME_SIZE];
	socklen_t len = sizeof a, size;
	int listening = 0, type = 0;

	size = sizeof listening;
	if (getsockopt(g->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0)
		return;
	size = sizeof type;
	if (getsockopt(g->fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM ||
	    getsockname(g->fd, &a.any, &len) != 0)
		return;
	if (a.any.sa_family == AF_UNIX) {
		if (a.un.sun_path[0] == '/')
			(void)snprintf(g->address, sizeof g->address, "unix:%s", a.un.sun_path);
		return;
	}
	listener_peer_name(&a.any, len, name);
	(void)snprintf(g->address, sizeof g->address, "%s", name);
}

static void add(int fd, struct slice name)
{
	struct given *g;

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return; /* nothing is there */
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	all = mem_resize(all, nall + 1, sizeof *all);
	g = &all[nall++];
	*g = (struct given){ .fd = fd, .name = slice_dup(name) };
	read_address(g);
}

void activation_take(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	struct slice rest = names == NULL ? SLICE_NONE : slice_str(names);
	uint64_t who, n;

	/* For another process than us they are none of ours. */
	if (pid != NULL && fds != NULL && slice_number(slice_str(pid), INT32_MAX, &who) == 0 && (pid_t)who == getpid() &&
	    slice_number(slice_str(fds), SOCKETS_MAX, &n) == 0) {
		for (int i = 0; i < (int)n; i++) {
			size_t end = slice_find(rest, ':');

			add(FIRST + i, slice_of(rest.p, end));
			rest = slice_skip(rest, end < rest.n ? end + 1 : end);
		}
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
}

static bool has_name(const struct given *g, const char *name)
{
	return strcmp(g->name, name) == 0 && g->address[0] != '\0';
}

static struct given *find(const struct config_listener *l)
{
	struct given *found = NULL;

	for (size_t i = 0; i < nall; i++) {
		if (!has_name(&all[i], l->name))
			continue;
		if (found != NULL) {
			found = NULL;
			break;
		}
		found = &all[i];
	}
	for (size_t i = 0; found == NULL && i < nall; i++)
		if (strcmp(all[i].address, l->address) == 0)
			found = &all[i];
	return found;
}

int activation_socket(const struct config_listener *l)
{
	struct given *g = find(l);

	if (g == NULL)
		return -1;
	g->used = true;
	return fcntl(g->fd, F_DUPFD_CLOEXEC, FIRST);
}

void activation_warn(void)
{
	for (size_t i = 0; i < nall; i++)
		if (!all[i].used)
			log_warning("socket-not-used", LOG_STR("name", all[i].name), LOG_STR("address", all[i].address),
				    LOG_STR("what",
					    all[i].address[0] == '\0'
						? "the service manager handed over something that is no listening stream socket"
						: "no listener has this name or this address; clients that connect there wait "
						  "for nothing"));
}
