#include "msg/newline.h"

/* The CRs that were held turn out to be line ends of their own. */
static int release(struct newline *s, struct buf *out)
{
	while (s->held > 0) {
		s->held--;
		s->bare_cr++;
		s->within = false;
		if (buf_add(out, "\r\n", 2) != 0)
			return -1;
	}
	return 0;
}

static size_t plain_run(struct slice in)
{
	size_t n = 0;

	while (n < in.n && in.p[n] != '\n' && in.p[n] != '\r')
		n++;
	return n;
}

int newline_feed(struct newline *s, struct slice in, struct buf *out)
{
	while (in.n > 0) {
		size_t n = 1;

		if (in.p[0] == '\r') {
			if (s->held == 2) {
				s->held--;
				s->bare_cr++;
				s->within = false;
				if (buf_add(out, "\r\n", 2) != 0)
					return -1;
			}
			s->held++;
		} else if (in.p[0] == '\n') {
			s->bare_lf += s->held == 0;
			s->bare_cr += s->held == 2;
			s->held = 0;
			s->within = false;
			if (buf_add(out, "\r\n", 2) != 0)
				return -1;
		} else {
			n = plain_run(in);
			if (release(s, out) != 0 || buf_add(out, in.p, n) != 0)
				return -1;
			s->within = true;
		}
		in = slice_skip(in, n);
	}
	return 0;
}

int newline_finish(struct newline *s, bool end_line, struct buf *out)
{
	if (release(s, out) != 0)
		return -1;
	if (!end_line || !s->within)
		return 0;
	s->within = false;
	return buf_add(out, "\r\n", 2);
}
