/* Tests that can't be true, whatever message comes. */
#include "sieve/lint.h"
#include "sieve/view.h"

static bool is_test(const struct op *op, const char *name)
{
	return strcmp(op->spec->name, name) == 0;
}

/* What NAME was meant to be: "Subject" for " Subject: "; empty when that is no name either. */
static struct slice meant_name(struct slice name)
{
	name = slice_trim(name);
	if (name.n > 0 && name.p[name.n - 1] == ':')
		name = slice_trim(slice_of(name.p, name.n - 1));
	return view_is_name(name) ? name : SLICE_LIT("");
}

/* Names of fields that no field can have: such a one matches nothing (RFC 5228, 2.4.2.2). */
static bool check_names(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	const struct value *names = &op->params[0];
	size_t bad = 0;

	for (size_t i = 0; i < names->n; i++) {
		struct slice meant;

		if (view_is_name(names->strings[i]))
			continue;
		bad++;
		meant = meant_name(names->strings[i]);
		if (meant.n > 0)
			compile_warning(c, node->pos, "no field is called %s: expected %s?", diag_word(names->strings[i]),
					diag_word(meant));
		else
			compile_warning(c, node->pos, "no field can be called %s", diag_word(names->strings[i]));
	}
	return is_test(op, "exists") ? bad > 0 : bad == names->n;
}

/* Keys that are compared with the whole of a value: the value has no blanks at its ends. */
static bool check_blanks(struct compiler *c, const struct ast_node *node, const struct value *keys)
{
	size_t bad = 0;

	for (size_t i = 0; i < keys->n; i++) {
		if (slice_trim(keys->strings[i]).n == keys->strings[i].n)
			continue;
		bad++;
		compile_warning(c, node->pos, "the key %s is never met: fields have no blanks at their ends",
				diag_word(keys->strings[i]));
	}
	return keys->n > 0 && bad == keys->n;
}

static bool check_domains(struct compiler *c, const struct ast_node *node, const struct value *keys)
{
	size_t bad = 0;

	for (size_t i = 0; i < keys->n; i++) {
		if (keys->strings[i].n == 0 || keys->strings[i].p[0] != '@')
			continue;
		bad++;
		compile_warning(c, node->pos, "the key %s is never met: a domain is what is behind the \"@\"",
				diag_word(keys->strings[i]));
	}
	return keys->n > 0 && bad == keys->n;
}

/* The constant keys of OP, or NULL. */
static const struct value *keys_of(const struct op *op)
{
	const struct sieve_param *params = op->spec->params;

	for (size_t i = 0; params[i].name != NULL; i++)
		if ((params[i].flags & PARAM_KEYS) != 0)
			return op->params[i].texts == NULL ? &op->params[i] : NULL;
	return NULL;
}

/* Where string I of argument PARAM of OP stands; arguments that are no tags are the last ones. */
static struct pos place_of(const struct ast_node *node, const struct op *op, size_t param, size_t i)
{
	const struct ast_string *s;
	size_t behind = 0, nargs = 0;

	while (op->spec->params[param + behind].name != NULL)
		behind++;
	for (const struct ast_arg *a = node->args; a != NULL; a = a->next)
		nargs++;
	for (const struct ast_arg *a = node->args; a != NULL; a = a->next, nargs--) {
		if (nargs != behind)
			continue;
		for (s = a->strings; s != NULL && i > 0; s = s->next)
			i--;
		return s != NULL ? s->pos : a->pos;
	}
	return node->pos;
}

/* What an extension knows to be of no use. */
static void check_doubts(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	const struct value *v = &op->params[op->spec->doubted];

	if (op->spec->doubt == NULL || v->texts != NULL)
		return;
	for (size_t i = 0; i < v->n; i++) {
		const char *why = op->spec->doubt(v->strings[i]);

		if (why != NULL)
			compile_warning(c, place_of(node, op, op->spec->doubted, i), "%s %s",
					diag_word(v->strings[i]), why);
	}
}

void lint_test(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	const struct match *m = op->match;
	const struct value *keys = m != NULL ? keys_of(op) : NULL;
	bool named = is_test(op, "header") || is_test(op, "address") || is_test(op, "exists");
	bool never = false;

	check_doubts(c, node, op);
	/* Types that count their values are true of none as well. */
	if (m != NULL && (m->type->value == NULL || m->type->end != NULL))
		return;
	if (named && op->params[0].texts == NULL)
		never = check_names(c, node, op);
	if (keys != NULL && strcmp(m->type->name, "is") == 0) {
		if (is_test(op, "header") && op->ntags == 0)
			never = check_blanks(c, node, keys) || never;
		if (op->address != NULL && strcmp(op->address->name, "domain") == 0)
			never = check_domains(c, node, keys) || never;
	}
	if (node->never != NULL)
		*node->never = never;
}
