/* "foreverypart" and "break" (RFC 5703, 3): jumps around a block, and a loop in the run (parts.h). */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/loop.h"
#include "sieve/parts.h"

static int run_enter(struct run *r, const struct op *op)
{
	(void)op;
	return parts_enter(r);
}

static int run_next(struct run *r, const struct op *op)
{
	(void)op;
	return parts_next(r);
}

static int run_leave(struct run *r, const struct op *op)
{
	(void)op;
	parts_leave(r);
	return 0;
}

/* What a loop is made of; no script can write them. */
static const struct sieve_command enter = { "foreverypart", SIEVE_ACTION, .run = run_enter },
				  next = { "foreverypart", SIEVE_TEST, .run = run_next },
				  leave = { "foreverypart", SIEVE_ACTION, .run = run_leave };

static void add(struct compiler *c, enum op_kind kind, const struct sieve_command *spec, struct pos pos)
{
	uint32_t at = compile_op(c, kind, pos);

	c->program->ops[at].spec = spec;
}

/* The string behind :name; the arguments were checked. */
static struct slice loop_name(const struct ast_node *node)
{
	return node->args != NULL && node->args->next != NULL ? node->args->next->strings->text : SLICE_NONE;
}

static void emit_loop(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	struct compile_loop loop = { .outer = c->loops, .name = loop_name(node), .breaks = COMPILE_NONE };
	uint32_t top, out, again;

	(void)scope;
	add(c, OP_COMMAND, &enter, node->pos);
	top = (uint32_t)c->program->nops;
	add(c, OP_TEST, &next, node->pos);
	out = compile_op(c, OP_JUMP_FALSE, node->pos);
	c->loops = &loop;
	compile_block(c, node->block);
	c->loops = loop.outer;
	again = compile_op(c, OP_JUMP, node->pos);
	c->program->ops[again].target = top;
	compile_patch(c, out);
	while (loop.breaks != COMPILE_NONE) {
		uint32_t jump = loop.breaks;

		loop.breaks = c->program->ops[jump].target;
		compile_patch(c, jump);
	}
	add(c, OP_COMMAND, &leave, node->pos);
}

/* Which loop it ends: the innermost, or the innermost of that name. */
static struct compile_loop *find_loop(struct compiler *c, const struct ast_node *node)
{
	struct slice name = loop_name(node);
	struct compile_loop *loop = c->loops;

	while (node->args != NULL && loop != NULL && !(loop->name.p != NULL && slice_eq(loop->name, name)))
		loop = loop->outer;
	if (loop == NULL && c->loops == NULL)
		compile_error(c, node->pos, "\"break\" must stand within the block of a \"foreverypart\"");
	else if (loop == NULL)
		compile_error(c, node->pos, "no \"foreverypart\" around this \"break\" has the name %s",
			      diag_word(name));
	return loop;
}

static void emit_break(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	struct compile_loop *loop = find_loop(c, node);
	uint32_t jump;

	(void)scope;
	if (loop == NULL)
		return;
	for (struct compile_loop *l = c->loops; l != loop; l = l->outer)
		add(c, OP_COMMAND, &leave, node->pos);
	jump = compile_op(c, OP_JUMP, node->pos);
	c->program->ops[jump].target = loop->breaks;
	loop->breaks = jump;
}

static const struct sieve_command commands[] = {
	{ "foreverypart", SIEVE_CONTROL, .block = true, .emit = emit_loop },
	{ "break", SIEVE_CONTROL, .ends = true, .emit = emit_break },
	{ 0 },
};

static const char *const on_both[] = { "foreverypart", "break", NULL };

static const struct sieve_tag tags[] = {
	{ .name = "name",
	  .on = on_both,
	  .value = VALUE_STRING,
	  .flags = PARAM_CONSTANT,
	  .value_name = "the name of the loop" },
	{ 0 },
};

const struct sieve_extension sieve_foreverypart = { "foreverypart", .commands = commands, .tags = tags };
