/*
 * A MIME entity that a script wrote (RFC 5230, 4.4): header fields and content
 * (RFC 2045, 2.4). What of it may stand in a message of ours.
 */
#ifndef MAILFERRY_MSG_ENTITY_H
#define MAILFERRY_MSG_ENTITY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* Is the header of TEXT one that may be used (RFC 5230, 5): fields, ASCII alone? 0, or -1 and E. Lines may end with CRLF
 * or LF. */
int entity_check(struct slice text, struct err *e);

/* Appends the fields of MIME (Content-…) among those of TEXT, an empty line and the content, with CRLF as line ends.
 * Other fields are left out: an entity has no others (RFC 2046, 5.1). NULs are left out, and lines that are longer than
 * SMTP takes are broken. Where there is content beyond ASCII and no encoding is named for it, 8bit is. */
void entity_write(struct slice text, struct buf *out);

#endif
