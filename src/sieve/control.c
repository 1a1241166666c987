/* The control commands of RFC 5228, 3. All but stop only make jumps. */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/registry.h"
#include "sieve/run.h"

static void emit_condition(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	int ext, known;

	compile_test(c, node->tests);
	known = compile_known(c, node->tests);
	scope->failed = compile_op(c, OP_JUMP_FALSE, node->pos);
	/* For those who want to know the way (trace.h). */
	c->program->ops[scope->failed].spec = registry_command(node->name, false, &ext);
	if (!c->skips_unreached || (known != 0 && !scope->decided))
		compile_block(c, node->block);
	scope->chain = true;
	scope->decided = scope->decided || known == 1;
}

/* The block before ends with a jump to behind the chain; when its test failed, it goes on here. */
static void continue_chain(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	uint32_t jump;

	if (!scope->chain)
		compile_error(c, node->pos, "%s must follow the block of an \"if\" or \"elsif\"",
			      diag_word(node->name));
	if (scope->failed == COMPILE_NONE)
		return;
	jump = compile_op(c, OP_JUMP, node->pos);
	c->program->ops[jump].target = scope->ends;
	scope->ends = jump;
	compile_patch(c, scope->failed);
	scope->failed = COMPILE_NONE;
}

static void emit_elsif(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	continue_chain(c, scope, node);
	emit_condition(c, scope, node);
}

static void emit_else(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	continue_chain(c, scope, node);
	if (!c->skips_unreached || !scope->decided)
		compile_block(c, node->block);
	compile_chain_close(c, scope);
}

static void require_one(struct compiler *c, const struct ast_string *s)
{
	int ext = registry_capability(s->text);
	const char *near;

	if (ext >= 0) {
		c->program->required |= registry_brings(ext);
		c->ihave = compile_requires(c, "ihave");
		if (c->required_at[ext].line == 0)
			c->required_at[ext] = s->pos;
		c->program->variables_on = compile_requires(c, "variables");
		c->skips_unreached = c->skips_unreached || sieve_extensions[ext]->skips_unreached;
		return;
	}
	near = diag_full(c->diag) ? NULL : registry_near_capability(s->text);
	if (near != NULL)
		compile_error(c, s->pos, "unknown extension %s: expected \"%s\"?", diag_word(s->text), near);
	else
		compile_error(c, s->pos, "unknown extension %s: this mailferry does not have it", diag_word(s->text));
}

static void emit_require(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	(void)scope;
	for (const struct ast_string *s = node->args->strings; s != NULL; s = s->next)
		require_one(c, s);
}

static int run_stop(struct run *r, const struct op *op)
{
	(void)op;
	r->stopped = true;
	return 0;
}

static const struct sieve_param require_params[] = {
	{ "the extensions", VALUE_STRINGS, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "if", SIEVE_CONTROL, .tests = TESTS_ONE, .block = true, .emit = emit_condition },
	{ "elsif", SIEVE_CONTROL, .tests = TESTS_ONE, .block = true, .continues = true, .emit = emit_elsif },
	{ "else", SIEVE_CONTROL, .block = true, .continues = true, .emit = emit_else },
	{ "require", SIEVE_CONTROL, .prologue = true, .params = require_params, .emit = emit_require },
	{ "stop", SIEVE_CONTROL, .ends = true, .run = run_stop },
	{ 0 },
};

const struct sieve_extension sieve_control = { .commands = commands };
