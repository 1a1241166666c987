#include "spool_memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void connect_all(struct fixture *x)
{
	fetcher_start(&x->t, &x->f, "old");
	x->admin = spool_admin_new(spool_peer(&x->t, SPOOL_PEER_ADMIN, ""));
}

void leave(struct fixture *x)
{
	fetcher_end(&x->f);
	spool_admin_free(&x->admin);
}

int make_fixture(void **state)
{
	struct fixture *x = mem_alloc(sizeof *x);

	spool_make(&x->t);
	spool_start(&x->t);
	connect_all(x);
	*state = x;
	return 0;
}

int free_fixture(void **state)
{
	struct fixture *x = *state;

	leave(x);
	spool_remove(&x->t);
	free(x);
	return 0;
}

void change_all(struct test_fetcher *f, const struct origin_change *all, size_t n)
{
	struct err e;

	for (size_t i = 0; i < n; i += ORIGIN_BATCH_MAX)
		if (spool_source_change(f->memory, all + i, n - i < ORIGIN_BATCH_MAX ? n - i : ORIGIN_BATCH_MAX, &e) !=
		    0)
			fail_msg("change: %s", e.text);
}

void change(struct test_fetcher *f, enum origin_act act, struct spool_origin o)
{
	const struct origin_change c = { act, o };

	change_all(f, &c, 1);
}

int see(void *arg, const struct spool_origin *o)
{
	struct seen *s = arg;

	assert_true(s->n < 64);
	s->o[s->n] = *o;
	(void)snprintf(s->names[s->n], sizeof s->names[0], "%s", o->name);
	(void)snprintf(s->reasons[s->n], sizeof s->reasons[0], "%s", o->reason == NULL ? "" : o->reason);
	s->o[s->n].name = s->o[s->n].reason = NULL;
	return ++s->n == s->stop;
}

struct seen origins_of(struct test_fetcher *f, int64_t folder, uint32_t from)
{
	struct seen s = { .n = 0 };
	struct err e;

	if (spool_source_origins(f->memory, folder, from, see, &s, &e) != 0)
		fail_msg("origins: %s", e.text);
	return s;
}

struct seen pending(struct test_fetcher *f, struct origin_want want)
{
	struct seen s = { .n = 0 };
	struct err e;

	if (spool_source_pending(f->memory, &want, see, &s, &e) != 0)
		fail_msg("pending: %s", e.text);
	return s;
}

int count_origin(void *arg, const struct spool_origin *o)
{
	struct counted *c = arg;

	if (c->n++ > 0)
		assert_true(o->uid > c->last.uid || (o->uid == c->last.uid && o->number > c->last.number));
	c->last = *o;
	return 0;
}

int count_wanted(void *arg, const struct spool_origin *o)
{
	struct wanted *w = arg;

	if (o->folder == w->last.folder && o->fate == w->last.fate && o->handled == w->last.handled)
		assert_true(o->taken_ms > w->last.taken_ms ||
			    (o->taken_ms == w->last.taken_ms && o->number > w->last.number));
	w->n++;
	w->handled += o->handled;
	w->last = *o;
	return 0;
}
