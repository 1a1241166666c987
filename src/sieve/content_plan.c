/* Versions of the message for the plan: each once, in pieces that are joined where they can be. */
#include "sieve/content.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "msg/mime_scan.h"

enum { PIECES_A_STEP = 64 };

struct exporter {
	struct plan_content *out;
	size_t cap;
};

static void export_piece(struct exporter *e, const struct content_piece *p)
{
	struct plan_content *out = e->out;
	struct plan_piece *last = out->n > 0 ? &out->pieces[out->n - 1] : NULL;

	if (p->n == 0)
		return;
	out->size += p->n;
	if (last != NULL && last->text == NULL && p->text == NULL && last->at + last->n == p->at) {
		last->n += p->n;
		return;
	}
	if (last != NULL && last->text != NULL && p->text != NULL) {
		last->text = mem_resize(last->text, (size_t)(last->n + p->n), 1);
		memcpy(last->text + last->n, p->text, (size_t)p->n);
		last->n += p->n;
		return;
	}
	if (out->n == e->cap) {
		e->cap = e->cap == 0 ? 8 : e->cap * 2;
		out->pieces = mem_resize(out->pieces, e->cap, sizeof *out->pieces);
	}
	last = &out->pieces[out->n++];
	*last = (struct plan_piece){ .at = p->text == NULL ? p->at : 0, .n = p->n };
	if (p->text != NULL) {
		last->text = mem_array((size_t)p->n, 1);
		memcpy(last->text, p->text, (size_t)p->n);
	}
}

/* Own text of all versions together is bounded as the run is: each has a copy. */
static struct plan_content *export_pieces(struct run *r, const struct content_piece *pieces, size_t n)
{
	struct plan_content *out;
	struct exporter e;
	uint64_t own = 0;

	for (size_t i = 0; i < r->plan->ncontents; i++)
		for (size_t k = 0; k < r->plan->contents[i].n; k++)
			own += r->plan->contents[i].pieces[k].text != NULL ? r->plan->contents[i].pieces[k].n : 0;
	for (size_t i = 0; i < n; i++)
		own += pieces[i].text != NULL ? pieces[i].n : 0;
	if (own > r->limits.bytes) {
		(void)run_error(r, "the changed message holds more than %zu octets of the script", r->limits.bytes);
		return NULL;
	}
	if (run_charge(r, 1 + (n + (size_t)own) / PIECES_A_STEP) != 0)
		return NULL;
	out = mem_alloc(sizeof *out);
	e = (struct exporter){ .out = out };
	for (size_t i = 0; i < n; i++)
		export_piece(&e, &pieces[i]);
	return out;
}

/* The index of P, which is taken, in the plan: it may have the same already. */
static size_t export_index(struct run *r, struct plan_content *p)
{
	struct plan *plan = r->plan;
	size_t index = 0;

	if (p->n == 1 && p->pieces[0].text == NULL && p->pieces[0].at == 0 && p->size == r->in->message->size) {
		plan_content_free(p);
		free(p);
		return 0;
	}
	while (index < plan->ncontents && !plan_content_same(&plan->contents[index], p))
		index++;
	if (index < plan->ncontents) {
		plan_content_free(p);
	} else {
		plan->contents = mem_resize(plan->contents, plan->ncontents + 1, sizeof *plan->contents);
		plan->contents[plan->ncontents++] = *p;
	}
	free(p);
	return index + 1;
}

/* Sets *EXPORTED unless the plan has it. */
static int export(struct run *r, const struct content_piece *pieces, size_t n, size_t *exported)
{
	struct plan_content *p;

	if (*exported != MIME_NONE)
		return 0;
	p = export_pieces(r, pieces, n);
	if (p == NULL)
		return -1;
	*exported = export_index(r, p);
	return 0;
}

void content_forget_plan(struct run *r)
{
	r->vacation_line = 0;
	if (r->content == NULL)
		return;
	if (r->content->exported != 0)
		r->content->exported = MIME_NONE;
	if (r->content->plain_exported != 0)
		r->content->plain_exported = MIME_NONE;
}

int content_export(struct run *r, bool plain, size_t *index)
{
	struct content *c = r->content;
	struct content_piece *all;
	size_t n;
	int ret;

	*index = 0;
	if (c == NULL)
		return 0;
	if (plain && c->plain != NULL) {
		ret = export(r, c->plain, c->nplain, &c->plain_exported);
		*index = c->plain_exported;
		return ret;
	}
	all = content_pieces(c, &n);
	ret = export(r, all, n, &c->exported);
	free(all);
	*index = c->exported;
	return ret;
}
