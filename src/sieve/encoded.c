#include "sieve/encoded.h"

#include "base/utf8.h"

enum { UNICODE_MAX = 0x10ffff, SURROGATE_FIRST = 0xd800, SURROGATE_LAST = 0xdfff };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next number in *REST, of at most DIGITS digits. False at the closing brace or where there is none. A number above
 * all characters stays just above them. */
static bool next_number(struct slice *rest, size_t digits, unsigned *number)
{
	size_t n = 0;
	int value;

	while (rest->n > 0 && is_blank(rest->p[0]))
		*rest = slice_of(rest->p + 1, rest->n - 1);
	for (*number = 0; n < rest->n && n < digits && (value = ascii_hex(rest->p[n])) >= 0; n++)
		*number = *number > UNICODE_MAX ? *number : *number * 16 + (unsigned)value;
	if (n == 0)
		return false;
	*rest = slice_of(rest->p + n, rest->n - n);
	/* Blanks part two. */
	return rest->n > 0 && (is_blank(rest->p[0]) || rest->p[0] == '}');
}

/* The octets of the sequence at the front of S, with its value in OUT; 0 when it is none; *BAD a number that is no
 * character. */
static size_t decode_one(struct slice s, struct buf *out, bool *bad)
{
	bool hex = slice_starts_nocase(s, SLICE_LIT("${hex:"));
	bool unicode = !hex && slice_starts_nocase(s, SLICE_LIT("${unicode:"));
	struct slice rest;
	size_t before = out->n, count = 0;
	char utf8[4];
	unsigned number;

	if (!hex && !unicode)
		return 0;
	rest = slice_of(s.p + (hex ? 6 : 10), s.n - (hex ? 6 : 10));
	while (next_number(&rest, hex ? 2 : s.n, &number)) {
		count++;
		if (hex)
			(void)buf_add_char(out, (char)number);
		else if (number > UNICODE_MAX || (number >= SURROGATE_FIRST && number <= SURROGATE_LAST))
			*bad = true;
		else
			(void)buf_add(out, utf8, utf8_encode(number, utf8));
	}
	if (count == 0 || rest.n == 0 || rest.p[0] != '}') {
		buf_truncate(out, before);
		*bad = false;
		return 0;
	}
	return (size_t)(rest.p + 1 - s.p);
}

int encoded_decode(struct compiler *c, struct slice *s, struct pos at)
{
	bool bad = false, changed = false;
	struct buf out;
	int ret = 0;

	if (s->n == 0 || memmem(s->p, s->n, "${", 2) == NULL)
		return 0;
	buf_init(&out, s->n + 1);
	for (size_t i = 0; i < s->n;) {
		size_t n = decode_one(slice_of(s->p + i, s->n - i), &out, &bad);

		if (bad)
			break;
		changed = changed || n > 0;
		if (n == 0)
			(void)buf_add_char(&out, s->p[i]);
		i += n > 0 ? n : 1;
	}
	if (bad) {
		compile_error(c, at, "\"${unicode:…}\" names no character: expected numbers up to 10FFFF, but for D800 to DFFF");
		ret = -1;
	} else if (changed) {
		compile_uses(c, "encoded-character");
		ret = compile_copy(c, buf_slice(&out), s);
	}
	buf_free(&out);
	return ret;
}
