#include "msg/mime_scan.h"

#include <stdlib.h>

#include "base/mem.h"
#include "msg/header.h"
#include "msg/mime_param.h"

enum {
	BUCKETS = 256,
	LINE_MAX_KEPT = MIME_BOUNDARY_MAX + 8, /* of a line: what a delimiter can have in front of blanks */
	HEAD_KEPT = HEADER_MAX_BYTES
};

/* A multipart whose boundary is looked for. */
struct level {
	size_t part;
	char boundary[MIME_BOUNDARY_MAX];
	size_t n;
	unsigned char bucket;
	unsigned next; /* 1 + the level below with the same bucket, or 0 */
	bool digest;
};

struct mime_walker {
	size_t cap;
	size_t open[MIME_DEPTH_MAX + 1]; /* the parts that lie within each other here, outermost first */
	unsigned nopen;
	struct level levels[MIME_DEPTH_MAX + 1];
	unsigned nlevels;
	unsigned heads[BUCKETS]; /* 1 + the topmost level of each bucket, or 0. Levels come and go as a stack, so that
				  * the one to take away always heads its bucket. */
	bool in_header;
	struct buf header; /* of the innermost open part, as far as it was read; no more than HEAD_KEPT of it */
	uint64_t line_at;  /* where the line that is being read begins */
	uint64_t line_end; /* and the one before it ended: without its line end */
	char line[LINE_MAX_KEPT];
	size_t nline;	 /* octets of it so far that are kept */
	uint64_t length; /* and all */
	bool more;	 /* behind those kept there is something else than blanks */
	bool cr;	 /* its last octet so far is a CR */
};

/* FNV-1a, begun where no sender knows: boundaries that meet in one bucket, and lines that are compared with all of them,
 * can't be made up. */
static unsigned char hash(const struct mime_walker *w, struct slice s)
{
	uint32_t h = 2166136261u ^ (uint32_t)((uintptr_t)w >> 4);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return (unsigned char)(h ^ h >> 8 ^ h >> 16 ^ h >> 24);
}

/* Opens a part within the innermost open one. False when the bounds forbid it. */
static bool part_open(struct mime_scan *s, uint64_t at, bool message)
{
	struct mime_walker *w = s->walker;

	w->in_header = false;
	if (w->nopen > MIME_DEPTH_MAX || s->n == MIME_PARTS_MAX) {
		s->cut = true;
		return false;
	}
	if (s->n == w->cap) {
		w->cap = w->cap == 0 ? 8 : w->cap * 2;
		s->parts = mem_resize(s->parts, w->cap, sizeof *s->parts);
	}
	s->parts[s->n] = (struct mime_place){
		.parent = w->nopen == 0 ? MIME_NONE : w->open[w->nopen - 1],
		.depth = w->nopen,
		.message = message,
		.head = at,
		.body = at,
		.end = at,
		.type = mem_strdup("text/plain"),
	};
	w->open[w->nopen++] = s->n++;
	w->in_header = true;
	buf_clear(&w->header);
	return true;
}

static void level_open(struct mime_scan *s, struct slice boundary)
{
	struct mime_walker *w = s->walker;
	struct mime_place *p = &s->parts[w->open[w->nopen - 1]];
	struct level *l = &w->levels[w->nlevels++];

	p->multipart = true;
	p->prologue = p->epilogue = UINT64_MAX;
	l->part = w->open[w->nopen - 1];
	memcpy(l->boundary, boundary.p, boundary.n);
	l->n = boundary.n;
	l->bucket = hash(w, boundary);
	l->next = w->heads[l->bucket];
	l->digest = strcmp(p->type, "multipart/digest") == 0;
	w->heads[l->bucket] = w->nlevels;
}

static void levels_close(struct mime_walker *w, unsigned keep)
{
	while (w->nlevels > keep) {
		const struct level *l = &w->levels[--w->nlevels];

		w->heads[l->bucket] = l->next;
	}
}

/* "type/subtype" in lower case; what is too long is unknown (RFC 2046, 4.5.3 says how that is treated). */
static char *type_name(struct slice type, struct slice subtype)
{
	char *name;

	if (type.n > MIME_NAME_MAX || subtype.n > MIME_NAME_MAX)
		return mem_strdup("application/octet-stream");
	name = mem_printf("%.*s/%.*s", (int)type.n, type.p, (int)subtype.n, subtype.p);
	for (char *c = name; *c != '\0'; c++)
		*c = ascii_lower(*c);
	return name;
}

static char *charset_name(struct slice content_type)
{
	struct buf out;
	char *name = NULL;

	buf_init(&out, MIME_NAME_MAX);
	if (mime_param_raw(content_type, SLICE_LIT("charset"), &out) == 1 && out.n > 0) {
		name = slice_dup(buf_slice(&out));
		for (char *c = name; *c != '\0'; c++)
			*c = ascii_lower(*c);
	}
	buf_free(&out);
	return name;
}

/* What a multipart's boundary is; empty when it has none that can delimit. */
static struct slice boundary_of(struct slice content_type, struct buf *out)
{
	struct slice b;

	if (mime_param_raw(content_type, SLICE_LIT("boundary"), out) != 1)
		return SLICE_NONE;
	/* Blanks at the end of a delimiter may have been added on the way, so they can't count. */
	b = buf_slice(out);
	while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
		b.n--;
	return b;
}

/* The part whose header was read to its end at AT: what is it, and what is looked for in it? */
static void header_done(struct mime_scan *s, uint64_t at)
{
	struct mime_walker *w = s->walker;
	struct mime_place *p = &s->parts[w->open[w->nopen - 1]];
	struct slice rest = buf_slice(&w->header), content_type = SLICE_NONE, encoding = SLICE_NONE, type, subtype;
	struct header_field f;
	struct buf boundary;

	w->in_header = false;
	p->body = p->end = at;
	while (header_next(&rest, &f)) {
		if (content_type.p == NULL && slice_eq_nocase(f.name, SLICE_LIT("Content-Type")))
			content_type = f.value;
		else if (encoding.p == NULL && slice_eq_nocase(f.name, SLICE_LIT("Content-Transfer-Encoding")))
			encoding = f.value;
	}
	p->encoding = transfer_encoding_of(encoding);
	(void)mime_type_parse(content_type, &type, &subtype);
	free(p->type);
	if (content_type.n == 0 && w->nlevels > 0 && w->levels[w->nlevels - 1].digest && !p->message)
		p->type = mem_strdup("message/rfc822"); /* RFC 2046, 5.1.5 */
	else
		p->type = type_name(type, subtype);
	if (strncmp(p->type, "text/", 5) == 0)
		p->charset = charset_name(content_type);
	if (p->encoding == TRANSFER_PLAIN &&
	    (strcmp(p->type, "message/rfc822") == 0 || strcmp(p->type, "message/global") == 0)) {
		(void)part_open(s, at, true);
		return;
	}
	if (strncmp(p->type, "multipart/", 10) != 0)
		return;
	buf_init(&boundary, MIME_BOUNDARY_MAX);
	content_type = boundary_of(content_type, &boundary);
	if (content_type.n > 0 && w->nopen > MIME_DEPTH_MAX)
		s->cut = true;
	else if (content_type.n > 0)
		level_open(s, content_type);
	buf_free(&boundary);
}

/* Ends the innermost parts until KEEP are left open. Their octets end at AT. */
static void parts_close(struct mime_scan *s, unsigned keep, uint64_t at)
{
	struct mime_walker *w = s->walker;

	if (w->in_header) {
		uint64_t head = s->parts[w->open[w->nopen - 1]].head, end = at > head ? at : head;

		/* The line end that the delimiter claims was read as the header's. */
		if (w->header.n > end - head)
			buf_truncate(&w->header, (size_t)(end - head));
		header_done(s, end);
	}
	w->in_header = false;
	while (w->nopen > keep) {
		size_t i = w->open[--w->nopen];
		struct mime_place *p = &s->parts[i];

		/* The empty line behind the header may be the line end that the delimiter claims. */
		if (at < p->body)
			p->body = at > p->head ? at : p->head;
		p->end = at > p->body ? at : p->body;
		if (p->prologue > p->end)
			p->prologue = p->end;
		if (p->epilogue > p->end)
			p->epilogue = p->end;
		/* Messages within, of which not even that line is left, begin no later. */
		for (size_t k = s->n; k-- > i + 1 && s->parts[k].head > p->end;)
			s->parts[k].head = s->parts[k].body = s->parts[k].end = p->end;
	}
}

/* 1 + the topmost level with this boundary, or 0. */
static unsigned level_find(const struct mime_walker *w, struct slice s)
{
	unsigned i;

	if (s.n == 0 || s.n > MIME_BOUNDARY_MAX)
		return 0;
	for (i = w->heads[hash(w, s)]; i > 0; i = w->levels[i - 1].next)
		if (slice_eq(s, slice_of(w->levels[i - 1].boundary, w->levels[i - 1].n)))
			break;
	return i;
}

/* LINE is without its line end; the next one starts at NEXT. True when it was a delimiter. */
static bool take_delimiter(struct mime_scan *scan, struct slice s, uint64_t next)
{
	struct mime_walker *w = scan->walker;
	unsigned level, keep = 0;
	struct mime_place *p;
	bool last = false;

	if (w->nlevels == 0 || w->more || s.n < 3 || s.p[0] != '-' || s.p[1] != '-')
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
	while (w->open[keep] != w->levels[level - 1].part)
		keep++;
	parts_close(scan, keep + 1, w->line_end);
	p = &scan->parts[w->levels[level - 1].part];
	if (p->prologue == UINT64_MAX)
		p->prologue = w->line_end > p->body ? w->line_end : p->body;
	if (last)
		p->epilogue = next;
	levels_close(w, last ? level - 1 : level);
	if (!last)
		(void)part_open(scan, next, false);
	return true;
}

/* The line that was read is whole; ENDED: with a line end, which is the octets before NEXT. */
static void line_done(struct mime_scan *s, uint64_t next, bool ended)
{
	struct mime_walker *w = s->walker;
	bool cr = ended && w->cr;
	struct slice line = slice_of(w->line, w->nline);
	uint64_t length = w->length - cr;

	if (line.n > length)
		line.n = (size_t)length;
	if (!take_delimiter(s, line, next) && w->in_header && length == 0)
		header_done(s, next);
	w->line_end = next - ended - cr;
	w->line_at = next;
	w->nline = 0;
	w->length = 0;
	w->more = false;
	w->cr = false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void line_add(struct mime_walker *w, struct slice in)
{
	size_t keep = LINE_MAX_KEPT - w->nline;

	if (in.n == 0)
		return;
	keep = keep < in.n ? keep : in.n;
	memcpy(w->line + w->nline, in.p, keep);
	w->nline += keep;
	for (size_t i = keep; i < in.n && !w->more; i++)
		w->more = !is_blank(in.p[i]);
	w->length += in.n;
	w->cr = in.p[in.n - 1] == '\r';
}

static void header_add(struct mime_walker *w, struct slice in)
{
	size_t room = HEAD_KEPT - w->header.n;

	(void)buf_add(&w->header, in.p, in.n < room ? in.n : room);
}

void mime_scan_init(struct mime_scan *s)
{
	*s = (struct mime_scan){ .walker = mem_alloc(sizeof *s->walker) };
	buf_init(&s->walker->header, HEAD_KEPT);
	(void)part_open(s, 0, true);
}

static void walker_free(struct mime_scan *s)
{
	if (s->walker != NULL)
		buf_free(&s->walker->header);
	free(s->walker);
	s->walker = NULL;
}

void mime_scan_free(struct mime_scan *s)
{
	walker_free(s);
	for (size_t i = 0; i < s->n; i++) {
		free(s->parts[i].type);
		free(s->parts[i].charset);
	}
	free(s->parts);
	*s = (struct mime_scan){ 0 };
}

void mime_scan_head(struct mime_scan *s, struct slice head)
{
	header_add(s->walker, head);
	header_done(s, 0);
}

void mime_scan_feed(struct mime_scan *s, struct slice in)
{
	struct mime_walker *w = s->walker;
	uint64_t at = w->line_at + w->length;

	/* Nothing is looked for any more: only how much there is counts. */
	while (in.n > 0 && (w->in_header || w->nlevels > 0)) {
		size_t n = slice_find(in, '\n');
		bool ended = n < in.n;

		if (w->in_header)
			header_add(w, slice_of(in.p, n + ended));
		line_add(w, slice_of(in.p, n));
		n += ended;
		at += n;
		in = slice_skip(in, n);
		if (ended)
			line_done(s, at, true);
	}
	w->length += in.n;
}

void mime_scan_finish(struct mime_scan *s)
{
	struct mime_walker *w = s->walker;
	uint64_t end = w->line_at + w->length;

	if (w->length > 0 && (w->in_header || w->nlevels > 0))
		line_done(s, end, false);
	parts_close(s, 0, end);
	walker_free(s);
}
