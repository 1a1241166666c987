#include "ipc/message.h"

#include <endian.h>

#include "base/mem.h"

enum { HEAD = 8, FIELD_HEAD = 8 };

/* ---- writing ---- */

static void put_16(char *to, uint16_t v)
{
	v = htole16(v);
	memcpy(to, &v, sizeof v);
}

static void put_32(char *to, uint32_t v)
{
	v = htole32(v);
	memcpy(to, &v, sizeof v);
}

void ipc_out_init(struct ipc_out *out)
{
	*out = (struct ipc_out){ 0 };
	buf_init(&out->buf, IPC_MAX);
}

void ipc_out_free(struct ipc_out *out)
{
	buf_free(&out->buf);
}

void ipc_begin(struct ipc_out *out, uint16_t type, uint32_t id)
{
	char head[HEAD] = { IPC_VERSION, 0 };

	put_16(head + 2, type);
	put_32(head + 4, id);
	buf_clear(&out->buf);
	out->depth = 0;
	(void)buf_add(&out->buf, head, sizeof head);
}

/* CONTENT is at most IPC_MAX. */
static void put_field(struct ipc_out *out, uint16_t tag, enum ipc_kind kind, struct slice content)
{
	char *to = buf_reserve(&out->buf, FIELD_HEAD + content.n);

	if (to == NULL)
		return;
	put_16(to, tag);
	to[2] = (char)kind;
	to[3] = 0;
	put_32(to + 4, (uint32_t)content.n);
	if (content.n > 0)
		memcpy(to + FIELD_HEAD, content.p, content.n);
	buf_commit(&out->buf, FIELD_HEAD + content.n);
}

void ipc_put_number(struct ipc_out *out, uint16_t tag, int64_t v)
{
	const uint64_t octets = htole64((uint64_t)v);

	put_field(out, tag, IPC_NUMBER, slice_of((const char *)&octets, sizeof octets));
}

void ipc_put_bytes(struct ipc_out *out, uint16_t tag, struct slice s)
{
	if (s.n > IPC_MAX)
		out->buf.failed = true;
	else
		put_field(out, tag, IPC_BYTES, s);
}

void ipc_put_str(struct ipc_out *out, uint16_t tag, const char *s)
{
	if (s != NULL)
		ipc_put_bytes(out, tag, slice_str(s));
}

void ipc_open(struct ipc_out *out, uint16_t tag)
{
	if (out->depth == IPC_DEPTH_MAX) {
		out->buf.failed = true;
		return;
	}
	put_field(out, tag, IPC_GROUP, SLICE_NONE);
	out->open[out->depth++] = out->buf.n;
}

void ipc_close(struct ipc_out *out)
{
	size_t at;

	if (out->depth == 0) {
		out->buf.failed = true;
		return;
	}
	at = out->open[--out->depth];
	if (!buf_failed(&out->buf))
		put_32(out->buf.p + at - 4, (uint32_t)(out->buf.n - at));
}

/* ---- reading ---- */

static uint16_t get_16(const char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return le16toh(v);
}

static uint32_t get_32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return le32toh(v);
}

static uint64_t get_64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

/* Takes one field off REST: 1, 0 at the end, -1 when it does not fit. */
static int take_field(struct slice *rest, struct ipc_field *f)
{
	size_t n;

	if (rest->n == 0)
		return 0;
	if (rest->n < FIELD_HEAD)
		return -1;
	n = get_32(rest->p + 4);
	if (n > rest->n - FIELD_HEAD || rest->p[3] != 0)
		return -1;
	f->tag = get_16(rest->p);
	f->kind = (enum ipc_kind)rest->p[2];
	f->bytes = slice_of(rest->p + FIELD_HEAD, n);
	f->number = 0;
	switch (f->kind) {
	case IPC_NUMBER:
		if (n != 8)
			return -1;
		f->number = (int64_t)get_64(f->bytes.p);
		break;
	case IPC_BYTES:
	case IPC_GROUP:
		break;
	default:
		return -1;
	}
	rest->p += FIELD_HEAD + n;
	rest->n -= FIELD_HEAD + n;
	return 1;
}

int ipc_parse(struct slice frame, struct ipc_in *in, struct err *e)
{
	struct slice stack[IPC_DEPTH_MAX + 1];
	unsigned depth = 0;

	if (frame.n < HEAD || frame.n > IPC_MAX)
		return err_set(e, ERR_PROTOCOL, 0, "a message of %zu octets between roles", frame.n);
	if (frame.p[0] != IPC_VERSION || frame.p[1] != 0)
		return err_set(e, ERR_PROTOCOL, 0, "a message of another version between roles: were all programs upgraded?");
	in->type = get_16(frame.p + 2);
	in->id = get_32(frame.p + 4);
	in->rest = slice_of(frame.p + HEAD, frame.n - HEAD);
	stack[0] = in->rest;
	for (;;) {
		struct ipc_field f;
		int r = take_field(&stack[depth], &f);

		if (r < 0 || (r > 0 && f.kind == IPC_GROUP && depth == IPC_DEPTH_MAX))
			return err_set(e, ERR_PROTOCOL, 0, "a malformed message between roles (type %u)", (unsigned)in->type);
		if (r > 0 && f.kind == IPC_GROUP)
			stack[++depth] = f.bytes;
		else if (r == 0 && depth-- == 0)
			return 0;
	}
}

bool ipc_next(struct slice *rest, struct ipc_field *f)
{
	return take_field(rest, f) > 0;
}

static bool find(struct slice fields, uint16_t tag, enum ipc_kind kind, struct ipc_field *f)
{
	while (ipc_next(&fields, f))
		if (f->tag == tag && f->kind == kind)
			return true;
	return false;
}

int64_t ipc_get_number(struct slice fields, uint16_t tag, int64_t otherwise)
{
	struct ipc_field f;

	return find(fields, tag, IPC_NUMBER, &f) ? f.number : otherwise;
}

struct slice ipc_get_bytes(struct slice fields, uint16_t tag)
{
	struct ipc_field f;

	return find(fields, tag, IPC_BYTES, &f) ? f.bytes : SLICE_NONE;
}

char *ipc_get_str(struct slice fields, uint16_t tag, size_t max)
{
	struct ipc_field f;

	if (!find(fields, tag, IPC_BYTES, &f) || f.bytes.n > max || slice_find(f.bytes, '\0') != f.bytes.n)
		return NULL;
	return slice_dup(f.bytes);
}
