#include "net/line.h"

enum line_end line_read(struct slice in, size_t max, struct slice *line, size_t *used)
{
	size_t look = in.n < max ? in.n : max;
	size_t at = slice_find(slice_of(in.p, look), '\n');

	*used = 0;
	*line = SLICE_NONE;
	if (at == look)
		return in.n < max ? LINE_MORE : LINE_LONG;
	*used = at + 1;
	if (at > 0 && in.p[at - 1] == '\r') {
		*line = slice_of(in.p, at - 1);
		return LINE_CRLF;
	}
	*line = slice_of(in.p, at);
	return LINE_LF;
}

size_t line_skip(struct slice in, bool *done)
{
	size_t at = slice_find(in, '\n');

	*done = at < in.n;
	return *done ? at + 1 : in.n;
}
