#include "smtp/milter_wire.h"

#include <string.h>

enum { LENGTH_OCTETS = 4 };

static uint32_t u32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

int milter_packet_read(struct slice in, struct milter_packet *p, size_t *used)
{
	uint32_t n;

	if (in.n < LENGTH_OCTETS)
		return 0;
	n = u32(in.p);
	if (n == 0 || n > MILTER_PACKET_MAX)
		return -1;
	if (in.n - LENGTH_OCTETS < n)
		return 0;
	p->letter = in.p[LENGTH_OCTETS];
	p->data = slice_of(in.p + LENGTH_OCTETS + 1, n - 1);
	*used = LENGTH_OCTETS + n;
	return 1;
}

size_t milter_packet_begin(struct buf *out, char letter)
{
	const size_t at = out->n;

	milter_put_u32(out, 0);
	(void)buf_add_char(out, letter);
	return at;
}

void milter_packet_end(struct buf *out, size_t at)
{
	const uint32_t n = (uint32_t)(out->n - at - LENGTH_OCTETS);

	if (buf_failed(out))
		return;
	for (unsigned i = 0; i < LENGTH_OCTETS; i++)
		out->p[at + i] = (char)(n >> (24 - 8 * i));
}

void milter_put_text(struct buf *out, struct slice s)
{
	s.n = s.n < MILTER_STRING_MAX ? s.n : (size_t)MILTER_STRING_MAX;
	s.n = slice_find(s, '\0');
	(void)buf_add_slice(out, s);
	(void)buf_add(out, "", 1);
}

void milter_put_u32(struct buf *out, uint32_t v)
{
	const char octets[] = { (char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v };

	(void)buf_add(out, octets, sizeof octets);
}

void milter_put_u16(struct buf *out, uint16_t v)
{
	const char octets[] = { (char)(v >> 8), (char)v };

	(void)buf_add(out, octets, sizeof octets);
}

int milter_take_text(struct slice *s, struct slice *text)
{
	const size_t n = slice_find(*s, '\0');

	if (n == s->n)
		return -1;
	*text = slice_of(s->p, n);
	*s = slice_skip(*s, n + 1);
	return 0;
}

int milter_take_u32(struct slice *s, uint32_t *v)
{
	if (s->n < LENGTH_OCTETS)
		return -1;
	*v = u32(s->p);
	*s = slice_skip(*s, LENGTH_OCTETS);
	return 0;
}
