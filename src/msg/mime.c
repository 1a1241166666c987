#include "msg/mime.h"

#include <stdlib.h>

#include "base/mem.h"
#include "msg/header.h"
#include "msg/mime_param.h"

enum { BUCKETS = 256 };

/* A multipart whose boundary is looked for. */
struct level {
	size_t part;
	char boundary[MIME_BOUNDARY_MAX];
	size_t n;
	unsigned char bucket;
	unsigned next; /* 1 + the level below with the same bucket, or 0 */
	bool digest;
};

struct walker {
	struct mime *m;
	struct slice bytes;
	size_t cap;
	size_t open[MIME_DEPTH_MAX + 1]; /* the parts that lie within each other here, outermost first */
	unsigned nopen;
	struct level *levels; /* MIME_DEPTH_MAX + 1 of them */
	unsigned nlevels;
	unsigned heads[BUCKETS]; /* 1 + the topmost level of each bucket, or 0. Levels come and go as a stack, so that
				  * the one to take away always heads its bucket. */
	bool in_header;
	size_t header_at; /* of the innermost open part */
};

/* FNV-1a. A poor hash is no danger: a bucket holds MIME_DEPTH_MAX levels at most. */
static unsigned char hash(struct slice s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return (unsigned char)(h ^ h >> 8 ^ h >> 16 ^ h >> 24);
}

static struct slice span(const struct walker *w, size_t from, size_t to)
{
	struct slice s = slice_skip(w->bytes, from);

	return slice_of(s.p, to - from);
}

/* Opens a part within the innermost open one. False when the bounds forbid it. */
static bool part_open(struct walker *w, size_t at, bool message)
{
	struct mime *m = w->m;

	w->in_header = false;
	if (w->nopen > MIME_DEPTH_MAX || m->n == MIME_PARTS_MAX) {
		m->cut = true;
		return false;
	}
	if (m->n == w->cap) {
		w->cap = w->cap == 0 ? 8 : w->cap * 2;
		m->parts = mem_resize(m->parts, w->cap, sizeof *m->parts);
	}
	m->parts[m->n] = (struct mime_part){
		.parent = w->nopen == 0 ? MIME_NONE : w->open[w->nopen - 1],
		.depth = w->nopen,
		.message = message,
		.head = span(w, at, at),
		.body = span(w, at, at),
		.type = SLICE_LIT("text"),
		.subtype = SLICE_LIT("plain"),
	};
	w->open[w->nopen++] = m->n++;
	w->in_header = true;
	w->header_at = at;
	return true;
}

static void level_open(struct walker *w, struct slice boundary)
{
	struct mime_part *p = &w->m->parts[w->open[w->nopen - 1]];
	struct level *l = &w->levels[w->nlevels++];

	p->multipart = true;
	l->part = w->open[w->nopen - 1];
	memcpy(l->boundary, boundary.p, boundary.n);
	l->n = boundary.n;
	l->bucket = hash(boundary);
	l->next = w->heads[l->bucket];
	l->digest = slice_eq_nocase(p->subtype, SLICE_LIT("digest"));
	w->heads[l->bucket] = w->nlevels;
}

static void levels_close(struct walker *w, unsigned keep)
{
	while (w->nlevels > keep) {
		const struct level *l = &w->levels[--w->nlevels];

		w->heads[l->bucket] = l->next;
	}
}

/* The part whose header was read to its end at AT: what is it, and what is looked for in it? */
static void header_done(struct walker *w, size_t at)
{
	struct mime_part *p = &w->m->parts[w->open[w->nopen - 1]];
	struct slice rest = span(w, w->header_at, at), encoding = SLICE_NONE;
	struct header_field f;
	bool typed = false, encoded = false;
	struct buf boundary;

	w->in_header = false;
	p->head = rest;
	p->body = span(w, at, at);
	while (header_next(&rest, &f)) {
		if (!typed && slice_eq_nocase(f.name, SLICE_LIT("Content-Type"))) {
			p->content_type = f.value;
			typed = mime_type_parse(f.value, &p->type, &p->subtype);
		} else if (!encoded && slice_eq_nocase(f.name, SLICE_LIT("Content-Transfer-Encoding"))) {
			encoding = f.value;
			encoded = true;
		}
	}
	p->encoding = transfer_encoding_of(encoding);
	if (!typed && p->content_type.n == 0 && w->nlevels > 0 && w->levels[w->nlevels - 1].digest && !p->message) {
		p->type = SLICE_LIT("message"); /* RFC 2046, 5.1.5 */
		p->subtype = SLICE_LIT("rfc822");
	}
	if (slice_eq_nocase(p->type, SLICE_LIT("message")) && p->encoding == TRANSFER_PLAIN &&
	    (slice_eq_nocase(p->subtype, SLICE_LIT("rfc822")) || slice_eq_nocase(p->subtype, SLICE_LIT("global")))) {
		(void)part_open(w, at, true);
		return;
	}
	if (!slice_eq_nocase(p->type, SLICE_LIT("multipart")))
		return;
	buf_init(&boundary, MIME_BOUNDARY_MAX);
	if (mime_param_raw(p->content_type, SLICE_LIT("boundary"), &boundary) == 1) {
		/* Blanks at the end of a delimiter may have been added on the way, so they can't count. */
		struct slice b = buf_slice(&boundary);

		while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
			b.n--;
		if (b.n > 0 && w->nopen > MIME_DEPTH_MAX)
			w->m->cut = true;
		else if (b.n > 0)
			level_open(w, b);
	}
	buf_free(&boundary);
}

/* Ends the innermost parts until KEEP are left open. Their bytes end at AT. */
static void parts_close(struct walker *w, unsigned keep, size_t at)
{
	if (w->in_header)
		header_done(w, at > w->header_at ? at : w->header_at);
	w->in_header = false;
	while (w->nopen > keep) {
		struct mime_part *p = &w->m->parts[w->open[--w->nopen]];
		size_t head = (size_t)(p->head.p - w->bytes.p), body = head + p->head.n;

		/* The empty line behind the header may be the line end that the delimiter claims. */
		if (at < body)
			body = at > head ? at : head;
		p->head = span(w, head, body);
		p->body = span(w, body, at > body ? at : body);
	}
}

/* 1 + the topmost level with this boundary, or 0. */
static unsigned level_find(const struct walker *w, struct slice s)
{
	unsigned i;

	if (s.n == 0 || s.n > MIME_BOUNDARY_MAX)
		return 0;
	for (i = w->heads[hash(s)]; i > 0; i = w->levels[i - 1].next)
		if (slice_eq(s, slice_of(w->levels[i - 1].boundary, w->levels[i - 1].n)))
			break;
	return i;
}

/* LINE is without its line end; it starts at AT, the next one at NEXT. True when it was a delimiter. */
static bool take_delimiter(struct walker *w, struct slice line, size_t at, size_t next)
{
	struct slice s = line;
	unsigned level, keep = 0;
	size_t end = at;
	bool last = false;

	if (w->nlevels == 0 || s.n < 3 || s.p[0] != '-' || s.p[1] != '-')
		return false;
	s = slice_skip(s, 2);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	level = level_find(w, s);
	if (level == 0 && s.n > 2 && s.p[s.n - 1] == '-' && s.p[s.n - 2] == '-') {
		level = level_find(w, slice_of(s.p, s.n - 2));
		last = true;
	}
	if (level == 0)
		return false;
	if (end > 0 && w->bytes.p[end - 1] == '\n')
		end--;
	if (end > 0 && end < at && w->bytes.p[end - 1] == '\r')
		end--;
	while (w->open[keep] != w->levels[level - 1].part)
		keep++;
	parts_close(w, keep + 1, end);
	levels_close(w, last ? level - 1 : level);
	if (!last)
		(void)part_open(w, next, false);
	return true;
}

void mime_parse(struct mime *m, struct slice message)
{
	struct walker w = { .m = m, .bytes = message };
	size_t at = 0;

	*m = (struct mime){ 0 };
	w.levels = mem_array(MIME_DEPTH_MAX + 1, sizeof *w.levels);
	(void)part_open(&w, 0, true);
	while (at < message.n && (w.in_header || w.nlevels > 0)) {
		struct slice line = slice_skip(message, at);
		size_t next;

		line.n = slice_find(line, '\n');
		next = at + line.n < message.n ? at + line.n + 1 : message.n;
		if (line.n > 0 && at + line.n < message.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!take_delimiter(&w, line, at, next) && w.in_header && line.n == 0)
			header_done(&w, next);
		at = next;
	}
	parts_close(&w, 0, message.n);
	free(w.levels);
}

void mime_free(struct mime *m)
{
	free(m->parts);
	*m = (struct mime){ 0 };
}

struct slice mime_part_field(const struct mime_part *p, struct slice name)
{
	struct slice rest = p->head;
	struct header_field f;

	while (header_next(&rest, &f))
		if (f.name.n > 0 && slice_eq_nocase(f.name, name))
			return f.value;
	return SLICE_NONE;
}

int mime_part_param(const struct mime_part *p, struct slice name, struct buf *out)
{
	return mime_param(p->content_type, name, out);
}

int mime_part_filename(const struct mime_part *p, struct buf *out)
{
	int r = mime_param(mime_part_field(p, SLICE_LIT("Content-Disposition")), SLICE_LIT("filename"), out);

	return r != 0 ? r : mime_param(p->content_type, SLICE_LIT("name"), out);
}

int mime_part_decode(const struct mime_part *p, struct buf *out)
{
	struct transfer t;
	int r;

	transfer_init(&t, p->encoding);
	r = transfer_feed(&t, p->body, out) == 0 && transfer_finish(&t, out) == 0 ? 0 : -1;
	transfer_free(&t);
	return r;
}
