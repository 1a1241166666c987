/*
 * A growable buffer that knows how big it may become. Adding past the maximum
 * (or past memory) fails, leaves what was there, and sticks: a builder may add
 * many things and check buf_failed once.
 */
#ifndef MAILFERRY_BASE_BUF_H
#define MAILFERRY_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct buf {
	char *p; /* owned; always one NUL behind n once anything was added */
	size_t n, cap, max;
	bool failed;
};

/* MAX bytes at most, at least 1; nothing is allocated until something is added. */
void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b); /* also forgets the failure; the maximum stays */

/* For what held a secret: the same, with its memory overwritten. Reserve the whole size at first: a buffer that grows
 * leaves a copy behind. */
void buf_wipe(struct buf *b);

int buf_add(struct buf *b, const void *p, size_t n); /* 0, or -1 */
int buf_add_slice(struct buf *b, struct slice s);
int buf_add_str(struct buf *b, const char *s);
int buf_add_char(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Room for N more bytes: a pointer behind the content, or NULL. buf_commit(n) then counts them in. */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

void buf_clear(struct buf *b);             /* empty, memory kept, failure forgotten */
void buf_consume(struct buf *b, size_t n); /* drops N bytes from the front */
void buf_truncate(struct buf *b, size_t n);

static inline struct slice buf_slice(const struct buf *b)
{
	return slice_of(b->p, b->n);
}
static inline bool buf_failed(const struct buf *b)
{
	return b->failed;
}
const char *buf_str(struct buf *b); /* terminated, never NULL */

/* Takes the bytes out (terminated; free() them) and leaves the buffer empty. */
char *buf_take(struct buf *b, size_t *n);

#endif
