#include "msg/transfer.h"

#include "base/encode.h"

enum { HELD_MAX = 1000 }; /* more blanks in a row than a line may have are content */

enum transfer_encoding transfer_encoding_of(struct slice value)
{
	static const struct {
		struct slice name;
		enum transfer_encoding encoding;
	} rows[] = {
		{ SLICE_LIT("7bit"), TRANSFER_PLAIN },
		{ SLICE_LIT("8bit"), TRANSFER_PLAIN },
		{ SLICE_LIT("binary"), TRANSFER_PLAIN },
		{ SLICE_LIT("base64"), TRANSFER_BASE64 },
		{ SLICE_LIT("quoted-printable"), TRANSFER_QUOTED_PRINTABLE },
	};
	size_t n = 0;

	value = slice_trim(value);
	if (value.n == 0)
		return TRANSFER_PLAIN;
	/* A comment or a parameter behind the name is seen now and then. */
	while (n < value.n && (ascii_is_alpha(value.p[n]) || ascii_is_digit(value.p[n]) || value.p[n] == '-'))
		n++;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (slice_eq_nocase(slice_of(value.p, n), rows[i].name))
			return rows[i].encoding;
	return TRANSFER_UNKNOWN;
}

void transfer_init(struct transfer *t, enum transfer_encoding encoding)
{
	*t = (struct transfer){ .encoding = encoding };
	buf_init(&t->held, HELD_MAX);
}

void transfer_free(struct transfer *t)
{
	buf_free(&t->held);
}

static int base64_flush(struct transfer *t, struct buf *out)
{
	unsigned count = t->count;
	uint32_t bits = t->bits;

	t->count = 0;
	t->bits = 0;
	if (count < 2)
		return 0;
	bits <<= 6 * (4 - count);
	if (buf_add_char(out, (char)(bits >> 16 & 0xff)) != 0)
		return -1;
	return count == 3 ? buf_add_char(out, (char)(bits >> 8 & 0xff)) : 0;
}

static int base64_feed(struct transfer *t, struct slice in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		int v = base64_digit(in.p[i]);

		if (v < 0) {
			/* Behind padding another encoded piece may stand: some senders join them. */
			if (in.p[i] == '=' && base64_flush(t, out) != 0)
				return -1;
			if (in.p[i] != '=' && in.p[i] != '\r' && in.p[i] != '\n' && in.p[i] != ' ' && in.p[i] != '\t')
				t->odd = true;
			continue;
		}
		t->bits = t->bits << 6 | (uint32_t)v;
		if (++t->count == 4) {
			const char three[3] = { (char)(t->bits >> 16 & 0xff), (char)(t->bits >> 8 & 0xff),
						(char)(t->bits & 0xff) };

			t->count = 0;
			t->bits = 0;
			if (buf_add(out, three, 3) != 0)
				return -1;
		}
	}
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Bytes at the front of IN that stand for themselves, whatever follows them. */
static size_t plain_run(struct slice in)
{
	size_t n = 0;

	for (; n < in.n && in.p[n] != '='; n++)
		if (is_blank(in.p[n]) &&
		    (n + 1 == in.n || is_blank(in.p[n + 1]) || in.p[n + 1] == '\r' || in.p[n + 1] == '\n'))
			break;
	return n;
}

static int release(struct transfer *t, struct buf *out)
{
	int r = buf_add_slice(out, buf_slice(&t->held));

	buf_clear(&t->held);
	return r;
}

/* One byte while an escape or blanks are held. 1: it is used; 0: look at it again, nothing is held now; -1: OUT is
 * full. */
static int qp_held(struct transfer *t, char c, struct buf *out)
{
	struct buf *held = &t->held;
	bool escape = held->p[0] == '=';

	if (held->n == HELD_MAX)
		return release(t, out);
	if (!escape) {
		if (c == '\r' || c == '\n') /* blanks at the end of a line were added on the way (6.7, rule 3) */
			buf_clear(held);
		else if (is_blank(c))
			return buf_add_char(held, c) == 0 ? 1 : -1;
		return release(t, out);
	}
	if (held->n == 2 && ascii_hex(held->p[1]) >= 0) {
		int hi = ascii_hex(held->p[1]), lo = ascii_hex(c);

		if (lo < 0)
			return release(t, out);
		buf_clear(held);
		return buf_add_char(out, (char)(hi << 4 | lo)) == 0 ? 1 : -1;
	}
	if (c == '\n') { /* a soft line break (rule 5) */
		buf_clear(held);
		return 1;
	}
	if ((held->n == 1 && ascii_hex(c) >= 0) || ((is_blank(c) || c == '\r') && held->p[held->n - 1] != '\r'))
		return buf_add_char(held, c) == 0 ? 1 : -1;
	return release(t, out);
}

static int qp_feed(struct transfer *t, struct slice in, struct buf *out)
{
	while (in.n > 0) {
		size_t n = 1;

		if (t->held.n > 0) {
			int r = qp_held(t, in.p[0], out);

			if (r < 0)
				return -1;
			n = (size_t)r;
		} else if (in.p[0] == '=') {
			if (buf_add_char(&t->held, '=') != 0)
				return -1;
		} else {
			n = plain_run(in);
			if (buf_add(n > 0 ? out : &t->held, in.p, n > 0 ? n : 1) != 0)
				return -1;
			n += n == 0;
		}
		in = slice_skip(in, n);
	}
	return 0;
}

int transfer_feed(struct transfer *t, struct slice in, struct buf *out)
{
	switch (t->encoding) {
	case TRANSFER_BASE64:
		return base64_feed(t, in, out);
	case TRANSFER_QUOTED_PRINTABLE:
		return qp_feed(t, in, out);
	case TRANSFER_PLAIN:
	case TRANSFER_UNKNOWN:
		break;
	}
	return buf_add_slice(out, in);
}

int transfer_finish(struct transfer *t, struct buf *out)
{
	int r = 0;

	if (t->encoding == TRANSFER_BASE64)
		r = base64_flush(t, out);
	else if (t->held.n == 2 && t->held.p[0] == '=' && ascii_hex(t->held.p[1]) >= 0)
		r = release(t, out); /* "=4" is no escape and no line break */
	buf_clear(&t->held);
	t->odd = false;
	return r;
}
