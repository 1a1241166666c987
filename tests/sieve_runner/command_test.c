/* Blocks of tests, and leaving them. The operation that begins one knows where it ends, so that a failure, also in a script
 * that is included, leads there. */
#include "sieve/parts.h"
#include "testsuite.h"

static struct {
	bool tests;  /* the file of tests is compiled, not a script under test */
	bool inside; /* a block of a test */
} compiling;

void testsuite_compile_begin(bool tests)
{
	compiling.tests = tests;
	compiling.inside = false;
}

static int run_end(struct run *r, const struct op *op)
{
	(void)op;
	parts_unwind(r, suite_of(r)->loops);
	report_end(&suite_of(r)->report);
	return 0;
}

static const struct sieve_command end_of_test = { "test", SIEVE_CONTROL, .run = run_end };

void testsuite_emit_test(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	struct op op = { .kind = OP_COMMAND, .pos = node->pos, .spec = testsuite_extension.commands };
	uint32_t begin, end;

	(void)scope;
	if (!compiling.tests)
		compile_error(c, node->pos, "a script under test can't hold tests");
	else if (compiling.inside || c->depth > 1)
		compile_error(c, node->pos, "\"test\" can't stand in another block");
	if (bind_arguments(c, node, op.spec, &op) != 0 || compiling.inside) {
		compile_block(c, node->block);
		return;
	}
	begin = compile_op(c, OP_COMMAND, node->pos);
	op.kind = OP_COMMAND;
	c->program->ops[begin] = op;
	compiling.inside = true;
	compile_block(c, node->block);
	compiling.inside = false;
	end = compile_op(c, OP_COMMAND, node->close);
	c->program->ops[end].spec = &end_of_test;
	c->program->ops[begin].target = end;
}

int testsuite_test(struct run *r, const struct op *op)
{
	struct suite *s = suite_of(r);

	/* A way out may lead out of loops, too. */
	s->loops = parts_depth(r);
	s->program = r->program;
	s->end_of_test = op->target;
	report_begin(&s->report, run_string(r, op, 0));
	return 0;
}

/* The test that runs failed; outside of one, and in a script under test, that is an error of the script. */
static int fail(struct run *r, const struct op *op, struct slice reason)
{
	struct suite *s = suite_of(r);

	if (s->under_test > 0 || s->report.test == NULL)
		return run_error(r, "%s: %.*s", op->spec->name, (int)reason.n, reason.p);
	report_fail(&s->report, r->program->name, op->pos.line, reason);
	r->leave = s->program;
	r->leave_to = s->end_of_test;
	return 0;
}

int testsuite_fail(struct run *r, const struct op *op)
{
	return fail(r, op, run_string(r, op, 0));
}

int testsuite_need_message(struct run *r, const struct op *op)
{
	int got = testsuite_message(r, op);

	return got != 0 ? got : fail(r, op, SLICE_LIT("there is no such message"));
}

int testsuite_mailbox_delete(struct run *r, const struct op *op)
{
	return fail(r, op, SLICE_LIT("no mailbox can be deleted"));
}

/* ${tst.path}; all others are empty. */
int testsuite_path(struct run *r, struct slice name, struct slice *out)
{
	if (slice_eq_nocase(name, SLICE_LIT("path")))
		*out = slice_str(suite_of(r)->folder);
	return 0;
}
