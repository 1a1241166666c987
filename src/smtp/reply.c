#include "smtp/reply.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_TEXT = 490 }; /* with codes and line end under 512 octets (RFC 5321, 4.5.3.1.5) */

static void put(struct buf *out, int code, const char *enhanced, bool last, struct slice text)
{
	const char front[] = { (char)('0' + code / 100), (char)('0' + code / 10 % 10), (char)('0' + code % 10),
			       last ? ' ' : '-' };

	(void)buf_add(out, front, sizeof front);
	if (enhanced != NULL) {
		(void)buf_add_str(out, enhanced);
		(void)buf_add_char(out, ' ');
	}
	if (text.n > LINE_MAX_TEXT)
		text.n = LINE_MAX_TEXT;
	for (size_t i = 0; i < text.n; i++) {
		/* A byte of a longer character gives no '?' of its own. */
		if (((unsigned char)text.p[i] & 0xc0) == 0x80)
			continue;
		(void)buf_add_char(out, text.p[i] >= ' ' && text.p[i] < 0x7f ? text.p[i] : '?');
	}
	(void)buf_add_str(out, "\r\n");
}

void smtp_reply_put(struct buf *out, const struct smtp_reply *r)
{
	put(out, r->code, r->enhanced, true, slice_str(r->text));
}

void smtp_reply_format(struct buf *out, int code, const char *enhanced, const char *fmt, ...)
{
	char text[LINE_MAX_TEXT + 1];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	put(out, code, enhanced, true, slice_str(text));
}

/* Takes the first line off S. */
static struct slice next_line(struct slice *s)
{
	struct slice line = *s;
	size_t n = 0, skip;

	while (n < s->n && s->p[n] != '\r' && s->p[n] != '\n')
		n++;
	line.n = n;
	skip = n;
	if (skip < s->n)
		skip += skip + 1 < s->n && s->p[skip] == '\r' && s->p[skip + 1] == '\n' ? 2 : 1;
	*s = slice_of(s->p + skip, s->n - skip);
	return line;
}

void smtp_reply_lines(struct buf *out, int code, const char *enhanced, struct slice text)
{
	struct slice rest = slice_trim(text);

	for (unsigned i = 1; i <= SMTP_REPLY_LINES_MAX; i++) {
		struct slice line = next_line(&rest);

		put(out, code, enhanced, rest.n == 0 || i == SMTP_REPLY_LINES_MAX, line);
		if (rest.n == 0)
			break;
	}
}
