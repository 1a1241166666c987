#include "world.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/types.h>

struct world world;

int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_mono_ms(void);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags);

void world_begin(bool (*serve)(void), int step_ms, int for_ever_ms)
{
	world = (struct world){
		.serve = serve, .step_ms = step_ms, .for_ever_ms = for_ever_ms, .now_ms = WORLD_START_MS, .dice = 1
	};
}

int64_t __wrap_clock_wall_ms(void)
{
	return 1790000000000 + world.now_ms;
}

int64_t __wrap_clock_mono_ms(void)
{
	return world.now_ms;
}

ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags)
{
	unsigned char *out = p;

	(void)flags;
	for (size_t i = 0; i < n; i++) {
		world.dice = world.dice * 1664525 + 1013904223;
		out[i] = (unsigned char)(world.dice >> 24);
	}
	return (ssize_t)n;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	const bool moved = world.serve();
	const int got = __real_poll(fds, n, 0);

	if (++world.polls > WORLD_POLLS_MAX)
		abort();
	/* What is under way at the other side comes before the time goes on. */
	if (got == 0 && timeout != 0 && !moved)
		world.now_ms += timeout < 0 ? world.for_ever_ms : timeout < world.step_ms ? timeout : world.step_ms;
	return got;
}
