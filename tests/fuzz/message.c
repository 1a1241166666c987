/*
 * A whole message: its header, its parts, what records keep of it, the lines of
 * a delivery made from its words, and the streams that it may be read through.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "msg/date.h"
#include "msg/message.h"
#include "msg/mime.h"
#include "msg/newline.h"
#include "msg/received.h"
#include "msg/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20, FIELDS_MAX = 64, PARTS_MAX = 64 }; /* fields and parts of which the text is looked at */

#define must(what) ((what) ? (void)0 : broken(#what, __LINE__))

static void broken(const char *what, int line)
{
	(void)fprintf(stderr, "line %d: not so: %s\n", line, what);
	abort();
}

static bool lies_in(struct slice inner, struct slice outer)
{
	return inner.n == 0 || (inner.p >= outer.p && inner.p + inner.n <= outer.p + outer.n);
}

static void check_text(struct slice value)
{
	struct buf once, twice;

	buf_init(&once, value.n);
	buf_init(&twice, value.n);
	must(header_unfold(value, &once) == 0 && slice_find(buf_slice(&once), '\n') == once.n);
	must(header_unfold(buf_slice(&once), &twice) == 0 && slice_eq(buf_slice(&once), buf_slice(&twice)));
	buf_free(&once);
	buf_free(&twice);
	/* No charset of ours makes more than six octets of one. */
	buf_init(&once, value.n * 6 + 6);
	must(header_decode(value, &once) == 0 && utf8_valid(buf_slice(&once)));
	buf_free(&once);
	must(date_parse(value) >= -1);
}

static void check_header(const struct header *h, struct slice bytes)
{
	const char *at = bytes.p;

	must(h->body_at <= bytes.n && h->n <= HEADER_MAX_FIELDS);
	must(!h->complete || bytes.p[h->body_at - 1] == '\n');
	must(h->complete || h->body_at == bytes.n);
	for (size_t i = 0; i < h->n; i++) {
		const struct header_field *f = &h->fields[i];
		size_t n = 0;

		must(lies_in(f->name, bytes) && lies_in(f->value, bytes));
		must(f->value.p >= at && f->value.p + f->value.n <= bytes.p + h->body_at);
		must(f->name.n == 0 || (f->name.p >= at && f->name.p + f->name.n < f->value.p));
		while (n < f->name.n && f->name.p[n] > ' ' && f->name.p[n] != ':')
			n++;
		must(n == f->name.n);
		must(f->name.n == 0 || header_count(h, f->name) > 0);
		at = f->value.p + f->value.n;
		if (i < FIELDS_MAX)
			check_text(f->value);
	}
}

static void check_printable(const char *s, size_t max)
{
	must(strlen(s) <= max && utf8_valid(slice_str(s)));
	for (; *s != '\0'; s++)
		must((unsigned char)*s >= ' ' && *s != 0x7f);
}

static void check_summary(const struct header *h)
{
	struct summary s;

	summary_init(&s, h);
	check_printable(s.message_id, SUMMARY_TEXT_MAX);
	check_printable(s.subject, SUMMARY_TEXT_MAX);
	check_printable(s.from, SUMMARY_TEXT_MAX);
	must(strchr(s.message_id, ' ') == NULL && s.date >= -1);
	summary_free(&s);
}

static struct slice word(const struct header *h, size_t i)
{
	return i < h->n ? slice_trim(h->fields[i].value) : SLICE_NONE;
}

/* Whatever stands in the words, the lines are so many fields, and the id is found. */
static void check_lines(const struct header *h)
{
	struct slice to[2] = { word(h, 0), word(h, 1) };
	struct received_info info = { .hostname = SLICE_LIT("h.example"),
				      .helo = word(h, 2),
				      .client = word(h, 3),
				      .ip = word(h, 4),
				      .protocol = word(h, 5),
				      .id = SLICE_LIT("0123456789abcdef"),
				      .sender = word(h, 6),
				      .to = to,
				      .nto = h->n % 3,
				      .time = (time_t)h->n,
				      .utf8 = h->n % 2 == 0 };
	struct header lines;
	struct slice rest, id;
	struct buf b;

	buf_init(&b, RECEIVED_LINES_MAX);
	must(received_lines(&info, &b) == 0);
	header_parse(&lines, buf_slice(&b));
	must(lines.n == 2 + info.nto && !lines.complete && !lines.cut);
	must(slice_eq(lines.fields[lines.n - 1].name, SLICE_LIT("Received")));
	rest = buf_slice(&b);
	must(received_ids_next(&rest, info.hostname, &id) && slice_eq(id, info.id));
	must(!received_ids_next(&rest, info.hostname, &id));
	for (rest = buf_slice(&b); rest.n > 0;) {
		size_t n = slice_find(rest, '\n');

		must(n > 0 && n < 998 && rest.p[n - 1] == '\r');
		must(slice_find(slice_of(rest.p, n - 1), '\r') == n - 1);
		rest = slice_skip(rest, n + 1);
	}
	must(received_loop(&lines, NULL) == RECEIVED_NO_LOOP);
	header_free(&lines);
	buf_free(&b);
}

static void check_ids(struct slice bytes)
{
	static const struct slice host = SLICE_LIT("h");
	struct slice rest = bytes, id;

	for (int i = 0; i < 10 && received_ids_next(&rest, host, &id); i++)
		must(id.n > 0 && lies_in(id, bytes) && received_id_find(bytes, host, id));
}

static void check_part(const struct mime_part *p)
{
	struct buf whole, cut;
	struct transfer t;

	buf_init(&whole, INPUT_MAX + 4);
	buf_init(&cut, INPUT_MAX + 4);
	must(mime_part_decode(p, &whole) == 0 && whole.n <= p->body.n);
	transfer_init(&t, p->encoding);
	must(transfer_feed(&t, slice_of(p->body.p, p->body.n / 2), &cut) == 0);
	must(transfer_feed(&t, slice_skip(p->body, p->body.n / 2), &cut) == 0);
	must(transfer_finish(&t, &cut) == 0);
	must(slice_eq(buf_slice(&whole), buf_slice(&cut)));
	transfer_free(&t);
	buf_free(&cut);
	buf_clear(&whole);
	(void)mime_part_filename(p, &whole);
	must(utf8_valid(buf_slice(&whole)));
	buf_clear(&whole);
	(void)mime_part_param(p, SLICE_LIT("charset"), &whole);
	must(utf8_valid(buf_slice(&whole)));
	buf_free(&whole);
}

static void check_mime(struct slice bytes)
{
	struct mime m;

	mime_parse(&m, bytes);
	must(m.n >= 1 && m.n <= MIME_PARTS_MAX && m.parts[0].parent == MIME_NONE);
	for (size_t i = 0; i < m.n; i++) {
		const struct mime_part *p = &m.parts[i];

		must(p->body.p == p->head.p + p->head.n || p->head.n == 0 || p->body.n == 0);
		must(p->type.n > 0 && p->subtype.n > 0 && p->depth <= MIME_DEPTH_MAX);
		must(lies_in(p->content_type, p->head));
		must(lies_in(p->head, i == 0 ? bytes : m.parts[p->parent].body));
		must(lies_in(p->body, i == 0 ? bytes : m.parts[p->parent].body));
		must(i == 0 || (p->parent < i && p->depth == m.parts[p->parent].depth + 1));
		must(i == 0 || p->head.p >= m.parts[i - 1].head.p);
		if (i < PARTS_MAX)
			check_part(p);
	}
	mime_free(&m);
}

static void convert(struct slice bytes, size_t cut, struct buf *out)
{
	struct newline s = { 0 };

	must(newline_feed(&s, slice_of(bytes.p, cut), out) == 0);
	must(newline_feed(&s, slice_skip(bytes, cut), out) == 0);
	must(newline_finish(&s, false, out) == 0);
}

static void check_newlines(struct slice bytes)
{
	struct buf once, twice;

	buf_init(&once, 2 * INPUT_MAX + 4);
	buf_init(&twice, 2 * INPUT_MAX + 4);
	convert(bytes, bytes.n / 3, &once);
	for (size_t i = 0; i < once.n; i++) {
		must(once.p[i] != '\r' || (i + 1 < once.n && once.p[i + 1] == '\n'));
		must(once.p[i] != '\n' || (i > 0 && once.p[i - 1] == '\r'));
	}
	convert(buf_slice(&once), once.n / 2, &twice);
	must(slice_eq(buf_slice(&once), buf_slice(&twice)));
	buf_free(&once);
	buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_of((const char *)data, size);
	struct message m;

	if (size > INPUT_MAX)
		return 0;
	message_init(&m, bytes, size, -1);
	check_header(&m.header, bytes);
	check_summary(&m.header);
	check_lines(&m.header);
	message_free(&m);
	check_ids(bytes);
	check_mime(bytes);
	check_newlines(bytes);
	return 0;
}
