#include "sieve/parts.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
	PARTS_CHUNK = 16 * 1024,	  /* read at once */
	PARTS_CACHE_MAX = 4 * 1024 * 1024 /* headers of parts, and what is seen of them */
};

/* ---- finding them ---- */

static void forget(struct parts *p)
{
	mime_scan_free(&p->scan);
	free(p->headers);
	free(p->ends);
	p->headers = NULL;
	p->ends = NULL;
	arena_free(&p->cache);
	p->found = false;
}

/* Where the parts in each one end: a test may ask for it a million times. */
static size_t *find_ends(const struct mime_scan *s)
{
	size_t *ends = mem_array(s->n, sizeof *ends);

	/* From the last: what a part holds has told its end before. */
	for (size_t i = s->n; i > 0; i--) {
		size_t parent = s->parts[i - 1].parent;

		if (ends[i - 1] == 0)
			ends[i - 1] = i;
		if (parent != MIME_NONE && ends[parent] == 0)
			ends[parent] = ends[i - 1];
	}
	return ends;
}

static int find(struct run *r, struct parts *p)
{
	struct content *c = content_of(r);
	char chunk[PARTS_CHUNK];
	struct slice head;
	uint64_t at = 0;
	ssize_t got;

	forget(p);
	if (content_header_text(r, c, &head) != 0)
		return -1;
	mime_scan_init(&p->scan);
	mime_scan_head(&p->scan, head);
	while ((got = content_read(r, c, at, chunk, sizeof chunk)) > 0) {
		mime_scan_feed(&p->scan, slice_of(chunk, (size_t)got));
		at += (uint64_t)got;
	}
	mime_scan_finish(&p->scan);
	p->headers = mem_array(p->scan.n, sizeof *p->headers);
	p->ends = find_ends(&p->scan);
	p->found = got == 0;
	return got == 0 ? run_charge(r, p->scan.n) : -1;
}

struct parts *parts_of(struct run *r)
{
	if (r->parts == NULL) {
		r->parts = mem_alloc(sizeof *r->parts);
		arena_init(&r->parts->cache, PARTS_CACHE_MAX);
	}
	if (!r->parts->found && find(r, r->parts) != 0)
		return NULL;
	return r->parts;
}

void parts_drop(struct parts **p)
{
	if (*p == NULL)
		return;
	forget(*p);
	free(*p);
	*p = NULL;
}

void parts_changed(struct run *r, size_t shift)
{
	struct parts *p = r->parts;

	if (p == NULL)
		return;
	forget(p);
	for (size_t i = 0; i < p->nloops; i++) {
		p->loops[i].root += shift;
		p->loops[i].at += shift;
	}
	for (struct part_frame *f = r->frame; f != NULL; f = f->outer)
		f->subject += f->whole ? 0 : shift;
}

void parts_retyped(struct run *r)
{
	if (r->parts != NULL && r->parts->nloops == 0)
		forget(r->parts);
}

size_t parts_end(const struct parts *p, size_t i)
{
	return i < p->scan.n ? p->ends[i] : i + 1;
}

int parts_size(struct run *r, uint64_t *size)
{
	const struct parts *p;
	size_t i = parts_subject(r);

	if (i == 0) {
		*size = content_size(r, content_of(r));
		return 0;
	}
	p = parts_of(r);
	if (p == NULL)
		return -1;
	*size = i < p->scan.n ? p->scan.parts[i].end - p->scan.parts[i].head : 0;
	return 0;
}

/* ---- headers ---- */

static void *cache_alloc(struct run *r, struct parts *p, size_t n, size_t size)
{
	void *got = arena_array(&p->cache, n, size);

	if (got == NULL)
		(void)run_error(r, "the headers of the message's parts are too long");
	return got;
}

static int read_head(struct run *r, struct parts *p, const struct mime_place *place, struct slice *out)
{
	uint64_t n = place->body - place->head, at = 0;
	ssize_t got = 1;
	char *text;

	if (n > HEADER_MAX_BYTES)
		n = HEADER_MAX_BYTES;
	text = cache_alloc(r, p, (size_t)n, 1);
	if (text == NULL)
		return -1;
	while (at < n && (got = content_read(r, r->content, place->head + at, text + at, (size_t)(n - at))) > 0)
		at += (uint64_t)got;
	*out = slice_of(text, (size_t)at);
	return got < 0 ? -1 : 0;
}

static int read_header(struct run *r, struct parts *p, size_t i)
{
	struct view_header *h = &p->headers[i];
	struct header parsed;
	struct slice text;

	if (read_head(r, p, &p->scan.parts[i], &text) != 0)
		return -1;
	header_parse(&parsed, text);
	h->fields = cache_alloc(r, p, parsed.n + 1, sizeof *h->fields);
	for (size_t k = 0; k < parsed.n && h->fields != NULL; k++)
		h->fields[k] = (struct view_field){ .name = parsed.fields[k].name, .value = parsed.fields[k].value };
	h->n = parsed.n;
	h->arena = &p->cache;
	header_free(&parsed);
	return h->fields != NULL ? 0 : -1;
}

int parts_header(struct run *r, size_t i, const struct view_header **h)
{
	struct parts *p = r->parts;

	if (i == 0) {
		*h = &content_of(r)->header;
		return 0;
	}
	/* What lies deeper than the bounds, once the message was enclosed. */
	if (i >= p->scan.n)
		return run_error(r, "the message has too many parts, or too many within each other");
	if (p->headers[i].fields == NULL) {
		if (p->cache.used > PARTS_CACHE_MAX / 2) {
			arena_free(&p->cache);
			memset(p->headers, 0, p->scan.n * sizeof *p->headers);
		}
		if (read_header(r, p, i) != 0)
			return -1;
	}
	*h = &p->headers[i];
	return 0;
}

/* ---- loops ---- */

size_t parts_depth(const struct run *r)
{
	return r->parts != NULL ? r->parts->nloops : 0;
}

void parts_unwind(struct run *r, size_t depth)
{
	if (parts_depth(r) > depth)
		r->parts->nloops = depth;
}

static size_t floor_of(const struct run *r)
{
	return r->frame != NULL ? r->frame->floor : 0;
}

void parts_frame_open(struct run *r, struct part_frame *f)
{
	*f = (struct part_frame){ .subject = parts_subject(r), .floor = parts_depth(r), .outer = r->frame };
	f->whole = !parts_current(r, &f->subject) && (r->frame == NULL || r->frame->whole);
	r->frame = f;
}

void parts_frame_open_whole(struct run *r, struct part_frame *f)
{
	*f = (struct part_frame){ .floor = parts_depth(r), .whole = true, .outer = r->frame };
	r->frame = f;
}

void parts_frame_close(struct run *r, struct part_frame *f)
{
	/* "return" may have left loops that run. */
	parts_unwind(r, f->floor);
	r->frame = f->outer;
}

size_t parts_subject(const struct run *r)
{
	return r->frame != NULL ? r->frame->subject : 0;
}

int parts_enter(struct run *r)
{
	struct parts *p = parts_of(r);
	struct part_loop loop = { .root = parts_subject(r), .itself = true };
	size_t current;

	if (p == NULL)
		return -1;
	if (p->nloops == SIEVE_NESTING_MAX)
		return run_error(r, "more than %d loops within each other", SIEVE_NESTING_MAX);
	if (parts_current(r, &current))
		loop = (struct part_loop){ .root = current };
	p->loops[p->nloops++] = loop;
	return 0;
}

int parts_next(struct run *r)
{
	struct parts *p = parts_of(r);
	struct part_loop *loop;

	if (p == NULL)
		return -1;
	if (p->nloops == 0)
		return 0;
	loop = &p->loops[p->nloops - 1];
	if (!loop->begun)
		loop->at = loop->root + !loop->itself;
	else if (loop->at < p->scan.n)
		loop->at = loop->skip ? parts_end(p, loop->at) : loop->at + 1;
	loop->begun = true;
	loop->skip = false;
	if (loop->at >= p->scan.n)
		return 0;
	return (loop->itself && loop->at == loop->root) ||
	       p->scan.parts[loop->at].depth > p->scan.parts[loop->root].depth;
}

void parts_leave(struct run *r)
{
	/* Where the message was forgotten meanwhile, so were its loops. */
	if (parts_depth(r) > 0)
		r->parts->nloops--;
}

bool parts_current(const struct run *r, size_t *i)
{
	if (parts_depth(r) == floor_of(r))
		return false;
	*i = r->parts->loops[r->parts->nloops - 1].at;
	return true;
}

void parts_skip(struct run *r)
{
	if (parts_depth(r) > floor_of(r))
		r->parts->loops[r->parts->nloops - 1].skip = true;
}

/* ---- octets ---- */

void part_read_raw(struct part_reader *p, uint64_t from, uint64_t to)
{
	*p = (struct part_reader){ .at = from, .end = to };
}

void part_read(struct part_reader *p, const struct mime_place *place)
{
	part_read_raw(p, place->body, place->end);
	p->decode = true;
	transfer_init(&p->transfer, place->encoding);
	if (strncmp(place->type, "text/", 5) == 0)
		p->text.charset =
		    charset_find(place->charset != NULL ? slice_str(place->charset) : SLICE_LIT("us-ascii"));
}

void part_read_text(struct part_reader *p, const struct mime_place *place)
{
	part_read(p, place);
	p->markup = p->text.charset != NULL && strcmp(place->type, "text/html") == 0;
}

void part_reader_free(struct part_reader *p)
{
	if (p->decode)
		transfer_free(&p->transfer);
}

/* OCTETS without their transfer encoding to UTF-8, appended to OUT. */
static int convert(struct part_reader *p, struct slice octets, bool last, struct buf *out)
{
	if (charset_feed(&p->text, octets, out) != 0)
		return -1;
	return last ? charset_finish(&p->text, out) : 0;
}

static int convert_html(struct part_reader *p, struct slice octets, bool last, struct buf *out)
{
	struct buf text;
	int ret;

	buf_init(&text, octets.n * 8 + 2048);
	ret = convert(p, octets, last, &text);
	if (ret == 0)
		ret = html_text_feed(&p->html, buf_slice(&text), out);
	if (ret == 0 && last)
		ret = html_text_finish(&p->html, out);
	buf_free(&text);
	return ret;
}

static int decode(struct part_reader *p, struct slice in, bool last, struct buf *out)
{
	struct buf octets;
	struct buf *to = p->text.charset != NULL ? &octets : out;
	int ret;

	buf_init(&octets, in.n * 2 + 2048);
	ret = transfer_feed(&p->transfer, in, to);
	if (ret == 0 && last)
		ret = transfer_finish(&p->transfer, to);
	if (ret == 0 && to == &octets)
		ret = p->markup ? convert_html(p, buf_slice(&octets), last, out)
				: convert(p, buf_slice(&octets), last, out);
	buf_free(&octets);
	return ret;
}

int part_more(struct run *r, struct part_reader *p, struct buf *out)
{
	char chunk[PARTS_CHUNK];
	uint64_t want = p->end - p->at < sizeof chunk ? p->end - p->at : sizeof chunk;
	ssize_t got;
	int ret;

	if (p->over)
		return 0;
	got = want > 0 ? content_read(r, content_of(r), p->at, chunk, (size_t)want) : 0;
	if (got < 0)
		return -1;
	p->at += (uint64_t)got;
	p->over = got == 0;
	if (p->decode)
		ret = decode(p, slice_of(chunk, (size_t)got), p->over, out);
	else
		ret = buf_add(out, chunk, (size_t)got);
	return ret == 0 ? 1 : run_error(r, "not enough memory for the message's body");
}
