#include "cmd/import_token.h"

#include <string.h>

static void advance(struct import_lexer *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		l->line += l->rest.p[i] == '\n';
	l->rest = slice_skip(l->rest, n);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static bool is_filler(char c)
{
	return is_blank(c) || c == ':' || c == ';' || c == ',';
}

static void filler_skip(struct import_lexer *l)
{
	for (;;) {
		size_t n = 0;

		while (n < l->rest.n && is_filler(l->rest.p[n]))
			n++;
		advance(l, n);
		if (l->rest.n == 0 || l->rest.p[0] != '#')
			return;
		advance(l, slice_find(l->rest, '\n'));
	}
}

static void put(struct import_token *t, char c)
{
	if (c == '\0')
		t->fault = "a NUL stands in it";
	else if (t->n == IMPORT_TEXT_MAX)
		t->fault = "the word is too long";
	else
		t->text[t->n++] = c;
}

/* Up to MAX digits of BASE at the front of S: how many, and their value. */
static size_t digits_read(struct slice s, int base, size_t max, unsigned *value)
{
	size_t n = 0;
	int digit;

	for (*value = 0; n < s.n && n < max && (digit = ascii_hex(s.p[n])) >= 0 && digit < base; n++)
		*value = *value * (unsigned)base + (unsigned)digit;
	return n;
}

/* The escape whose backslash stands at the front of S: its length. */
static size_t escape_read(struct slice s, struct import_token *t)
{
	static const struct {
		char letter, means;
	} rows[] = { { 'n', '\n' }, { 't', '\t' }, { 'b', '\b' }, { 'r', '\r' } };
	struct slice rest = slice_skip(s, 1);
	unsigned value;
	size_t n;

	if (rest.n == 0)
		return 1;
	if (rest.p[0] == '\n')
		return 2;
	if (rest.p[0] == '\r' && rest.n > 1 && rest.p[1] == '\n')
		return 3;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rest.p[0] == rows[i].letter) {
			put(t, rows[i].means);
			return 2;
		}
	if (rest.p[0] == 'x' && (n = digits_read(slice_skip(rest, 1), 16, 2, &value)) > 0)
		n++;
	else if (rest.p[0] == '0')
		n = digits_read(rest, 8, 4, &value);
	else
		n = digits_read(rest, 10, 3, &value);
	if (n == 0) {
		put(t, rest.p[0]);
		return 2;
	}
	put(t, (char)(value & 0xff));
	return n + 1;
}

static size_t word_read(struct slice s, struct import_token *t)
{
	size_t i = 0;

	while (i < s.n && !is_filler(s.p[i]) && s.p[i] != '=') {
		if (s.p[i] == '\\')
			i += escape_read(slice_skip(s, i), t);
		else
			put(t, s.p[i++]);
	}
	return i;
}

static size_t string_read(struct slice s, struct import_token *t)
{
	char quote = s.p[0];
	size_t i = 1;

	while (i < s.n && s.p[i] != quote) {
		if (s.p[i] == '\\')
			i += escape_read(slice_skip(s, i), t);
		else
			put(t, s.p[i++]);
	}
	if (i < s.n)
		return i + 1;
	t->fault = "its quote is never closed";
	return s.n;
}

void import_token_next(struct import_lexer *l, struct import_token *t)
{
	size_t n;

	filler_skip(l);
	t->line = l->line;
	t->n = 0;
	t->fault = NULL;
	if (l->rest.n == 0) {
		t->kind = TOKEN_END;
		n = 0;
	} else if (l->rest.p[0] == '=') {
		t->kind = TOKEN_EQUAL;
		n = 1;
	} else if (l->rest.p[0] == '"' || l->rest.p[0] == '\'') {
		t->kind = TOKEN_STRING;
		n = string_read(l->rest, t);
	} else {
		t->kind = TOKEN_WORD;
		n = word_read(l->rest, t);
	}
	t->text[t->n] = '\0';
	advance(l, n);
}

bool import_token_number(const struct import_token *t, uint64_t *out)
{
	return t->kind == TOKEN_WORD && slice_number(slice_of(t->text, t->n), INT64_MAX / 1000, out) == 0;
}
