#include "sieve/fields.h"

#include "sieve/compiler.h"
#include "sieve/index.h"
#include "sieve/mime_test.h"

void fields_check(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	index_check(c, node, op);
	mime_test_check(c, node, op);
}

static int match_header(struct matcher *m, const struct op *op, const struct view_header *h, struct strings names,
			gather_field each)
{
	enum gather_answer answer;
	struct index_walk walk;
	size_t field;
	int got = gather_ask(m, op, h, names, each, &answer);

	if (got == 0 && answer != GATHER_UNKNOWN)
		return answer == GATHER_YES;
	if (got == 0)
		got = index_start(&walk, m->run, op, h, names);
	while (got == 0 && (got = index_next(&walk, &field)) > 0)
		got = each(m, op, h, field);
	return got;
}

int fields_match(struct run *r, const struct op *op, struct strings names, gather_field each)
{
	struct mime_test_walk headers;
	const struct view_header *h;
	struct matcher m;
	int got = match_start(&m, r, op);

	if (got == 0)
		got = mime_test_start(&headers, r, op);
	while (got == 0 && (got = mime_test_next(&headers, &h)) > 0)
		got = match_header(&m, op, h, names, each);
	return got != 0 ? got : match_end(&m);
}
