#include "spool/wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { GROUP_HEAD = 8, MORE_SIZE = 16, PACKET_FULL = IPC_MAX - MORE_SIZE };

/* ---- reading ---- */

static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return utf8_valid(s);
}

static int64_t number_max(const struct wire_field *f)
{
	return f->max != 0 || f->min != 0 ? f->max : INT64_MAX;
}

static int get_number(const struct wire_field *w, int64_t v, char *at)
{
	if (v < w->min || v > number_max(w))
		return -1;
	switch (w->kind) {
	case WIRE_INT64:
	case WIRE_UINT64:
		memcpy(at, &v, sizeof v);
		return 0;
	case WIRE_UINT32: {
		uint32_t u = (uint32_t)v;

		if (v < 0 || v > UINT32_MAX)
			return -1;
		memcpy(at, &u, sizeof u);
		return 0;
	}
	case WIRE_INT: {
		int i = (int)v;

		if (i != v)
			return -1;
		memcpy(at, &i, sizeof i);
		return 0;
	}
	default:
		if (v != 0 && v != 1)
			return -1;
		*(bool *)(void *)at = v == 1;
		return 0;
	}
}

static int get_bytes(const struct wire_field *w, struct slice s, char *at, struct pool *a)
{
	char *text;

	if (s.n > (size_t)w->max)
		return -1;
	switch (w->kind) {
	case WIRE_FIXED:
		if (s.n != (size_t)w->max)
			return -1;
		memcpy(at, s.p, s.n);
		return 0;
	case WIRE_BYTES:
		s = pool_copy(a, s);
		memcpy(at, &s, sizeof s);
		return 0;
	default:
		if (!is_name(s))
			return -1;
		text = pool_text(a, s);
		memcpy(at, &text, sizeof text);
		return 0;
	}
}

static const struct wire_field *find_field(const struct wire_table *t, uint16_t tag, size_t *i)
{
	for (*i = 0; *i < t->n; ++*i)
		if (t->fields[*i].tag == tag)
			return &t->fields[*i];
	return NULL;
}

int wire_get(const struct wire_table *t, struct slice fields, void *record, struct pool *a, struct err *e)
{
	struct ipc_field f;
	uint64_t seen = 0;

	memset(record, 0, t->size);
	while (ipc_next(&fields, &f)) {
		size_t i;
		const struct wire_field *w = find_field(t, f.tag, &i);
		bool number;

		if (w == NULL)
			continue;
		number = w->kind <= WIRE_BOOL;
		if ((seen & (UINT64_C(1) << i)) != 0 || f.kind != (number ? IPC_NUMBER : IPC_BYTES) ||
		    (number ? get_number(w, f.number, (char *)record + w->offset)
			    : get_bytes(w, f.bytes, (char *)record + w->offset, a)) != 0)
			return err_set(e, ERR_PROTOCOL, 0, "field %u of group %u is out of bounds", (unsigned)f.tag,
				       (unsigned)t->tag);
		seen |= UINT64_C(1) << i;
	}
	for (size_t i = 0; i < t->n; i++)
		if (t->fields[i].required && (seen & (UINT64_C(1) << i)) == 0)
			return err_set(e, ERR_PROTOCOL, 0, "field %u of group %u is missing",
				       (unsigned)t->fields[i].tag, (unsigned)t->tag);
	return 0;
}

int wire_get_all(const struct wire_table *t, struct slice fields, size_t min, size_t max, void **records, size_t *n,
		 struct pool *a, struct err *e)
{
	struct slice rest = fields;
	struct ipc_field f;
	size_t count = 0;
	char *to;

	while (ipc_next(&rest, &f))
		count += f.tag == t->tag && f.kind == IPC_GROUP;
	if (count < min || count > max)
		return err_set(e, ERR_PROTOCOL, 0, "%zu groups %u, where %zu to %zu may stand", count, (unsigned)t->tag,
			       min, max);
	*records = to = pool_alloc(a, count * t->size);
	*n = count;
	while (ipc_next(&fields, &f)) {
		if (f.tag != t->tag || f.kind != IPC_GROUP)
			continue;
		if (wire_get(t, f.bytes, to, a, e) != 0)
			return -1;
		to += t->size;
	}
	return 0;
}

void parts_init(struct parts *p)
{
	*p = (struct parts){ 0 };
	buf_init(&p->fields, WIRE_TOTAL_MAX);
}

void parts_free(struct parts *p)
{
	buf_free(&p->fields);
	p->open = false;
}

int parts_take(struct parts *p, const struct ipc_in *in, struct slice *fields, struct err *e)
{
	bool more = ipc_get_number(in->rest, FIELD_MORE, 0) != 0;

	if (!p->open) {
		if (!more) {
			*fields = in->rest;
			return 1;
		}
		buf_free(&p->fields);
		p->open = true;
		p->type = in->type;
		p->id = in->id;
	} else if (in->type != p->type || in->id != p->id) {
		return err_set(e, ERR_PROTOCOL, 0, "another message in the middle of one");
	}
	if (buf_add_slice(&p->fields, in->rest) != 0)
		return err_set(e, ERR_PROTOCOL, 0, "a message of more than %d octets", WIRE_TOTAL_MAX);
	if (more)
		return 0;
	p->open = false;
	*fields = buf_slice(&p->fields);
	return 1;
}

/* ---- writing ---- */

/* Words for people, wherever they come from: printable, valid, not too long. */
static void put_words(struct ipc_out *out, uint16_t tag, struct slice s, size_t max)
{
	struct buf b;

	if (s.n <= max && is_name(s)) { /* mostly they are so */
		ipc_put_bytes(out, tag, s);
		return;
	}
	buf_init(&b, max);
	while (s.n > 0) {
		size_t n = utf8_char_len(s);
		bool bad = n == 0 || (n == 1 && ((unsigned char)*s.p < 0x20 || *s.p == 0x7f));

		if (bad)
			n = 1;
		if (b.n + n > max ||
		    (bad ? buf_add_char(&b, *s.p == '\t' || *s.p == '\n' ? ' ' : '?') : buf_add(&b, s.p, n)) != 0)
			break;
		s.p += n;
		s.n -= n;
	}
	ipc_put_bytes(out, tag, buf_slice(&b));
	buf_free(&b);
}

static int64_t number_of(const struct wire_field *w, const char *at)
{
	int64_t v;
	uint32_t u;
	int i;

	switch (w->kind) {
	case WIRE_UINT32:
		memcpy(&u, at, sizeof u);
		return u;
	case WIRE_INT:
		memcpy(&i, at, sizeof i);
		return i;
	case WIRE_BOOL:
		return *(const bool *)(const void *)at;
	default:
		memcpy(&v, at, sizeof v);
		return v;
	}
}

static struct slice slice_at(const struct wire_field *w, const char *at)
{
	struct slice s;
	const char *text;

	if (w->kind == WIRE_FIXED)
		return slice_of(at, (size_t)w->max);
	if (w->kind == WIRE_BYTES) {
		memcpy(&s, at, sizeof s);
		return s;
	}
	memcpy(&text, at, sizeof text);
	return slice_str(text);
}

static size_t record_size(const struct wire_table *t, const char *record)
{
	size_t n = GROUP_HEAD;

	for (size_t i = 0; i < t->n; i++) {
		size_t octets = sizeof(int64_t);

		if (t->fields[i].kind > WIRE_BOOL) {
			octets = slice_at(&t->fields[i], record + t->fields[i].offset).n;
			if (octets > (size_t)t->fields[i].max)
				octets = (size_t)t->fields[i].max;
		}
		n += GROUP_HEAD + octets;
	}
	return n;
}

/* -1 when a member is out of the bounds that the reader will keep. */
static int put_field(struct ipc_out *out, const struct wire_field *w, const char *at)
{
	struct slice s;

	if (w->kind <= WIRE_BOOL) {
		int64_t v = number_of(w, at);

		if (v < w->min || v > number_max(w))
			return -1;
		if (v != 0 || w->required)
			ipc_put_number(out, w->tag, v);
		return 0;
	}
	s = slice_at(w, at);
	if (s.p == NULL && !w->required)
		return 0;
	if (w->kind == WIRE_WORDS) {
		put_words(out, w->tag, s, (size_t)w->max);
		return 0;
	}
	if (s.n > (size_t)w->max || (w->kind == WIRE_NAME && (s.p == NULL || !is_name(s))))
		return -1;
	ipc_put_bytes(out, w->tag, s);
	return 0;
}

static struct ipc_out *packet_add(struct packets *p)
{
	if (p->n == p->cap) {
		size_t cap = p->cap == 0 ? 1 : p->cap * 2;

		p->all = mem_resize(p->all, cap, sizeof p->all[0]);
		for (size_t i = p->cap; i < cap; i++)
			ipc_out_init(&p->all[i]);
		p->cap = cap;
	}
	ipc_begin(&p->all[p->n], p->type, p->id);
	return &p->all[p->n++];
}

void packets_begin(struct packets *p, uint16_t type, uint32_t id)
{
	p->n = p->total = 0;
	p->type = type;
	p->id = id;
	p->failed = false;
	(void)packet_add(p);
}

void packets_put(struct packets *p, const struct wire_table *t, const void *record)
{
	struct ipc_out *out = &p->all[p->n - 1];
	size_t size = record_size(t, record);

	if (p->failed)
		return;
	p->total += size;
	if (p->total > WIRE_TOTAL_MAX) {
		p->failed = true;
		return;
	}
	if (out->buf.n + size > PACKET_FULL) {
		ipc_put_number(out, FIELD_MORE, 1);
		out = packet_add(p);
	}
	ipc_open(out, t->tag);
	for (size_t i = 0; i < t->n; i++)
		if (put_field(out, &t->fields[i], (const char *)record + t->fields[i].offset) != 0)
			p->failed = true;
	ipc_close(out);
	p->failed = p->failed || buf_failed(&out->buf);
}

void packets_free(struct packets *p)
{
	for (size_t i = 0; i < p->cap; i++)
		ipc_out_free(&p->all[i]);
	free(p->all);
	*p = (struct packets){ 0 };
}
