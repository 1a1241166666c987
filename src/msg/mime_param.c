#include "msg/mime_param.h"

#include "msg/charset.h"
#include "msg/encoded_word.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* RFC 2045, 5.1: anything printable but tspecials. */
static bool is_token(char c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static void skip(struct slice *s, size_t n)
{
	*s = slice_skip(*s, n);
}

/* Blanks and comments; a comment that does not end takes all. */
static void skip_cfws(struct slice *s)
{
	size_t depth = 0, i = 0;

	for (; i < s->n; i++) {
		char c = s->p[i];

		if (c == '\\' && depth > 0)
			i++;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (depth == 0 && !is_blank(c))
			break;
	}
	skip(s, i < s->n ? i : s->n);
}

static struct slice take_token(struct slice *s)
{
	struct slice t = *s;
	size_t n = 0;

	while (n < s->n && is_token(s->p[n]))
		n++;
	t.n = n;
	skip(s, n);
	return t;
}

bool mime_type_parse(struct slice value, struct slice *type, struct slice *subtype)
{
	struct slice a, b = SLICE_NONE;

	skip_cfws(&value);
	a = take_token(&value);
	skip_cfws(&value);
	if (a.n > 0 && value.n > 0 && value.p[0] == '/') {
		skip(&value, 1);
		skip_cfws(&value);
		b = take_token(&value);
	}
	*type = b.n > 0 ? a : SLICE_LIT("text");
	*subtype = b.n > 0 ? b : SLICE_LIT("plain");
	return b.n > 0;
}

struct slice mime_token(struct slice value)
{
	skip_cfws(&value);
	return take_token(&value);
}

struct param {
	struct slice name;
	int section;   /* -1: not in sections */
	bool extended; /* "*": percent signs, in the first section a charset too */
	bool quoted;
	struct slice value; /* behind the quote when quoted */
};

/* Octets before the quote that closes, or all. */
static size_t quoted_len(struct slice s)
{
	size_t i = 0;

	for (; i < s.n && s.p[i] != '"'; i++)
		if (s.p[i] == '\\')
			i++;
	return i < s.n ? i : s.n;
}

/* Up to the semicolon, or to a comment that stands apart. */
static size_t bare_len(struct slice s)
{
	size_t i = 0;

	while (i < s.n && s.p[i] != ';' && !(s.p[i] == '(' && i > 0 && is_blank(s.p[i - 1])))
		i++;
	return i;
}

/* RFC 2231, 7: "name", "name*", "name*0", "name*0*". */
static void split_name(struct slice s, struct param *p)
{
	uint64_t number;
	size_t star;

	p->section = -1;
	p->extended = s.n > 0 && s.p[s.n - 1] == '*';
	s.n -= p->extended;
	star = slice_find(s, '*');
	p->name = slice_of(s.p, star);
	if (star < s.n && slice_number(slice_skip(s, star + 1), MIME_SECTIONS_MAX - 1, &number) == 0)
		p->section = (int)number;
	else if (star < s.n)
		p->name = s; /* no section after all, so no parameter that anyone asks for */
}

/* The next parameter behind a semicolon; what is none is passed over. */
static bool param_next(struct slice *rest, struct param *p)
{
	for (;;) {
		struct slice name;
		size_t n = 0;

		/* To the semicolon, past quotes that do not belong here. */
		while (rest->n > 0 && rest->p[0] != ';') {
			skip_cfws(rest);
			if (rest->n == 0 || rest->p[0] == ';')
				break;
			n = rest->p[0] == '"' ? quoted_len(slice_skip(*rest, 1)) + 2 : 1;
			skip(rest, n < rest->n ? n : rest->n);
		}
		if (rest->n == 0)
			return false;
		skip(rest, 1);
		skip_cfws(rest);
		name = take_token(rest);
		skip_cfws(rest);
		if (name.n == 0 || rest->n == 0 || rest->p[0] != '=')
			continue;
		skip(rest, 1);
		skip_cfws(rest);
		split_name(name, p);
		p->quoted = rest->n > 0 && rest->p[0] == '"';
		if (p->quoted)
			skip(rest, 1);
		n = p->quoted ? quoted_len(*rest) : bare_len(*rest);
		p->value = slice_of(rest->p, n);
		if (!p->quoted)
			p->value = slice_trim(p->value);
		skip(rest, p->quoted && n < rest->n ? n + 1 : n);
		return true;
	}
}

/* The octets of one section: folds gone, quoted pairs and percent signs undone. */
static int add_octets(const struct param *p, struct buf *out)
{
	struct slice v = p->value;

	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (c == '\n' || (c == '\r' && i + 1 < v.n && v.p[i + 1] == '\n'))
			continue;
		if (c == '\\' && p->quoted && i + 1 < v.n) {
			c = v.p[++i];
		} else if (c == '%' && p->extended && v.n - i > 2 && ascii_hex(v.p[i + 1]) >= 0 && ascii_hex(v.p[i + 2]) >= 0) {
			c = (char)(ascii_hex(v.p[i + 1]) << 4 | ascii_hex(v.p[i + 2]));
			i += 2;
		}
		if (buf_add_char(out, c) != 0)
			return -1;
	}
	return 0;
}

/* charset'language'text (RFC 2231, 4): takes the first two off. */
static struct slice take_charset(struct slice *value)
{
	struct slice charset = slice_of(value->p, slice_find(*value, '\''));
	struct slice behind = slice_skip(*value, charset.n);
	size_t n;

	if (behind.n == 0)
		return SLICE_NONE;
	skip(&behind, 1);
	n = slice_find(behind, '\'');
	if (n == behind.n)
		return SLICE_NONE;
	skip(&behind, n + 1);
	*value = behind;
	return charset;
}

/* All that a value says about one parameter. */
struct found {
	struct param sections[MIME_SECTIONS_MAX];
	bool have[MIME_SECTIONS_MAX];
	struct param whole[MIME_REPEATS_MAX], plain[MIME_REPEATS_MAX]; /* "name*", "name" */
	size_t nwhole, nplain;
};

static void collect(struct slice value, struct slice name, struct found *f)
{
	struct param p;

	memset(f->have, 0, sizeof f->have);
	f->nwhole = f->nplain = 0;
	while (param_next(&value, &p)) {
		if (!slice_eq_nocase(p.name, name))
			continue;
		if (p.section >= 0 && !f->have[p.section]) {
			f->sections[p.section] = p;
			f->have[p.section] = true;
		} else if (p.section < 0 && p.extended && f->nwhole < MIME_REPEATS_MAX) {
			f->whole[f->nwhole++] = p;
		} else if (p.section < 0 && !p.extended && f->nplain < MIME_REPEATS_MAX) {
			f->plain[f->nplain++] = p;
		}
	}
}

/* The octets of value number N, their charset where one is given, and whether they came as a plain parameter. */
static int find_octets(const struct found *f, size_t n, struct buf *out, struct slice *charset, bool *plain)
{
	const size_t nsections = f->have[0] ? 1 : 0;
	struct param first;

	*charset = SLICE_NONE;
	*plain = n >= f->nwhole + nsections;
	if (*plain) {
		n -= f->nwhole + nsections;
		return n >= f->nplain ? 0 : add_octets(&f->plain[n], out) == 0 ? 1 : -1;
	}
	if (n < f->nwhole) {
		first = f->whole[n];
		*charset = take_charset(&first.value);
		return add_octets(&first, out) == 0 ? 1 : -1;
	}
	first = f->sections[0];
	if (first.extended)
		*charset = take_charset(&first.value);
	for (size_t i = 0; i < MIME_SECTIONS_MAX && f->have[i]; i++)
		if (add_octets(i == 0 ? &first : &f->sections[i], out) != 0)
			return -1;
	return 1;
}

int mime_param_raw(struct slice value, struct slice name, struct buf *out)
{
	struct slice charset;
	struct found f;
	bool plain;

	collect(value, name, &f);
	return find_octets(&f, 0, out, &charset, &plain);
}

/* Value number N as UTF-8; no more than MAX octets of it can be there. */
static int find_text(const struct found *f, size_t n, size_t max, struct buf *out)
{
	const struct charset *c;
	struct slice charset;
	struct buf octets;
	bool plain;
	int r, added;

	buf_init(&octets, max);
	r = find_octets(f, n, &octets, &charset, &plain);
	if (r == 1) {
		c = charset_find(charset);
		if (plain)
			added = encoded_words_decode(buf_slice(&octets), out);
		else if (c != NULL)
			added = charset_to_utf8(c, buf_slice(&octets), out);
		else
			added = charset_repair_utf8(buf_slice(&octets), out);
		r = added == 0 ? 1 : -1;
	}
	buf_free(&octets);
	return r;
}

int mime_param(struct slice value, struct slice name, struct buf *out)
{
	struct found f;

	collect(value, name, &f);
	return find_text(&f, 0, value.n, out);
}

int mime_param_each(struct slice value, struct slice name, struct buf *out, int (*fn)(void *arg, struct slice value),
		    void *arg)
{
	struct found f;
	int got = 0;

	collect(value, name, &f);
	for (size_t n = 0; n < 2 * MIME_REPEATS_MAX + 1 && got == 0; n++) {
		buf_clear(out);
		if (find_text(&f, n, value.n, out) == 0)
			break;
		got = fn(arg, buf_slice(out));
	}
	return got;
}
