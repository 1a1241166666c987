/* Arguments: which token is which argument, and whether it may be (RFC 5228, 2.6). All of it comes from the tables. */
#include "sieve/bind.h"
#include "sieve/registry.h"

static const char *type_name(enum value_type type)
{
	switch (type) {
	case VALUE_NUMBER:
		return "a number";
	case VALUE_STRING:
		return "a string";
	case VALUE_STRINGS:
		return "a string or a list of strings";
	case VALUE_NONE:
		break;
	}
	return "nothing";
}

static const char *arg_name(const struct ast_arg *a)
{
	static const char *const names[] = { [AST_TAG] = "a tag",
					     [AST_NUMBER] = "a number",
					     [AST_STRING] = "a string",
					     [AST_LIST] = "a list of strings" };

	return a == NULL ? "nothing" : names[a->kind];
}

static bool type_fits(const struct ast_arg *a, enum value_type type)
{
	if (a == NULL)
		return false;
	if (type == VALUE_NUMBER)
		return a->kind == AST_NUMBER;
	return a->kind == AST_STRING || (a->kind == AST_LIST && type == VALUE_STRINGS);
}

/* The next word in *REST, which blanks part; false when there is none. */
static bool next_word(struct slice *rest, struct slice *word)
{
	while (rest->n > 0 && rest->p[0] == ' ')
		*rest = slice_of(rest->p + 1, rest->n - 1);
	if (rest->n == 0)
		return false;
	*word = slice_of(rest->p, slice_find(*rest, ' '));
	*rest = slice_of(rest->p + word->n, rest->n - word->n);
	return true;
}

static size_t count_strings(const struct ast_arg *a, bool words)
{
	size_t n = 0;

	for (const struct ast_string *s = a->strings; s != NULL; s = s->next) {
		struct slice rest = s->text, word;

		if (words)
			while (next_word(&rest, &word))
				n++;
		else
			n++;
	}
	return n;
}

/* Copies what A holds into the program, checked. */
static int bind_value(struct binder *b, const struct ast_arg *a, enum value_type type, bool words,
		      sieve_check_string check, struct value *out)
{
	struct slice *strings;
	size_t n = 0;

	out->type = type;
	if (type == VALUE_NUMBER) {
		out->number = a->number;
		return 0;
	}
	strings = compile_alloc(b->c, count_strings(a, words), sizeof *strings);
	if (strings == NULL)
		return -1;
	for (const struct ast_string *s = a->strings; s != NULL; s = s->next) {
		struct slice text, word;

		if (compile_copy(b->c, s->text, &text) != 0)
			return -1;
		if (check != NULL)
			check(b->c, &text, s->pos);
		if (!words) {
			strings[n++] = text;
			continue;
		}
		while (next_word(&text, &word))
			strings[n++] = word;
	}
	out->strings = strings;
	out->n = n;
	return 0;
}

/* The argument behind tag A, which must be of TYPE; *A moves on to it. NULL after an error. */
const struct ast_arg *bind_operand(struct binder *b, const struct ast_arg **a, enum value_type type, const char *name)
{
	const struct ast_arg *tag = *a;

	if (!type_fits(tag->next, type)) {
		compile_error(b->c, tag->next != NULL ? tag->next->pos : tag->pos,
			      "expected %s (%s) after \":%.*s\", found %s", name, type_name(type), (int)tag->tag.n,
			      tag->tag.p, arg_name(tag->next));
		return NULL;
	}
	*a = tag->next;
	return tag->next;
}

/* Whether EXT is required; else the error is told. */
static bool tag_allowed(struct binder *b, const struct ast_arg *a, int ext)
{
	char what[64] = ":";

	if (compile_has(b->c, ext))
		return true;
	memcpy(what + 1, a->tag.p, a->tag.n < sizeof what - 2 ? a->tag.n : sizeof what - 2);
	bind_missing_require(b->c, a->pos, diag_word(slice_str(what)), ext);
	return false;
}

static int bind_address_part(struct binder *b, const struct ast_arg *a, const struct sieve_address_part *part)
{
	if (b->op->address != NULL) {
		compile_error(b->c, a->pos, "\"%s\" takes only one address part: expected either \":%s\" or \":%s\"",
			      b->spec->name, b->op->address->name, part->name);
		return -1;
	}
	b->op->address = part;
	return 0;
}

static int bind_plain_tag(struct binder *b, const struct ast_arg **a, const struct sieve_tag *tag)
{
	struct op *op = b->op;
	const struct ast_arg *operand = NULL;

	for (size_t i = 0; i < op->ntags; i++) {
		const struct sieve_tag *other = b->tags[i].tag;

		if (other == tag) {
			compile_error(b->c, (*a)->pos, "\":%s\" is given twice", tag->name);
			return -1;
		}
		if (tag->group != NULL && other->group != NULL && strcmp(tag->group, other->group) == 0) {
			compile_error(b->c, (*a)->pos, "\":%s\" can't be used with \":%s\": expected one of them",
				      tag->name, other->name);
			return -1;
		}
	}
	if (op->ntags == BIND_TAGS_MAX) {
		compile_error(b->c, (*a)->pos, "\"%s\" has too many tags", b->spec->name);
		return -1;
	}
	if (tag->value != VALUE_NONE) {
		operand = bind_operand(b, a, tag->value, tag->value_name);
		if (operand == NULL || bind_value(b, operand, tag->value, (tag->flags & PARAM_WORDS) != 0, tag->check,
						  &b->tags[op->ntags].value) != 0)
			return -1;
	}
	b->tags[op->ntags++].tag = tag;
	return 0;
}

static int unknown_tag(struct binder *b, const struct ast_arg *a)
{
	const char *near = registry_near_tag(a->tag, b->spec);
	struct buf known;

	buf_init(&known, DIAG_TEXT_MAX);
	registry_list_tags(b->spec, b->c->required, &known);
	if (near != NULL)
		compile_error(b->c, a->pos, "\"%s\" takes no tag %s: expected \":%s\"?", b->spec->name,
			      diag_word(a->tag), near);
	else if (known.n > 0)
		compile_error(b->c, a->pos, "\"%s\" takes no tag %s: expected one of %s", b->spec->name,
			      diag_word(a->tag), buf_str(&known));
	else
		compile_error(b->c, a->pos, "\"%s\" takes no tags, found %s", b->spec->name, diag_word(a->tag));
	buf_free(&known);
	return -1;
}

static int bind_tag(struct binder *b, const struct ast_arg **a)
{
	const struct ast_arg *tag = *a;
	const struct sieve_match_type *type = b->spec->matches ? registry_match_type(tag->tag, &(int){ 0 }) : NULL;
	const struct sieve_address_part *part;
	const struct sieve_tag *plain;
	int ext;

	if (b->positional != NULL) {
		compile_error(b->c, tag->pos, "tags must stand before the other arguments of \"%s\"", b->spec->name);
		return -1;
	}
	if (type != NULL) {
		(void)registry_match_type(tag->tag, &ext);
		return tag_allowed(b, tag, ext) ? bind_match_type(b, a, type) : -1;
	}
	if (b->spec->matches && slice_eq_nocase(tag->tag, SLICE_LIT("comparator")))
		return bind_comparator(b, a);
	part = b->spec->addresses ? registry_address_part(tag->tag, &ext) : NULL;
	if (part != NULL)
		return tag_allowed(b, tag, ext) ? bind_address_part(b, tag, part) : -1;
	plain = registry_tag(tag->tag, b->spec->name, &ext);
	if (plain != NULL)
		return tag_allowed(b, tag, ext) ? bind_plain_tag(b, a, plain) : -1;
	return unknown_tag(b, tag);
}

static size_t count_params(const struct sieve_command *spec)
{
	size_t n = 0;

	while (spec->params != NULL && spec->params[n].name != NULL)
		n++;
	return n;
}

/* Positional arguments to parameters; a first optional one is there when none is missing. */
static int bind_positional(struct binder *b)
{
	const struct sieve_param *params = b->spec->params;
	const struct ast_arg *a = b->positional;
	size_t n = count_params(b->spec), at = 0;
	struct value *values = compile_alloc(b->c, n, sizeof *values);
	int failed = 0;

	if (values == NULL)
		return -1;
	b->op->params = values;
	if (n > 0 && (params[0].flags & PARAM_OPTIONAL) != 0 && b->npositional < n)
		at = 1;
	for (; at < n && a != NULL; at++, a = a->next) {
		int ext = params[at].needs != NULL ? registry_capability(slice_str(params[at].needs)) : -1;

		if (params[at].needs != NULL && (ext < 0 || !compile_has(b->c, ext))) {
			compile_error(b->c, a->pos, "%s of \"%s\" needs the extension \"%s\": expected only %s",
				      params[at].name, b->spec->name, params[at].needs, params[n - 1].name);
			failed = -1;
		} else if (!type_fits(a, params[at].type)) {
			compile_error(b->c, a->pos, "expected %s (%s) of \"%s\", found %s", params[at].name,
				      type_name(params[at].type), b->spec->name, arg_name(a));
			failed = -1;
		} else if (bind_value(b, a, params[at].type, (params[at].flags & PARAM_WORDS) != 0, params[at].check,
				      &values[at]) != 0) {
			failed = -1;
		}
	}
	if (a != NULL) {
		compile_error(b->c, a->pos, "\"%s\" takes %s, found %s", b->spec->name,
			      n == 0 ? "no arguments" : "no more arguments", arg_name(a));
		return -1;
	}
	if (at < n) {
		compile_error(b->c, b->node->end, "expected %s (%s) of \"%s\", found nothing", params[at].name,
			      type_name(params[at].type), b->spec->name);
		return -1;
	}
	return failed;
}

int bind_arguments(struct compiler *c, const struct ast_node *node, const struct sieve_command *spec, struct op *op)
{
	struct binder b = { .c = c, .node = node, .spec = spec, .op = op };
	unsigned long before = c->errors;
	struct tagged *tags;

	for (const struct ast_arg *a = node->args; a != NULL; a = a->next) {
		if (a->kind == AST_TAG) {
			if (bind_tag(&b, &a) != 0)
				return -1;
			continue;
		}
		if (b.positional == NULL)
			b.positional = a;
		b.npositional++;
	}
	if (bind_positional(&b) != 0)
		return -1;
	tags = compile_alloc(c, op->ntags, sizeof *tags);
	if (tags == NULL)
		return -1;
	if (op->ntags > 0)
		memcpy(tags, b.tags, op->ntags * sizeof *tags);
	op->tags = tags;
	if (spec->addresses && op->address == NULL)
		op->address = registry_address_part(SLICE_LIT("all"), &(int){ 0 });
	if (spec->matches && bind_match(&b) != 0)
		return -1;
	return c->errors == before ? 0 : -1;
}
