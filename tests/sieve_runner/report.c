#include "report.h"

#include <stdlib.h>

#include "base/mem.h"

/* Names and reasons are a script's: one line, nothing that moves a terminal. */
static void print_text(FILE *out, struct slice text)
{
	text = slice_trim(text);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c != '\r')
			(void)putc(c == '\n' || c == '\t' ? ' ' : c < ' ' || c == 0x7f ? '?' : c, out);
	}
}

void report_begin(struct report *r, struct slice test)
{
	free(r->test);
	r->test = slice_dup(test);
	r->failing = false;
}

void report_end(struct report *r)
{
	if (r->test == NULL)
		return;
	if (r->failing)
		r->failed++;
	else
		r->passed++;
	free(r->test);
	r->test = NULL;
	r->failing = false;
}

void report_fail(struct report *r, const char *file, unsigned line, struct slice reason)
{
	r->failing = true;
	if (r->out == NULL)
		return;
	(void)fprintf(r->out, "%s:%u: ", file, line);
	print_text(r->out, slice_str(r->test));
	(void)fputs(": ", r->out);
	print_text(r->out, reason);
	(void)putc('\n', r->out);
}

/* In the test that ran, if there was one. */
static void print_abort(const struct report *r, struct slice text)
{
	while (text.n > 0) {
		size_t n = slice_find(text, '\n');

		print_text(r->out, slice_of(text.p, n));
		text = slice_skip(text, n < text.n ? n + 1 : n);
		if (text.n == 0 && r->test != NULL) {
			(void)fputs(" (in the test \"", r->out);
			print_text(r->out, slice_str(r->test));
			(void)fputs("\")", r->out);
		}
		(void)putc('\n', r->out);
	}
}

void report_abort(struct report *r, struct slice text)
{
	if (r->out != NULL)
		print_abort(r, text);
	free(r->test);
	r->test = NULL;
	r->failed++;
}

int report_finish(struct report *r, bool expect_failure)
{
	if (r->out != NULL)
		(void)fprintf(r->out, "%lu passed, %lu failed\n", r->passed, r->failed);
	free(r->test);
	r->test = NULL;
	return (expect_failure ? r->passed == 0 : r->failed == 0) ? 0 : 1;
}
