#include "config/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "config/source.h"

void report_error(struct report *r, unsigned line, const char *path, const char *fmt, ...)
{
	va_list ap;

	if (r->n++ >= REPORT_ERRORS_MAX)
		return;
	source_where(r->source, line, r->out);
	(void)buf_add_str(r->out, ": ");
	if (path != NULL && path[0] != '\0')
		(void)buf_addf(r->out, "key `%s': ", path);
	va_start(ap, fmt);
	(void)buf_vaddf(r->out, fmt, ap);
	va_end(ap);
	(void)buf_add_char(r->out, '\n');
}

void report_end(struct report *r)
{
	if (r->n > REPORT_ERRORS_MAX)
		(void)buf_addf(r->out, "%u more errors are not shown\n", r->n - REPORT_ERRORS_MAX);
}

void report_quote(struct buf *out, struct slice text, size_t max)
{
	size_t i = 0;

	while (i < text.n) {
		size_t len = utf8_char_len(slice_of(text.p + i, text.n - i));
		unsigned char c = (unsigned char)text.p[i];

		if (i + (len == 0 ? 1 : len) > max) {
			(void)buf_add_str(out, "...");
			return;
		}
		if (len == 0 || c < 0x20 || c == 0x7f) {
			(void)buf_addf(out, "\\x%02x", c);
			i++;
			continue;
		}
		(void)buf_add(out, text.p + i, len);
		i += len;
	}
}
