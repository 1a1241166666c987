/* The errors of one compilation: collected in any order, told in the order of the script. */
#ifndef MAILFERRY_SIEVE_DIAG_H
#define MAILFERRY_SIEVE_DIAG_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/buf.h"

enum { DIAG_MAX = 20, DIAG_TEXT_MAX = 300 };

struct pos {
	unsigned line, column; /* from 1; a column is one character, a tab too */
};

struct diag {
	struct {
		struct pos pos;
		char text[DIAG_TEXT_MAX];
	} all[DIAG_MAX];
	unsigned n; /* how many are kept; no more are taken at DIAG_MAX */
};

/* One error, a sentence without capital and full stop. A second one at the same place is left out: it follows from the
 * first. */
void diag_add(struct diag *d, struct pos at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void diag_vadd(struct diag *d, struct pos at, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

static inline bool diag_full(const struct diag *d)
{
	return d->n == DIAG_MAX;
}

/* Appends "NAME:LINE:COLUMN: error: …" lines. */
void diag_write(const struct diag *d, const char *name, struct buf *out);

/* For "%s" of a word in the script: quoted, cut, unprintable octets as "?". Valid until the fourth call after. */
const char *diag_word(struct slice word);

#endif
