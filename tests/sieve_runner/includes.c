#include "includes.h"

#include <stdlib.h>

#include "base/mem.h"
#include "dict.h"
#include "sieve/parser.h"

struct include_text {
	char *name, *path, *text; /* text NULL: there is none */
	size_t n;
	bool global;
	bool seen;    /* by includes_check */
	bool running; /* it includes what is looked at */
	unsigned depth; /* how many scripts include it, one within the other */
	struct include_text *next;
};

/* The text that a file of keys and values has: by the name an id, by that the text. */
static bool find_in_dict(struct suite *s, const char *storage, struct slice name, struct buf *out)
{
	struct buf id;
	bool found;

	buf_init(&id, 1024);
	found = dict_get(s, settings_getf(&s->settings, "sieve_script/%s/sieve_script_dict/dict/file/path", storage),
			 SLICE_LIT("priv/sieve/name/"), name, &id) &&
		dict_get(s, settings_getf(&s->settings, "sieve_script/%s/sieve_script_dict/dict/file/path", storage),
			 SLICE_LIT("priv/sieve/data/"), buf_slice(&id), out);
	buf_free(&id);
	return found;
}

static void load(struct suite *s, const char *storage, struct include_text *one)
{
	const char *driver = settings_getf(&s->settings, "sieve_script/%s/sieve_script_driver", storage);
	struct buf found;
	struct err e;
	bool ok;

	buf_init(&found, SIEVE_SCRIPT_MAX);
	if (driver != NULL && strcmp(driver, "dict") == 0)
		ok = find_in_dict(s, storage, slice_str(one->name), &found);
	else
		ok = s->read(s->read_arg, one->path, &found, &e) == 0;
	if (ok) {
		(void)buf_str(&found);
		one->text = buf_take(&found, &one->n);
	}
	buf_free(&found);
}

/* Looked for once. */
static struct include_text *look_up(struct includes *in, bool global, struct slice name)
{
	const char *storage = global ? "included-global" : "included";
	struct include_text *one = in->all;

	while (one != NULL && (one->global != global || !slice_eq(slice_str(one->name), name)))
		one = one->next;
	if (one != NULL)
		return one;
	one = mem_alloc(sizeof *one);
	one->name = slice_dup(name);
	one->path = mem_printf("%s/%s/%s.sieve", in->suite->folder, storage, one->name);
	one->global = global;
	one->next = in->all;
	in->all = one;
	load(in->suite, storage, one);
	return one;
}

static bool find(void *arg, bool global, struct slice name, struct slice *text, const char **path)
{
	const struct include_text *one = look_up(arg, global, name);

	if (one->text == NULL)
		return false;
	*text = slice_of(one->text, one->n);
	*path = one->path;
	return true;
}

void includes_init(struct includes *in, struct suite *s)
{
	*in = (struct includes){ .suite = s };
	in->scripts.find = find;
	in->scripts.arg = in;
	in->scripts.max = settings_number(&s->settings, "sieve_include_max_includes", 0);
}

void includes_free(struct includes *in)
{
	while (in->all != NULL) {
		struct include_text *one = in->all;

		in->all = one->next;
		free(one->name);
		free(one->path);
		free(one->text);
		free(one);
	}
}

/* ---- what a run would find ---- */
static bool check_text(struct includes *in, struct slice text, unsigned depth);

static bool fail(struct includes *in, unsigned depth, const char *what, const struct include_text *one)
{
	errors_add(&in->suite->errors, "the script \"%s\" %s", one->name, what);
	for (unsigned i = 0; i < depth; i++)
		errors_add(&in->suite->errors, "a script that is included failed");
	return false;
}

static bool has_tag(const struct ast_node *node, const char *name)
{
	for (const struct ast_arg *a = node->args; a != NULL; a = a->next)
		if (a->kind == AST_TAG && slice_eq_nocase(a->tag, slice_str(name)))
			return true;
	return false;
}

static bool check_include(struct includes *in, const struct ast_node *node, unsigned depth)
{
	const struct ast_arg *a = node->args;
	struct include_text *one;
	bool ok;

	while (a != NULL && a->kind != AST_STRING)
		a = a->next;
	if (a == NULL)
		return true;
	one = look_up(in, has_tag(node, "global"), a->strings->text);
	if ((one->seen && !one->running) || (one->running && has_tag(node, "once")))
		return true;
	if (one->running)
		return fail(in, depth, "would be within itself", one);
	if (one->text == NULL)
		return has_tag(node, "optional") || fail(in, depth, "is not there", one);
	if (depth >= in->suite->limits.include_depth)
		return fail(in, depth, "is too deep within others", one);
	one->seen = one->running = true;
	one->depth = depth + 1;
	ok = check_text(in, slice_of(one->text, one->n), depth + 1);
	one->running = false;
	return ok;
}

static bool check_nodes(struct includes *in, const struct ast_node *node, unsigned depth)
{
	bool ok = true;

	for (; node != NULL && ok; node = node->next)
		ok = (slice_eq_nocase(node->name, SLICE_LIT("include")) ? check_include(in, node, depth) : true) &&
		     check_nodes(in, node->block, depth);
	return ok;
}

static bool check_text(struct includes *in, struct slice text, unsigned depth)
{
	enum { TREE_MAX = 64 * 1024 * 1024 };
	struct diag *diag = mem_alloc(sizeof *diag);
	struct arena tree;
	bool ok;

	arena_init(&tree, TREE_MAX);
	ok = check_nodes(in, sieve_parse(text, &tree, diag), depth);
	arena_free(&tree);
	free(diag);
	return ok;
}

bool includes_check(struct includes *in, struct slice text)
{
	return check_text(in, text, 0);
}

void includes_blame(struct includes *in, struct slice errors)
{
	unsigned depth = 0;

	/* They are told of one script after the other: the last is the one that ended it. */
	for (const struct include_text *one = in->all; one != NULL; one = one->next) {
		size_t n = strlen(one->path);

		for (size_t at = 0; at + n < errors.n; at += slice_find(slice_skip(errors, at), '\n') + 1)
			if (memcmp(errors.p + at, one->path, n) == 0 && errors.p[at + n] == ':' && one->depth > depth)
				depth = one->depth;
	}
	for (unsigned i = 0; i < depth; i++)
		errors_add(&in->suite->errors, "a script that is included failed");
}
