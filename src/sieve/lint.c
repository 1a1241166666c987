/* What is never reached, and what is required for nothing. */
#include "sieve/lint.h"

#include "sieve/registry.h"

enum truth { TRUTH_UNKNOWN, TRUTH_ALWAYS, TRUTH_NEVER };

static bool is_called(const struct ast_node *node, const char *name)
{
	return slice_eq_nocase(node->name, slice_str(name));
}

static enum truth opposite(enum truth t)
{
	return t == TRUTH_ALWAYS ? TRUTH_NEVER : t == TRUTH_NEVER ? TRUTH_ALWAYS : TRUTH_UNKNOWN;
}

static enum truth truth_of(const struct ast_node *test);

/* One that is DECIDES decides it; else it is the opposite when all are that. */
static enum truth truth_of_list(const struct ast_node *list, enum truth decides)
{
	enum truth all = opposite(decides);

	for (const struct ast_node *t = list->tests; t != NULL; t = t->next) {
		enum truth one = truth_of(t);

		if (one == decides)
			return decides;
		if (one == TRUTH_UNKNOWN)
			all = TRUTH_UNKNOWN;
	}
	return all;
}

static enum truth truth_of(const struct ast_node *test)
{
	if (is_called(test, "true"))
		return TRUTH_ALWAYS;
	if (is_called(test, "false") || (test->never != NULL && *test->never))
		return TRUTH_NEVER;
	if (is_called(test, "not"))
		return opposite(truth_of(test->tests));
	if (is_called(test, "allof"))
		return truth_of_list(test, TRUTH_NEVER);
	if (is_called(test, "anyof"))
		return truth_of_list(test, TRUTH_ALWAYS);
	return TRUTH_UNKNOWN;
}

/* An if with its elsif and else, so far. */
struct chain {
	unsigned decided; /* the line of a test that is always true; 0: none was */
	bool all_end;	  /* nothing goes on behind any of the blocks */
	bool complete;	  /* one of the blocks runs in any case */
};

static bool lint_block(struct compiler *c, const struct ast_node *first);

static void lint_branch(struct compiler *c, const struct ast_node *node, struct chain *chain)
{
	enum truth truth = node->tests != NULL ? truth_of(node->tests) : TRUTH_ALWAYS;

	if (is_called(node, "if"))
		*chain = (struct chain){ .all_end = true };
	if (chain->decided != 0) {
		compile_warning(c, node->pos, "this is never reached: the test in line %u is always true", chain->decided);
		return;
	}
	if (truth == TRUTH_NEVER) {
		compile_warning(c, node->tests->pos, "this is never true: the block behind it never runs");
		return;
	}
	if (!lint_block(c, node->block))
		chain->all_end = false;
	if (truth == TRUTH_ALWAYS) {
		chain->complete = true;
		chain->decided = node->tests != NULL ? node->tests->pos.line : 0;
	}
}

/* Whether nothing behind the block is reached through it. */
static bool lint_block(struct compiler *c, const struct ast_node *first)
{
	struct chain chain = { .all_end = false };
	const struct ast_node *ender = NULL;

	for (const struct ast_node *node = first; node != NULL; node = node->next) {
		int ext;
		const struct sieve_command *spec = registry_command(node->name, false, &ext);

		if (ender != NULL) {
			if (chain.complete)
				compile_warning(c, node->pos, "this is never reached: all blocks of the \"if\" before it end");
			else
				compile_warning(c, node->pos, "this is never reached: \"%.*s\" in line %u ends it",
						(int)ender->name.n, ender->name.p, ender->pos.line);
			break;
		}
		if (spec != NULL && spec->block && (spec->tests == TESTS_ONE || spec->continues)) {
			lint_branch(c, node, &chain);
			/* What continues the chain is still to come. */
			if (node->next != NULL && (is_called(node->next, "elsif") || is_called(node->next, "else")))
				continue;
			ender = chain.complete && chain.all_end ? node : NULL;
			continue;
		}
		chain.complete = false;
		if (node->block != NULL)
			(void)lint_block(c, node->block);
		if (spec != NULL && spec->ends)
			ender = node;
	}
	return ender != NULL;
}

/* Whether something in a script can show that it needs X. */
static bool shows(const struct sieve_extension *x)
{
	return x->commands != NULL || x->tags != NULL || x->match_types != NULL || x->comparators != NULL ||
	       x->address_parts != NULL || x->envelope_parts != NULL || x->namespaces != NULL ||
	       strcmp(x->name, "encoded-character") == 0;
}

/* X brings another one with it, which is used and stands in no require. */
static bool is_needed_for_another(const struct compiler *c, const struct sieve_extension *x)
{
	const int other = x->implies != NULL ? registry_capability(slice_str(x->implies)) : -1;

	return other >= 0 && c->required_at[other].line == 0 && (c->used >> other & 1) != 0;
}

void lint_script(struct compiler *c, const struct ast_node *first)
{
	for (int i = 0; sieve_extensions[i] != NULL; i++) {
		const struct sieve_extension *x = sieve_extensions[i];

		if (x->name != NULL && c->required_at[i].line > 0 && (c->used >> i & 1) == 0 && shows(x) &&
		    !is_needed_for_another(c, x))
			compile_warning(c, c->required_at[i], "\"%s\" is required and not used", x->name);
	}
	(void)lint_block(c, first);
}
