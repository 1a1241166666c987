/*
 * Line ends made CRLF, in a stream that may be cut at any byte: for fetched
 * mail, for files, and for listeners that accept bare line ends. A bare LF or
 * CR becomes CRLF; CR CR LF, which careless text-mode writers make of CRLF, is
 * one line end.
 */
#ifndef MAILFERRY_MSG_NEWLINE_H
#define MAILFERRY_MSG_NEWLINE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct newline {		   /* all zero at the start */
	unsigned held;		   /* CRs at the end of what was fed, 0 to 2, not yet written */
	bool within;		   /* the last byte written was not the end of a line */
	uint64_t bare_lf, bare_cr; /* how many of each there were */
};

/* Appends IN, converted. OUT needs room for 2 * IN.n + 4 octets. 0, or -1 when it was full. */
int newline_feed(struct newline *s, struct slice in, struct buf *out);

/* The end of input: writes what was held. With END_LINE, an unfinished last line is ended too. */
int newline_finish(struct newline *s, bool end_line, struct buf *out);

#endif
