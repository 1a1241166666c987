/* The parts of a message (RFC 2045, 2046) over bytes that the caller holds; mime_scan.h says how they are found. */
#ifndef MAILFERRY_MSG_MIME_H
#define MAILFERRY_MSG_MIME_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"
#include "msg/mime_scan.h"

struct mime_part {
	size_t parent;		    /* index of the part that this one lies in; MIME_NONE for the message itself */
	unsigned depth;		    /* 0 for the message itself */
	bool message;		    /* the root of a message: the whole, or what a message/rfc822 part holds */
	bool multipart;		    /* has its children between boundaries */
	struct slice head;	    /* the header block with its empty line; header_parse it for more */
	struct slice body;	    /* raw; the line end before a delimiter is the delimiter's */
	struct slice content_type;  /* raw value of that field, or empty */
	struct slice type, subtype; /* "text" and "plain" where the field says nothing (in a digest: message/rfc822) */
	enum transfer_encoding encoding;
};

struct mime {
	struct mime_part *parts; /* owned; parents before children, all in the order of the bytes. At least one. */
	size_t n;
	bool cut; /* deeper or more than the bounds: those parts stay within their parent's body */
};

/* Parses MESSAGE, which must outlive M. Never fails. */
void mime_parse(struct mime *m, struct slice message);
void mime_free(struct mime *m);

/* The raw value of the first field NAME in the part's header; SLICE_NONE when there is none. */
struct slice mime_part_field(const struct mime_part *p, struct slice name);

/* Parameter NAME of its Content-Type as UTF-8, appended: 1, 0 when there is none, -1 when OUT is full. */
int mime_part_param(const struct mime_part *p, struct slice name, struct buf *out);

/* The file name that the part goes by (Content-Disposition, else the name of Content-Type), in the same way. */
int mime_part_filename(const struct mime_part *p, struct buf *out);

/* The body without its transfer encoding, appended. 0, or -1 when OUT is full; it then holds what fitted. */
int mime_part_decode(const struct mime_part *p, struct buf *out);

#endif
