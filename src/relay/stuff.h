/*
 * Transparency (RFC 5321, 4.5.2): a dot more where a line begins with one, in octets that come in pieces. What is sent
 * has CRLF and no other line end, whatever came in: a server that takes LF for one could else be made to see the end
 * of a message, and commands behind it, where there is none.
 */
#ifndef MAILFERRY_RELAY_STUFF_H
#define MAILFERRY_RELAY_STUFF_H

#include "base/buf.h"
#include "base/slice.h"

struct stuffing {
	enum { STUFF_BEGIN, STUFF_CR, STUFF_MIDDLE } at; /* all zero: at the beginning of a line */
};

/* Appends PIECE. 0, or -1 when OUT is full: it needs room for 2 * PIECE.n + 1. */
int stuff_add(struct stuffing *s, struct slice piece, struct buf *out);

/* Appends the end of the message: CRLF where its last line has none, then a dot. */
int stuff_end(struct stuffing *s, struct buf *out);

#endif
