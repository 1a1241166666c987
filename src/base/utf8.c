#include "base/utf8.h"

size_t utf8_decode(struct slice s, uint32_t *cp)
{
	unsigned char c;
	uint32_t v, least;
	size_t n;

	if (s.n == 0)
		return 0;
	c = (unsigned char)s.p[0];
	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	if (c >= 0xc2 && c <= 0xdf) {
		n = 2;
		v = c & 0x1fu;
		least = 0x80;
	} else if (c >= 0xe0 && c <= 0xef) {
		n = 3;
		v = c & 0x0fu;
		least = 0x800;
	} else if (c >= 0xf0 && c <= 0xf4) {
		n = 4;
		v = c & 0x07u;
		least = 0x10000;
	} else {
		return 0;
	}
	if (s.n < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		unsigned char d = (unsigned char)s.p[i];

		if ((d & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (d & 0x3fu);
	}
	if (v < least || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*cp = v;
	return n;
}

size_t utf8_char_len(struct slice s)
{
	uint32_t cp;

	return utf8_decode(s, &cp);
}

size_t utf8_encode(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp >= 0xd800 && cp <= 0xdfff)
		return 0;
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	if (cp > 0x10ffff)
		return 0;
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

size_t utf8_cut_off(struct slice s)
{
	for (size_t n = 1; n <= 3 && n <= s.n; n++) {
		unsigned char c = (unsigned char)s.p[s.n - n];

		if (c >= 0xc2 && c <= 0xf4)
			return n < (c < 0xe0 ? 2u : c < 0xf0 ? 3u : 4u) ? n : 0;
		if ((c & 0xc0) != 0x80)
			return 0;
	}
	return 0;
}

bool utf8_valid(struct slice s)
{
	while (s.n > 0) {
		size_t n = (unsigned char)*s.p < 0x80 ? 1 : utf8_char_len(s);

		if (n == 0)
			return false;
		s.p += n;
		s.n -= n;
	}
	return true;
}

bool utf8_hidden(uint32_t cp)
{
	return cp < ' ' || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff;
}

bool ascii_only(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* Of the scripts that folder names are written in and that have cases at all. */
static uint32_t lower(uint32_t c)
{
	if (c < 0x80)
		return (uint32_t)(unsigned char)ascii_lower((char)c);
	if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3ab && c != 0x3a2) ||
	    (c >= 0x410 && c <= 0x42f))
		return c + 0x20;
	if (c >= 0x400 && c <= 0x40f)
		return c + 0x50;
	/* Pairs, capital first: it is even, but odd in two runs. U+0130 and U+0131 belong to nobody else. */
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c + (c & 1);
	if (c == 0x178)
		return 0xff;
	if ((c >= 0x100 && c <= 0x12f) || (c >= 0x132 && c <= 0x137) || (c >= 0x14a && c <= 0x177) ||
	    (c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf) || (c >= 0x1e00 && c <= 0x1e95) ||
	    (c >= 0x1ea0 && c <= 0x1eff))
		return c | 1;
	return c;
}

int utf8_fold(struct slice s, struct buf *out)
{
	while (s.n > 0) {
		uint32_t cp = 0;
		size_t n = utf8_decode(s, &cp);
		char text[4];

		if (n == 0) {
			n = 1;
			(void)buf_add_char(out, s.p[0]);
		} else {
			(void)buf_add(out, text, utf8_encode(lower(cp), text));
		}
		s = slice_skip(s, n);
	}
	return buf_failed(out) ? -1 : 0;
}

bool utf8_eq_nocase(struct slice a, struct slice b)
{
	while (a.n > 0 && b.n > 0) {
		uint32_t x = 0, y = 0;
		size_t n = utf8_decode(a, &x), m = utf8_decode(b, &y);

		if ((n == 0) != (m == 0) || (n == 0 ? a.p[0] != b.p[0] : lower(x) != lower(y)))
			return false;
		a = slice_skip(a, n == 0 ? 1 : n);
		b = slice_skip(b, m == 0 ? 1 : m);
	}
	return a.n == b.n;
}
