#include "sieve/run.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sieve/result.h"

int run_charge(struct run *r, size_t steps)
{
	r->steps += steps;
	if (r->steps <= SIEVE_STEPS_MAX)
		return 0;
	return run_error(r, "the script needs more than the %d steps that one message may take", SIEVE_STEPS_MAX);
}

void *run_alloc(struct run *r, size_t n, size_t size)
{
	void *p = arena_array(&r->arena, n, size);

	if (p == NULL)
		(void)run_error(r, "the script needs more than the %d octets of memory that one message may take",
				SIEVE_RUN_BYTES_MAX);
	return p;
}

int run_error(struct run *r, const char *fmt, ...)
{
	enum { RUN_ERROR_MAX = 1000 };
	struct buf text;
	va_list ap;

	if (r->plan->error != NULL)
		return -1;
	buf_init(&text, RUN_ERROR_MAX);
	va_start(ap, fmt);
	(void)buf_vaddf(&text, fmt, ap);
	va_end(ap);
	r->plan->error =
	    mem_printf("%s:%u:%u: error: %s", r->program->name, r->op->pos.line, r->op->pos.column, buf_str(&text));
	buf_free(&text);
	return -1;
}

/* Runs the operation at *PC and sets *PC to the next. 0, or -1 after run_error. */
static int run_op(struct run *r, uint32_t *pc, bool *truth)
{
	const struct op *op = &r->program->ops[(*pc)++];
	int got;

	r->op = op;
	if (run_charge(r, 1) != 0)
		return -1;
	switch (op->kind) {
	case OP_COMMAND:
		return op->spec->run != NULL ? op->spec->run(r, op) : 0;
	case OP_TEST:
		got = op->spec->run(r, op);
		*truth = got > 0;
		return got < 0 ? -1 : 0;
	case OP_NOT:
		*truth = !*truth;
		break;
	case OP_JUMP:
		*pc = op->target;
		break;
	case OP_JUMP_TRUE:
		*pc = *truth ? op->target : *pc;
		break;
	case OP_JUMP_FALSE:
		*pc = *truth ? *pc : op->target;
		break;
	case OP_END:
		r->stopped = true;
		break;
	}
	return 0;
}

int sieve_run(const struct sieve_program *p, const struct sieve_input *in, struct plan *plan)
{
	/* The arena and the scratch buffer share the bound. */
	enum { RUN_SCRATCH_MAX = 2 * 1024 * 1024 };
	struct run r = { .program = p, .in = in, .plan = plan };
	bool truth = false;
	uint32_t pc = 0;
	int ret = 0;

	*plan = (struct plan){ .implicit_keep = true };
	arena_init(&r.arena, SIEVE_RUN_BYTES_MAX - RUN_SCRATCH_MAX);
	buf_init(&r.scratch, RUN_SCRATCH_MAX);
	while (ret == 0 && !r.stopped)
		ret = run_op(&r, &pc, &truth);
	result_finish(&r, ret == 0);
	arena_free(&r.arena);
	buf_free(&r.scratch);
	return ret;
}
