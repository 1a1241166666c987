/*
 * Character sets to UTF-8. The list is closed: iconv knows hundreds more, but
 * mail does not, and the rare converters are where its faults were found.
 */
#ifndef MAILFERRY_MSG_CHARSET_H
#define MAILFERRY_MSG_CHARSET_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

struct charset; /* a row of the list; lives for ever, so pointers may be compared */

/* By a MIME name or a usual alias of it, in any case. NULL when it is not known. */
const struct charset *charset_find(struct slice name);

/* Appends IN as UTF-8. What is not valid in the charset, and what it leaves incomplete at the end, becomes U+FFFD.
 * 0, or -1 when OUT is full. The result is always valid UTF-8. */
int charset_to_utf8(const struct charset *c, struct slice in, struct buf *out);

/* Appends IN, which should be UTF-8 already, with U+FFFD for each byte that is not. 0, or -1 when OUT is full. */
int charset_repair_utf8(struct slice in, struct buf *out);

/*
 * The same in a stream: IN may be cut at any octet. Between two calls with one
 * stream nothing else may be converted from its charset. After charset_finish,
 * which converts what was held as what is incomplete, it may be fed anew.
 */
struct charset_stream {
	const struct charset *charset;
	bool begun;
	char held[8]; /* the beginning of a character */
	size_t nheld;
};

int charset_feed(struct charset_stream *s, struct slice in, struct buf *out); /* 0, or -1 when OUT is full */
int charset_finish(struct charset_stream *s, struct buf *out);

/* Opens every converter now: iconv loads its tables from files, which a confined program can't open later. */
void charset_warm(void);

#endif
