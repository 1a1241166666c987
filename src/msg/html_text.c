#include "msg/html_text.h"

#include "base/utf8.h"

static const struct {
	const char *name;
	uint32_t cp;
} references[] = {
	{ "amp", '&' },	      { "lt", '<' },	    { "gt", '>' },	  { "quot", '"' },	{ "apos", '\'' },
	{ "nbsp", ' ' },      { "auml", 0xe4 },	    { "ouml", 0xf6 },	  { "uuml", 0xfc },	{ "Auml", 0xc4 },
	{ "Ouml", 0xd6 },     { "Uuml", 0xdc },	    { "szlig", 0xdf },	  { "agrave", 0xe0 },	{ "aacute", 0xe1 },
	{ "acirc", 0xe2 },    { "aring", 0xe5 },    { "aelig", 0xe6 },	  { "ccedil", 0xe7 },	{ "egrave", 0xe8 },
	{ "eacute", 0xe9 },   { "ecirc", 0xea },    { "euml", 0xeb },	  { "igrave", 0xec },	{ "iacute", 0xed },
	{ "icirc", 0xee },    { "iuml", 0xef },	    { "ntilde", 0xf1 },	  { "ograve", 0xf2 },	{ "oacute", 0xf3 },
	{ "ocirc", 0xf4 },    { "oslash", 0xf8 },   { "ugrave", 0xf9 },	  { "uacute", 0xfa },	{ "ucirc", 0xfb },
	{ "copy", 0xa9 },     { "reg", 0xae },	    { "deg", 0xb0 },	  { "sect", 0xa7 },	{ "laquo", 0xab },
	{ "raquo", 0xbb },    { "ndash", 0x2013 },  { "mdash", 0x2014 },  { "lsquo", 0x2018 },	{ "rsquo", 0x2019 },
	{ "ldquo", 0x201c },  { "rdquo", 0x201d },  { "bdquo", 0x201e },  { "hellip", 0x2026 }, { "bull", 0x2022 },
	{ "euro", 0x20ac },   { "trade", 0x2122 },
};

static const struct slice hidden_elements[] = { SLICE_LIT("script"), SLICE_LIT("style"), SLICE_LIT("title") };

/* What begins a new line, and at its end, too. */
static const struct slice line_elements[] = {
	SLICE_LIT("br"),    SLICE_LIT("p"),  SLICE_LIT("div"), SLICE_LIT("tr"),	 SLICE_LIT("li"),
	SLICE_LIT("ul"),    SLICE_LIT("ol"), SLICE_LIT("dl"),  SLICE_LIT("dt"),	 SLICE_LIT("dd"),
	SLICE_LIT("table"), SLICE_LIT("h1"), SLICE_LIT("h2"),  SLICE_LIT("h3"),	 SLICE_LIT("h4"),
	SLICE_LIT("h5"),    SLICE_LIT("h6"), SLICE_LIT("hr"),  SLICE_LIT("pre"), SLICE_LIT("blockquote"),
	SLICE_LIT("body"),
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

/* Puts out the blank that white space became, once something follows it. */
static int put(struct html_text *h, const char *p, size_t n, struct buf *out)
{
	bool blank = h->blank && h->within;

	if (h->hidden != NULL)
		return 0;
	h->blank = false;
	h->within = true;
	return (blank && buf_add_char(out, ' ') != 0) || buf_add(out, p, n) != 0 ? -1 : 0;
}

/* No line is empty: the first one begins with the first word, not with the element that holds it. */
static int put_line_end(struct html_text *h, struct buf *out)
{
	h->blank = false;
	if (h->hidden != NULL || !h->within)
		return 0;
	h->within = false;
	return buf_add_str(out, "\r\n");
}

static void name_add(struct html_text *h, char c)
{
	if (h->n < HTML_NAME_MAX)
		h->name[h->n++] = c;
	else
		h->cut = true;
}

static const struct slice *find_name(const struct html_text *h, const struct slice *all, size_t n)
{
	for (size_t i = 0; i < n && !h->cut; i++)
		if (all[i].n == h->n && slice_eq_nocase(slice_of(h->name, h->n), all[i]))
			return &all[i];
	return NULL;
}

/* The tag is over. */
static int tag_done(struct html_text *h, struct buf *out)
{
	const struct slice *hidden = find_name(h, hidden_elements, COUNT(hidden_elements));

	h->state = HTML_TEXT;
	if (h->hidden != NULL) {
		if (h->end && hidden == h->hidden)
			h->hidden = NULL;
		return 0;
	}
	if (hidden != NULL && !h->end)
		h->hidden = hidden;
	if (find_name(h, line_elements, COUNT(line_elements)) != NULL)
		return put_line_end(h, out);
	/* Cells are apart. */
	if (h->n == 2 && ascii_lower(h->name[0]) == 't' && (ascii_lower(h->name[1]) == 'd' || ascii_lower(h->name[1]) == 'h'))
		h->blank = true;
	return 0;
}

/* The character that "&name;" stands for; 0 when it is none. */
static uint32_t reference(const struct html_text *h)
{
	struct slice s = slice_of(h->name, h->n);
	uint32_t cp = 0;

	if (h->cut || s.n == 0)
		return 0;
	for (size_t i = 0; i < COUNT(references); i++)
		if (slice_eq(s, slice_str(references[i].name)))
			return references[i].cp;
	if (!slice_take(&s, '#') || s.n == 0 || s.n > 7)
		return 0;
	if (ascii_lower(s.p[0]) == 'x') {
		for (size_t i = 1; i < s.n; i++) {
			int digit = ascii_hex(s.p[i]);

			if (digit < 0)
				return 0;
			cp = cp * 16 + (uint32_t)digit;
		}
	} else {
		for (size_t i = 0; i < s.n; i++) {
			if (!ascii_is_digit(s.p[i]))
				return 0;
			cp = cp * 10 + (uint32_t)(s.p[i] - '0');
		}
	}
	return cp;
}

/* The reference ends, with ";" or without. */
static int reference_done(struct html_text *h, bool whole, struct buf *out)
{
	uint32_t cp = whole ? reference(h) : 0;
	char text[4];
	size_t n = cp > ' ' ? utf8_encode(cp, text) : 0;

	h->state = HTML_TEXT;
	if (cp == ' ' || cp == 0xa0) {
		h->blank = true;
		return 0;
	}
	if (n > 0)
		return put(h, text, n, out);
	if (put(h, "&", 1, out) != 0 || (h->n > 0 && put(h, h->name, h->n, out) != 0))
		return -1;
	return whole ? put(h, ";", 1, out) : 0;
}

static void begin(struct html_text *h, enum html_state state)
{
	h->state = state;
	h->n = 0;
	h->cut = false;
	h->end = false;
	h->attribute = HTML_BETWEEN;
	h->comment = HTML_BEGUN;
}

/* Behind "<". 1: C is used; 0: look at it again; -1: OUT is full. */
static int take_open(struct html_text *h, char c, struct buf *out)
{
	if (c == '/' && !h->end) {
		h->end = true;
		return 1;
	}
	if (ascii_is_alpha(c) || c == '!' || c == '?') {
		h->state = HTML_NAME;
		return 0;
	}
	h->state = HTML_TEXT;
	if (put(h, h->end ? "</" : "<", h->end ? 2 : 1, out) != 0)
		return -1;
	return 0;
}

/* A script may hold anything but the end of its element. */
static int take_name(struct html_text *h, char c, struct buf *out)
{
	if (c == '>')
		return tag_done(h, out) == 0 ? 1 : -1;
	if (is_space(c) || c == '/') {
		h->state = HTML_TAG;
		return 1;
	}
	if (h->hidden != NULL && !h->end) {
		h->state = HTML_TEXT;
		return 0;
	}
	name_add(h, c);
	if (h->n == 3 && memcmp(h->name, "!--", 3) == 0)
		begin(h, HTML_COMMENT);
	return 1;
}

/* Within a tag. Quotes that belong nowhere enclose nothing, so that nobody hides behind one what a reader sees; nor do
 * any in "<!…>" and "<?…>". */
static void take_attribute(struct html_text *h, char c)
{
	if (h->n > 0 && (h->name[0] == '!' || h->name[0] == '?'))
		return;
	if (h->attribute == HTML_EQUALS && (c == '"' || c == '\'') && h->hidden == NULL) {
		h->quote = c;
		h->state = HTML_QUOTE;
		h->attribute = HTML_BETWEEN;
	} else if (h->attribute == HTML_EQUALS) {
		h->attribute = is_space(c) ? HTML_EQUALS : HTML_VALUE;
	} else if (h->attribute == HTML_VALUE) {
		h->attribute = is_space(c) ? HTML_BETWEEN : HTML_VALUE;
	} else if (h->attribute == HTML_ATTRIBUTE && c == '=') {
		h->attribute = HTML_EQUALS;
	} else if (c == '/') {
		h->attribute = HTML_BETWEEN;
	} else if (!is_space(c)) {
		h->attribute = HTML_ATTRIBUTE;
	}
}

/* "-->" ends it, "--!>" too, and ">" or "->" right behind its beginning. */
static void take_comment(struct html_text *h, char c)
{
	static const enum html_comment behind_dash[] = {
		[HTML_WITHIN] = HTML_DASH, [HTML_DASH] = HTML_DASHES,	   [HTML_DASHES] = HTML_DASHES,
		[HTML_BANG] = HTML_DASH,   [HTML_BEGUN] = HTML_BEGUN_DASH, [HTML_BEGUN_DASH] = HTML_DASHES,
	};

	if (c == '>' && h->comment != HTML_WITHIN && h->comment != HTML_DASH)
		h->state = HTML_TEXT;
	else if (c == '-')
		h->comment = behind_dash[h->comment];
	else
		h->comment = c == '!' && h->comment == HTML_DASHES ? HTML_BANG : HTML_WITHIN;
}

/* One octet that is no part of a word. 1: it is used; 0: look at it again; -1: OUT is full. */
static int take(struct html_text *h, char c, struct buf *out)
{
	switch (h->state) {
	case HTML_TEXT:
		if (c == '<')
			begin(h, HTML_OPEN);
		else if (c == '&')
			begin(h, HTML_REFERENCE);
		else
			h->blank = true;
		return 1;
	case HTML_OPEN:
		return take_open(h, c, out);
	case HTML_NAME:
		return take_name(h, c, out);
	case HTML_TAG:
		if (c == '>')
			return tag_done(h, out) == 0 ? 1 : -1;
		take_attribute(h, c);
		return 1;
	case HTML_QUOTE:
		if (c == h->quote)
			h->state = HTML_TAG;
		return 1;
	case HTML_COMMENT:
		take_comment(h, c);
		return 1;
	case HTML_REFERENCE:
		if (c == ';')
			return reference_done(h, true, out) == 0 ? 1 : -1;
		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && c != '#')
			return reference_done(h, false, out);
		if (h->n == HTML_NAME_MAX)
			return reference_done(h, false, out);
		name_add(h, c);
		return 1;
	}
	return 1;
}

/* Octets at the front of IN that are a word, or part of one. */
static size_t plain_run(struct slice in)
{
	size_t n = 0;

	while (n < in.n && in.p[n] != '<' && in.p[n] != '&' && !is_space(in.p[n]))
		n++;
	return n;
}

int html_text_feed(struct html_text *h, struct slice in, struct buf *out)
{
	while (in.n > 0) {
		size_t run = h->state == HTML_TEXT ? plain_run(in) : 0;
		int used = run > 0 ? put(h, in.p, run, out) : take(h, in.p[0], out);

		if (used < 0)
			return -1;
		in = slice_skip(in, run > 0 ? run : (size_t)used);
	}
	return 0;
}

int html_text_finish(struct html_text *h, struct buf *out)
{
	int r = h->state == HTML_REFERENCE ? reference_done(h, false, out) : 0;

	*h = (struct html_text){ .state = HTML_TEXT };
	return r;
}
