#include "sieve/compiler.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sieve/parser.h"
#include "sieve/registry.h"
#include "sieve/sieve.h"

/* A tree takes about twenty times its text at worst; so does a program. */
enum { COMPILE_BYTES_MAX = 64 * SIEVE_SCRIPT_MAX };

void compile_error(struct compiler *c, struct pos at, const char *fmt, ...)
{
	va_list ap;

	c->errors++;
	va_start(ap, fmt);
	diag_vadd(c->diag, at, fmt, ap);
	va_end(ap);
}

void *compile_alloc(struct compiler *c, size_t n, size_t size)
{
	void *p = arena_array(&c->program->arena, n, size);

	if (p == NULL)
		compile_error(c, (struct pos){ 1, 1 }, "the script is too large to be compiled");
	return p;
}

int compile_copy(struct compiler *c, struct slice s, struct slice *out)
{
	char *p = compile_alloc(c, s.n, 1);

	if (p == NULL)
		return -1;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	*out = slice_of(p, s.n);
	return 0;
}

uint32_t compile_op(struct compiler *c, enum op_kind kind, struct pos pos)
{
	struct sieve_program *p = c->program;

	if (p->nops == p->cap) {
		p->cap = p->cap == 0 ? 16 : p->cap * 2;
		p->ops = mem_resize(p->ops, p->cap, sizeof *p->ops);
	}
	p->ops[p->nops] = (struct op){ .kind = kind, .pos = pos };
	return (uint32_t)p->nops++;
}

void compile_patch(struct compiler *c, uint32_t jump)
{
	c->program->ops[jump].target = (uint32_t)c->program->nops;
}

void compile_chain_close(struct compiler *c, struct scope *scope)
{
	if (scope->failed != COMPILE_NONE)
		compile_patch(c, scope->failed);
	while (scope->ends != COMPILE_NONE) {
		uint32_t jump = scope->ends;

		scope->ends = c->program->ops[jump].target;
		compile_patch(c, jump);
	}
	scope->failed = COMPILE_NONE;
	scope->chain = false;
}

static void check_tests(struct compiler *c, const struct ast_node *node, const struct sieve_command *spec)
{
	switch (spec->tests) {
	case TESTS_NONE:
		if (node->tests == NULL)
			break;
		if (node->test_list)
			compile_error(c, node->tests->pos, "\"%s\" takes no tests", spec->name);
		else if (spec->kind == SIEVE_TEST)
			compile_error(c, node->tests->pos, "unexpected %s: \"%s\" takes no test",
				      diag_word(node->tests->name), spec->name);
		else if (spec->block && slice_eq_nocase(node->tests->name, SLICE_LIT("if")))
			compile_error(c, node->tests->pos, "expected a block: \"else if\" is written \"elsif\"");
		else
			compile_error(c, node->end, "expected %s after \"%s\", found %s",
				      spec->block ? "a block" : "\";\"", spec->name, diag_word(node->tests->name));
		break;
	case TESTS_ONE:
		if (node->tests == NULL)
			compile_error(c, node->end, "expected a test after \"%s\"", spec->name);
		else if (node->test_list)
			compile_error(c, node->tests->pos,
				      "\"%s\" takes one test: expected \"allof (…)\" or \"anyof (…)\" around a list",
				      spec->name);
		break;
	case TESTS_LIST:
		if (!node->test_list)
			compile_error(c, node->end, "expected a list of tests in parentheses after \"%s\"", spec->name);
		break;
	}
}

static void check_shape(struct compiler *c, const struct ast_node *node, const struct sieve_command *spec)
{
	check_tests(c, node, spec);
	if (spec->block && !node->has_block)
		compile_error(c, node->close, "expected a block \"{ … }\" after \"%s\"", spec->name);
	else if (!spec->block && node->has_block)
		compile_error(c, node->block_pos, "expected \";\": \"%s\" takes no block", spec->name);
}

void bind_missing_require(struct compiler *c, struct pos at, const char *what, int ext)
{
	compile_error(c, at, "%s needs the extension: expected require \"%s\"; at the top of the script", what,
		      sieve_extensions[ext]->name);
}

/* The command or test that NODE names, told as an error when it can't stand here. */
static const struct sieve_command *resolve(struct compiler *c, const struct ast_node *node, bool test)
{
	const char *near, *word = diag_word(node->name);
	int ext;
	const struct sieve_command *spec = registry_command(node->name, &ext);

	if (spec == NULL) {
		near = registry_near_command(node->name, test);
		if (near != NULL)
			compile_error(c, node->pos, "unknown %s %s: expected \"%s\"?", test ? "test" : "command", word,
				      near);
		else
			compile_error(c, node->pos, "unknown %s %s", test ? "test" : "command", word);
		return NULL;
	}
	if (!compile_has(c, ext)) {
		bind_missing_require(c, node->pos, word, ext);
		return NULL;
	}
	if ((spec->kind == SIEVE_TEST) != test) {
		if (test)
			compile_error(c, node->pos, "%s is a command: expected a test", word);
		else
			compile_error(c, node->pos, "%s is a test: expected a command, such as \"if %s … { … }\"", word,
				      spec->name);
		return NULL;
	}
	return spec;
}

static void compile_node(struct compiler *c, struct scope *scope, const struct ast_node *node,
			 const struct sieve_command *spec)
{
	unsigned long before = c->errors;
	struct op op = { .kind = spec->kind == SIEVE_TEST ? OP_TEST : OP_COMMAND, .pos = node->pos, .spec = spec };

	check_shape(c, node, spec);
	if (bind_arguments(c, node, spec, &op) != 0 || c->errors != before) {
		/* What is inside is worth checking all the same, but for what only the missing mark made a test. */
		if (spec->tests != TESTS_NONE)
			for (const struct ast_node *t = node->tests; t != NULL; t = t->next)
				compile_test(c, t);
		compile_block(c, node->block);
		if (spec->block)
			scope->chain = true;
		return;
	}
	if (spec->check != NULL)
		spec->check(c, node, &op);
	if (spec->emit != NULL) {
		spec->emit(c, scope, node);
	} else {
		uint32_t at = compile_op(c, op.kind, op.pos);

		c->program->ops[at] = op;
	}
}

void compile_test(struct compiler *c, const struct ast_node *test)
{
	struct scope none = { .failed = COMPILE_NONE, .ends = COMPILE_NONE };
	const struct sieve_command *spec;

	if (diag_full(c->diag))
		return;
	spec = resolve(c, test, true);
	if (spec != NULL) {
		compile_node(c, &none, test, spec);
		return;
	}
	for (const struct ast_node *t = test->tests; t != NULL; t = t->next)
		compile_test(c, t);
}

static void compile_command(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	const struct sieve_command *spec = node->broken ? NULL : resolve(c, node, false);

	if (spec == NULL) {
		compile_chain_close(c, scope);
		compile_block(c, node->block);
		/* It may have been meant as an if: what follows is not to blame. */
		scope->chain = true;
		return;
	}
	if (spec->prologue && c->prologue_over)
		compile_error(c, node->pos, "\"%s\" must stand before all other commands", spec->name);
	if (!spec->prologue)
		c->prologue_over = true;
	if (!spec->continues)
		compile_chain_close(c, scope);
	compile_node(c, scope, node, spec);
}

void compile_block(struct compiler *c, const struct ast_node *first)
{
	struct scope scope = { .failed = COMPILE_NONE, .ends = COMPILE_NONE };

	for (const struct ast_node *node = first; node != NULL && !diag_full(c->diag); node = node->next)
		compile_command(c, &scope, node);
	compile_chain_close(c, &scope);
}

static void compile(struct sieve_program *p, struct slice script, struct diag *diag)
{
	struct compiler c = { .program = p, .diag = diag };
	struct arena tree;
	struct ast_node *first;

	for (int i = 0; sieve_extensions[i] != NULL; i++)
		if (sieve_extensions[i]->name == NULL)
			c.required |= UINT64_C(1) << i;
	arena_init(&tree, COMPILE_BYTES_MAX);
	first = sieve_parse(script, &tree, diag);
	compile_block(&c, first);
	(void)compile_op(&c, OP_END, (struct pos){ 1, 1 });
	arena_free(&tree);
}

struct sieve_program *sieve_compile(const char *name, struct slice script, struct buf *errors)
{
	struct sieve_program *p = mem_alloc(sizeof *p);
	struct diag *diag = mem_alloc(sizeof *diag);

	p->name = mem_strdup(name);
	arena_init(&p->arena, COMPILE_BYTES_MAX);
	if (script.n > SIEVE_SCRIPT_MAX)
		diag_add(diag, (struct pos){ 1, 1 }, "the script is too large: at most %d octets are allowed",
			 SIEVE_SCRIPT_MAX);
	else
		compile(p, script, diag);
	if (diag->n > 0) {
		diag_write(diag, name, errors);
		sieve_program_free(&p);
	}
	free(diag);
	return p;
}

void sieve_program_free(struct sieve_program **p)
{
	if (*p == NULL)
		return;
	arena_free(&(*p)->arena);
	free((*p)->ops);
	free((*p)->name);
	free(*p);
	*p = NULL;
}

void sieve_program_each(const struct sieve_program *p,
			void (*fn)(void *arg, const char *command, unsigned line, unsigned column), void *arg)
{
	for (size_t i = 0; i < p->nops; i++) {
		const struct op *op = &p->ops[i];

		if (op->spec != NULL && op->spec->outside)
			fn(arg, op->spec->name, op->pos.line, op->pos.column);
	}
}
