/* Tests that combine others, and the constant ones (RFC 5228, 5.2, 5.3, 5.6, 5.8, 5.10). */
#include "sieve/compiler.h"
#include "sieve/extensions.h"

/* The list is left as soon as a test decides it; the jumps to its end are linked by their targets until that is known.
 */
static void emit_list(struct compiler *c, const struct ast_node *node, enum op_kind leave)
{
	uint32_t leaving = COMPILE_NONE;

	for (const struct ast_node *t = node->tests; t != NULL; t = t->next) {
		uint32_t jump;

		compile_test(c, t);
		if (t->next == NULL)
			break;
		jump = compile_op(c, leave, t->pos);
		c->program->ops[jump].target = leaving;
		leaving = jump;
	}
	while (leaving != COMPILE_NONE) {
		uint32_t jump = leaving;

		leaving = c->program->ops[jump].target;
		compile_patch(c, jump);
	}
}

static void emit_allof(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	(void)scope;
	emit_list(c, node, OP_JUMP_FALSE);
}

static void emit_anyof(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	(void)scope;
	emit_list(c, node, OP_JUMP_TRUE);
}

static void emit_not(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	(void)scope;
	compile_test(c, node->tests);
	(void)compile_op(c, OP_NOT, node->pos);
}

static int known_true(const struct compiler *c, const struct ast_node *node)
{
	(void)c;
	(void)node;
	return 1;
}

static int known_false(const struct compiler *c, const struct ast_node *node)
{
	(void)c;
	(void)node;
	return 0;
}

static int known_not(const struct compiler *c, const struct ast_node *node)
{
	int known = node->tests != NULL ? compile_known(c, node->tests) : -1;

	return known < 0 ? -1 : !known;
}

/* One that is DECIDING decides the list; else all must be known. */
static int known_list(const struct compiler *c, const struct ast_node *node, int deciding)
{
	int all = !deciding;

	for (const struct ast_node *t = node->tests; t != NULL; t = t->next) {
		int known = compile_known(c, t);

		if (known == deciding)
			return deciding;
		all = known < 0 ? -1 : all;
	}
	return all;
}

static int known_allof(const struct compiler *c, const struct ast_node *node)
{
	return known_list(c, node, 0);
}

static int known_anyof(const struct compiler *c, const struct ast_node *node)
{
	return known_list(c, node, 1);
}

static int run_true(struct run *r, const struct op *op)
{
	(void)r;
	(void)op;
	return 1;
}

static int run_false(struct run *r, const struct op *op)
{
	(void)r;
	(void)op;
	return 0;
}

static const struct sieve_command commands[] = {
	{ "allof", SIEVE_TEST, .tests = TESTS_LIST, .emit = emit_allof, .known = known_allof },
	{ "anyof", SIEVE_TEST, .tests = TESTS_LIST, .emit = emit_anyof, .known = known_anyof },
	{ "not", SIEVE_TEST, .tests = TESTS_ONE, .emit = emit_not, .known = known_not },
	{ "true", SIEVE_TEST, .run = run_true, .known = known_true },
	{ "false", SIEVE_TEST, .run = run_false, .known = known_false },
	{ 0 },
};

const struct sieve_extension sieve_logic = { .commands = commands };
