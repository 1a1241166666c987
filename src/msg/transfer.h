/*
 * Content transfer encodings (RFC 2045, 6.7 and 6.8), decoded in a stream and
 * leniently: what does not belong is skipped or kept as it is, never an error.
 * Input may be cut at any byte.
 */
#ifndef MAILFERRY_MSG_TRANSFER_H
#define MAILFERRY_MSG_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum transfer_encoding {
	TRANSFER_PLAIN, /* 7bit, 8bit, binary, and none */
	TRANSFER_BASE64,
	TRANSFER_QUOTED_PRINTABLE,
	TRANSFER_UNKNOWN /* a name of which nothing is known: the bytes pass as they are */
};

struct transfer {
	enum transfer_encoding encoding;
	uint32_t bits; /* base64: the sextets of a quantum not yet whole */
	unsigned count;
	bool odd;	 /* base64: a byte that is neither of the alphabet nor a blank was skipped */
	struct buf held; /* quoted-printable: an escape or blanks that the next byte decides about */
};

/* The value of a Content-Transfer-Encoding field. */
enum transfer_encoding transfer_encoding_of(struct slice value);

void transfer_init(struct transfer *t, enum transfer_encoding encoding);
void transfer_free(struct transfer *t);

/* Appends what IN decodes to. 0, or -1 when OUT is full (it then holds what fitted; feeding more is of no use). */
int transfer_feed(struct transfer *t, struct slice in, struct buf *out);

/* The end of input: appends what was held back. T may then be fed anew. */
int transfer_finish(struct transfer *t, struct buf *out);

#endif
