#include "imap/utf7.h"

#include <stdbool.h>

#include "base/utf8.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

struct bits {
	uint32_t value;
	unsigned n; /* fewer than 6 between calls */
};

static void put_unit(struct bits *b, uint32_t unit, struct buf *out)
{
	b->value = b->value << 16 | unit;
	b->n += 16;
	while (b->n >= 6) {
		b->n -= 6;
		(void)buf_add_char(out, digits[b->value >> b->n & 63]);
	}
}

static void end_run(struct bits *b, struct buf *out)
{
	if (b->n > 0)
		(void)buf_add_char(out, digits[b->value << (6 - b->n) & 63]);
	(void)buf_add_char(out, '-');
	*b = (struct bits){ 0, 0 };
}

int utf7_encode(struct slice name, struct buf *out)
{
	struct bits b = { 0, 0 };
	bool run = false;

	while (name.n > 0) {
		uint32_t cp;
		size_t used = utf8_decode(name, &cp);

		if (used == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			return -1;
		name.p += used;
		name.n -= used;
		if (cp < 0x7f) {
			if (run)
				end_run(&b, out);
			run = false;
			(void)buf_add_str(out, cp == '&' ? "&-" : (char[]){ (char)cp, '\0' });
			continue;
		}
		if (!run)
			(void)buf_add_char(out, '&');
		run = true;
		if (cp >= 0x10000) {
			put_unit(&b, 0xd800 + ((cp - 0x10000) >> 10), out);
			cp = 0xdc00 + ((cp - 0x10000) & 0x3ff);
		}
		put_unit(&b, cp, out);
	}
	if (run)
		end_run(&b, out);
	return buf_failed(out) ? -1 : 0;
}

static int digit(char c)
{
	for (int i = 0; i < 64; i++) {
		if (digits[i] == c)
			return i;
	}
	return -1;
}

/* The base64 between "&" and "-", RUN, to UTF-8. */
static int decode_run(struct slice run, struct buf *out)
{
	struct bits b = { 0, 0 };
	uint32_t high = 0;

	for (size_t i = 0; i < run.n; i++) {
		int d = digit(run.p[i]);
		uint32_t unit;
		char text[4];
		size_t n;

		if (d < 0)
			return -1;
		b.value = b.value << 6 | (uint32_t)d;
		b.n += 6;
		if (b.n < 16)
			continue;
		b.n -= 16;
		unit = b.value >> b.n & 0xffff;
		b.value &= (1u << b.n) - 1;
		if (high != 0) {
			if (unit < 0xdc00 || unit > 0xdfff)
				return -1;
			unit = 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
			high = 0;
		} else if (unit >= 0xd800 && unit <= 0xdbff) {
			high = unit;
			continue;
		}
		if (unit < 0xa0)
			return -1;
		n = utf8_encode(unit, text);
		if (n == 0)
			return -1;
		(void)buf_add(out, text, n);
	}
	/* What is left is padding: less than a digit, all zero. */
	return high != 0 || b.n >= 6 || b.value != 0 ? -1 : 0;
}

int utf7_decode(struct slice wire, struct buf *out)
{
	bool after_run = false;

	while (wire.n > 0) {
		char c = wire.p[0];
		size_t end;

		if (c < 0x20 || c >= 0x7f)
			return -1;
		if (c != '&') {
			(void)buf_add_char(out, c);
			wire.p++;
			wire.n--;
			after_run = false;
			continue;
		}
		end = slice_find(wire, '-');
		if (end == wire.n)
			return -1;
		if (end == 1) {
			(void)buf_add_char(out, '&');
			after_run = false;
		} else if (after_run || decode_run(slice_of(wire.p + 1, end - 1), out) != 0) {
			return -1; /* two runs in a row are one */
		} else {
			after_run = true;
		}
		wire.p += end + 1;
		wire.n -= end + 1;
	}
	return buf_failed(out) ? -1 : 0;
}
