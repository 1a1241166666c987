#include "sieve/mime_test.h"

#include "msg/mime_param.h"
#include "sieve/parts.h"

void mime_test_check(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	static const char *const tags[] = { "anychild", "type", "subtype", "contenttype", "param" };

	if (op->ntags == 0 || op_tag(op, "mime") != NULL)
		return;
	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
		if (op_tag(op, tags[i]) != NULL)
			compile_error(c, node->pos, "\":%s\" says nothing alone: expected \":mime\" beside it",
				      tags[i]);
}

int mime_test_start(struct mime_test_walk *w, struct run *r, const struct op *op)
{
	const struct parts *p;

	*w = (struct mime_test_walk){ .run = r, .end = 1 };
	if (op->ntags == 0 || op_tag(op, "mime") == NULL)
		return 0;
	w->parts = true;
	w->at = parts_subject(r);
	(void)parts_current(r, &w->at);
	w->end = w->at + 1;
	/* The message itself is no reason to look for parts. */
	if (w->at == 0 && op_tag(op, "anychild") == NULL)
		return 0;
	p = parts_of(r);
	if (p == NULL)
		return -1;
	if (op_tag(op, "anychild") != NULL)
		w->end = parts_end(p, w->at);
	return 0;
}

int mime_test_next(struct mime_test_walk *w, const struct view_header **h)
{
	if (w->at == w->end || run_charge(w->run, 1) != 0)
		return w->at == w->end ? 0 : -1;
	w->at++;
	if (w->parts)
		return parts_header(w->run, w->at - 1, h) == 0 ? 1 : -1;
	*h = view_message(w->run);
	return *h != NULL ? 1 : -1;
}

/* ---- values ---- */

enum { PARAM_VALUE_MAX = 64 * 1024 };

static int match_param(void *arg, struct slice value)
{
	struct matcher *m = arg;

	return match_value(m, value);
}

/* Each parameter that is there is a value; of one that is there twice both are, as mail programs differ in which they
 * take. */
static int match_params(struct matcher *m, const struct value *tag, struct slice value)
{
	struct strings names = run_strings(m->run, tag);
	struct buf text;
	int got = run_failed(m->run) ? -1 : 0;

	buf_init(&text, PARAM_VALUE_MAX);
	for (size_t i = 0; i < names.n && got == 0; i++) {
		got = run_charge(m->run, 1 + value.n / 16);
		if (got == 0)
			got = mime_param_each(value, names.all[i], &text, match_param, m);
	}
	buf_free(&text);
	return got;
}

/* "type/subtype" and "attachment" as the tags of OP want them: blank where a field says no such thing. */
static int match_structure(struct matcher *m, const struct op *op, struct slice name, struct slice value)
{
	struct slice type = SLICE_LIT(""), subtype = SLICE_LIT("");
	bool known = true;
	struct buf both;
	int got;

	if (slice_eq_nocase(name, SLICE_LIT("Content-Type"))) {
		if (!mime_type_parse(value, &type, &subtype))
			type = subtype = SLICE_LIT("");
	} else if (slice_eq_nocase(name, SLICE_LIT("Content-Disposition"))) {
		type = mime_token(value);
	} else {
		known = false;
	}
	if (type.n == 0) {
		got = match_value(m, type);
		/* Counted are those that could be read (4.1); of others there is nothing to be read. */
		if (got == 0 && known)
			m->values--;
		return got;
	}
	if (op_tag(op, "type") != NULL || subtype.n == 0)
		return match_value(m, op_tag(op, "subtype") != NULL ? subtype : type);
	if (op_tag(op, "subtype") != NULL)
		return match_value(m, subtype);
	buf_init(&both, type.n + subtype.n + 1);
	(void)buf_add_slice(&both, type);
	(void)buf_add_char(&both, '/');
	(void)buf_add_slice(&both, subtype);
	got = match_value(m, buf_slice(&both));
	buf_free(&both);
	return got;
}

int mime_test_field(struct matcher *m, const struct op *op, const struct view_header *h, size_t field)
{
	const struct view_field *f = &h->fields[field];
	const struct value *param;
	struct slice text;
	int got;

	if (op->ntags > 0) {
		param = op_tag(op, "param");
		if (param != NULL)
			return match_params(m, param, f->value);
		if (op_tag(op, "type") != NULL || op_tag(op, "subtype") != NULL || op_tag(op, "contenttype") != NULL)
			return match_structure(m, op, f->name, f->value);
	}
	if (view_value(m->run, h, field, &text) != 0)
		return -1;
	m->known = view_known(h, field);
	got = match_value(m, text);
	m->known = NULL;
	return got;
}
