#include "sieve/compiler.h"

#include "base/mem.h"
#include "sieve/lint.h"
#include "sieve/parser.h"
#include "sieve/registry.h"
#include "sieve/sieve.h"

void compile_error(struct compiler *c, struct pos at, const char *fmt, ...)
{
	va_list ap;

	c->errors++;
	va_start(ap, fmt);
	diag_vadd(c->diag, at, fmt, ap);
	va_end(ap);
}

void compile_unknown(struct compiler *c, struct pos at, const char *fmt, ...)
{
	struct buf text;
	va_list ap;

	va_start(ap, fmt);
	if (!c->ihave) {
		c->errors++;
		diag_vadd(c->diag, at, fmt, ap);
	} else if (c->unknown.p == NULL) {
		buf_init(&text, DIAG_TEXT_MAX);
		(void)buf_vaddf(&text, fmt, ap);
		(void)compile_copy(c, buf_slice(&text), &c->unknown);
		buf_free(&text);
	}
	va_end(ap);
}

bool compile_may(struct compiler *c, int ext)
{
	if (compile_has(c, ext))
		return true;
	if (c->ihave)
		c->needs |= UINT64_C(1) << ext;
	return c->ihave;
}

void compile_warning(struct compiler *c, struct pos at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_vadd(c->warnings, at, fmt, ap);
	va_end(ap);
}

bool compile_requires(const struct compiler *c, const char *extension)
{
	int ext = registry_capability(slice_str(extension));

	return ext >= 0 && (c->program->required >> ext & 1) != 0;
}

void compile_uses(struct compiler *c, const char *extension)
{
	int ext = registry_capability(slice_str(extension));

	if (ext >= 0)
		c->used |= UINT64_C(1) << ext;
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
	scope->decided = false;
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
		/* An argument in its place is told of as one. */
		if (node->tests == NULL && node->args == NULL)
			compile_error(c, node->end, "expected a test after \"%s\"", spec->name);
		else if (node->tests != NULL && node->test_list)
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

/* Of "if true keep;" it is told once that the command has no place there. */
static bool has_taken_command(const struct ast_node *node)
{
	const struct ast_node *last = node->tests;
	const struct sieve_command *spec;
	int ext;

	while (last != NULL && !last->test_list && last->tests != NULL)
		last = last->tests;
	if (last == NULL || last == node->tests)
		return false;
	spec = registry_command(last->name, true, &ext);
	return spec == NULL || spec->kind != SIEVE_TEST;
}

static void check_shape(struct compiler *c, const struct ast_node *node, const struct sieve_command *spec)
{
	const bool told = spec->tests == TESTS_NONE && node->tests != NULL;

	check_tests(c, node, spec);
	if (spec->block && !node->has_block && !told && !has_taken_command(node))
		compile_error(c, node->close, "expected a block \"{ … }\" after \"%s\"", spec->name);
	else if (!spec->block && node->has_block && !told)
		compile_error(c, node->block_pos, "expected \";\": \"%s\" takes no block", spec->name);
}

void bind_missing_require(struct compiler *c, struct pos at, const char *what, int ext)
{
	maker_missing(&(struct maker){ .c = c, .at = at }, what, ext);
}

void compile_needs_extension(struct compiler *c, struct pos at, struct slice word, int ext)
{
	if (compile_may(c, ext) && (c->missing >> ext & 1) == 0)
		return;
	for (size_t i = 0; i < c->nlacked; i++)
		if (c->lacked[i].ext == ext && slice_eq_nocase(c->lacked[i].word, word))
			return;
	/* An extension that was not told of at all is told of once more. */
	if (c->nlacked == COMPILE_LACKED_MAX && (c->missing >> ext & 1) != 0)
		return;
	if (c->nlacked < COMPILE_LACKED_MAX)
		c->lacked[c->nlacked++] = (struct lacked){ word, ext };
	bind_missing_require(c, at, diag_word(word), ext);
}

/* The command or test that NODE names, told as an error when it can't stand here. */
static const struct sieve_command *resolve(struct compiler *c, const struct ast_node *node, bool test)
{
	const char *near, *word = diag_word(node->name);
	int ext;
	const struct sieve_command *spec = registry_command(node->name, test, &ext);

	if (spec == NULL) {
		near = diag_full(c->diag) ? NULL : registry_near_command(node->name, test);
		if (near != NULL)
			compile_unknown(c, node->pos, "unknown %s %s: expected \"%s\"?", test ? "test" : "command",
					word, near);
		else
			compile_unknown(c, node->pos, "unknown %s %s", test ? "test" : "command", word);
		return NULL;
	}
	compile_needs_extension(c, node->pos, node->name, ext);
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

/* A statement that only a run may say is wrong, as it might never come to it. */
static void compile_failing(struct compiler *c, const struct ast_node *node)
{
	uint32_t at = compile_op(c, OP_FAIL, node->pos);

	c->program->ops[at].unknown = c->unknown;
}

static void compile_needs(struct compiler *c, const struct ast_node *node)
{
	uint32_t at;

	if (c->needs == 0)
		return;
	at = compile_op(c, OP_NEED, node->pos);
	c->program->ops[at].needs = c->needs;
}

static void compile_node(struct compiler *c, struct scope *scope, const struct ast_node *node,
			 const struct sieve_command *spec)
{
	unsigned long before = c->errors;
	struct op op = { .kind = spec->kind == SIEVE_TEST ? OP_TEST : OP_COMMAND, .pos = node->pos, .spec = spec };

	check_shape(c, node, spec);
	if ((bind_arguments(c, node, spec, &op) != 0 || c->unknown.p != NULL) && c->errors == before) {
		compile_failing(c, node);
		scope->chain = scope->chain || spec->block;
		return;
	}
	if (c->errors != before) {
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
	compile_needs(c, node);
	if (spec->kind == SIEVE_TEST)
		lint_test(c, node, &op);
	if (spec->emit != NULL) {
		spec->emit(c, scope, node);
	} else {
		uint32_t at = compile_op(c, op.kind, op.pos);

		c->program->ops[at] = op;
	}
}

/* What is gathered of a statement, while one within it is compiled. */
struct outer {
	uint64_t needs;
	struct slice unknown;
};

static struct outer statement_begin(struct compiler *c)
{
	struct outer o = { c->needs, c->unknown };

	c->needs = 0;
	c->unknown = SLICE_NONE;
	return o;
}

static void statement_end(struct compiler *c, struct outer o)
{
	c->needs = o.needs;
	c->unknown = o.unknown;
}

int compile_known(const struct compiler *c, const struct ast_node *test)
{
	int ext;
	const struct sieve_command *spec = registry_command(test->name, true, &ext);

	if (spec == NULL || spec->known == NULL || (c->program->required >> ext & 1) == 0)
		return -1;
	return spec->known(c, test);
}

void compile_test(struct compiler *c, const struct ast_node *test)
{
	struct scope none = { .failed = COMPILE_NONE, .ends = COMPILE_NONE };
	const struct sieve_command *spec;
	struct outer outer = statement_begin(c);

	spec = resolve(c, test, true);
	if (spec != NULL)
		compile_node(c, &none, test, spec);
	else if (c->unknown.p != NULL)
		compile_failing(c, test);
	else
		for (const struct ast_node *t = test->tests; t != NULL; t = t->next)
			compile_test(c, t);
	statement_end(c, outer);
}

static void compile_command(struct compiler *c, struct scope *scope, const struct ast_node *node)
{
	struct outer outer = statement_begin(c);
	const struct sieve_command *spec = node->broken ? NULL : resolve(c, node, false);

	if (spec == NULL) {
		compile_chain_close(c, scope);
		if (c->unknown.p != NULL)
			compile_failing(c, node);
		else
			compile_block(c, node->block);
		/* It may have been meant as an if: what follows is not to blame. */
		scope->chain = true;
		statement_end(c, outer);
		return;
	}
	if (spec->prologue && c->prologue_over)
		compile_error(c, node->pos, "\"%s\" must stand before all other commands", spec->name);
	if (!spec->prologue)
		c->prologue_over = true;
	if (!spec->continues)
		compile_chain_close(c, scope);
	compile_node(c, scope, node, spec);
	statement_end(c, outer);
}

void compile_block(struct compiler *c, const struct ast_node *first)
{
	struct scope scope = { .failed = COMPILE_NONE, .ends = COMPILE_NONE };

	c->depth++;
	for (const struct ast_node *node = first; node != NULL; node = node->next)
		compile_command(c, &scope, node);
	compile_chain_close(c, &scope);
	c->depth--;
}
