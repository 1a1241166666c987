#include "sieve/run.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sieve/content.h"
#include "sieve/maker.h"
#include "sieve/parts.h"
#include "sieve/globals.h"
#include "sieve/regex.h"
#include "sieve/registry.h"
#include "sieve/result.h"
#include "sieve/text.h"
#include "sieve/trace.h"
#include "sieve/variables.h"
#include "sieve/words.h"

int run_charge(struct run *r, size_t steps)
{
	enum { STEPS_A_LOOK = 4096 /* at the clock */ };
	uint64_t before = r->steps;

	r->steps += steps;
	if (r->steps / STEPS_A_LOOK != before / STEPS_A_LOOK &&
	    clock_cpu_ms() - r->cpu_from_ms > (int64_t)r->limits.cpu_ms)
		return run_error(r, "the script needs more than the %u ms of processor time that one message may take",
				 r->limits.cpu_ms);
	if (r->steps <= r->limits.steps)
		return 0;
	return run_error(r, "the script needs more than the %llu steps that one message may take",
			 (unsigned long long)r->limits.steps);
}

void *run_alloc_in(struct run *r, struct arena *a, size_t n, size_t size)
{
	void *p = arena_array(a, n, size);

	if (p == NULL)
		(void)run_error(r, "the script needs more than the %zu octets of memory that one message may take",
				r->limits.bytes);
	return p;
}

void *run_alloc(struct run *r, size_t n, size_t size)
{
	return run_alloc_in(r, &r->arena, n, size);
}

void *run_alloc_now(struct run *r, size_t n, size_t size)
{
	return run_alloc_in(r, &r->now, n, size);
}

struct slice run_copy(struct run *r, struct slice s)
{
	char *p = run_alloc(r, s.n, 1);

	if (p == NULL)
		return SLICE_NONE;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return slice_of(p, s.n);
}

static int expand_one(struct run *r, const struct value *v, size_t i, struct slice *out)
{
	*out = v->strings[i];
	if (v->texts[i] == NULL)
		return 0;
	if (text_expand(r, v->texts[i], out) != 0)
		return -1;
	if (v->check != NULL)
		v->check(&(struct maker){ .r = r, .at = r->op->pos }, out);
	return run_failed(r) ? -1 : 0;
}

struct strings run_strings(struct run *r, const struct value *v)
{
	enum { WORDS_CHARGE = 64 /* octets, a step */ };
	const struct strings none = { NULL, 0 };
	struct strings words = { NULL, 0 };
	struct slice *all, *split;

	if (v->texts == NULL)
		return (struct strings){ v->strings, v->n };
	all = run_alloc_now(r, v->n, sizeof *all);
	if (all == NULL)
		return none;
	for (size_t i = 0; i < v->n; i++)
		if (expand_one(r, v, i, &all[i]) != 0)
			return none;
	if (!v->words)
		return (struct strings){ all, v->n };
	for (size_t i = 0; i < v->n; i++) {
		if (run_charge(r, all[i].n / WORDS_CHARGE) != 0)
			return none;
		words.n += words_count(all[i]);
	}
	split = run_alloc_now(r, words.n, sizeof *split);
	if (split == NULL || run_charge(r, words.n) != 0)
		return none;
	words.n = 0;
	for (size_t i = 0; i < v->n; i++)
		words.n += words_split(all[i], &split[words.n]);
	words.all = split;
	return words;
}

char *run_take(struct run *r, const struct op *op, const char *tag)
{
	struct slice s = run_value(r, op_tag(op, tag));

	return s.p == NULL ? NULL : slice_dup(s);
}

int run_error(struct run *r, const char *fmt, ...)
{
	enum { RUN_ERROR_MAX = 1000 };
	struct buf text;
	const char *name;
	va_list ap;

	if (r->plan->error != NULL)
		return -1;
	buf_init(&text, RUN_ERROR_MAX);
	va_start(ap, fmt);
	(void)buf_vaddf(&text, fmt, ap);
	va_end(ap);
	name = r->in->name != NULL && r->program->root == r->program ? r->in->name : r->program->name;
	r->plan->error = mem_printf("%s:%u:%u: error: %s", name, r->op->pos.line, r->op->pos.column, buf_str(&text));
	buf_free(&text);
	return -1;
}

/* What was used without "require", and no "ihave" told before that it is there. */
static int check_needs(struct run *r, uint64_t needs)
{
	for (int i = 0; sieve_extensions[i] != NULL; i++)
		if ((needs & ~r->enabled) >> i & 1)
			return run_error(r, "this needs the extension \"%s\", which was neither required nor found by "
					 "\"ihave\" before", sieve_extensions[i]->name);
	return 0;
}

/* Runs the operation at *PC and sets *PC to the next. 0, or -1 after run_error. */
static int run_op(struct run *r, uint32_t *pc, bool *truth, bool *end)
{
	const struct op *op = &r->program->ops[(*pc)++];
	int got = 0;

	r->op = op;
	if (run_charge(r, 1) != 0)
		return -1;
	switch (op->kind) {
	case OP_COMMAND:
		r->noted = false;
		got = op->spec->run != NULL ? op->spec->run(r, op) : 0;
		if (trace_wanted(r) && got >= 0 && !run_failed(r) && !r->noted)
			trace_operation(r, SIEVE_TRACE_COMMAND, true);
		break;
	case OP_TEST:
		r->field_name = SLICE_NONE;
		got = op->spec->run(r, op);
		*truth = got > 0;
		if (trace_wanted(r) && got >= 0 && !run_failed(r))
			trace_operation(r, SIEVE_TRACE_TEST, *truth);
		break;
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
		if (trace_wanted(r) && op->spec != NULL)
			trace_operation(r, SIEVE_TRACE_BRANCH, *truth);
		*pc = *truth ? *pc : op->target;
		break;
	case OP_NEED:
		got = check_needs(r, op->needs);
		break;
	case OP_FAIL:
		got = run_error(r, "%.*s", (int)op->unknown.n, op->unknown.p);
		break;
	case OP_END:
		*end = true;
		break;
	}
	if (r->now.chunks != NULL)
		arena_free(&r->now);
	if (trace_wanted(r) && (got < 0 || run_failed(r)))
		trace_operation(r, SIEVE_TRACE_ERROR, false);
	return got < 0 || run_failed(r) ? -1 : 0;
}

int run_program(struct run *r, const struct sieve_program *p)
{
	const struct sieve_program *outer = r->program;
	const struct op *op = r->op;
	struct variables *variables = r->variables;
	struct arena now = r->now;
	size_t bytes = r->variable_bytes;
	struct part_frame frame;
	uint64_t enabled = r->enabled;
	struct inclusion *inclusion = r->inclusion;
	bool truth = false, end = false;
	uint32_t pc = 0;
	int ret;

	parts_frame_open(r, &frame);
	r->program = p;
	r->enabled = p->required;
	r->inclusion = p->root == p ? NULL : inclusion;
	r->op = &p->ops[0];
	r->variables = variables_new(r, p);
	arena_init(&r->now, now.max);
	ret = r->variables != NULL ? 0 : -1;
	while (ret == 0 && !r->stopped && !r->returned && !end && r->leave == NULL) {
		ret = run_op(r, &pc, &truth, &end);
		if (r->leave == p) {
			pc = r->leave_to;
			r->leave = NULL;
		}
	}
	arena_free(&r->now);
	variables_free(&r->variables);
	parts_frame_close(r, &frame);
	r->returned = false;
	r->now = now;
	r->variables = variables;
	r->variable_bytes = bytes;
	r->program = outer;
	r->enabled = enabled;
	r->inclusion = inclusion;
	r->op = op;
	return ret;
}

const struct sieve_limits sieve_usual_limits = {
	.actions = SIEVE_ACTIONS_MAX,
	.redirects = SIEVE_REDIRECTS_MAX,
	.notifications = SIEVE_NOTIFICATIONS_MAX,
	.include_depth = SIEVE_INCLUDE_DEPTH_MAX,
	.variable_size = SIEVE_VARIABLE_MAX,
	.header_size = SIEVE_HEADER_MAX,
	.steps = SIEVE_STEPS_MAX,
	.bytes = SIEVE_RUN_BYTES_MAX,
	.cpu_ms = SIEVE_CPU_MS_MAX,
};

void run_open(struct run *r, const struct sieve_input *in, struct plan *plan)
{
	/* The arenas and the scratch buffer share the bound. */
	enum {
		RUN_SCRATCH_MAX = 2 * 1024 * 1024,
		RUN_NOW_MAX = 2 * 1024 * 1024,
		RUN_PASSING_MAX = 2 * 1024 * 1024, /* a field of HEADER_MAX_BYTES */
		RUN_PARTS_MAX = 4 * 1024 * 1024 /* parts.c */
	};

	*r = (struct run){ .in = in, .plan = plan };
	*plan = (struct plan){ .implicit_keep = true };
	r->limits = in->limits != NULL ? *in->limits : sieve_usual_limits;
	r->cpu_from_ms = clock_cpu_ms();
	arena_init(&r->arena, r->limits.bytes - RUN_SCRATCH_MAX - RUN_NOW_MAX - RUN_PASSING_MAX - RUN_PARTS_MAX);
	arena_init(&r->passing, RUN_PASSING_MAX);
	arena_init(&r->now, RUN_NOW_MAX);
	buf_init(&r->scratch, RUN_SCRATCH_MAX);
}

void run_forget_message(struct run *r)
{
	parts_drop(&r->parts);
	content_free(&r->content);
	r->from = r->to = NULL;
}

void run_close(struct run *r)
{
	run_forget_message(r);
	globals_free(&r->globals);
	regex_state_free(&r->regex);
	arena_free(&r->arena);
	arena_free(&r->now);
	arena_free(&r->passing);
	buf_free(&r->scratch);
}

int sieve_run(const struct sieve_program *p, const struct sieve_input *in, struct plan *plan)
{
	struct run r;
	int ret;

	run_open(&r, in, plan);
	ret = run_program(&r, p);
	if (result_finish(&r, ret == 0) != 0)
		ret = -1;
	run_close(&r);
	return ret;
}
