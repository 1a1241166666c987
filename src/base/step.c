#include "base/step.h"

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

void step_open(int fd)
{
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof *steps, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		steps = p;
}

void step(const char *where)
{
	if (steps == NULL)
		return;
	if (++steps->done != steps->fatal)
		return;
	log_error("killed-at-step", LOG_STR("where", where));
	(void)kill(0, SIGKILL);
	_exit(1);
}
