/*
 * A view of bytes that someone else owns: message bytes, fields, names.
 * Not terminated by a NUL, may hold NULs. Valid as long as what it points into.
 */
#ifndef MAILFERRY_BASE_SLICE_H
#define MAILFERRY_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *p; /* may be NULL only when n is 0 */
	size_t n;
};

#define SLICE_LIT(s) ((struct slice){ (s), sizeof(s) - 1 })
#define SLICE_NONE   ((struct slice){ NULL, 0 })

static inline struct slice slice_of(const char *p, size_t n)
{
	return (struct slice){ p, n };
}

/* S without its first N bytes, of which it has so many. */
static inline struct slice slice_skip(struct slice s, size_t n)
{
	return n == 0 ? s : slice_of(s.p + n, s.n - n);
}

/* Passes over C, if *S begins with it. */
static inline bool slice_take(struct slice *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = slice_skip(*s, 1);
	return true;
}

static inline struct slice slice_str(const char *s)
{
	return (struct slice){ s, s == NULL ? 0 : strlen(s) };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII letters compare without case; other bytes as they are. */
bool slice_eq_nocase(struct slice a, struct slice b);
int slice_cmp(struct slice a, struct slice b);
int slice_cmp_nocase(struct slice a, struct slice b);
bool slice_starts_nocase(struct slice s, struct slice prefix);

/* Without white space (space, tab, CR, LF) at both ends. */
struct slice slice_trim(struct slice s);

/* Offset of byte C in S, or S.n when it is not there. */
size_t slice_find(struct slice s, char c);

/* A decimal number that is the whole of S, at most MAX: 0, or -1 for anything else (sign, blanks, overflow). */
int slice_number(struct slice s, uint64_t max, uint64_t *out);

/* A terminated copy from mem_alloc; NULs inside are kept, so use it only on text. */
char *slice_dup(struct slice s);

/* ASCII only, whatever the locale says. */
static inline bool ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}
static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}
static inline char ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}
/* The value of a hexadecimal digit, or -1. */
static inline int ascii_hex(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
