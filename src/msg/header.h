/*
 * The header of a message (RFC 5322, 2.2): a bounded list of fields over bytes
 * that the caller owns. Nothing is copied. A line that is no field (no colon, a
 * name with blanks) is kept as a field without a name, so that no such line
 * hides the fields behind it; the header ends only at an empty line or at the
 * end of the bytes. Line ends are CRLF; a bare LF is taken as one too (fetched mail).
 */
#ifndef MAILFERRY_MSG_HEADER_H
#define MAILFERRY_MSG_HEADER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
	HEADER_MAX_BYTES = 256 * 1024, /* of one header block */
	HEADER_MAX_FIELDS = 4096,
	HEADER_TEXT_MAX = 64 * 1024 /* of one decoded field */
};

struct header_field {
	struct slice name;  /* empty for a line that is no field */
	struct slice value; /* raw: behind the colon, folds inside, without the last line end */
};

struct header {
	struct header_field *fields; /* owned */
	size_t n;
	size_t body_at; /* offset of the first byte behind the empty line; the length of the bytes when there is none */
	bool complete;	/* the empty line was seen */
	bool cut; /* fields beyond HEADER_MAX_FIELDS or bytes beyond HEADER_MAX_BYTES were left out; body_at still holds
		   */
};

/* Parses the header at the front of BYTES, which must outlive H. Never fails: bounds set H->cut. */
void header_parse(struct header *h, struct slice bytes);
void header_free(struct header *h);

/* Takes the field at the front of *REST off it. False at the empty line (which is taken off too) and at the end. For
 * one pass over a block without a struct header; has no bounds of its own. */
bool header_next(struct slice *rest, struct header_field *f);

/* The first field called NAME (ASCII case does not matter) at index *AT or later; *AT becomes the index behind it.
 * NULL when there is no more. */
const struct header_field *header_find(const struct header *h, struct slice name, size_t *at);

/* The value on one line: folds removed as RFC 5322, 2.2.3, leading and trailing white space trimmed. 0, or -1 when OUT
 * is full. */
int header_unfold(struct slice value, struct buf *out);

/* header_unfold, then encoded words (RFC 2047) decoded to UTF-8. An unknown charset or bad word stays as it is;
 * bytes that are no UTF-8 become U+FFFD. 0, or -1 when OUT is full. */
int header_decode(struct slice value, struct buf *out);

/* Octets of a comment, a quoted string or an address in angle brackets (RFC 5322, 3.2.2, 3.2.4, 3.4): up to and with CLOSE,
 * which closes what the first octet of S opens; all of S when nothing does. */
size_t header_enclosed(struct slice s, char close);

/* Octets of S in front of STOP, which stands neither in quotes nor in a comment nor in brackets of either kind; S.n when it
 * does not occur. */
size_t header_until(struct slice s, char stop);

/* Is NAME the PATTERN, whose last character may be "*", which stands for anything? */
bool header_name_fits(struct slice name, struct slice pattern);

/* How many fields are called NAME. */
size_t header_count(const struct header *h, struct slice name);

#endif
