/* "replace" (RFC 5703, 5): a part, or the whole message, becomes a text or an entity of the script. */
#include "sieve/compiler.h"
#include "sieve/entity.h"
#include "sieve/extensions.h"
#include "sieve/outbound.h"
#include "sieve/parts.h"

enum { REPLACE_TEXT };

static void check_from(struct maker *m, struct slice *from)
{
	if (outbound_mailboxes(*from) == 0)
		maker_error(m, "%s is no list of addresses: expected one such as \"Name <name@office.example>\"",
			    diag_word(*from));
}

/* What says how the body is to be read goes with it. */
static int drop_structure(struct run *r, struct content *c)
{
	for (size_t i = c->header.n; i > 0; i--) {
		struct slice name = c->header.fields[i - 1].name;

		if ((slice_starts_nocase(name, SLICE_LIT("Content-")) ||
		     slice_eq_nocase(name, SLICE_LIT("MIME-Version"))) &&
		    content_delete_field(r, c, i - 1) != 0)
			return -1;
	}
	return run_charge(r, 1 + c->header.n / 16);
}

/* The fields of the message are preserved, but for those of its structure, and those that the tags say are kept under
 * another name. */
static int replace_header(struct run *r, const struct op *op, struct content *c, const struct entity *e)
{
	const struct value *subject = op_tag(op, "subject"), *from = op_tag(op, "from");
	struct slice new_subject = run_value(r, subject), new_from = run_value(r, from);

	if (run_failed(r) || drop_structure(r, c) != 0)
		return -1;
	if (subject != NULL && (entity_rename_original(r, c, SLICE_LIT("Subject")) != 0 ||
				entity_add_field(r, c, SLICE_LIT("Subject"), new_subject) != 0))
		return -1;
	if (from != NULL &&
	    (entity_rename_original(r, c, SLICE_LIT("From")) != 0 || entity_add_mailboxes(r, c, "From", new_from) != 0))
		return -1;
	if (entity_add_field(r, c, SLICE_LIT("MIME-Version"), SLICE_LIT("1.0")) != 0)
		return -1;
	return entity_add_fields(r, c, e->head);
}

static int replace_message(struct run *r, const struct op *op, const struct entity *e)
{
	struct content *c = content_of(r);

	if (replace_header(r, op, c, e) != 0)
		return -1;
	return content_splice(r, c, 0, c->size, e->body);
}

static int replace_part(struct run *r, const struct mime_place *part, const struct entity *e)
{
	struct slice text;
	char *p = run_alloc(r, e->head.n + 2 + e->body.n, 1);

	if (p == NULL)
		return -1;
	text = slice_of(p, e->head.n + 2 + e->body.n);
	if (e->head.n > 0)
		memcpy(p, e->head.p, e->head.n);
	memcpy(p + e->head.n, "\r\n", 2);
	if (e->body.n > 0)
		memcpy(p + e->head.n + 2, e->body.p, e->body.n);
	return content_splice(r, content_of(r), part->head, part->end, text);
}

static int run_replace(struct run *r, const struct op *op)
{
	struct slice text = run_string(r, op, REPLACE_TEXT);
	size_t i = parts_subject(r);
	const struct parts *p;
	struct entity e;
	int ret;

	if (run_failed(r))
		return -1;
	if ((op_tag(op, "mime") != NULL ? entity_parse(r, text, &e) : entity_of_text(r, text, &e)) != 0)
		return -1;
	(void)parts_current(r, &i);
	if (i == 0) {
		ret = replace_message(r, op, &e);
	} else {
		p = parts_of(r);
		if (p == NULL || i >= p->scan.n)
			return p == NULL ? -1 : 0;
		ret = replace_part(r, &p->scan.parts[i], &e);
	}
	if (ret != 0)
		return -1;
	parts_changed(r, 0);
	parts_skip(r);
	return 0;
}

static struct pos tag_place(const struct ast_node *node, const char *name)
{
	for (const struct ast_arg *a = node->args; a != NULL; a = a->next)
		if (a->kind == AST_TAG && slice_eq_nocase(a->tag, slice_str(name)))
			return a->pos;
	return node->pos;
}

/* An entity says by itself what it is (5). */
static void check_replace(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	static const char *const tags[] = { "subject", "from" };

	for (size_t i = 0; op_tag(op, "mime") != NULL && i < sizeof tags / sizeof tags[0]; i++)
		if (op_tag(op, tags[i]) != NULL)
			compile_error(c, tag_place(node, tags[i]),
				      "\":%s\" says nothing beside \":mime\" of \"replace\"", tags[i]);
}

static const struct sieve_param params[] = {
	{ "the replacement", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "replace", SIEVE_ACTION, .params = params, .check = check_replace, .run = run_replace },
	{ 0 },
};

static const char *const on_replace[] = { "replace", NULL };

static const struct sieve_tag tags[] = {
	{ .name = "mime", .on = on_replace },
	{ .name = "subject", .on = on_replace, .value = VALUE_STRING, .value_name = "the subject" },
	{ .name = "from",
	  .on = on_replace,
	  .value = VALUE_STRING,
	  .value_name = "the From field",
	  .check = check_from },
	{ 0 },
};

const struct sieve_extension sieve_replace = { "replace", .commands = commands, .tags = tags };
