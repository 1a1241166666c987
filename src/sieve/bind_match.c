#include "sieve/bind.h"

#include "sieve/match.h"
#include "sieve/registry.h"

int bind_match_type(struct binder *b, const struct ast_arg **a, const struct sieve_match_type *type)
{
	const struct ast_arg *operand;

	if (b->match.type != NULL) {
		compile_error(b->c, (*a)->pos, "\"%s\" takes only one match type: expected either \":%s\" or \":%s\"",
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
	type->operand(b->c, &b->match.operand, operand->pos);
	return 0;
}

int bind_comparator(struct binder *b, const struct ast_arg **a)
{
	struct pos at = (*a)->pos;
	const struct ast_arg *name;
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
		compile_error(b->c, name->pos, "unknown comparator %s: expected \"i;octet\" or \"i;ascii-casemap\"",
			      diag_word(name->strings->text));
		return -1;
	}
	if (!compile_has(b->c, ext)) {
		bind_missing_require(b->c, name->pos, diag_word(name->strings->text), ext);
		return -1;
	}
	return 0;
}

static int bind_keys(struct binder *b, const struct value *keys)
{
	struct match *m = compile_alloc(b->c, 1, sizeof *m);
	struct match_key *k = compile_alloc(b->c, keys->n, sizeof *k);

	if (m == NULL || k == NULL)
		return -1;
	for (size_t i = 0; i < keys->n; i++) {
		struct slice text = keys->strings[i];

		if (match_fold_key(b->c, b->match.comparator, text, &k[i].text) != 0)
			return -1;
		if (b->match.type->prepare != NULL)
			b->match.type->prepare(b->c, &k[i]);
	}
	*m = b->match;
	m->keys = k;
	m->nkeys = keys->n;
	b->op->match = m;
	return 0;
}

int bind_match(struct binder *b)
{
	bool named = b->match.comparator != NULL;
	int ext;

	if (b->match.type == NULL)
		b->match.type = registry_match_type(SLICE_LIT("is"), &ext);
	if (b->match.comparator == NULL)
		b->match.comparator = registry_comparator(SLICE_LIT("i;ascii-casemap"), &ext);
	if ((b->match.comparator->can & b->match.type->needs) != b->match.type->needs) {
		compile_error(b->c, named ? b->comparator_pos : b->match_pos,
			      "the comparator \"%s\" can't be used with \":%s\"", b->match.comparator->name,
			      b->match.type->name);
		return -1;
	}
	for (size_t i = 0; b->spec->params[i].name != NULL; i++)
		if ((b->spec->params[i].flags & PARAM_KEYS) != 0)
			return bind_keys(b, &b->op->params[i]);
	return 0;
}
