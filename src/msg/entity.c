#include "msg/entity.h"

#include "base/utf8.h"
#include "msg/header.h"
#include "msg/transfer.h"

enum { LINE_OCTETS_MAX = 990 }; /* RFC 5321, 4.5.3.1.6: 1000 with its end */

int entity_check(struct slice text, struct err *e)
{
	struct slice rest = text;
	struct header_field f;
	struct slice head;
	size_t n = 0;

	/* An entity may have no fields at all: then it begins with the empty line. */
	while (header_next(&rest, &f)) {
		n++;
		if (f.name.n == 0)
			return err_set(e, ERR_INPUT, 0,
				       "line %zu of the MIME entity is no header field: expected fields such as "
				       "\"Content-Type: text/plain\" and an empty line in front of the text",
				       n);
	}
	head = slice_of(text.p, text.n - rest.n);
	for (size_t i = 0; i < head.n; i++)
		if (head.p[i] == '\r' && (i + 1 == head.n || head.p[i + 1] != '\n'))
			return err_set(e, ERR_INPUT, 0, "the header of the MIME entity holds a carriage return by itself");
	if (!ascii_only(head) || (head.n > 0 && memchr(head.p, '\0', head.n) != NULL))
		return err_set(e, ERR_INPUT, 0, "the header of the MIME entity must be ASCII");
	if (head.n > HEADER_MAX_BYTES)
		return err_set(e, ERR_LIMIT, 0, "the header of the MIME entity is longer than %d octets", HEADER_MAX_BYTES);
	return 0;
}

static bool is_line_end(char c)
{
	return c == '\r' || c == '\n';
}

static void put_octets(struct buf *out, struct slice line, bool ascii)
{
	for (size_t i = 0; i < line.n; i++) {
		const unsigned char c = (unsigned char)line.p[i];

		if (c != 0)
			(void)buf_add_char(out, ascii && c >= 0x80 ? '?' : (char)c);
	}
}

/* A field's lines, each with CRLF. What would be an empty line, and so the end of the header, is left out, and what would
 * begin another field (behind a CR by itself) is made a part of this one. */
static void put_value(struct buf *out, struct slice value)
{
	bool first = true;

	while (value.n > 0) {
		size_t n = 0;
		bool blank = true;

		while (n < value.n && !is_line_end(value.p[n])) {
			blank = blank && (value.p[n] == ' ' || value.p[n] == '\t');
			n++;
		}
		if (!blank) {
			if (!first && value.p[0] != ' ' && value.p[0] != '\t')
				(void)buf_add_char(out, ' ');
			first = false;
			put_octets(out, slice_of(value.p, n < LINE_OCTETS_MAX ? n : (size_t)LINE_OCTETS_MAX), true);
			(void)buf_add_str(out, "\r\n");
		}
		while (n < value.n && is_line_end(value.p[n]))
			n++;
		value = slice_skip(value, n);
	}
}

static void put_content(struct buf *out, struct slice text)
{
	while (text.n > 0) {
		size_t n = 0, end = 0;

		while (n < text.n && n < LINE_OCTETS_MAX && !is_line_end(text.p[n]))
			n++;
		put_octets(out, slice_of(text.p, n), false);
		(void)buf_add_str(out, "\r\n");
		if (n < text.n && is_line_end(text.p[n]))
			end = n + 1 < text.n && text.p[n] == '\r' && text.p[n + 1] == '\n' ? 2 : 1;
		text = slice_skip(text, n + end);
	}
}

void entity_write(struct slice text, struct buf *out)
{
	struct slice rest = text;
	struct header_field f;
	bool encoding = false;

	while (header_next(&rest, &f)) {
		if (!slice_starts_nocase(f.name, SLICE_LIT("Content-")) || slice_trim(f.value).n == 0)
			continue;
		if (slice_eq_nocase(f.name, SLICE_LIT("Content-Transfer-Encoding"))) {
			/* 7bit would be a lie (RFC 2045, 6.2); what is named twice counts once. */
			if (encoding || (transfer_encoding_of(f.value) == TRANSFER_PLAIN && !ascii_only(text)))
				continue;
			encoding = true;
		}
		put_octets(out, f.name, true);
		(void)buf_add_str(out, ": ");
		put_value(out, slice_trim(f.value));
	}
	if (!encoding && !ascii_only(rest))
		(void)buf_add_str(out, "Content-Transfer-Encoding: 8bit\r\n");
	(void)buf_add_str(out, "\r\n");
	put_content(out, rest);
}
