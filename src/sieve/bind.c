/* Arguments: which token is which argument, and whether it may be (RFC 5228, 2.6). All of it comes from the tables. */
#include "sieve/bind.h"
#include "sieve/registry.h"
#include "sieve/text.h"
#include "sieve/words.h"

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

/* One string of an argument. */
static int bind_string(struct binder *b, const struct ast_string *s, sieve_check_string check, bool constant,
		       struct slice *out, const struct text **text)
{
	struct maker maker = { .c = b->c, .at = s->pos };

	if (compile_copy(b->c, s->text, out) != 0 || text_compile(b->c, out, s->pos, text) != 0)
		return -1;
	if (*text != NULL && constant) {
		compile_error(b->c, s->pos, "%s must not hold variables here", diag_word(s->text));
		return -1;
	}
	if (*text == NULL && check != NULL)
		check(&maker, out);
	return 0;
}

/* The constant strings ALL (N of them), split into words. */
static int split_words(struct binder *b, const struct slice *all, size_t n, struct value *out)
{
	struct slice *words;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += words_count(all[i]);
	words = compile_alloc(b->c, count, sizeof *words);
	if (words == NULL)
		return -1;
	count = 0;
	for (size_t i = 0; i < n; i++)
		count += words_split(all[i], &words[count]);
	out->strings = words;
	out->n = count;
	return 0;
}

/* Copies what A holds into the program, checked. FLAGS: PARAM_… */
static int bind_value(struct binder *b, const struct ast_arg *a, enum value_type type, unsigned flags,
		      sieve_check_string check, struct value *out)
{
	struct slice *strings;
	const struct text **texts;
	bool constant = true;
	size_t n = 0;

	out->type = type;
	if (type == VALUE_NUMBER) {
		out->number = a->number;
		return 0;
	}
	strings = compile_alloc(b->c, a->nstrings, sizeof *strings);
	texts = compile_alloc(b->c, a->nstrings, sizeof *texts);
	if (strings == NULL || texts == NULL)
		return -1;
	for (const struct ast_string *s = a->strings; s != NULL; s = s->next, n++) {
		if (bind_string(b, s, check, (flags & PARAM_CONSTANT) != 0, &strings[n], &texts[n]) != 0)
			return -1;
		constant = constant && texts[n] == NULL;
	}
	out->strings = strings;
	out->n = n;
	if (constant)
		return (flags & PARAM_WORDS) != 0 ? split_words(b, strings, n, out) : 0;
	out->texts = texts;
	out->words = (flags & PARAM_WORDS) != 0;
	out->check = check;
	return 0;
}

/* The argument behind tag A, which must be of TYPE; *A moves on to it. NULL after an error. */
const struct ast_arg *bind_operand(struct binder *b, const struct ast_arg **a, enum value_type type, const char *name)
{
	const struct ast_arg *tag = *a;

	/* A test in its place is told of already. */
	if (tag->next == NULL && b->node->tests != NULL && b->spec->tests == TESTS_NONE)
		return NULL;
	if (!type_fits(tag->next, type)) {
		compile_error(b->c, tag->next != NULL ? tag->next->pos : tag->pos,
			      "expected %s (%s) after \":%.*s\", found %s", name, type_name(type), (int)tag->tag.n,
			      tag->tag.p, arg_name(tag->next));
		return NULL;
	}
	*a = tag->next;
	return tag->next;
}

/* EXT must be required. */
static void tag_needs(struct binder *b, const struct ast_arg *a, int ext)
{
	/* The colon stands in front of it in the script. */
	compile_needs_extension(b->c, a->pos, slice_of(a->tag.p - 1, a->tag.n + 1), ext);
}

static int bind_address_part(struct binder *b, const struct ast_arg *a, const struct sieve_address_part *part)
{
	if (b->op->address != NULL) {
		if (b->op->address == part)
			compile_error(b->c, a->pos, "\":%s\" is given twice", part->name);
		else
			compile_error(b->c, a->pos,
				      "\"%s\" takes only one address part: expected either \":%s\" or \":%s\"",
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
		if (operand == NULL ||
		    bind_value(b, operand, tag->value, tag->flags, tag->check, &b->tags[op->ntags].value) != 0)
			return -1;
	}
	b->tags[op->ntags++].tag = tag;
	return 0;
}

static int unknown_tag(struct binder *b, const struct ast_arg *a)
{
	const char *near = diag_full(b->c->diag) ? NULL : registry_near_tag(a->tag, b->spec);
	struct buf known;

	buf_init(&known, DIAG_TEXT_MAX);
	registry_list_tags(b->spec, b->c->program->required, &known);
	if (near != NULL)
		compile_unknown(b->c, a->pos, "\"%s\" takes no tag %s: expected \":%s\"?", b->spec->name,
			      diag_word(a->tag), near);
	else if (known.n > 0)
		compile_unknown(b->c, a->pos, "\"%s\" takes no tag %s: expected one of %s", b->spec->name,
			      diag_word(a->tag), buf_str(&known));
	else
		compile_unknown(b->c, a->pos, "\"%s\" takes no tags, found %s", b->spec->name, diag_word(a->tag));
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
		tag_needs(b, tag, ext);
		return bind_match_type(b, a, type);
	}
	if (b->spec->matches && slice_eq_nocase(tag->tag, SLICE_LIT("comparator")))
		return bind_comparator(b, a);
	part = b->spec->addresses ? registry_address_part(tag->tag, &ext) : NULL;
	if (part != NULL) {
		tag_needs(b, tag, ext);
		return bind_address_part(b, tag, part);
	}
	plain = registry_tag(tag->tag, b->spec->name, &ext);
	if (plain != NULL) {
		tag_needs(b, tag, ext);
		return bind_plain_tag(b, a, plain);
	}
	return unknown_tag(b, tag);
}

static size_t count_params(const struct sieve_command *spec)
{
	size_t n = 0;

	while (spec->params != NULL && spec->params[n].name != NULL)
		n++;
	return n;
}

/* Positional arguments to parameters; a first optional one is there when none is missing, a last one when it is. */
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

		if (params[at].needs != NULL && (ext < 0 || !compile_may(b->c, ext))) {
			compile_error(b->c, a->pos, "%s of \"%s\" needs the extension \"%s\": expected only %s",
				      params[at].name, b->spec->name, params[at].needs, params[n - 1].name);
			failed = -1;
		} else if (!type_fits(a, params[at].type)) {
			compile_error(b->c, a->pos, "expected %s (%s) of \"%s\", found %s", params[at].name,
				      type_name(params[at].type), b->spec->name, arg_name(a));
			failed = -1;
		} else if (bind_value(b, a, params[at].type, params[at].flags, params[at].check, &values[at]) != 0) {
			failed = -1;
		}
	}
	if (a != NULL) {
		compile_error(b->c, a->pos, "\"%s\" takes %s, found %s", b->spec->name,
			      n == 0 ? "no arguments" : "no more arguments", arg_name(a));
		return -1;
	}
	/* A test in their place is told of already. */
	if (at < n && b->node->tests != NULL && b->spec->tests == TESTS_NONE)
		return -1;
	if (at < n && !(at == n - 1 && at > 0 && (params[at].flags & PARAM_OPTIONAL) != 0)) {
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
