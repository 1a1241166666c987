#include "sieve/bind.h"

#include "sieve/keyset.h"
#include "sieve/match.h"
#include "sieve/registry.h"

int bind_match_type(struct binder *b, const struct ast_arg **a, const struct sieve_match_type *type)
{
	const unsigned long before = b->c->errors;
	const struct ast_arg *operand;

	if (b->match.type != NULL) {
		if (b->match.type == type)
			compile_error(b->c, (*a)->pos, "\":%s\" is given twice", type->name);
		else
			compile_error(b->c, (*a)->pos,
				      "\"%s\" takes only one match type: expected either \":%s\" or \":%s\"",
				      b->spec->name, b->match.type->name, type->name);
		return -1;
	}
	b->match.type = type;
	b->match_pos = (*a)->pos;
	if (type->operand == NULL)
		return 0;
	operand = bind_operand(b, a, VALUE_STRING, type->operand_name);
	if (operand == NULL)
		return -1;
	if (compile_copy(b->c, operand->strings->text, &b->match.operand) != 0)
		return -1;
	type->operand(&(struct maker){ .c = b->c, .at = operand->pos }, &b->match.operand);
	/* Where it is none, it may be what should stand behind it. */
	return b->c->errors == before ? 0 : -1;
}

int bind_comparator(struct binder *b, const struct ast_arg **a)
{
	struct pos at = (*a)->pos;
	const struct ast_arg *name;
	const char *near;
	int ext;

	if (b->match.comparator != NULL) {
		compile_error(b->c, at, "\":comparator\" is given twice");
		return -1;
	}
	name = bind_operand(b, a, VALUE_STRING, "the name of the comparator");
	if (name == NULL)
		return -1;
	b->comparator_pos = name->pos;
	b->match.comparator = registry_comparator(name->strings->text, &ext);
	if (b->match.comparator == NULL) {
		near = registry_near_comparator(name->strings->text);
		compile_unknown(b->c, name->pos, "unknown comparator %s: expected \"%s\"%s", diag_word(name->strings->text),
				near != NULL ? near : "i;octet\" or \"i;ascii-casemap", near != NULL ? "?" : "");
		return -1;
	}
	compile_needs_extension(b->c, name->pos, name->strings->text, ext);
	return 0;
}

static int bind_keys(struct binder *b, const struct value *keys, struct pos at)
{
	struct maker maker = { .c = b->c, .at = at };
	struct match *m = compile_alloc(b->c, 1, sizeof *m);
	const struct ast_string *places = NULL;

	if (m == NULL)
		return -1;
	*m = b->match;
	b->op->match = m;
	if (keys->texts != NULL) {
		m->from = keys;
		return 0;
	}
	m->nkeys = keys->n;
	/* Keys are the last argument. Words within strings have no places of their own. */
	for (const struct ast_arg *a = b->positional; a != NULL; a = a->next)
		if (a->next == NULL && a->nstrings == keys->n)
			places = a->strings;
	m->keys = match_make_keys(&maker, m, keys->strings, keys->n, places);
	if (m->keys == NULL)
		return -1;
	keyset_join(b->c->program, m);
	return 0;
}

int bind_match(struct binder *b)
{
	bool named = b->match.comparator != NULL;
	int ext;

	if (b->match.type == NULL)
		b->match.type = registry_match_type(SLICE_LIT("is"), &ext);
	if (b->match.comparator == NULL)
		b->match.comparator = registry_comparator(slice_str(b->spec->comparator != NULL ? b->spec->comparator : "i;ascii-casemap"), &ext);
	if ((b->match.comparator->can & b->match.type->needs) != b->match.type->needs) {
		compile_error(b->c, named ? b->comparator_pos : b->match_pos,
			      "the comparator \"%s\" can't be used with \":%s\"", b->match.comparator->name,
			      b->match.type->name);
		return -1;
	}
	if (named && b->match.type->plain) {
		compile_error(b->c, b->comparator_pos, "\":%s\" takes no comparator: how values are compared is its own matter",
			      b->match.type->name);
		return -1;
	}
	for (size_t i = 0; b->spec->params[i].name != NULL; i++)
		if ((b->spec->params[i].flags & PARAM_KEYS) != 0)
			return bind_keys(b, &b->op->params[i], b->node->pos);
	return 0;
}
