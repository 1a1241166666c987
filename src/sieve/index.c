#include "sieve/index.h"

#include "sieve/view.h"

void index_check(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	const struct value *index = op_tag(op, "index");

	if (index == NULL && op_tag(op, "last") != NULL)
		compile_error(c, node->pos, "\":last\" counts from the end: expected \":index\" beside it");
	if (index != NULL && index->number == 0)
		compile_error(c, node->pos, "\":index\" counts from 1: expected the number of a field, found 0");
}

/* Of all names, the next. */
static int walk(struct index_walk *w, size_t *field)
{
	while (w->name < w->names.n) {
		int got = view_find(w->run, w->header, w->names.all[w->name], &w->at, field);

		if (got != 0)
			return got;
		w->name++;
		w->at = 0;
	}
	return 0;
}

int index_start(struct index_walk *w, struct run *r, const struct op *op, const struct view_header *h,
		struct strings names)
{
	const struct value *index = op->ntags > 0 ? op_tag(op, "index") : NULL;
	uint64_t n = 0;
	size_t field;
	int got;

	*w = (struct index_walk){ .run = r, .header = h, .names = names };
	if (h == NULL)
		return -1;
	if (index == NULL)
		return 0;
	w->one = true;
	w->left = index->number - 1;
	if (op_tag(op, "last") == NULL)
		return 0;
	/* Counted from the end: so all are counted first. */
	while ((got = walk(w, &field)) > 0)
		n++;
	w->name = 0;
	w->at = 0;
	w->left = n >= index->number ? n - index->number : UINT64_MAX;
	return got;
}

int index_next(struct index_walk *w, size_t *field)
{
	int got;

	while ((got = walk(w, field)) > 0 && w->one && w->left > 0)
		w->left--;
	/* Behind the one there is no other. */
	if (got > 0 && w->one)
		w->name = w->names.n;
	return got;
}
