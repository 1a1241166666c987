#include "base/step.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"

struct steps {
	_Atomic int64_t done;
	_Atomic int64_t fatal;
};

static struct steps *steps;
static int killer = -1;

int step_killer(void)
{
	int ends[2];

	/* All of this daemon dies, and nobody else: a command that was not started as the head of a group becomes one. */
	if ((getpgrp() != getpid() && setpgid(0, 0) != 0) || pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	if (fcntl(ends[0], F_SETOWN, -getpgrp()) == 0 && fcntl(ends[0], F_SETSIG, SIGKILL) == 0 &&
	    fcntl(ends[0], F_SETFL, O_ASYNC) == 0)
		return ends[1];
	(void)close(ends[0]);
	(void)close(ends[1]);
	return -1;
}

void step_open(int fd, int pipe)
{
	void *p;

	killer = pipe;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof *steps, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		steps = p;
}

int step_descriptor(void)
{
	return killer;
}

void step(const char *where)
{
	if (steps == NULL)
		return;
	if (++steps->done != steps->fatal)
		return;
	log_error("killed-at-step", LOG_STR("where", where));
	ssize_t ignored = write(killer, "", 1);
	(void)ignored;
	_exit(1);
}
