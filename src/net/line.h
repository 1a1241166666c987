/*
 * Lines at the front of bytes that a peer sent. The reader only reports what it
 * found; what a bare LF or a line that is too long means is the caller's policy.
 */
#ifndef MAILFERRY_NET_LINE_H
#define MAILFERRY_NET_LINE_H

#include "base/slice.h"

enum line_end {
	LINE_MORE, /* no line end yet, and not too long yet: come again with more behind the same bytes */
	LINE_CRLF,
	LINE_LF,  /* ended by an LF that has no CR in front */
	LINE_LONG /* over MAX octets with its line end, or no end within MAX octets: use line_skip */
};

/* Looks at the front of IN. LINE is the line without its end; *USED counts the end too (0 for LINE_MORE and LINE_LONG).
 * A CR elsewhere is part of the line. */
enum line_end line_read(struct slice in, size_t max, struct slice *line, size_t *used);

/* How much of IN belongs to a line that is being skipped: behind its LF, or all of IN; *DONE says whether the LF was
 * there. */
size_t line_skip(struct slice in, bool *done);

#endif
