#include "sieve/content.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "msg/mime_scan.h"
#include "sieve/view_index.h"

enum { CHARGE_COPIED = 64 /* elements moved, a step */, CHARGE_READ = 512 /* octets read, a step */ };

/* ---- from the message that came ---- */

static size_t field_start(const struct header_field *f, struct slice head)
{
	return (size_t)((f->name.n > 0 ? f->name.p : f->value.p) - head.p);
}

static void put_field(struct content *c, struct slice name, struct slice value, struct content_piece place)
{
	c->header.fields[c->header.n] = (struct view_field){ .name = name, .value = value };
	c->places[c->header.n++] = place;
}

/* All fields, each up to the next; what a bound of the parser left out is kept as one without a name. */
static void take_fields(struct content *c, const struct message *m, size_t end)
{
	const struct header *h = &m->header;
	size_t at = 0;

	for (size_t i = 0; i < h->n; i++) {
		const struct header_field *f = &h->fields[i];
		size_t from = field_start(f, m->head), to = end;

		if (i + 1 < h->n) {
			to = field_start(&h->fields[i + 1], m->head);
		} else if (h->cut) {
			struct slice rest = slice_of(m->head.p + from, end - from);
			struct header_field whole;

			(void)header_next(&rest, &whole);
			to = end - rest.n;
		}
		put_field(c, f->name, f->value, (struct content_piece){ NULL, from, to - from });
		at = to;
	}
	if (at < end)
		put_field(c, SLICE_NONE, slice_of(m->head.p + at, end - at),
			  (struct content_piece){ NULL, at, end - at });
}

static struct content *make(struct run *r)
{
	const struct message *m = r->in->message;
	const struct header *h = &m->header;
	struct content *c = mem_alloc(sizeof *c);
	size_t gap = 0;

	if (h->complete)
		gap = h->body_at >= 2 && m->head.p[h->body_at - 2] == '\r' ? 2 : 1;
	c->header.arena = &r->arena;
	c->header.index = view_index_new();
	c->cap = h->n + 1;
	c->header.fields = mem_array(c->cap, sizeof *c->header.fields);
	c->places = mem_array(c->cap, sizeof *c->places);
	take_fields(c, m, h->body_at - gap);
	c->gap = (struct content_piece){ NULL, h->body_at - gap, gap };
	c->body = mem_alloc(sizeof *c->body);
	c->size = m->size > h->body_at ? m->size - h->body_at : 0;
	c->body[0] = (struct content_piece){ NULL, h->body_at, c->size };
	c->nbody = 1;
	c->exported = 0;
	c->plain_exported = MIME_NONE;
	return c;
}

struct content *content_of(struct run *r)
{
	if (r->content == NULL)
		r->content = make(r);
	return r->content;
}

void content_free(struct content **c)
{
	if (*c == NULL)
		return;
	free((*c)->plain);
	view_index_free(&(*c)->header.index);
	free((*c)->header.fields);
	free((*c)->places);
	free((*c)->body);
	free(*c);
	*c = NULL;
}

/* ---- reading ---- */

uint64_t content_size(struct run *r, const struct content *c)
{
	uint64_t size = c->gap.n + c->size;

	if (c->exported == 0)
		return r->in->message->size;
	for (size_t i = 0; i < c->header.n; i++)
		size += c->places[i].n;
	return size;
}

bool content_has_body(const struct content *c)
{
	return c->gap.n > 0;
}

/* Octets of the message as it came. */
static ssize_t read_original(struct run *r, uint64_t at, char *p, size_t n)
{
	const struct message *m = r->in->message;
	ssize_t got;

	if (at < m->head.n) {
		n = n < m->head.n - at ? n : (size_t)(m->head.n - at);
		memcpy(p, m->head.p + at, n);
		return (ssize_t)n;
	}
	if (m->fd < 0)
		return 0;
	do {
		got = pread(m->fd, p, n, (off_t)at);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return run_error(r, "the message can't be read: %s", strerror(errno));
	return got;
}

ssize_t content_read(struct run *r, const struct content *c, uint64_t at, char *p, size_t n)
{
	size_t i = 0;

	if (run_charge(r, 1 + n / CHARGE_READ) != 0)
		return -1;
	while (i < c->nbody && at >= c->body[i].n)
		at -= c->body[i++].n;
	if (run_charge(r, i / CHARGE_COPIED) != 0)
		return -1;
	if (i == c->nbody || n == 0)
		return 0;
	n = n < c->body[i].n - at ? n : (size_t)(c->body[i].n - at);
	if (c->body[i].text == NULL)
		return read_original(r, c->body[i].at + at, p, n);
	memcpy(p, c->body[i].text + at, n);
	return (ssize_t)n;
}

/* A piece of the header, which is in memory whether it came or was made. */
static struct slice header_piece(const struct run *r, const struct content_piece *p)
{
	return slice_of(p->text != NULL ? p->text : slice_skip(r->in->message->head, (size_t)p->at).p, (size_t)p->n);
}

struct content_piece *content_pieces(const struct content *c, size_t *n)
{
	struct content_piece *all = mem_array(c->header.n + c->nbody + 1, sizeof *all);

	*n = 0;
	for (size_t i = 0; i < c->header.n; i++)
		all[(*n)++] = c->places[i];
	all[(*n)++] = c->gap;
	for (size_t i = 0; i < c->nbody; i++)
		all[(*n)++] = c->body[i];
	return all;
}

int content_header_text(struct run *r, const struct content *c, struct slice *out)
{
	size_t n = 0;
	char *p;

	for (size_t i = 0; i < c->header.n; i++)
		n += (size_t)c->places[i].n;
	p = run_alloc_now(r, n, 1);
	if (p == NULL || run_charge(r, n / CHARGE_READ) != 0)
		return -1;
	*out = slice_of(p, n);
	for (size_t i = 0; i < c->header.n; i++) {
		struct slice s = header_piece(r, &c->places[i]);

		memcpy(p, s.p, s.n);
		p += s.n;
	}
	return 0;
}

/* ---- changes ---- */

static int grow(struct run *r, struct content *c)
{
	if (run_charge(r, 1 + c->header.n / CHARGE_COPIED) != 0)
		return -1;
	if (c->header.n < c->cap)
		return 0;
	if (c->header.n >= HEADER_MAX_FIELDS * 2)
		return run_error(r, "more than %d fields in the header", HEADER_MAX_FIELDS * 2);
	c->cap *= 2;
	c->header.fields = mem_resize(c->header.fields, c->cap, sizeof *c->header.fields);
	c->places = mem_resize(c->places, c->cap, sizeof *c->places);
	return 0;
}

static int insert_field(struct run *r, struct content *c, size_t i, struct slice text)
{
	struct slice rest = text;
	struct header_field f;

	if (grow(r, c) != 0)
		return -1;
	memmove(&c->header.fields[i + 1], &c->header.fields[i], (c->header.n - i) * sizeof *c->header.fields);
	memmove(&c->places[i + 1], &c->places[i], (c->header.n - i) * sizeof *c->places);
	(void)header_next(&rest, &f);
	c->header.fields[i] = (struct view_field){ .name = f.name, .value = f.value };
	c->places[i] = (struct content_piece){ text.p, 0, text.n };
	c->header.n++;
	view_index_forget(c->header.index);
	c->exported = MIME_NONE;
	return 0;
}

/* Ends LINE where it has no end: the last line of a message that is only a header, or of a part's. */
static int end_line(struct run *r, struct slice *line)
{
	char *whole;

	if (line->n == 0 || line->p[line->n - 1] == '\n')
		return 0;
	whole = run_alloc(r, line->n + 2, 1);
	if (whole == NULL)
		return -1;
	memcpy(whole, line->p, line->n);
	memcpy(whole + line->n, "\r\n", 2);
	*line = slice_of(whole, line->n + 2);
	return 0;
}

int content_add_field(struct run *r, struct content *c, size_t i, struct slice text)
{
	if (i > 0 && i == c->header.n) {
		const struct slice had = header_piece(r, &c->places[i - 1]);
		struct slice last = had;

		if (end_line(r, &last) != 0)
			return -1;
		if (last.n != had.n)
			c->places[i - 1] = (struct content_piece){ last.p, 0, last.n };
	}
	return end_line(r, &text) == 0 ? insert_field(r, c, i, text) : -1;
}

int content_delete_field(struct run *r, struct content *c, size_t i)
{
	if (run_charge(r, 1 + c->header.n / CHARGE_COPIED) != 0)
		return -1;
	c->header.n--;
	view_index_forget(c->header.index);
	memmove(&c->header.fields[i], &c->header.fields[i + 1], (c->header.n - i) * sizeof *c->header.fields);
	memmove(&c->places[i], &c->places[i + 1], (c->header.n - i) * sizeof *c->places);
	c->exported = MIME_NONE;
	return 0;
}

static void ensure_gap(struct content *c)
{
	if (c->gap.n == 0)
		c->gap = (struct content_piece){ "\r\n", 0, 2 };
}

int content_splice(struct run *r, struct content *c, uint64_t from, uint64_t to, struct slice text)
{
	struct content_piece *pieces = mem_array(c->nbody + 2, sizeof *pieces);
	size_t n = 0;
	uint64_t at = 0;
	bool put = false;

	if (run_charge(r, 1 + c->nbody / CHARGE_COPIED) != 0) {
		free(pieces);
		return -1;
	}
	for (size_t i = 0; i < c->nbody; i++) {
		struct content_piece p = c->body[i];
		uint64_t end = at + p.n;

		if (at < from && p.n > 0) {
			uint64_t keep = end < from ? p.n : from - at;

			pieces[n++] = (struct content_piece){ p.text, p.at, keep };
		}
		if (!put && end >= from && text.n > 0) {
			pieces[n++] = (struct content_piece){ text.p, 0, text.n };
			put = true;
		}
		if (end > to && p.n > 0) {
			uint64_t skip = at < to ? to - at : 0;

			pieces[n++] = (struct content_piece){ p.text == NULL ? NULL : p.text + skip,
							      p.text == NULL ? p.at + skip : 0, p.n - skip };
		}
		at = end;
	}
	if (!put && text.n > 0)
		pieces[n++] = (struct content_piece){ text.p, 0, text.n };
	free(c->body);
	c->body = pieces;
	c->nbody = n;
	c->size = c->size - (to - from) + text.n;
	c->exported = MIME_NONE;
	ensure_gap(c);
	return 0;
}

int content_enclose(struct run *r, struct content *c, struct slice before, struct slice behind)
{
	struct content_piece *pieces = mem_array(c->header.n + c->nbody + 3, sizeof *pieces);
	size_t n = 0;

	if (c->plain == NULL) {
		/* The first time: what redirect sends. */
		c->plain = content_pieces(c, &c->nplain);
		c->plain_exported = c->exported;
	}
	if (run_failed(r) || run_charge(r, 1 + (c->header.n + c->nbody) / CHARGE_COPIED) != 0) {
		free(pieces);
		return -1;
	}
	ensure_gap(c);
	pieces[n++] = (struct content_piece){ before.p, 0, before.n };
	for (size_t i = 0; i < c->header.n; i++)
		pieces[n++] = c->places[i];
	pieces[n++] = c->gap;
	for (size_t i = 0; i < c->nbody; i++)
		pieces[n++] = c->body[i];
	pieces[n++] = (struct content_piece){ behind.p, 0, behind.n };
	c->size = 0;
	for (size_t i = 0; i < n; i++)
		c->size += pieces[i].n;
	free(c->body);
	c->body = pieces;
	c->nbody = n;
	c->header.n = 0;
	view_index_forget(c->header.index);
	c->gap = (struct content_piece){ "\r\n", 0, 2 };
	c->exported = MIME_NONE;
	return 0;
}
