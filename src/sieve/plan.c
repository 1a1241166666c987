#include "sieve/plan.h"

#include <stdlib.h>
#include <string.h>

const char *plan_kind_name(enum plan_kind kind)
{
	static const char *const names[PLAN_KINDS] = {
		[PLAN_KEEP] = "keep",	    [PLAN_FILEINTO] = "fileinto", [PLAN_REDIRECT] = "redirect",
		[PLAN_DISCARD] = "discard", [PLAN_REJECT] = "reject",	  [PLAN_EREJECT] = "ereject",
		[PLAN_VACATION] = "vacation", [PLAN_NOTIFY] = "notify",
	};

	return names[kind];
}

static void free_strings(char **strings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(strings[i]);
	free(strings);
}

static void free_fcc(struct plan_fcc *f)
{
	free(f->mailbox);
	free_strings(f->flags, f->nflags);
	free(f->special_use);
	free(f->mailbox_id);
}

static void free_seen(struct plan_seen *s)
{
	free(s->from);
	free(s->date);
	free(s->subject);
}

static void free_answer(struct plan_answer *a)
{
	if (a == NULL)
		return;
	free(a->to);
	free(a->from);
	free(a->subject);
	free(a->reason);
	free_seen(&a->seen);
	free_fcc(&a->fcc);
	free(a);
}

static void free_notice(struct plan_notice *n)
{
	if (n == NULL)
		return;
	free(n->method);
	free(n->from);
	free(n->message);
	free_strings(n->options, n->noptions);
	free_strings(n->told, n->ntold);
	free_seen(&n->seen);
	free_fcc(&n->fcc);
	free(n);
}

static void free_dsn(struct plan_dsn *d)
{
	if (d == NULL)
		return;
	free(d->notify);
	free(d->ret);
	free(d);
}

static void free_action(struct plan_action *a)
{
	free(a->mailbox);
	free(a->mailbox_id);
	free(a->address);
	free(a->reason);
	free_strings(a->flags, a->nflags);
	free_dsn(a->dsn);
	free_answer(a->answer);
	free_notice(a->notice);
}

void plan_content_free(struct plan_content *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->pieces[i].text);
	free(c->pieces);
	*c = (struct plan_content){ .n = 0 };
}

bool plan_content_same(const struct plan_content *a, const struct plan_content *b)
{
	if (a->n != b->n || a->size != b->size)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct plan_piece *p = &a->pieces[i], *q = &b->pieces[i];

		if (p->n != q->n || (p->text == NULL) != (q->text == NULL))
			return false;
		if (p->text == NULL ? p->at != q->at : memcmp(p->text, q->text, (size_t)p->n) != 0)
			return false;
	}
	return true;
}

static void free_memory(struct plan_memory *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(m[i].key);
	free(m);
}

void plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		free_action(&p->actions[i]);
	free(p->actions);
	for (size_t i = 0; i < p->ncontents; i++)
		plan_content_free(&p->contents[i]);
	free(p->contents);
	free_memory(p->memory, p->nmemory);
	free_memory(p->wanted, p->nwanted);
	free_strings(p->keep_flags, p->nkeep_flags);
	free(p->error);
	*p = (struct plan){ .implicit_keep = false };
}
