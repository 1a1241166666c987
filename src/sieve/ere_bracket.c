/* Bracket expressions (POSIX.2, Regular Expressions, 9.3.5). */
#include <stdio.h>

#include "base/utf8.h"
#include "sieve/ere.h"

enum { ASCII = 128 };

/* What is in the list: ASCII characters here, the others in OUT already. */
struct bracket {
	struct slice in;
	size_t at;
	bool caseless;
	bool set[ASCII];
	struct buf *out;
	char *why;
};

static int wrong(struct bracket *b, const char *why)
{
	(void)snprintf(b->why, ERE_WHY_MAX, "%s", why);
	return -1;
}

/* Both cases of a letter, where case is none. */
static void include(struct bracket *b, unsigned char c)
{
	b->set[c] = true;
	if (b->caseless && ascii_is_alpha((char)c)) {
		b->set[(unsigned char)ascii_upper((char)c)] = true;
		b->set[(unsigned char)ascii_lower((char)c)] = true;
	}
}

static int include_range(struct bracket *b, uint32_t from, uint32_t to)
{
	for (uint32_t c = from; c <= to && c < ASCII; c++)
		include(b, (unsigned char)c);
	if (to < ASCII)
		return 0;
	return buf_addf(b->out, "\\x{%x}-\\x{%x}", from < ASCII ? ASCII : (unsigned)from, (unsigned)to);
}

static bool in_alpha(char c)
{
	return ascii_is_alpha(c);
}
static bool in_digit(char c)
{
	return ascii_is_digit(c);
}
static bool in_alnum(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c);
}
static bool in_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}
static bool in_lower(char c)
{
	return c >= 'a' && c <= 'z';
}
static bool in_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}
static bool in_blank(char c)
{
	return c == ' ' || c == '\t';
}
static bool in_cntrl(char c)
{
	return (c >= 0 && c < ' ') || c == 0x7f;
}
static bool in_graph(char c)
{
	return c > ' ' && c < 0x7f;
}
static bool in_print(char c)
{
	return c >= ' ' && c < 0x7f;
}
static bool in_punct(char c)
{
	return in_graph(c) && !in_alnum(c);
}
static bool in_xdigit(char c)
{
	return ascii_hex(c) >= 0;
}

/* And what Unicode has of them beyond ASCII. */
static const struct {
	const char *name;
	bool (*has)(char c);
	const char *beyond;
} classes[] = {
	{ "alnum", in_alnum, "\\p{L}\\p{N}" },
	{ "alpha", in_alpha, "\\p{L}" },
	{ "blank", in_blank, "" },
	{ "cntrl", in_cntrl, "\\x{80}-\\x{9f}" },
	{ "digit", in_digit, "" },
	{ "graph", in_graph, "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}" },
	{ "lower", in_lower, "\\p{Ll}" },
	{ "print", in_print, "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Zs}" },
	{ "punct", in_punct, "\\p{P}" },
	{ "space", in_space, "" },
	{ "upper", in_upper, "\\p{Lu}" },
	{ "xdigit", in_xdigit, "" },
};

static int include_class(struct bracket *b, struct slice name)
{
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
		if (!slice_eq(name, slice_str(classes[i].name)))
			continue;
		for (unsigned c = 0; c < ASCII; c++)
			if (classes[i].has((char)c))
				include(b, (unsigned char)c);
		return buf_add_str(b->out, classes[i].beyond);
	}
	return wrong(b, "unknown class: expected alnum, alpha, blank, cntrl, digit, graph, lower, print, punct, space, "
			"upper or xdigit");
}

static const struct {
	const char *name;
	char c;
} names[] = {
	{ "NUL", '\0' },
	{ "tab", '\t' },
	{ "newline", '\n' },
	{ "carriage-return", '\r' },
	{ "space", ' ' },
	{ "hyphen", '-' },
	{ "hyphen-minus", '-' },
	{ "period", '.' },
	{ "full-stop", '.' },
	{ "slash", '/' },
	{ "backslash", '\\' },
	{ "reverse-solidus", '\\' },
	{ "left-square-bracket", '[' },
	{ "right-square-bracket", ']' },
	{ "circumflex", '^' },
	{ "circumflex-accent", '^' },
};

/* The character that NAME is, or is called. */
static int element(struct bracket *b, struct slice name, uint32_t *cp)
{
	size_t n = 0;

	if (name.n > 0)
		*cp = ere_character(name, &n);
	if (n > 0 && n == name.n)
		return 0;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (slice_eq(name, slice_str(names[i].name))) {
			*cp = (unsigned char)names[i].c;
			return 0;
		}
	return wrong(b, "unknown collating element: expected a character");
}

/* "[:name:]", "[.name.]" or "[=name=]" at the front: its kind, or 0; *NAME within, and B goes behind it. */
static int named(struct bracket *b, struct slice *name, char *kind)
{
	struct slice rest = slice_skip(b->in, b->at);

	*kind = 0;
	if (rest.n < 2 || rest.p[0] != '[' || (rest.p[1] != ':' && rest.p[1] != '.' && rest.p[1] != '='))
		return 0;
	for (size_t i = 2; i + 1 < rest.n; i++)
		/* "[.].]" and "[...]" hold what looks like an end. */
		if (rest.p[i] == rest.p[1] && rest.p[i + 1] == ']' && i > 2) {
			*kind = rest.p[1];
			*name = slice_of(rest.p + 2, i - 2);
			b->at += i + 2;
			return 0;
		}
	return wrong(b, "\"[:\", \"[.\" or \"[=\" is not closed");
}

/* One end of a range, or a single character. */
static int character(struct bracket *b, uint32_t *cp)
{
	struct slice name;
	char kind;
	size_t n;

	if (named(b, &name, &kind) != 0)
		return -1;
	if (kind == '.')
		return element(b, name, cp);
	if (kind != 0)
		return wrong(b, "a class is no end of a range");
	*cp = ere_character(slice_skip(b->in, b->at), &n);
	b->at += n;
	return 0;
}

/* Whether a "-" comes that makes a range: one in front of the "]" is itself. */
static bool range_comes(const struct bracket *b)
{
	return b->at + 1 < b->in.n && b->in.p[b->at] == '-' && b->in.p[b->at + 1] != ']';
}

static int item(struct bracket *b)
{
	size_t before = b->at;
	struct slice name;
	uint32_t from, to;
	char kind;

	if (named(b, &name, &kind) != 0)
		return -1;
	if (kind == ':' || kind == '=') {
		if (kind == ':' ? include_class(b, name) != 0
				: element(b, name, &from) != 0 || include_range(b, from, from) != 0)
			return -1;
		return range_comes(b) ? wrong(b, "a class is no end of a range") : 0;
	}
	b->at = before;
	if (character(b, &from) != 0)
		return -1;
	to = from;
	if (range_comes(b)) {
		b->at++;
		if (character(b, &to) != 0)
			return -1;
		if (to < from)
			return wrong(b, "a range runs backwards");
	}
	return include_range(b, from, to);
}

static int add_set(struct bracket *b)
{
	for (unsigned c = 0; c < ASCII; c++)
		if (b->set[c]) {
			unsigned from = c;

			while (c + 1 < ASCII && b->set[c + 1])
				c++;
			if (buf_addf(b->out, "\\x{%x}-\\x{%x}", from, c) != 0)
				return -1;
		}
	return buf_add_char(b->out, ']');
}

int ere_bracket(struct slice in, size_t *at, bool caseless, struct buf *out, char why[ERE_WHY_MAX])
{
	struct bracket b = { .in = in, .at = *at, .caseless = caseless, .out = out, .why = why };
	bool negated = b.at < in.n && in.p[b.at] == '^';
	size_t first = b.at + negated;

	b.at = first;
	if (buf_add_str(out, negated ? "[^" : "[") != 0)
		return -1;
	/* A "]" that stands first is itself. */
	while (b.at < in.n && (in.p[b.at] != ']' || b.at == first))
		if (item(&b) != 0)
			return -1;
	if (b.at == in.n)
		return wrong(&b, "\"[\" is not closed");
	*at = b.at + 1;
	return add_set(&b);
}
