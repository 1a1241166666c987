/* "extracttext" (RFC 5703, 7): text of the current part, as UTF-8, into a variable. */
#include "base/utf8.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/parts.h"
#include "sieve/text.h"
#include "sieve/variables.h"

enum { EXTRACT_NAME };
enum { EXTRACT_ROOM = 128 * 1024 }; /* what one piece may be longer */

/* The first N characters of S; an octet that belongs to none counts as one. */
static struct slice first_characters(struct slice s, uint64_t n)
{
	size_t at = 0;

	while (n > 0 && at < s.n) {
		size_t len = utf8_char_len(slice_skip(s, at));

		at += len > 0 ? len : 1;
		n--;
	}
	return slice_of(s.p, at);
}

/* The beginning of the text of part I, as much as a variable holds; nothing where it is none, or its encoding or
 * charset is not known. 0, or -1 after run_error. */
static int read_text(struct run *r, const struct parts *p, size_t i, struct buf *out)
{
	const struct mime_place *place = &p->scan.parts[i];
	struct part_reader reader;
	int more = 0;

	if (strncmp(place->type, "text/", 5) != 0 || place->encoding == TRANSFER_UNKNOWN)
		return 0;
	part_read(&reader, place);
	if (reader.text.charset != NULL)
		while (out->n <= TEXT_MAX && (more = part_more(r, &reader, out)) > 0)
			;
	part_reader_free(&reader);
	return more < 0 ? -1 : 0;
}

static int run_extracttext(struct run *r, const struct op *op)
{
	const struct value *first = op_tag(op, "first");
	struct slice name = run_string(r, op, EXTRACT_NAME), value = SLICE_LIT("");
	const struct parts *p = parts_of(r);
	struct buf text;
	size_t part;
	int ret = p == NULL || run_failed(r) ? -1 : 0;

	buf_init(&text, TEXT_MAX + EXTRACT_ROOM);
	if (ret == 0 && parts_current(r, &part) && part < p->scan.n)
		ret = read_text(r, p, part, &text);
	if (text.n > 0)
		value = text_front(buf_slice(&text), TEXT_MAX);
	if (first != NULL)
		value = first_characters(value, first->number);
	if (ret == 0)
		ret = variable_set_by(r, op, name, value);
	buf_free(&text);
	return ret;
}

static void check_extracttext(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	(void)op;
	if (c->loops == NULL)
		compile_error(c, node->pos, "\"extracttext\" must stand within the block of a \"foreverypart\"");
	if (!compile_requires(c, "variables"))
		compile_error(c, node->pos,
			      "\"extracttext\" sets a variable: expected require \"variables\"; beside it");
	else
		compile_uses(c, "variables");
}

static const struct sieve_param params[] = {
	{ "the name of the variable", VALUE_STRING, PARAM_CONSTANT, NULL, variable_name_check },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "extracttext", SIEVE_ACTION, .params = params, .check = check_extracttext, .run = run_extracttext },
	{ 0 },
};

static const char *const on_extracttext[] = { "extracttext", NULL };

static const struct sieve_tag tags[] = {
	{ .name = "first", .on = on_extracttext, .value = VALUE_NUMBER, .value_name = "the number of characters" },
	{ 0 },
};

const struct sieve_extension sieve_extracttext = { "extracttext", .commands = commands, .tags = tags };
