#include "errors.h"

#include <stdlib.h>

#include "base/mem.h"

static void add(struct errors *e, char *text)
{
	if (e->n == ERRORS_MAX) {
		free(text);
		return;
	}
	e->all = mem_resize(e->all, e->n + 1, sizeof *e->all);
	e->all[e->n++] = text;
}

void errors_add(struct errors *e, const char *fmt, ...)
{
	enum { TEXT_MAX = 2000 };
	struct buf text;
	va_list ap;

	buf_init(&text, TEXT_MAX);
	va_start(ap, fmt);
	if (buf_vaddf(&text, fmt, ap) != 0)
		(void)buf_add_str(&text, "an error without a text");
	va_end(ap);
	add(e, mem_strdup(buf_str(&text)));
	buf_free(&text);
}

void errors_add_lines(struct errors *e, struct slice lines)
{
	while (lines.n > 0) {
		size_t n = slice_find(lines, '\n');

		add(e, slice_dup(slice_of(lines.p, n)));
		lines = slice_skip(lines, n < lines.n ? n + 1 : n);
	}
}

void errors_clear(struct errors *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->all[i]);
	free(e->all);
	*e = (struct errors){ NULL, 0 };
}
