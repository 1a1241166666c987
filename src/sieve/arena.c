#include "sieve/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_FIRST = 1024, ARENA_CHUNK = 32 * 1024, ARENA_ALIGN = 16 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	_Alignas(ARENA_ALIGN) char bytes[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){ .max = max };
}

void arena_free(struct arena *a)
{
	while (a->chunks != NULL) {
		struct arena_chunk *c = a->chunks;

		a->chunks = c->next;
		free(c);
	}
	a->left = 0;
	a->used = 0;
}

/* A small script must not cost much: chunks grow with what was asked for so far. */
static int arena_grow(struct arena *a, size_t n)
{
	size_t size = a->used < ARENA_FIRST ? ARENA_FIRST : a->used;
	struct arena_chunk *c;

	if (size > ARENA_CHUNK)
		size = ARENA_CHUNK;
	if (size < n)
		size = n;
	if (a->used > a->max || size > a->max - a->used)
		size = n;
	if (a->used > a->max || size > a->max - a->used || size > SIZE_MAX - sizeof *c)
		return -1;
	c = malloc(sizeof *c + size);
	if (c == NULL)
		return -1;
	c->size = size;
	c->next = a->chunks;
	a->chunks = c;
	a->left = size;
	a->used += size;
	return 0;
}

void *arena_try(struct arena *a, size_t n)
{
	char *p;

	if (n > SIZE_MAX - ARENA_ALIGN)
		return NULL;
	n = n == 0 ? ARENA_ALIGN : (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (n > a->left && arena_grow(a, n) != 0)
		return NULL;
	p = a->chunks->bytes + (a->chunks->size - a->left);
	a->left -= n;
	memset(p, 0, n);
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / size)
		return NULL;
	return arena_try(a, n * size);
}
