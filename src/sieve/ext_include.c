/*
 * "include" (RFC 6609): include, return, global, and the namespace of global
 * variables. What is included is compiled with the script (compilation.c), each once;
 * whether it is there, and whether it is within itself, only a run says (3.1).
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "sieve/extensions.h"
#include "sieve/globals.h"
#include "sieve/include.h"
#include "sieve/sieve.h"
#include "sieve/variables.h"

/* What a run knows of the scripts of one program. */
struct inclusion {
	bool *done, *running; /* one each of the root's list; what runs is done */
	size_t depth;
};

static size_t find(const struct sieve_program *root, bool global, struct slice name)
{
	size_t i = 0;

	while (i < root->nincluded &&
	       (root->included[i].global != global || !slice_eq(root->included[i].name, name)))
		i++;
	return i;
}

static void list_add(struct sieve_program *root, bool global, struct slice name, struct sieve_program *program)
{
	root->included = mem_resize(root->included, root->nincluded + 1, sizeof *root->included);
	root->included[root->nincluded++] = (struct included){ global, name, program };
}

void include_begin(struct sieve_program *p, const struct sieve_scripts *scripts)
{
	if (scripts != NULL && scripts->self != NULL)
		list_add(p, false, slice_str(scripts->self), p);
}

/* Names as RFC 5804, 1.6 allows them; nothing that would leave a folder or mean something to a shell (RFC 6609, 4). */
static void check_name(struct maker *m, struct slice *name)
{
	bool bad = !utf8_valid(*name);
	uint32_t cp;

	for (size_t at = 0, n; !bad && at < name->n; at += n) {
		n = utf8_decode(slice_skip(*name, at), &cp);
		bad = n == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029 || cp == '/' ||
		      cp == '`';
	}
	if (name->n == 0)
		maker_error(m, "expected the name of a script, found an empty string");
	else if (name->n > SIEVE_SCRIPT_NAME_MAX)
		maker_error(m, "the name of the script is too long: at most %d octets are allowed",
			    SIEVE_SCRIPT_NAME_MAX);
	else if (bad)
		maker_error(m, "%s can't be the name of a script: \"/\", \"`\" and control characters are not allowed",
			    diag_word(*name));
}

/* It may still come, so that this is no error (3.1). */
static void warn_missing(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	bool global = op_tag(op, "global") != NULL;
	struct slice name = op->params[0].strings[0], text;
	const char *path;

	if (c->scripts == NULL || op_tag(op, "optional") != NULL ||
	    c->scripts->find(c->scripts->arg, global, name, &text, &path) ||
	    (!global && c->scripts->self != NULL && slice_eq(slice_str(c->scripts->self), name)))
		return;
	compile_warning(c, node->pos, "there is no %s script %s: a message that comes here is kept with an error",
			global ? "global" : "personal", diag_word(name));
}

static void check_include(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	struct sieve_program *root = c->program->root;
	size_t max = c->scripts != NULL && c->scripts->max > 0 ? c->scripts->max : SIEVE_INCLUDES_MAX;
	size_t own = root->nincluded > 0 && root->included[0].program == root ? 1 : 0;
	bool global = op_tag(op, "global") != NULL;
	struct slice name = op->params[0].strings[0];

	warn_missing(c, node, op);
	if (find(root, global, name) < root->nincluded)
		return;
	if (root->nincluded - own >= max)
		compile_error(c, node->pos, "the script %s is one too many: at most %zu can be included", diag_word(name),
			      max);
	else
		list_add(root, global, name, NULL);
}

static struct inclusion *inclusion_of(struct run *r)
{
	const struct sieve_program *root = r->program->root;
	struct inclusion *in = r->inclusion;

	if (in != NULL)
		return in;
	in = run_alloc(r, 1, sizeof *in);
	if (in == NULL)
		return NULL;
	in->done = run_alloc(r, root->nincluded, sizeof *in->done);
	in->running = run_alloc(r, root->nincluded, sizeof *in->running);
	if (in->done == NULL || in->running == NULL)
		return NULL;
	if (root->included[0].program == root)
		in->done[0] = in->running[0] = true;
	r->inclusion = in;
	return in;
}

static int run_include(struct run *r, const struct op *op)
{
	const struct sieve_program *root = r->program->root;
	struct inclusion *in = inclusion_of(r);
	struct slice name = run_string(r, op, 0);
	bool global = op_tag(op, "global") != NULL;
	size_t i = find(root, global, name);
	int ret;

	if (in == NULL || run_charge(r, 1 + i) != 0)
		return -1;
	if (i == root->nincluded)
		return run_error(r, "the script %s can't be included here", diag_word(name));
	if (in->done[i] && op_tag(op, "once") != NULL)
		return 0;
	if (in->running[i])
		return run_error(r, "the script %s would be within itself", diag_word(name));
	if (root->included[i].program == NULL && op_tag(op, "optional") != NULL)
		return 0;
	if (root->included[i].program == NULL)
		return run_error(r, "there is no %s script %s", global ? "global" : "personal", diag_word(name));
	if (in->depth >= r->limits.include_depth)
		return run_error(r, "more than %zu scripts within each other", r->limits.include_depth);
	in->depth++;
	in->done[i] = in->running[i] = true;
	ret = run_program(r, root->included[i].program);
	in->running[i] = false;
	in->depth--;
	return ret;
}

static int run_return(struct run *r, const struct op *op)
{
	(void)op;
	r->returned = true;
	return 0;
}

/* It is there only together with "variables" (3.4.1). Nothing is left to do for a run. */
static void check_global(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	(void)op;
	if (!compile_requires(c, "variables")) {
		compile_error(c, node->pos, "\"global\" needs the extension: expected require \"variables\"; at the top of "
			      "the script");
		return;
	}
	compile_uses(c, "variables");
	for (const struct ast_string *s = node->args->strings; s != NULL; s = s->next)
		if (!variable_is_identifier(s->text))
			compile_error(c, s->pos, "%s is no name of a variable: expected letters, digits and \"_\", and no "
				      "digit first", diag_word(s->text));
		else
			(void)variable_declare_global(c, s->text, s->pos);
}

static int get_global(struct run *r, struct slice name, struct slice *out)
{
	const struct buf *b = globals_find(r, name, false);

	if (b != NULL && b->n > 0)
		*out = buf_slice(b);
	return 0;
}

static int set_global(struct run *r, struct slice name, struct slice value)
{
	struct buf *b = globals_find(r, name, true);

	return b != NULL ? globals_set(r, b, value) : -1;
}

static const struct sieve_param include_params[] = {
	{ "the name of the script", VALUE_STRING, PARAM_CONSTANT, NULL, check_name },
	{ 0 },
};

static const struct sieve_param global_params[] = {
	{ "the names of the variables", VALUE_STRINGS, PARAM_CONSTANT, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "include", SIEVE_CONTROL, .params = include_params, .check = check_include, .run = run_include },
	{ "return", SIEVE_CONTROL, .ends = true, .run = run_return },
	{ "global", SIEVE_CONTROL, .params = global_params, .check = check_global },
	{ 0 },
};

static const char *const on_include[] = { "include", NULL };

static const struct sieve_tag tags[] = {
	{ "personal", on_include, "location", VALUE_NONE, 0, NULL, NULL, NULL },
	{ "global", on_include, "location", VALUE_NONE, 0, NULL, NULL, NULL },
	{ "once", on_include, NULL, VALUE_NONE, 0, NULL, NULL, NULL },
	{ "optional", on_include, NULL, VALUE_NONE, 0, NULL, NULL, NULL },
	{ 0 },
};

/* 3.4.2: there are none within it. */
static const struct sieve_namespace namespaces[] = {
	{ "global", get_global, set_global, variable_is_identifier },
	{ 0 },
};

const struct sieve_extension sieve_include = { "include", .commands = commands, .tags = tags, .namespaces = namespaces };
