/*
 * The body of a multi-line reply (RFC 1939, 3): ends at a line with nothing but a
 * dot, whatever size was announced; a dot that begins another line is taken off.
 * It may come cut at any octet. Runs of octets pass through as they are, so that
 * a body costs one search for line feeds.
 *
 * Lines end with CRLF, and only behind one begins a line: a bare LF is content,
 * or its author could end his message early and forge what comes behind it. Two
 * kinds of servers that do not keep to that are met half way:
 * - one whose replies end with LF has lines that end with LF;
 * - "LF . CRLF" ends a message that then has just the octets that were announced.
 */
#ifndef MAILFERRY_FETCH_POP3_BODY_H
#define MAILFERRY_FETCH_POP3_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct pop3_body {
	uint64_t announced; /* octets, by the listing; 0: not known */
	uint64_t octets;    /* of content, so far */
	unsigned state;
	char last; /* the octet before, for a CRLF that is cut */
	bool lf;   /* lines of this server end with LF */
	bool bare; /* the line began behind an LF that should be none's end */
	char tail[3]; /* of what was fed last */
};

/* LF: the reply before it ended with a bare LF. */
void pop3_body_begin(struct pop3_body *b, uint64_t announced, bool lf);

/* Content that was found, at most INTAKE_PIECE_MAX octets; other than 0 stops. */
typedef int pop3_body_fn(void *arg, struct slice bytes);

/* Takes from the front of IN; *USED counts. 1: behind the end; 0: all of IN is taken, more is to come; -1: FN has stopped
 * it. */
int pop3_body_feed(struct pop3_body *b, struct slice in, size_t *used, pop3_body_fn *fn, void *arg);

/* Does what came look as if the message had ended, and the server had forgotten the line end before the dot? */
bool pop3_body_unended(const struct pop3_body *b);

#endif
