/*
 * The structured fields of MIME: a value and its parameters (RFC 2045, 5.1),
 * with the continuations, charsets and percent signs of RFC 2231. Works on raw
 * field values, folds and comments included, and reads what mailers write:
 * blanks in bare values, encoded words in quoted ones, quotes that do not end.
 */
#ifndef MAILFERRY_MSG_MIME_PARAM_H
#define MAILFERRY_MSG_MIME_PARAM_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
	MIME_PARAM_MAX = 4096,	/* octets of a value that is wanted whole */
	MIME_SECTIONS_MAX = 100, /* of one value (RFC 2231, 3) */
	MIME_REPEATS_MAX = 8	 /* values of "name*", or of "name", that is given again and again; RFC 2045 wants one */
};

/* "type/subtype" at the front of a Content-Type value. False, and text/plain, when it is missing or broken (RFC
 * 2045, 5.2). */
bool mime_type_parse(struct slice value, struct slice *type, struct slice *subtype);

/* The token at the front of a value, such as that of Content-Disposition (RFC 2183); empty when there is none. */
struct slice mime_token(struct slice value);

/* The parameter NAME of VALUE as UTF-8, appended to OUT. 1, 0 when there is none, -1 when OUT is full. Of "name*",
 * "name*0…" and plain "name" the first of these that is there counts, of the same one given twice the first. */
int mime_param(struct slice value, struct slice name, struct buf *out);

/* Calls FN with each value of the parameter NAME, whichever of the forms it has, until one call does not return 0: what
 * that returned, or 0. OUT is room for one; one that is longer is told as far as it goes. */
int mime_param_each(struct slice value, struct slice name, struct buf *out, int (*fn)(void *arg, struct slice value),
		    void *arg);

/* The same as mime_param, but just the octets: no charset, no encoded words. For boundaries. */
int mime_param_raw(struct slice value, struct slice name, struct buf *out);

#endif
