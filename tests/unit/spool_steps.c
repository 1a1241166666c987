#include "spool_steps.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/step.h"

enum { STEPS_SIZE = 16 };

static int64_t *steps;
static int steps_fd = -1;

static void install(void)
{
	(void)setpgid(0, 0); /* a kill is of the group */
	step_open(steps_fd, step_killer());
}

int64_t *steps_begin(struct test_spool *t)
{
	steps_fd = memfd_create("steps", 0);
	assert_int_equal(ftruncate(steps_fd, STEPS_SIZE), 0);
	steps = mmap(NULL, STEPS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, steps_fd, 0);
	assert_ptr_not_equal(steps, MAP_FAILED);
	t->prepare = install;
	return steps;
}

void steps_end(void)
{
	(void)munmap(steps, STEPS_SIZE);
	file_close(&steps_fd);
}
