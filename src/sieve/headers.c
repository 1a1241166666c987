/* Tests on the message as it is: header, exists, size (RFC 5228, 5.5, 5.7, 5.9). */
#include <stdio.h>

#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/fields.h"
#include "sieve/mime_test.h"
#include "sieve/parts.h"
#include "sieve/trace.h"

enum { HEADER_NAMES };

static int run_header(struct run *r, const struct op *op)
{
	return fields_match(r, op, run_param(r, op, HEADER_NAMES), mime_test_field);
}

/* All names are in one header. */
static int exist(struct run *r, const struct view_header *h, struct strings names)
{
	for (size_t i = 0; i < names.n; i++) {
		size_t at = 0, field;
		int got = view_find(r, h, names.all[i], &at, &field);

		if (got <= 0)
			return got < 0 ? got : trace_missing(r, names.all[i]);
	}
	return 1;
}

static int run_exists(struct run *r, const struct op *op)
{
	struct strings names = run_param(r, op, HEADER_NAMES);
	struct mime_test_walk headers;
	const struct view_header *h;
	int got = mime_test_start(&headers, r, op);

	while (got == 0 && (got = mime_test_next(&headers, &h)) > 0)
		got = exist(r, h, names);
	return got;
}

static int run_size(struct run *r, const struct op *op)
{
	uint64_t limit = op->params[0].number, size;
	char digits[24];

	if (parts_size(r, &size) != 0)
		return -1;
	(void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)size);
	trace_value(r, slice_str(digits));
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
	{ "header", SIEVE_TEST, .matches = true, .params = header_params, .check = fields_check, .run = run_header },
	{ "exists", SIEVE_TEST, .params = exists_params, .check = mime_test_check, .run = run_exists },
	{ "size", SIEVE_TEST, .params = size_params, .check = check_size, .run = run_size },
	{ 0 },
};

static const char *const on_size[] = { "size", NULL };

static const struct sieve_tag tags[] = {
	{ "over", on_size, "limit", VALUE_NONE, 0, NULL, NULL, NULL },
	{ "under", on_size, "limit", VALUE_NONE, 0, NULL, NULL, NULL },
	{ 0 },
};

const struct sieve_extension sieve_headers = { .commands = commands, .tags = tags };
