#include "msg/summary.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "msg/date.h"

enum { FIELD_MAX = 8192 }; /* octets of a raw value that are looked at */

/* Controls, separators of lines, and the marks that turn the direction of what is printed behind them. */
static bool is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x200e || cp == 0x200f ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

char *summary_text(struct slice s, size_t max)
{
	struct buf out;

	buf_init(&out, max);
	while (s.n > 0) {
		uint32_t cp = 0;
		size_t n = utf8_decode(s, &cp);
		int r;

		if (n == 0)
			r = buf_add_str(&out, "\xef\xbf\xbd");
		else if (n == 1 || is_control(cp))
			r = buf_add_char(&out, is_control(cp) ? ' ' : *s.p);
		else
			r = buf_add(&out, s.p, n);
		if (r != 0)
			break;
		n += n == 0;
		s = slice_skip(s, n);
	}
	return buf_take(&out, NULL);
}

static char *decoded(const struct header *h, struct slice name)
{
	size_t at = 0;
	const struct header_field *f = header_find(h, name, &at);
	struct slice value;
	struct buf text;
	char *line;

	if (f == NULL)
		return mem_strdup("");
	value = slice_trim(f->value);
	value.n = value.n < FIELD_MAX ? value.n : (size_t)FIELD_MAX;
	buf_init(&text, HEADER_TEXT_MAX);
	(void)header_decode(value, &text);
	line = summary_text(buf_slice(&text), SUMMARY_TEXT_MAX);
	buf_free(&text);
	return line;
}

/* RFC 5322, 3.6.4: the first "<…>"; failing that, the first word. */
static char *message_id(const struct header *h)
{
	size_t at = 0, n = 0;
	const struct header_field *f = header_find(h, SLICE_LIT("Message-ID"), &at);
	struct slice v, open;
	char *id;

	if (f == NULL)
		return mem_strdup("");
	v = slice_trim(f->value);
	v.n = v.n < FIELD_MAX ? v.n : (size_t)FIELD_MAX;
	at = slice_find(v, '<');
	open = slice_skip(v, at);
	if (open.n > 0)
		v = open;
	while (n < v.n && (unsigned char)v.p[n] > ' ' && v.p[n] != 0x7f)
		if (v.p[n++] == '>')
			break;
	id = summary_text(slice_of(v.p, n), SUMMARY_TEXT_MAX);
	/* A control beyond ASCII has become a blank there, and ends the id as any other does. */
	id[slice_find(slice_str(id), ' ')] = '\0';
	return id;
}

void summary_init(struct summary *s, const struct header *h)
{
	size_t at = 0;
	const struct header_field *date = header_find(h, SLICE_LIT("Date"), &at);

	s->message_id = message_id(h);
	s->subject = decoded(h, SLICE_LIT("Subject"));
	s->from = decoded(h, SLICE_LIT("From"));
	s->date = date == NULL ? -1 : date_parse(date->value);
}

void summary_free(struct summary *s)
{
	free(s->message_id);
	free(s->subject);
	free(s->from);
	*s = (struct summary){ .date = -1 };
}
