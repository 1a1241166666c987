#include "relay/reply.h"

#include <stdio.h>
#include <stdlib.h>

#include "msg/summary.h"

enum { CODE = 3 };

void relay_reply_init(struct relay_reply *r)
{
	r->code = 0;
	r->n = 0;
	r->lines = 0;
	r->whole = false;
	buf_init(&r->text, RELAY_REPLY_TEXT_MAX);
}

void relay_reply_free(struct relay_reply *r)
{
	buf_free(&r->text);
}

static int bad(struct relay_reply *r, const char *what, struct err *e)
{
	char *line = summary_text(slice_of(r->line, r->n < 80 ? r->n : 80), 80);

	(void)err_set(e, ERR_PROTOCOL, 0, "it does not answer as an SMTP server does: %s (\"%s\")", what, line);
	free(line);
	return -1;
}

/* A whole line without its end. 1 when it was the last of the reply. */
static int line_take(struct relay_reply *r, struct err *e)
{
	struct slice line = slice_of(r->line, r->n), text;
	int code = 0;

	for (size_t i = 0; i < CODE; i++) {
		if (i >= line.n || !ascii_is_digit(line.p[i]))
			return bad(r, "a line without a code", e);
		code = code * 10 + (line.p[i] - '0');
	}
	if (code < 200 || code > 599 || (line.n > CODE && line.p[CODE] != ' ' && line.p[CODE] != '-'))
		return bad(r, "a code that there is not", e);
	if (r->lines > 0 && code != r->code)
		return bad(r, "a reply of several lines with several codes", e);
	if (++r->lines > RELAY_REPLY_LINES_MAX)
		return bad(r, "a reply without an end", e);
	r->code = code;
	text = line.n > CODE + 1 ? slice_skip(line, CODE + 1) : SLICE_NONE;
	if (r->text.n + text.n + 2 < RELAY_REPLY_TEXT_MAX) {
		if (r->lines > 1)
			(void)buf_add_char(&r->text, '\n');
		(void)buf_add_slice(&r->text, text);
	}
	return line.n == CODE || line.p[CODE] == ' ';
}

int relay_reply_feed(struct relay_reply *r, struct slice *in, struct err *e)
{
	if (r->whole) {
		r->whole = false;
		r->lines = 0;
		buf_clear(&r->text);
	}
	while (in->n > 0) {
		char c = in->p[0];
		int last;

		*in = slice_skip(*in, 1);
		if (c != '\n') {
			if (r->n == sizeof r->line)
				return bad(r, "a line without an end", e);
			r->line[r->n++] = c;
			continue;
		}
		if (r->n > 0 && r->line[r->n - 1] == '\r')
			r->n--;
		last = line_take(r, e);
		if (last < 0)
			return -1;
		r->n = 0;
		r->whole = last == 1;
		if (r->whole)
			return 1;
	}
	return 0;
}

const char *relay_reply_words(const struct relay_reply *r, char out[RELAY_WORDS_SIZE])
{
	char *text = summary_text(buf_slice(&r->text), RELAY_WORDS_SIZE - 8);

	(void)snprintf(out, RELAY_WORDS_SIZE, "%d%s%s", r->code, text[0] == '\0' ? "" : " ", text);
	free(text);
	return out;
}
