/* Tests on the message as it is: header, exists, size (RFC 5228, 5.5, 5.7, 5.9). */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/match.h"
#include "sieve/view.h"

enum { HEADER_NAMES, HEADER_KEYS };

static int run_header(struct run *r, const struct op *op)
{
	struct matcher m = { r, op->match, 0 };
	int got = 0;

	for (size_t i = 0; i < run_count(op, HEADER_NAMES) && got == 0; i++) {
		struct slice name = run_string(r, op, HEADER_NAMES, i), text;
		size_t at = 0, field;

		while (got == 0 && (got = view_next(r, name, &at, &field)) > 0)
			got = view_text(r, field, &text) == 0 ? match_value(&m, text) : -1;
	}
	return got != 0 ? got : match_end(&m);
}

static int run_exists(struct run *r, const struct op *op)
{
	for (size_t i = 0; i < run_count(op, HEADER_NAMES); i++) {
		size_t at = 0, field;
		int got = view_next(r, run_string(r, op, HEADER_NAMES, i), &at, &field);

		if (got <= 0)
			return got;
	}
	return 1;
}

static int run_size(struct run *r, const struct op *op)
{
	uint64_t limit = op->params[0].number, size = r->in->message->size;

	return op_tag(op, "over") != NULL ? size > limit : size < limit;
}

static void check_size(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	if (op->ntags == 0)
		compile_error(c, node->pos, "\"size\" needs a tag: expected \":over\" or \":under\"");
}

static const struct sieve_param header_params[] = {
	{ "the header names", VALUE_STRINGS, 0, NULL, NULL },
	{ "the keys", VALUE_STRINGS, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_param exists_params[] = {
	{ "the header names", VALUE_STRINGS, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param size_params[] = {
	{ "the limit", VALUE_NUMBER, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "header", SIEVE_TEST, .matches = true, .params = header_params, .run = run_header },
	{ "exists", SIEVE_TEST, .params = exists_params, .run = run_exists },
	{ "size", SIEVE_TEST, .params = size_params, .check = check_size, .run = run_size },
	{ 0 },
};

static const char *const on_size[] = { "size", NULL };

static const struct sieve_tag tags[] = {
	{ "over", on_size, "limit", VALUE_NONE, 0, NULL, NULL },
	{ "under", on_size, "limit", VALUE_NONE, 0, NULL, NULL },
	{ 0 },
};

const struct sieve_extension sieve_headers = { .commands = commands, .tags = tags };
