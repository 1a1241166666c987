#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { BUF_FIRST = 64 };

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max == 0 ? 1 : max };
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void buf_wipe(struct buf *b)
{
	mem_wipe(b->p, b->cap);
	buf_free(b);
}

char *buf_reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap;
	char *p;

	if (b->failed || n > b->max || b->n > b->max - n) {
		b->failed = true;
		return NULL;
	}
	if (b->p != NULL && b->cap > b->n + n)
		return b->p + b->n;
	if (cap < BUF_FIRST)
		cap = BUF_FIRST;
	while (cap <= b->n + n)
		cap = cap > SIZE_MAX / 2 ? b->n + n + 1 : cap * 2;
	/* Never more than the maximum and the NUL behind it. */
	if (cap > b->max && b->max < SIZE_MAX)
		cap = b->max + 1;
	p = realloc(b->p, cap);
	if (p == NULL) {
		b->failed = true;
		return NULL;
	}
	b->p = p;
	b->cap = cap;
	return b->p + b->n;
}

void buf_commit(struct buf *b, size_t n)
{
	b->n += n;
	b->p[b->n] = '\0';
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = buf_reserve(b, n);

	if (to == NULL)
		return -1;
	if (n > 0)
		memcpy(to, p, n);
	buf_commit(b, n);
	return 0;
}

int buf_add_slice(struct buf *b, struct slice s)
{
	return buf_add(b, s.p, s.n);
}

int buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_add_char(struct buf *b, char c)
{
	/* Whole texts are made so: what there is room for takes no way round. */
	if (b->failed || b->n >= b->max || b->n + 1 >= b->cap)
		return buf_add(b, &c, 1);
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
	return 0;
}

int buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	const size_t room = b->p == NULL || b->failed ? 0 : b->cap - b->n;
	va_list again;
	char *to;
	int n;

	/* It mostly fits into what is there already. */
	va_copy(again, ap);
	n = vsnprintf(room > 0 ? b->p + b->n : NULL, room, fmt, again);
	va_end(again);
	if (n >= 0 && (size_t)n < room) {
		b->n += (size_t)n;
		return 0;
	}
	if (room > 0)
		b->p[b->n] = '\0';
	if (n < 0 || (to = buf_reserve(b, (size_t)n)) == NULL) {
		b->failed = true;
		return -1;
	}
	(void)vsnprintf(to, (size_t)n + 1, fmt, ap);
	b->n += (size_t)n;
	return 0;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = buf_vaddf(b, fmt, ap);
	va_end(ap);
	return r;
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = false;
	if (b->p != NULL)
		b->p[0] = '\0';
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->n) {
		bool failed = b->failed;

		buf_clear(b);
		b->failed = failed;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	buf_truncate(b, b->n - n);
}

void buf_truncate(struct buf *b, size_t n)
{
	if (n >= b->n)
		return;
	b->n = n;
	b->p[n] = '\0';
}

const char *buf_str(struct buf *b)
{
	return b->p == NULL ? "" : b->p;
}

char *buf_take(struct buf *b, size_t *n)
{
	char *p = b->p == NULL ? mem_strdup("") : b->p;

	if (n != NULL)
		*n = b->n;
	*b = (struct buf){ .max = b->max };
	return p;
}
