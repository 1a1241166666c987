#include "spool/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { BLOCK = 4000, ALIGN = 16 };

struct pool_block {
	struct pool_block *next;
	size_t n, cap;
	_Alignas(ALIGN) char bytes[];
};

static void *take(struct pool *a, size_t n)
{
	struct pool_block *b = a->first;
	size_t want = (n + ALIGN - 1) / ALIGN * ALIGN;
	void *p;

	if (b == NULL || b->cap - b->n < want) {
		size_t cap = want > BLOCK ? want : BLOCK;

		b = mem_resize(NULL, sizeof *b + cap, 1);
		b->n = 0;
		b->cap = cap;
		/* A large piece of its own goes behind the block that still has room. */
		if (a->first != NULL && want > BLOCK) {
			b->next = a->first->next;
			a->first->next = b;
		} else {
			b->next = a->first;
			a->first = b;
		}
	}
	p = b->bytes + b->n;
	b->n += want;
	a->total += want;
	return p;
}

void *pool_alloc(struct pool *a, size_t n)
{
	void *p = take(a, n);

	if (n > 0)
		memset(p, 0, n);
	return p;
}

char *pool_text(struct pool *a, struct slice s)
{
	char *p = take(a, s.n + 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct slice pool_copy(struct pool *a, struct slice s)
{
	return slice_of(pool_text(a, s), s.n);
}

void pool_free(struct pool *a)
{
	while (a->first != NULL) {
		struct pool_block *b = a->first;

		a->first = b->next;
		free(b);
	}
	a->total = 0;
}
