/*
 * Where the parts of a message (RFC 2045, 2046) are, found in one pass over
 * octets that may come in pieces and are not kept. Iterative: a stack of the
 * boundaries that are open, looked up by hash, so that neither depth nor number
 * of parts makes a line dearer.
 *
 * A line is a delimiter when it is "--", the boundary, perhaps "--", perhaps
 * blanks, and nothing else; the innermost open boundary that fits wins and ends
 * whatever is open within it, also a part's header.
 */
#ifndef MAILFERRY_MSG_MIME_SCAN_H
#define MAILFERRY_MSG_MIME_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "msg/transfer.h"

enum {
	MIME_DEPTH_MAX = 100,
	MIME_PARTS_MAX = 10000,
	MIME_BOUNDARY_MAX = 256, /* RFC 2046 allows 70; a longer one than this delimits nothing */
	MIME_NAME_MAX = 128	 /* of type and subtype (RFC 6838, 4.2), and of a charset; longer ones are unknown */
};

#define MIME_NONE ((size_t)-1)

/* All places are offsets in the octets fed. */
struct mime_place {
	size_t parent;		     /* index of the part that this one lies in; MIME_NONE for the message itself */
	unsigned depth;		     /* 0 for the message itself */
	bool message;		     /* the root of a message: the whole, or what a message/rfc822 part holds */
	bool multipart;		     /* has its children between boundaries */
	uint64_t head, body, end;    /* the header block with its empty line, the body behind it; the line end before a
					delimiter is the delimiter's */
	uint64_t prologue, epilogue; /* of a multipart: the first ends, the second begins here */
	enum transfer_encoding encoding;
	char *type;    /* owned: "text/plain", lower case */
	char *charset; /* owned: of a text, lower case, or NULL: not said, or no name */
};

struct mime_scan {
	struct mime_place *parts; /* owned; parents before children, all in the order of the octets. At least one. */
	size_t n;
	bool cut;		    /* deeper or more than the bounds: those parts stay within their parent's body */
	struct mime_walker *walker; /* owned; gone after mime_scan_finish */
};

void mime_scan_init(struct mime_scan *s);
void mime_scan_free(struct mime_scan *s);

/* Takes HEAD as the header of the message itself; all that is fed is its body then. Before anything is fed. */
void mime_scan_head(struct mime_scan *s, struct slice head);

void mime_scan_feed(struct mime_scan *s, struct slice in);
void mime_scan_finish(struct mime_scan *s);

#endif
