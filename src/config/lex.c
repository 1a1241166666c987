#include "config/lex.h"

#include <errno.h>
#include <stdlib.h>

#include "base/utf8.h"

void lexer_init(struct lexer *l, struct slice text)
{
	*l = (struct lexer){ text, 1 };
}

bool lex_is_bool(const struct lex_token *t)
{
	return t->kind == LEX_NAME &&
	       (slice_eq_nocase(t->text, SLICE_LIT("true")) || slice_eq_nocase(t->text, SLICE_LIT("false")));
}

static void advance(struct lexer *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		l->line += l->rest.p[i] == '\n';
	l->rest = slice_of(l->rest.p + n, l->rest.n - n);
}

static bool starts(struct slice s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.p, with, n) == 0;
}

/* Skips blanks and comments. -1: a comment is never closed; the lexer then stands on it. */
static int blanks_skip(struct lexer *l)
{
	for (;;) {
		struct slice s = l->rest;
		size_t n = 0;

		while (n < s.n && memchr(" \t\r\n\f", s.p[n], 5) != NULL)
			n++;
		if (n > 0) {
			advance(l, n);
			continue;
		}
		if (starts(s, "#") || starts(s, "//")) {
			advance(l, slice_find(s, '\n'));
			continue;
		}
		if (!starts(s, "/*"))
			return 0;
		for (n = 2; n < s.n && !starts(slice_of(s.p + n, s.n - n), "*/"); n++)
			;
		if (n >= s.n)
			return -1;
		advance(l, n + 2);
	}
}

/* Length of the string at the front of S with its quotes; *FAULT is set when it isn't well formed. A string that runs
 * over its line is nearly always one whose closing quote was forgotten. */
static size_t string_len(struct slice s, enum lex_fault *fault, bool *good)
{
	size_t i = 1;

	*good = true;
	for (; i < s.n; i++) {
		char c = s.p[i];

		if (c == '"')
			return i + 1;
		if (c == '\n')
			break;
		if (c != '\\')
			continue;
		i++;
		if (i >= s.n || s.p[i] == '\n')
			break;
		if (s.p[i] == 'x' && i + 2 < s.n && ascii_hex(s.p[i + 1]) >= 0 && ascii_hex(s.p[i + 2]) >= 0 &&
		    (s.p[i + 1] != '0' || s.p[i + 2] != '0')) {
			i += 2;
		} else if (memchr("\\\"nrtfva", s.p[i], 8) == NULL) {
			*good = false;
			*fault = LEX_ESCAPE;
		}
	}
	*good = false;
	*fault = LEX_OPEN_STRING;
	return i;
}

/* What libconfig takes for a number and does not cut: 12, -3, 0x1F, 12L, 1.5, 1e3. */
static bool number_good(struct slice t, enum lex_fault *fault)
{
	char copy[32];
	char *end;
	long long v;
	bool is_long = false, hex = false;

	*fault = LEX_UNIT;
	if (t.n >= sizeof(copy)) {
		*fault = LEX_LARGE;
		return false;
	}
	memcpy(copy, t.p, t.n);
	copy[t.n] = '\0';
	if (t.n > 1 && copy[t.n - 1] == 'L') {
		copy[t.n - 1] = '\0';
		is_long = true;
	}
	hex = copy[0] == '0' && (copy[1] == 'x' || copy[1] == 'X');
	errno = 0;
	v = strtoll(copy, &end, hex ? 16 : 10);
	if (end != copy && *end == '\0') {
		*fault = LEX_LARGE;
		return errno == 0 && (is_long || (v >= INT32_MIN && v <= INT32_MAX));
	}
	if (is_long || hex || (*end != '.' && *end != 'e' && *end != 'E'))
		return false;
	(void)strtod(copy, &end);
	return *end == '\0';
}

static bool is_name(char c, bool first)
{
	return ascii_is_alpha(c) || c == '*' || (!first && (ascii_is_digit(c) || c == '-' || c == '_'));
}

/* The rest of a word that is no token: up to where the next thing surely starts. */
static size_t word_len(struct slice s)
{
	size_t n = 0;

	while (n < s.n && memchr(" \t\r\n\f;,{}[]()=\"#", s.p[n], 15) == NULL)
		n++;
	return n == 0 ? 1 : n;
}

static bool is_curled(struct slice s)
{
	uint32_t cp = 0;

	return utf8_decode(s, &cp) > 0 && ((cp >= 0x2018 && cp <= 0x201f) || cp == 0xab || cp == 0xbb);
}

struct lex_token lexer_next(struct lexer *l)
{
	struct lex_token t = { .kind = LEX_BAD, .fault = LEX_OTHER };
	size_t n = 1, word;
	bool good;
	char c;

	if (blanks_skip(l) != 0) {
		t.fault = LEX_OPEN_COMMENT;
		t.line = l->line;
		t.text = slice_of(l->rest.p, 2);
		advance(l, l->rest.n);
		return t;
	}
	t.line = l->line;
	if (l->rest.n == 0) {
		t.kind = LEX_END;
		return t;
	}
	c = l->rest.p[0];
	word = word_len(l->rest);
	if (memchr("=:;,{}[]()", c, 10) != NULL) {
		t.kind = LEX_MARK;
	} else if (c == '"') {
		n = string_len(l->rest, &t.fault, &good);
		t.kind = good ? LEX_STRING : LEX_BAD;
	} else if (ascii_is_digit(c) || c == '-' || c == '+') {
		n = word;
		t.kind = number_good(slice_of(l->rest.p, n), &t.fault) ? LEX_NUMBER : LEX_BAD;
	} else if (is_name(c, true)) {
		while (n < l->rest.n && is_name(l->rest.p[n], false))
			n++;
		t.kind = LEX_NAME;
		/* A host or an address without quotes is one word for people. But "name:" is a name. */
		if (n < word && !(l->rest.p[n] == ':' && n + 1 == word)) {
			n = word;
			t.kind = LEX_BAD;
		}
	} else {
		n = word;
		if (is_curled(l->rest))
			t.fault = LEX_CURLED;
		else if (c == '\'')
			t.fault = LEX_SINGLE;
	}
	t.text = slice_of(l->rest.p, n);
	advance(l, n);
	return t;
}
