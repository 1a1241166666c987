/* Mailbox names on the wire: modified UTF-7 (RFC 3501, 5.1.3). */
#ifndef MAILFERRY_IMAP_UTF7_H
#define MAILFERRY_IMAP_UTF7_H

#include "base/buf.h"
#include "base/slice.h"

/* NAME must be valid UTF-8 without control characters. 0, or -1 when it is not, or when OUT is full. */
int utf7_encode(struct slice name, struct buf *out);

/* The other way. Strict: what utf7_encode would not have written is an error, so that a name has one form only. */
int utf7_decode(struct slice wire, struct buf *out);

#endif
