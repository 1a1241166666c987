#include "fetch/rows.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1024 * 1024 * 1024 };

void rows_init(struct rows *r)
{
	*r = (struct rows){ 0 };
	buf_init(&r->text, TEXT_MAX);
	if (buf_add(&r->text, "", 1) != 0) /* offset 0 is "" */
		abort();		   /* a small allocation failed */
}

void rows_free(struct rows *r)
{
	free(r->all);
	buf_free(&r->text);
	*r = (struct rows){ 0 };
}

static int grow(struct rows *r)
{
	const size_t cap = r->cap == 0 ? 64 : r->cap * 2;
	struct row *all = cap >= PAIR_NONE ? NULL : realloc(r->all, cap * sizeof *all);

	if (all == NULL)
		return -1;
	r->all = all;
	r->cap = cap;
	return 0;
}

static bool begins(const char *s, const char *with)
{
	return s != NULL && strncmp(s, with, strlen(with)) == 0;
}

struct row *rows_add(struct rows *r, const struct spool_origin *o)
{
	const char *name = o->name == NULL ? "" : o->name;
	struct row *row;

	if (r->failed || (r->n == r->cap && grow(r) != 0)) {
		r->failed = true;
		return NULL;
	}
	row = &r->all[r->n];
	*row = (struct row){
		.number = o->number,
		.folder = o->folder,
		.absent_ms = o->absent_ms,
		.tried_ms = o->tried_ms,
		.taken_ms = o->taken_ms,
		.size = o->size,
		.uid = o->uid,
		.absent = o->absent,
		.tries = o->tries,
		.item = PAIR_NONE,
		.fate = (uint8_t)o->fate,
		.settled = (uint8_t)o->settled,
		.removal = o->removal,
		.handled = o->handled,
		.larger = o->fate == ORIGIN_SKIPPED && begins(o->reason, REASON_LARGER),
		.older = o->fate == ORIGIN_SKIPPED && begins(o->reason, REASON_OLDER),
	};
	memcpy(row->head, o->head, sizeof row->head);
	if (*name != '\0') {
		row->name = (uint32_t)r->text.n;
		if (buf_add(&r->text, name, strlen(name) + 1) != 0) {
			r->failed = true;
			return NULL;
		}
	}
	r->n++;
	return row;
}

const char *rows_name(const struct rows *r, const struct row *row)
{
	return r->text.p + row->name;
}
