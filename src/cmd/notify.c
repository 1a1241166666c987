#include "cmd/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/slice.h"

enum { STATE_MAX = 1000 };

static void say(const char *state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path == NULL ? 0 : strlen(path);
	int fd;

	if (n < 2 || n >= sizeof sun.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(sun.sun_path, path, n);
	/* In the abstract name space, where names are no paths (unix(7)). */
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* A courtesy: a manager that can't hear it has its own time-out, and must not hold us up. */
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&sun,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	(void)close(fd);
}

void notify_manager(const char *fmt, ...)
{
	char state[STATE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(state, sizeof state, fmt, ap);
	va_end(ap);
	say(state);
}

void notify_reloading(void)
{
	struct timespec now;

	/* The time tells this reload from one before (sd_notify(3), MONOTONIC_USEC). */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	notify_manager("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=Reading the configuration again",
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
