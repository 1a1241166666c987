#include "sieve/excerpt.h"

#include <string.h>

#include "base/utf8.h"

enum { TAB_STOP = 8, BEFORE = EXCERPT_COLUMNS / 2 };

static const char ellipsis[] = "\xe2\x80\xa6";

/* A line as it is put on the screen. */
struct screen {
	struct buf *out;
	size_t used; /* columns */
};

bool excerpt_line(struct slice script, unsigned line, struct slice *text)
{
	if (script.n >= 3 && memcmp(script.p, "\xef\xbb\xbf", 3) == 0)
		script = slice_skip(script, 3);
	for (; line > 1; line--) {
		size_t end = slice_find(script, '\n');

		if (end == script.n)
			return false;
		script = slice_skip(script, end + 1);
	}
	*text = slice_of(script.p, slice_find(script, '\n'));
	if (text->n > 0 && text->p[text->n - 1] == '\r')
		text->n--;
	return true;
}

/* Octets that one column of struct pos is: a character, or an octet that is part of none and those behind it that can't
 * begin one. */
static size_t column_octets(struct slice s)
{
	size_t n = utf8_char_len(s);

	if (n > 0)
		return n;
	for (n = 1; n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80;)
		n++;
	return n;
}

/* Where column COLUMN, from 1, begins in LINE: at most its end. */
static size_t column_at(struct slice line, unsigned column)
{
	size_t at = 0;

	while (column > 1 && at < line.n) {
		at += column_octets(slice_skip(line, at));
		column--;
	}
	return at;
}

/* Where to begin so that octet PLACE of LINE is on the screen: at the front when all of it fits. */
static size_t start_for(struct slice line, size_t place)
{
	size_t from = place, width = 0;

	for (size_t i = 0; i < line.n && width <= EXCERPT_COLUMNS; i++)
		width += line.p[i] == '\t' ? TAB_STOP : ((unsigned char)line.p[i] & 0xc0) == 0x80 ? 0 : 2;
	if (width <= EXCERPT_COLUMNS)
		return 0;
	for (width = 0; from > 0 && width < BEFORE; from--)
		width += line.p[from - 1] == '\t' ? TAB_STOP : ((unsigned char)line.p[from - 1] & 0xc0) == 0x80 ? 0 : 1;
	while (from > 0 && ((unsigned char)line.p[from] & 0xc0) == 0x80)
		from--;
	return from;
}

/* Columns that a terminal gives to CP: none to marks over a letter, two to ideographs and pictures. */
static size_t width_of(uint32_t cp)
{
	if ((cp >= 0x300 && cp <= 0x36f) || (cp >= 0xfe00 && cp <= 0xfe0f))
		return 0;
	return (cp >= 0x1100 && cp <= 0x115f) || (cp >= 0x2e80 && cp <= 0xa4cf) || (cp >= 0xac00 && cp <= 0xd7a3) ||
		       (cp >= 0xf900 && cp <= 0xfaff) || (cp >= 0xfe30 && cp <= 0xfe6f) ||
		       (cp >= 0xff00 && cp <= 0xff60) || (cp >= 0x1f300 && cp <= 0x1faff) ||
		       (cp >= 0x20000 && cp <= 0x3fffd)
		   ? 2
		   : 1;
}

static void show(struct screen *s, struct slice c)
{
	uint32_t cp;

	if (c.n == 1 && c.p[0] == '\t') {
		do
			(void)buf_add_char(s->out, ' ');
		while (++s->used % TAB_STOP != 0);
	} else if (utf8_decode(c, &cp) == 0 || utf8_hidden(cp)) {
		(void)buf_add_char(s->out, '?');
		s->used++;
	} else {
		(void)buf_add_slice(s->out, c);
		s->used += width_of(cp);
	}
}

static bool is_word(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '_';
}

/* Octets of the word, tag or string at the front of REST. */
static size_t extent(struct slice rest)
{
	size_t n = 1;

	if (rest.n == 0)
		return 0;
	if (rest.p[0] == '"') {
		while (n < rest.n && rest.p[n] != '"')
			n += rest.p[n] == '\\' && n + 1 < rest.n ? 2 : 1;
		return n < rest.n ? n + 1 : n;
	}
	if (!is_word(rest.p[0]) && rest.p[0] != ':')
		return column_octets(rest);
	while (n < rest.n && is_word(rest.p[n]))
		n++;
	return n;
}

/* LINE from octet FROM on, as far as there is room. MARK: the columns at which octets AT and END stood. */
static void show_line(struct screen *s, struct slice line, size_t from, size_t at, size_t end, size_t mark[2])
{
	if (from > 0) {
		(void)buf_add_str(s->out, ellipsis);
		s->used++;
	}
	mark[0] = mark[1] = s->used;
	for (size_t i = from; i < line.n && s->used < EXCERPT_COLUMNS;) {
		size_t n = column_octets(slice_skip(line, i));

		show(s, slice_of(line.p + i, n));
		i += n;
		mark[0] = i <= at ? s->used : mark[0];
		mark[1] = i <= end ? s->used : mark[1];
		if (s->used >= EXCERPT_COLUMNS && i < line.n)
			(void)buf_add_str(s->out, ellipsis);
	}
}

void excerpt_write(struct slice script, struct pos at, struct buf *out)
{
	struct screen s = { .out = out };
	struct slice line;
	size_t place, mark[2];

	if (!excerpt_line(script, at.line, &line))
		return;
	place = column_at(line, at.column);
	(void)buf_addf(out, "%5u | ", at.line);
	show_line(&s, line, start_for(line, place), place, place + extent(slice_skip(line, place)), mark);
	(void)buf_addf(out, "\n%5s | %*s^", "", (int)mark[0], "");
	for (size_t i = mark[0] + 1; i < mark[1]; i++)
		(void)buf_add_char(out, '~');
	(void)buf_add_char(out, '\n');
}

void excerpt_write_line(struct slice script, unsigned line, struct buf *out)
{
	struct screen s = { .out = out };
	size_t mark[2];
	struct slice text;

	if (!excerpt_line(script, line, &text))
		return;
	(void)buf_addf(out, "%5u | ", line);
	show_line(&s, text, 0, 0, 0, mark);
	(void)buf_add_char(out, '\n');
}
