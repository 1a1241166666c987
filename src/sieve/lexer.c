#include "sieve/lexer.h"

static bool is_word_first(char c)
{
	return ascii_is_alpha(c) || c == '_';
}

static bool is_word(char c)
{
	return is_word_first(c) || ascii_is_digit(c);
}

void sieve_lexer_init(struct lexer *l, struct slice script, struct diag *diag, struct arena *arena)
{
	*l = (struct lexer){ .in = script, .pos = { 1, 1 }, .diag = diag, .arena = arena };
	/* The mark that some editors put in front of UTF-8. */
	if (script.n >= 3 && memcmp(script.p, "\xef\xbb\xbf", 3) == 0)
		l->at = 3;
}

static bool at_end(const struct lexer *l)
{
	return l->at >= l->in.n;
}

static char peek(const struct lexer *l, size_t ahead)
{
	return l->at + ahead < l->in.n ? l->in.p[l->at + ahead] : '\0';
}

/* Over one octet, keeping count. */
static void advance(struct lexer *l)
{
	unsigned char c = (unsigned char)l->in.p[l->at++];

	if (c == '\n') {
		l->pos.line++;
		l->pos.column = 1;
	} else if ((c & 0xc0) != 0x80) {
		l->pos.column++;
	}
}

/* Octets of the line end here: 2, 1, or 0. */
static size_t line_end(const struct lexer *l)
{
	if (peek(l, 0) == '\n')
		return 1;
	return peek(l, 0) == '\r' && peek(l, 1) == '\n' ? 2 : 0;
}

static bool is_forbidden(const struct lexer *l)
{
	char c = peek(l, 0);

	return !at_end(l) && (c == '\0' || (c == '\r' && line_end(l) == 0));
}

static void refuse_forbidden(struct lexer *l)
{
	diag_add(l->diag, l->pos, "%s",
		 peek(l, 0) == '\0' ? "a NUL octet is not allowed in a script"
				    : "a carriage return must be followed by a line feed");
}

static void skip_hash_comment(struct lexer *l)
{
	while (!at_end(l) && line_end(l) == 0) {
		if (is_forbidden(l))
			refuse_forbidden(l);
		advance(l);
	}
}

static void skip_bracket_comment(struct lexer *l)
{
	struct pos from = l->pos;

	advance(l);
	advance(l);
	while (!at_end(l)) {
		if (peek(l, 0) == '*' && peek(l, 1) == '/') {
			advance(l);
			advance(l);
			return;
		}
		if (is_forbidden(l))
			refuse_forbidden(l);
		advance(l);
	}
	l->cut = true;
	diag_add(l->diag, from, "this comment has no end: expected \"*/\"");
}

static void skip_blank(struct lexer *l)
{
	while (!at_end(l)) {
		char c = peek(l, 0);

		if (c == ' ' || c == '\t' || line_end(l) > 0)
			advance(l);
		else if (c == '#')
			skip_hash_comment(l);
		else if (c == '/' && peek(l, 1) == '*')
			skip_bracket_comment(l);
		else
			break;
	}
}

static struct slice lex_word(struct lexer *l)
{
	size_t from = l->at;

	while (!at_end(l) && is_word(peek(l, 0)))
		advance(l);
	return slice_of(l->in.p + from, l->at - from);
}

/* The value of what lies between FROM and END in the script, at most twice as long (LF becomes CRLF). */
static char *value_begin(struct lexer *l, size_t from, size_t end)
{
	char *p = arena_try(l->arena, 2 * (end - from));

	if (p == NULL)
		l->exhausted = true;
	return p;
}

static void lex_quoted(struct lexer *l, struct token *t)
{
	size_t from, extra = 0, n = 0;
	char *out;

	advance(l);
	from = l->at;
	while (!at_end(l) && peek(l, 0) != '"') {
		if (peek(l, 0) == '\\' && l->at + 1 < l->in.n) {
			extra++;
			advance(l);
		} else if (line_end(l) > 0) {
			extra++;
		}
		if (is_forbidden(l))
			refuse_forbidden(l);
		advance(l);
	}
	t->text = slice_of(l->in.p + from, l->at - from);
	if (at_end(l)) {
		l->cut = true;
		diag_add(l->diag, t->pos, "this string has no end: expected '\"'");
		return;
	}
	advance(l);
	if (extra == 0)
		return;
	out = value_begin(l, from, l->at - 1);
	if (out == NULL)
		return;
	for (size_t i = 0; i < t->text.n; i++) {
		char c = t->text.p[i];

		if (c == '\\' && i + 1 < t->text.n)
			c = t->text.p[++i];
		/* A backslash before a line end stands for nothing either (quoted-other excludes CR and LF). */
		if (c == '\n' && (n == 0 || out[n - 1] != '\r'))
			out[n++] = '\r';
		out[n++] = c;
	}
	t->text = slice_of(out, n);
}

/* Behind "text:": blanks, perhaps a comment, a line end; then lines up to one of a single dot. */
static void lex_multi_line(struct lexer *l, struct token *t)
{
	size_t from, n = 0, end;
	bool closed = false;
	char *out;

	advance(l);
	while (peek(l, 0) == ' ' || peek(l, 0) == '\t')
		advance(l);
	if (peek(l, 0) == '#')
		skip_hash_comment(l);
	if (line_end(l) == 0) {
		diag_add(l->diag, l->pos, "expected the end of the line after \"text:\"");
		while (!at_end(l) && line_end(l) == 0)
			advance(l);
	}
	while (line_end(l) == 2)
		advance(l);
	if (!at_end(l))
		advance(l);
	from = l->at;
	end = l->at;
	while (!at_end(l) && !closed) {
		size_t start = l->at;

		while (!at_end(l) && line_end(l) == 0) {
			if (is_forbidden(l))
				refuse_forbidden(l);
			advance(l);
		}
		if (l->at - start == 1 && l->in.p[start] == '.') {
			closed = true;
			end = start;
		} else {
			for (size_t k = line_end(l); k > 0; k--)
				advance(l);
		}
	}
	if (!closed) {
		l->cut = true;
		diag_add(l->diag, t->pos, "this text has no end: expected a line with a single dot");
		t->text = SLICE_NONE;
		return;
	}
	out = value_begin(l, from, end);
	if (out == NULL)
		return;
	for (size_t i = from; i < end; i++) {
		bool first = i == from || l->in.p[i - 1] == '\n';

		if (first && l->in.p[i] == '.' && i + 1 < end && l->in.p[i + 1] == '.')
			continue;
		if (l->in.p[i] == '\n' && (i == from || l->in.p[i - 1] != '\r'))
			out[n++] = '\r';
		out[n++] = l->in.p[i];
	}
	t->text = slice_of(out, n);
}

static void lex_number(struct lexer *l, struct token *t)
{
	uint64_t v = 0, unit = 1;
	bool over = false;

	while (ascii_is_digit(peek(l, 0))) {
		uint64_t digit = (uint64_t)(peek(l, 0) - '0');

		if (v > (UINT64_MAX - digit) / 10)
			over = true;
		else
			v = v * 10 + digit;
		advance(l);
	}
	switch (ascii_upper(peek(l, 0))) {
	case 'K':
		unit = UINT64_C(1) << 10;
		break;
	case 'M':
		unit = UINT64_C(1) << 20;
		break;
	case 'G':
		unit = UINT64_C(1) << 30;
		break;
	default:
		break;
	}
	if (unit > 1)
		advance(l);
	if (is_word(peek(l, 0))) {
		diag_add(l->diag, t->pos, "expected a number, which may end in K, M or G and in nothing else");
		(void)lex_word(l);
	} else if (over || v > UINT64_MAX / unit) {
		diag_add(l->diag, t->pos, "this number is too large: the largest is 18446744073709551615");
	}
	t->number = over || v > UINT64_MAX / unit ? UINT64_MAX : v * unit;
}

/* One error for a run of characters that no token begins with. */
static void skip_stray(struct lexer *l)
{
	struct pos from = l->pos;
	size_t start = l->at;

	if (is_forbidden(l))
		refuse_forbidden(l);
	do
		advance(l);
	while (!at_end(l) && ((unsigned char)peek(l, 0) >= 0x80 || is_forbidden(l)));
	if (!l->stray)
		diag_add(l->diag, from, "unexpected %s: expected a command, a test, an argument or a comment",
			 diag_word(slice_of(l->in.p + start, l->at - start)));
	l->stray = true;
}

static bool lex_token(struct lexer *l, struct token *t)
{
	char c = peek(l, 0);

	if (is_word_first(c)) {
		t->kind = TOKEN_IDENTIFIER;
		t->text = lex_word(l);
		if (slice_eq_nocase(t->text, SLICE_LIT("text")) && peek(l, 0) == ':') {
			t->kind = TOKEN_STRING;
			lex_multi_line(l, t);
		}
	} else if (c == ':' && is_word_first(peek(l, 1))) {
		t->kind = TOKEN_TAG;
		advance(l);
		t->text = lex_word(l);
	} else if (ascii_is_digit(c)) {
		t->kind = TOKEN_NUMBER;
		lex_number(l, t);
	} else if (c == '"') {
		t->kind = TOKEN_STRING;
		lex_quoted(l, t);
	} else if (c != '\0' && strchr(";,()[]{}", c) != NULL) {
		t->kind = TOKEN_PUNCTUATION;
		t->mark = c;
		advance(l);
	} else {
		skip_stray(l);
		return false;
	}
	return true;
}

void sieve_lexer_next(struct lexer *l, struct token *t)
{
	do {
		skip_blank(l);
		*t = (struct token){ .kind = TOKEN_END, .pos = l->pos, .end = l->pos };
	} while (!at_end(l) && !lex_token(l, t));
	t->end = l->pos;
}
