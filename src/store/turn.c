#include "store/turn.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void page_free(struct page *p)
{
	for (size_t i = 0; i < p->n; i++)
		job_free(&p->jobs[i]);
	free(p->jobs);
	spool_work_free(p->work, p->n);
	free(p);
}

struct page *turn_add(struct turn *t, struct spool_work *work, size_t n)
{
	struct page *p = mem_alloc(sizeof *p), **end = &t->pages;

	*p = (struct page){ .work = work, .jobs = mem_array(n, sizeof *p->jobs), .n = n, .open = n };
	for (size_t i = 0; i < n; i++) {
		job_init(&p->jobs[i], &work[i]);
		p->jobs[i].page = p;
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = p;
	t->open += n;
	return p;
}

void turn_free(struct turn *t)
{
	while (t->pages != NULL) {
		struct page *p = t->pages;

		t->pages = p->next;
		page_free(p);
	}
	free(t->queue);
	free(t->done);
	*t = (struct turn){ .pages = NULL };
}

static void append(struct job ***list, size_t *n, size_t *room, struct job *j)
{
	if (*n == *room)
		*list = mem_resize(*list, *room = *room * 2 + 64, sizeof(struct job *));
	(*list)[(*n)++] = j;
}

void turn_queue(struct turn *t, struct job *j)
{
	/* What was taken from the front may be gone by now. */
	if (t->at > 0 && t->n == t->room) {
		memmove(t->queue, t->queue + t->at, (t->n - t->at) * sizeof *t->queue);
		t->recorded -= t->at;
		t->n -= t->at;
		t->at = 0;
	}
	append(&t->queue, &t->n, &t->room, j);
}

void turn_done(struct turn *t, struct job *j)
{
	append(&t->done, &t->ndone, &t->done_room, j);
}

void turn_forget(struct turn *t, struct job *j)
{
	struct page *p = j->page, **at = &t->pages;

	j->settled = true;
	t->open--;
	if (--p->open > 0)
		return;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	page_free(p);
}

void turn_each(struct turn *t, void (*fn)(void *arg, struct job *j), void *arg)
{
	for (struct page *p = t->pages; p != NULL; p = p->next) {
		for (size_t i = 0; i < p->n; i++) {
			if (!p->jobs[i].settled)
				fn(arg, &p->jobs[i]);
		}
	}
}

struct job **turn_pick(struct turn *t, enum job_state state, size_t *n)
{
	struct job **some = mem_array(t->open + 1, sizeof(struct job *));

	*n = 0;
	for (struct page *p = t->pages; p != NULL; p = p->next) {
		for (size_t i = 0; i < p->n; i++) {
			if (!p->jobs[i].settled && p->jobs[i].state == state)
				some[(*n)++] = &p->jobs[i];
		}
	}
	return some;
}
