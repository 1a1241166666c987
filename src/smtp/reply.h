/*
 * Replies (RFC 5321, 4.2; enhanced codes: RFC 2034 and 3463). Whatever is put
 * into a text, a reply is lines of printable ASCII of at most 512 octets.
 */
#ifndef MAILFERRY_SMTP_REPLY_H
#define MAILFERRY_SMTP_REPLY_H

#include "base/buf.h"
#include "base/slice.h"

struct smtp_reply {
	int code;
	const char *enhanced; /* "5.1.1", or NULL where none may stand (220, 354, answers to EHLO) */
	const char *text;
};

enum { SMTP_REPLY_LINES_MAX = 20 };

/* Appends one line. */
void smtp_reply_put(struct buf *out, const struct smtp_reply *r);
void smtp_reply_format(struct buf *out, int code, const char *enhanced, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends a reply of the lines in TEXT, at most SMTP_REPLY_LINES_MAX; what is longer is cut. Any of CR, LF, CRLF ends a
 * line; other bytes that are not printable ASCII become '?'. */
void smtp_reply_lines(struct buf *out, int code, const char *enhanced, struct slice text);

#endif
