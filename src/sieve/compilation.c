/* A script with all that it includes: compiled, and what is wrong with it told. */
#include <stdlib.h>

#include "base/mem.h"
#include "sieve/compiler.h"
#include "sieve/include.h"
#include "sieve/lint.h"
#include "sieve/parser.h"
#include "sieve/registry.h"
#include "sieve/sieve.h"

/* A tree takes about twenty times its text at worst; so does a program. */
enum { COMPILE_BYTES_MAX = 64 * SIEVE_SCRIPT_MAX };

/* All that C lacked, in one line to put at the top. */
static void tell_require(const struct compiler *c, const char *name, struct buf *out)
{
	const char *before = "";

	(void)buf_addf(out, "%s: at the top of the script write: require [", name);
	for (int i = 0; sieve_extensions[i] != NULL; i++) {
		if ((c->program->required >> i & 1) == 0 || sieve_extensions[i]->name == NULL)
			continue;
		(void)buf_addf(out, "%s\"%s\"", before, sieve_extensions[i]->name);
		before = ", ";
	}
	(void)buf_add_str(out, "];\n");
}

static void tell(const struct compiler *c, const char *name, struct slice script, const struct sieve_telling *t)
{
	const struct slice *excerpts = t->excerpts ? &script : NULL;

	if (c->diag->n > 0)
		diag_write(c->diag, name, excerpts, t->errors);
	else if (t->warnings != NULL)
		diag_write(c->warnings, name, excerpts, t->warnings);
	if (c->missing != 0 && t->excerpts)
		tell_require(c, name, t->errors);
}

static void compile(struct compiler *c, struct slice script)
{
	struct sieve_program *p = c->program;
	struct arena tree;
	struct ast_node *first;

	for (int i = 0; sieve_extensions[i] != NULL; i++)
		if (sieve_extensions[i]->name == NULL)
			p->required |= UINT64_C(1) << i;
	arena_init(&tree, COMPILE_BYTES_MAX);
	first = sieve_parse(script, &tree, c->diag);
	compile_block(c, first);
	(void)compile_op(c, OP_END, (struct pos){ 1, 1 });
	if (c->diag->n == 0)
		lint_script(c, first);
	arena_free(&tree);
}

/* One script, by itself: always a program. ROOT: of the outermost script; NULL: it is that. */
static struct sieve_program *compile_script(const char *name, struct slice script, const struct sieve_telling *t,
					    struct sieve_program *root)
{
	struct sieve_program *p = mem_alloc(sizeof *p);
	struct compiler c = { .program = p, .scripts = t->scripts };

	c.diag = mem_alloc(sizeof *c.diag);
	c.warnings = mem_alloc(sizeof *c.warnings);
	c.warnings->warnings = true;
	c.diag->max = c.warnings->max = t->max < DIAG_MAX ? t->max : DIAG_MAX;
	p->name = mem_strdup(name);
	p->root = root != NULL ? root : p;
	arena_init(&p->arena, COMPILE_BYTES_MAX);
	if (root == NULL)
		include_begin(p, t->scripts);
	if (script.n > SIEVE_SCRIPT_MAX)
		diag_add(c.diag, (struct pos){ 1, 1 }, "the script is too large: at most %d octets are allowed",
			 SIEVE_SCRIPT_MAX);
	else
		compile(&c, script);
	tell(&c, name, script, t);
	p->failed = c.diag->n > 0;
	free(c.diag);
	free(c.warnings);
	return p;
}

/* What the script includes, and what that includes: the list grows meanwhile. */
static bool compile_included(struct sieve_program *root, const struct sieve_telling *t)
{
	const struct sieve_scripts *scripts = t->scripts;
	bool good = true;
	size_t bytes = 0;

	for (size_t i = 0; good && i < root->nincluded; i++) {
		struct slice name = root->included[i].name, text;
		struct sieve_program *p;
		const char *path;

		if (root->included[i].program != NULL || scripts == NULL ||
		    !scripts->find(scripts->arg, root->included[i].global, name, &text, &path))
			continue;
		bytes += text.n;
		if (bytes > SIEVE_INCLUDES_BYTES_MAX) {
			(void)buf_addf(t->errors,
				       "%s:1:1: error: the included scripts are too large: at most %d octets are "
				       "allowed\n",
				       path, SIEVE_INCLUDES_BYTES_MAX);
			return false;
		}
		p = compile_script(path, text, t, root);
		root->included[i].program = p;
		good = !p->failed;
	}
	return good;
}

struct sieve_program *sieve_compile_telling(const char *name, struct slice script, const struct sieve_telling *t)
{
	struct sieve_program *p = compile_script(name, script, t, NULL);

	if (!compile_included(p, t) || p->failed)
		sieve_program_free(&p);
	return p;
}

struct sieve_program *sieve_compile_with(const char *name, struct slice script, const struct sieve_scripts *scripts,
					 struct buf *errors)
{
	return sieve_compile_telling(name, script, &(struct sieve_telling){ .errors = errors, .scripts = scripts });
}

struct sieve_program *sieve_compile(const char *name, struct slice script, struct buf *errors)
{
	return sieve_compile_with(name, script, NULL, errors);
}
