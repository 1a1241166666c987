#include "cmd/notify.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/slice.h"

enum { STATE_MAX = 1000, WAITING_MAX = 8, AGAIN_MS = 200 };

struct notify {
	struct event *again;
	char waiting[WAITING_MAX][STATE_MAX]; /* oldest first */
	size_t n;
};

/* False when the manager has no room for it just now. */
static bool say(const char *state)
{
	bool heard;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path == NULL ? 0 : strlen(path);
	int fd;

	if (n < 2 || n >= sizeof sun.sun_path || (path[0] != '/' && path[0] != '@'))
		return true;
	memcpy(sun.sun_path, path, n);
	/* In the abstract name space, where names are no paths (unix(7)). */
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	/* A manager that is busy must not hold us up. */
	heard = sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&sun,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) >= 0 ||
		(errno != EAGAIN && errno != ENOBUFS);
	(void)close(fd);
	return heard;
}

static void forget_first(struct notify *t)
{
	memmove(t->waiting[0], t->waiting[1], --t->n * sizeof t->waiting[0]);
}

static void say_waiting(struct notify *t)
{
	static const struct timeval soon = { .tv_usec = AGAIN_MS * 1000 };

	while (t->n > 0 && say(t->waiting[0]))
		forget_first(t);
	if (t->n > 0)
		(void)event_add(t->again, &soon);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	say_waiting(arg);
}

struct notify *notify_new(struct event_base *base)
{
	struct notify *t = mem_alloc(sizeof *t);

	t->again = event_new(base, -1, 0, on_again, t);
	if (t->again == NULL)
		abort(); /* a small allocation failed */
	return t;
}

void notify_free(struct notify **t)
{
	if (*t == NULL)
		return;
	event_free((*t)->again);
	free(*t);
	*t = NULL;
}

void notify_manager(struct notify *t, const char *fmt, ...)
{
	va_list ap;

	/* What has changed since tells more than the oldest. */
	if (t->n == WAITING_MAX)
		forget_first(t);
	va_start(ap, fmt);
	(void)vsnprintf(t->waiting[t->n++], STATE_MAX, fmt, ap);
	va_end(ap);
	say_waiting(t);
}

void notify_alive(struct notify *t)
{
	if (t->n == 0)
		(void)say("WATCHDOG=1");
}

void notify_reloading(struct notify *t)
{
	struct timespec now;

	/* The time tells this reload from one before (sd_notify(3), MONOTONIC_USEC). */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	notify_manager(t, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=Reading the configuration again",
		       (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

int64_t notify_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t number, who;

	if (usec == NULL || slice_number(slice_str(usec), INT64_MAX, &number) != 0)
		return 0;
	if (pid != NULL && (slice_number(slice_str(pid), INT32_MAX, &who) != 0 || (pid_t)who != getpid()))
		return 0;
	return number < 2000 ? 0 : (int64_t)(number / 1000);
}
