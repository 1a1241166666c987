/* The errors of one compilation, or its warnings: collected in any order, told in the order of the script. */
#ifndef MAILFERRY_SIEVE_DIAG_H
#define MAILFERRY_SIEVE_DIAG_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/buf.h"

enum { DIAG_USUAL = 20, DIAG_MAX = 200, DIAG_TEXT_MAX = 300 };

struct pos {
	unsigned line, column; /* from 1; a column is one character, a tab too */
};

struct diag {
	struct {
		struct pos pos;
		char text[DIAG_TEXT_MAX];
	} all[DIAG_MAX];
	unsigned n;	    /* how many are kept: the first MAX that were found */
	unsigned max;	    /* at most DIAG_MAX; 0: DIAG_USUAL */
	unsigned long more; /* and how many were not */
	struct pos last;    /* of those */
	bool warnings;	    /* they are no errors */
};

/* One error, a sentence without capital and full stop. A second one at the same place is left out: it follows from the
 * first. */
void diag_add(struct diag *d, struct pos at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void diag_vadd(struct diag *d, struct pos at, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

static inline bool diag_full(const struct diag *d)
{
	return d->n == (d->max > 0 ? d->max : DIAG_USUAL);
}

/* Appends "NAME:LINE:COLUMN: error: …" lines, each with its place in SCRIPT (excerpt.h) where that is not NULL, and one that
 * says how many were not kept. */
void diag_write(const struct diag *d, const char *name, const struct slice *script, struct buf *out);

/* For "%s" of a word in the script: quoted, cut, what can't be seen as "?". Valid until the fourth call after. */
const char *diag_word(struct slice word);

#endif
