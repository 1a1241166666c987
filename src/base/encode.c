#include "base/encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/clock.h"

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(struct slice in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i += 3) {
		size_t left = in.n - i;
		unsigned long v = (unsigned long)(unsigned char)in.p[i] << 16;
		char quad[4];

		if (left > 1)
			v |= (unsigned long)(unsigned char)in.p[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)in.p[i + 2];
		quad[0] = digits64[v >> 18 & 63];
		quad[1] = digits64[v >> 12 & 63];
		quad[2] = left > 1 ? digits64[v >> 6 & 63] : '=';
		quad[3] = left > 2 ? digits64[v & 63] : '=';
		(void)buf_add(out, quad, sizeof quad);
	}
	return buf_failed(out) ? -1 : 0;
}

int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

int base64_decode(struct slice in, struct buf *out)
{
	if (in.n % 4 != 0)
		return -1;
	for (size_t i = 0; i < in.n; i += 4) {
		bool last = i + 4 == in.n;
		size_t bytes = 3;
		unsigned long v = 0;
		char triple[3];

		if (last && in.p[i + 3] == '=')
			bytes = in.p[i + 2] == '=' ? 1 : 2;
		for (size_t k = 0; k < 4; k++) {
			int d = k <= bytes ? base64_digit(in.p[i + k]) : 0;

			if (d < 0)
				return -1;
			v = v << 6 | (unsigned long)d;
		}
		/* Bits that no byte carries must be zero: one text, one meaning. */
		if ((bytes == 1 && (v & 0xffff) != 0) || (bytes == 2 && (v & 0xff) != 0))
			return -1;
		triple[0] = (char)(v >> 16);
		triple[1] = (char)(v >> 8);
		triple[2] = (char)v;
		(void)buf_add(out, triple, bytes);
	}
	return buf_failed(out) ? -1 : 0;
}

/* Upper case only (RFC 3461, 4). */
static int digit16(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int xtext_decode(struct slice in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (c == '+') {
			if (in.n - i < 3 || digit16(in.p[i + 1]) < 0 || digit16(in.p[i + 2]) < 0)
				return -1;
			c = (char)(digit16(in.p[i + 1]) << 4 | digit16(in.p[i + 2]));
			i += 2;
		} else if (c < '!' || c > '~' || c == '=') {
			return -1;
		}
		(void)buf_add_char(out, c);
	}
	return buf_failed(out) ? -1 : 0;
}

int xtext_encode(struct slice in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		const unsigned char c = (unsigned char)in.p[i];

		if (c <= ' ' || c == 0x7f || c == '+' || c == '=')
			(void)buf_addf(out, "+%02X", c);
		else
			(void)buf_add_char(out, in.p[i]);
	}
	return buf_failed(out) ? -1 : 0;
}

int hex_encode(struct slice in, struct buf *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		char pair[2] = { hex[c >> 4], hex[c & 15] };

		(void)buf_add(out, pair, sizeof pair);
	}
	return buf_failed(out) ? -1 : 0;
}

void random_bytes(void *p, size_t n)
{
	char *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		at += got;
		n -= (size_t)got;
	}
}

/* Random octets for ids, fetched many at a time: a message needs several ids, and a system call each would show. */
struct reserve {
	size_t left;
	unsigned char octets[1024];
};

/* NULL where a fork would give parent and child the same ones. */
static struct reserve *reserve_get(void)
{
	static struct reserve *reserve;
	static bool tried;
	void *p;

	if (!tried) {
		tried = true;
		p = mmap(NULL, sizeof *reserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		/* In a child it is all zeros, and so is what is left. */
		if (p != MAP_FAILED && madvise(p, sizeof *reserve, MADV_WIPEONFORK) == 0)
			reserve = p;
		else if (p != MAP_FAILED)
			(void)munmap(p, sizeof *reserve);
	}
	return reserve;
}

static void random_from_reserve(void *p, size_t n)
{
	struct reserve *r = reserve_get();

	if (r == NULL) {
		random_bytes(p, n);
		return;
	}
	if (r->left < n) {
		random_bytes(r->octets, sizeof r->octets);
		r->left = sizeof r->octets;
	}
	r->left -= n;
	memcpy(p, r->octets + r->left, n);
}

/* 32 characters without i, l, o, u: they are read aloud over the telephone. In ASCII they stand in this order, too. */
static const char digits32[] = "0123456789abcdefghjkmnpqrstvwxyz";

void random_id(char out[RANDOM_ID_SIZE])
{
	unsigned char raw[RANDOM_ID_SIZE - 1];

	random_from_reserve(raw, sizeof raw);
	for (size_t i = 0; i < sizeof raw; i++)
		out[i] = digits32[raw[i] & 31];
	out[sizeof raw] = '\0';
}

void timed_id(char out[RANDOM_ID_SIZE])
{
	enum { TIME_DIGITS = 7 };
	uint64_t time = (uint64_t)clock_wall_ms() / 32;

	random_id(out);
	for (size_t i = TIME_DIGITS; i > 0; i--) {
		out[i - 1] = digits32[time & 31];
		time >>= 5;
	}
}

bool random_id_like(struct slice s)
{
	if (s.n != RANDOM_ID_SIZE - 1)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'z'))
			return false;
	return true;
}

uint64_t random_below(uint64_t below)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % below;
	uint64_t v;

	do
		random_bytes(&v, sizeof v);
	while (v >= limit);
	return v % below;
}
