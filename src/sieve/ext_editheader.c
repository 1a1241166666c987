/* "editheader" (RFC 5293). What is protected is left alone without a word (6). */
#include "msg/header_write.h"
#include "sieve/compiler.h"
#include "sieve/content.h"
#include "sieve/extensions.h"
#include "sieve/match.h"
#include "sieve/parts.h"

enum { FIELD_NAME, FIELD_VALUE };
enum { FIELD_NAME_MAX = 100 }; /* with the longest word of a value, no line is longer than 998 octets */

static void check_name(struct maker *m, struct slice *name)
{
	if (!header_name_valid(*name))
		maker_error(m, "%s can't be the name of a header field: expected printable ASCII without \":\"",
			    diag_word(*name));
	else if (name->n > FIELD_NAME_MAX)
		maker_error(m, "the name of a header field is too long: at most %d octets are allowed", FIELD_NAME_MAX);
}

static bool is_listed(const struct sieve_names *names, struct slice name)
{
	for (size_t i = 0; i < names->n; i++)
		if (header_name_fits(name, slice_str(names->all[i])))
			return true;
	return false;
}

/* Local policy, but Subject may always be changed, and what stops loops never be deleted (6). */
static bool allowed(const struct run *r, struct slice name, bool add)
{
	if (slice_eq_nocase(name, SLICE_LIT("Subject")))
		return true;
	if (!add &&
	    (slice_eq_nocase(name, SLICE_LIT("Received")) || slice_eq_nocase(name, SLICE_LIT("Auto-Submitted"))))
		return false;
	return !is_listed(add ? &r->in->forbid_add : &r->in->forbid_delete, name);
}

/* What the structure of the message hangs on. */
static void note_change(struct run *r, struct slice name)
{
	if (slice_eq_nocase(name, SLICE_LIT("Content-Type")) ||
	    slice_eq_nocase(name, SLICE_LIT("Content-Transfer-Encoding")))
		parts_retyped(r);
}

static int run_addheader(struct run *r, const struct op *op)
{
	struct slice name = run_string(r, op, FIELD_NAME), value = run_string(r, op, FIELD_VALUE), text;
	struct content *c = content_of(r);
	struct buf field;
	int ret = run_failed(r) ? -1 : run_charge(r, 1 + value.n / 16);

	if (ret != 0)
		return -1;
	if (value.n > r->limits.header_size)
		return run_error(r, "the value of a header field is too long: at most %zu octets are allowed",
				 r->limits.header_size);
	if (!allowed(r, name, true))
		return 0;
	buf_init(&field, FIELD_NAME_MAX + 1024 + 6 * value.n);
	ret = header_write(name, value, &field);
	text = ret == 0 ? run_copy(r, buf_slice(&field)) : SLICE_NONE;
	if (ret != 0)
		ret = run_error(r, "the value of a header field is too long");
	buf_free(&field);
	if (ret != 0 || text.p == NULL)
		return -1;
	note_change(r, name);
	return content_add_field(r, c, op_tag(op, "last") != NULL ? c->header.n : 0, text);
}

/* Whether FIELD is to be deleted: its value fits the patterns, as if by the test header (5), and "replace" did not put it
 * there (RFC 5703, 5). 1, 0, or -1. */
static int fits(struct run *r, struct matcher *m, size_t field)
{
	struct slice text;
	int got;

	if (content_of(r)->header.fields[field].kept)
		return 0;
	if (m->nkeys == 0)
		return 1;
	if (view_value(r, &content_of(r)->header, field, &text) != 0)
		return -1;
	m->values = 0;
	got = match_value(m, text);
	return got != 0 ? got : match_end(m);
}

/* The places of all fields called NAME, in *ALL: of the message, also where an included script sees a part as such. How
 * many, or -1 after run_error. */
static ssize_t find_fields(struct run *r, struct slice name, size_t **all)
{
	const struct view_header *h = &content_of(r)->header;
	size_t at = 0, n = 0, field;
	int got;

	*all = run_alloc_now(r, h->n, sizeof **all);
	if (*all == NULL)
		return -1;
	while ((got = view_find(r, h, name, &at, &field)) > 0)
		(*all)[n++] = field;
	return got < 0 ? -1 : (ssize_t)n;
}

static int run_deleteheader(struct run *r, const struct op *op)
{
	const struct value *index = op_tag(op, "index");
	struct slice name = run_string(r, op, FIELD_NAME);
	size_t first = 0, last, *all;
	struct matcher m;
	ssize_t n;
	int got = match_start(&m, r, op);

	if (got != 0 || run_failed(r))
		return -1;
	if (!allowed(r, name, false))
		return 0;
	n = find_fields(r, name, &all);
	if (n < 0)
		return -1;
	last = (size_t)n;
	if (index != NULL) {
		if (index->number > (uint64_t)n)
			return 0;
		first = op_tag(op, "last") != NULL ? (size_t)n - (size_t)index->number : (size_t)index->number - 1;
		last = first + 1;
	}
	/* From the end, so that the places before stay true. */
	for (size_t i = last; i > first && got >= 0; i--) {
		got = fits(r, &m, all[i - 1]);
		if (got > 0)
			got = content_delete_field(r, content_of(r), all[i - 1]);
	}
	note_change(r, name);
	return got < 0 ? -1 : 0;
}

static void check_deleteheader(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	const struct value *index = op_tag(op, "index");

	if (index == NULL && op_tag(op, "last") != NULL)
		compile_error(c, node->pos, "\":last\" of \"deleteheader\" counts for \":index\": expected that, too");
	if (index != NULL && index->number == 0)
		compile_error(c, node->pos, "\":index\" counts from 1");
}

static const struct sieve_param add_params[] = {
	{ "the name of the field", VALUE_STRING, 0, NULL, check_name },
	{ "the value", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param delete_params[] = {
	{ "the name of the field", VALUE_STRING, 0, NULL, check_name },
	{ "the value patterns", VALUE_STRINGS, PARAM_KEYS | PARAM_OPTIONAL, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "addheader", SIEVE_ACTION, .params = add_params, .run = run_addheader },
	{ "deleteheader", SIEVE_ACTION, .matches = true, .params = delete_params, .check = check_deleteheader,
	  .run = run_deleteheader },
	{ 0 },
};

static const char *const on_both[] = { "addheader", "deleteheader", NULL };
static const char *const on_delete[] = { "deleteheader", NULL };

static const struct sieve_tag tags[] = {
	{ "last", on_both, NULL, VALUE_NONE, 0, NULL, NULL, NULL },
	{ "index", on_delete, NULL, VALUE_NUMBER, 0, "the number of the field", NULL, NULL },
	{ 0 },
};

const struct sieve_extension sieve_editheader = { "editheader", .commands = commands, .tags = tags };
