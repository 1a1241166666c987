#include "ipc/message.h"

#include "base/mem.h"

enum { HEAD = 8, FIELD_HEAD = 8 };

/* ---- writing ---- */

static void put_le(char *to, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (char)(v >> (8 * i) & 0xff);
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

	put_le(head + 2, type, 2);
	put_le(head + 4, id, 4);
	buf_clear(&out->buf);
	out->depth = 0;
	(void)buf_add(&out->buf, head, sizeof head);
}

static void put_head(struct ipc_out *out, uint16_t tag, enum ipc_kind kind, size_t n)
{
	char head[FIELD_HEAD] = { 0 };

	put_le(head, tag, 2);
	head[2] = (char)kind;
	put_le(head + 4, n, 4);
	(void)buf_add(&out->buf, head, sizeof head);
}

void ipc_put_number(struct ipc_out *out, uint16_t tag, int64_t v)
{
	char bytes[8];

	put_le(bytes, (uint64_t)v, sizeof bytes);
	put_head(out, tag, IPC_NUMBER, sizeof bytes);
	(void)buf_add(&out->buf, bytes, sizeof bytes);
}

void ipc_put_bytes(struct ipc_out *out, uint16_t tag, struct slice s)
{
	if (s.n > IPC_MAX) {
		out->buf.failed = true;
		return;
	}
	put_head(out, tag, IPC_BYTES, s.n);
	(void)buf_add_slice(&out->buf, s);
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
	put_head(out, tag, IPC_GROUP, 0);
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
		put_le(out->buf.p + at - 4, out->buf.n - at, 4);
}

/* ---- reading ---- */

static uint64_t get_le(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = n; i > 0; i--)
		v = v << 8 | (unsigned char)p[i - 1];
	return v;
}

/* Takes one field off REST: 1, 0 at the end, -1 when it does not fit. */
static int take_field(struct slice *rest, struct ipc_field *f)
{
	size_t n;

	if (rest->n == 0)
		return 0;
	if (rest->n < FIELD_HEAD)
		return -1;
	n = (size_t)get_le(rest->p + 4, 4);
	if (n > rest->n - FIELD_HEAD || rest->p[3] != 0)
		return -1;
	f->tag = (uint16_t)get_le(rest->p, 2);
	f->kind = (enum ipc_kind)rest->p[2];
	f->bytes = slice_of(rest->p + FIELD_HEAD, n);
	f->number = 0;
	switch (f->kind) {
	case IPC_NUMBER:
		if (n != 8)
			return -1;
		f->number = (int64_t)get_le(f->bytes.p, 8);
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
	in->type = (uint16_t)get_le(frame.p + 2, 2);
	in->id = (uint32_t)get_le(frame.p + 4, 4);
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
