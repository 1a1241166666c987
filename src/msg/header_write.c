#include "msg/header_write.h"

#include "base/encode.h"
#include "base/utf8.h"
#include "msg/charset.h"

enum {
	LINE_SOFT = 78,	    /* RFC 5322, 2.1.1 */
	WORD_HARD = 850,    /* a word of more octets could make a line of more than 998 */
	ENCODED_LINE = 76,  /* RFC 2047, 2 */
	ENCODED_WORD = 75,  /* the same */
	ENCODED_FRAME = 12, /* of it: "=?utf-8?q?" and "?=" */
	BLANKS_MAX = 60	    /* between two words; more are cut */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_plain(char c)
{
	return c > ' ' && c < 0x7f;
}

bool header_name_valid(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!is_plain(name.p[i]) || name.p[i] == ':')
			return false;
	return name.n > 0;
}

/* On one line, valid UTF-8: a fold loses its line end, any other line end becomes a blank. */
static int one_line(struct slice value, struct buf *out)
{
	struct buf flat;
	int r = 0;

	buf_init(&flat, value.n + 1);
	value = slice_trim(value);
	for (size_t i = 0; i < value.n && r == 0; i++) {
		if (value.p[i] != '\r' && value.p[i] != '\n') {
			r = buf_add_char(&flat, value.p[i]);
			continue;
		}
		while (i + 1 < value.n && (value.p[i + 1] == '\r' || value.p[i + 1] == '\n'))
			i++;
		if (i + 1 < value.n && !is_blank(value.p[i + 1]))
			r = buf_add_char(&flat, ' ');
	}
	if (r == 0)
		r = charset_repair_utf8(buf_slice(&flat), out);
	buf_free(&flat);
	return r;
}

struct writer {
	struct buf *out;
	size_t column;
};

static int write_text(struct writer *w, struct slice text)
{
	w->column += text.n;
	return buf_add_slice(w->out, text);
}

/* BLANKS, on a new line when NEXT octets behind them would not fit on this one. */
static int write_blanks(struct writer *w, struct slice blanks, size_t next, size_t limit)
{
	/* A line of blanks alone would end the header for some readers: the first word stays by the name. */
	if (w->column + blanks.n + next > limit && blanks.n > 0 && next > 0) {
		if (buf_add_str(w->out, "\r\n") != 0)
			return -1;
		w->column = 0;
	}
	return write_text(w, blanks);
}

/* How a "q" word has octet C (RFC 2047, 4.2, in the strict form of 5.3, which any place allows). */
static size_t q_octet(char c, char to[3])
{
	static const char digits[] = "0123456789ABCDEF";

	if (ascii_is_alpha(c) || ascii_is_digit(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/') {
		to[0] = c;
		return 1;
	}
	if (c == ' ') {
		to[0] = '_';
		return 1;
	}
	to[0] = '=';
	to[1] = digits[(unsigned char)c >> 4];
	to[2] = digits[(unsigned char)c & 15];
	return 3;
}

static size_t q_size(struct slice s)
{
	char to[3];
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += q_octet(s.p[i], to);
	return n;
}

/* Octets of whole characters at the front of TEXT that become at most ROOM octets. */
static size_t fits(struct slice text, bool base64, size_t room)
{
	size_t n = 0, size = 0;

	while (n < text.n) {
		size_t len = utf8_char_len(slice_skip(text, n)), more;

		len += len == 0;
		more = base64 ? 0 : q_size(slice_of(text.p + n, len));
		if (base64 ? (n + len + 2) / 3 * 4 > room : size + more > room)
			break;
		size += more;
		n += len;
	}
	return n;
}

static int encoded_word(struct slice text, bool base64, struct buf *out)
{
	char to[3];

	if (buf_add_str(out, base64 ? "=?utf-8?b?" : "=?utf-8?q?") != 0 || (base64 && base64_encode(text, out) != 0))
		return -1;
	for (size_t i = 0; !base64 && i < text.n; i++)
		if (buf_add(out, to, q_octet(text.p[i], to)) != 0)
			return -1;
	return buf_add_str(out, "?=");
}

/* Octets of the next encoded word: where no blank stands in front, what is left of this line, if that is worth it. */
static size_t word_room(const struct writer *w, struct slice blanks)
{
	size_t left = w->column < ENCODED_LINE / 2 ? ENCODED_LINE - w->column : ENCODED_LINE / 2;

	return blanks.n > 0 || left > ENCODED_WORD ? ENCODED_WORD : left;
}

/* TEXT as encoded words; a reader drops the blanks between them. BLANKS stand in front. */
static int write_encoded(struct writer *w, struct slice blanks, struct slice text)
{
	bool base64 = q_size(text) > text.n * 2;
	struct buf word;
	int r = 0;

	buf_init(&word, ENCODED_LINE);
	while (text.n > 0 && r == 0) {
		size_t n = fits(text, base64, word_room(w, blanks) - ENCODED_FRAME);

		buf_clear(&word);
		r = encoded_word(slice_of(text.p, n), base64, &word);
		if (r == 0)
			r = write_blanks(w, blanks, word.n, ENCODED_LINE);
		if (r == 0)
			r = write_text(w, buf_slice(&word));
		blanks = SLICE_LIT(" ");
		text = slice_skip(text, n);
	}
	buf_free(&word);
	return r;
}

static size_t blanks_len(struct slice s)
{
	size_t n = 0;

	while (n < s.n && is_blank(s.p[n]))
		n++;
	return n;
}

/* The word at the front of S, and whether it must be encoded. */
static size_t word_len(struct slice s, bool *encode)
{
	size_t n = 0;

	*encode = false;
	for (; n < s.n && !is_blank(s.p[n]); n++)
		*encode = *encode || !is_plain(s.p[n]);
	*encode = *encode || n > WORD_HARD;
	return n;
}

/* The words at the front of S that are to be encoded, with the blanks between them. */
static size_t run_len(struct slice s)
{
	size_t end = 0;
	bool encode;

	for (;;) {
		size_t at = end + blanks_len(slice_skip(s, end)), n = word_len(slice_skip(s, at), &encode);

		if (!encode)
			return end;
		end = at + n;
	}
}

int header_write(struct slice name, struct slice value, struct buf *out)
{
	struct writer w = { .out = out };
	struct slice rest, blanks = SLICE_LIT(" ");
	struct buf line;
	int r;

	buf_init(&line, value.n * 3 + 1);
	r = one_line(value, &line) == 0 && write_text(&w, name) == 0 && write_text(&w, SLICE_LIT(":")) == 0 ? 0 : -1;
	rest = buf_slice(&line);
	while (r == 0 && rest.n > 0) {
		bool encode;
		size_t n = word_len(rest, &encode);

		if (encode) {
			n = run_len(rest);
			r = write_encoded(&w, blanks, slice_of(rest.p, n));
		} else {
			r = write_blanks(&w, blanks, w.column == name.n + 1 ? 0 : n, LINE_SOFT);
			if (r == 0)
				r = write_text(&w, slice_of(rest.p, n));
		}
		rest = slice_skip(rest, n);
		blanks = slice_of(rest.p, blanks_len(rest));
		rest = slice_skip(rest, blanks.n);
		blanks.n = blanks.n < BLANKS_MAX ? blanks.n : (size_t)BLANKS_MAX;
	}
	buf_free(&line);
	return r == 0 ? buf_add_str(out, "\r\n") : -1;
}

int header_write_words(struct slice text, size_t column, struct buf *out)
{
	struct writer w = { .out = out, .column = column };

	return write_encoded(&w, SLICE_NONE, text);
}
