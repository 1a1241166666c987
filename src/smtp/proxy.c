#include "smtp/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

enum {
	BINARY_FRONT = 16, /* octets of version 2 in front of its addresses: signature, version, family, length */
	LOCAL = 0x20,	   /* version and command */
	PROXY = 0x21,
	IPV4_SIZE = 12, /* two addresses, two ports */
	IPV6_SIZE = 36,
	UNIX_SIZE = 216,
	TLV_FRONT = 3,
	TLV_CRC32C = 0x03
};

static const char signature[12] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n' };
static const struct slice word = SLICE_LIT("PROXY ");

void proxy_init(struct proxy *p)
{
	*p = (struct proxy){ 0 };
	buf_init(&p->in, PROXY_HEADER_MAX);
}

void proxy_free(struct proxy *p)
{
	buf_free(&p->in);
}

static int bad(struct proxy *p, const char *why)
{
	p->why = why;
	return -1;
}

/* ---- version 1 ---- */

static struct slice next_word(struct slice *rest)
{
	struct slice w = slice_of(rest->p, slice_find(*rest, ' '));

	*rest = slice_skip(*rest, w.n < rest->n ? w.n + 1 : w.n);
	return w;
}

static bool read_ip(struct slice s, int family, void *out)
{
	char text[INET6_ADDRSTRLEN];

	if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n) != NULL)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(family, text, out) == 1;
}

static bool read_port(struct slice s, in_port_t *out)
{
	uint64_t n;

	if (slice_number(s, UINT16_MAX, &n) != 0 || (s.n > 1 && s.p[0] == '0'))
		return false;
	*out = htons((uint16_t)n);
	return true;
}

static void set_ipv4(struct proxy *p, const void *ip, in_port_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = port };

	memcpy(&in.sin_addr, ip, sizeof in.sin_addr);
	memcpy(&p->client, &in, sizeof in);
	p->client_size = sizeof in;
	p->told = true;
}

static void set_ipv6(struct proxy *p, const void *ip, in_port_t port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = port };

	memcpy(&in6.sin6_addr, ip, sizeof in6.sin6_addr);
	memcpy(&p->client, &in6, sizeof in6);
	p->client_size = sizeof in6;
	p->told = true;
}

/* LINE is what stands between "PROXY " and the line end. */
static int read_line(struct proxy *p, struct slice line)
{
	struct slice family = next_word(&line), from, to;
	unsigned char ip[sizeof(struct in6_addr)], ours[sizeof ip];
	in_port_t port, our_port;
	int af;

	/* Whatever follows: to be ignored. */
	if (slice_eq(family, SLICE_LIT("UNKNOWN")))
		return 1;
	if (slice_eq(family, SLICE_LIT("TCP4")))
		af = AF_INET;
	else if (slice_eq(family, SLICE_LIT("TCP6")))
		af = AF_INET6;
	else
		return bad(p, "it names no family that is known");
	from = next_word(&line);
	to = next_word(&line);
	if (!read_ip(from, af, ip) || !read_ip(to, af, ours))
		return bad(p, "it holds no two addresses of its family");
	if (!read_port(next_word(&line), &port) || !read_port(line, &our_port))
		return bad(p, "it holds no two ports");
	if (af == AF_INET)
		set_ipv4(p, ip, port);
	else
		set_ipv6(p, ip, port);
	return 1;
}

static int feed_line(struct proxy *p)
{
	const struct slice in = buf_slice(&p->in);

	if (in.n <= word.n)
		return in.p[in.n - 1] == word.p[in.n - 1] ? 0 : bad(p, "what came is no PROXY header");
	if (in.p[in.n - 1] == '\n') {
		if (in.p[in.n - 2] != '\r')
			return bad(p, "its line does not end with CR LF");
		return read_line(p, slice_of(in.p + word.n, in.n - word.n - 2));
	}
	return in.n < PROXY_LINE_MAX ? 0 : bad(p, "its line is too long");
}

/* ---- version 2 ---- */

/* CRC-32C (RFC 9260, appendix A) of one more octet. */
static uint32_t crc_add(uint32_t crc, unsigned char c)
{
	crc ^= c;
	for (int i = 0; i < 8; i++)
		crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
	return crc;
}

/* Of the whole header, with zeros for the checksum itself, which stands at AT. */
static bool crc_good(struct slice all, size_t at)
{
	const unsigned char *b = (const unsigned char *)all.p;
	uint32_t crc = UINT32_MAX, given;

	for (size_t i = 0; i < all.n; i++)
		crc = crc_add(crc, i >= at && i < at + 4 ? 0 : b[i]);
	given = (uint32_t)b[at] << 24 | (uint32_t)b[at + 1] << 16 | (uint32_t)b[at + 2] << 8 | b[at + 3];
	return (crc ^ UINT32_MAX) == given;
}

/* What stands behind the addresses, from AT on. Only a checksum matters here: what a proxy tells of TLS is between it
 * and the client. */
static int check_extras(struct proxy *p, size_t at)
{
	const struct slice all = buf_slice(&p->in);
	bool seen = false;

	while (at < all.n) {
		size_t size;

		if (all.n - at < TLV_FRONT)
			return bad(p, "it breaks off within an extra field");
		size = (size_t)(unsigned char)all.p[at + 1] << 8 | (unsigned char)all.p[at + 2];
		if (size > all.n - at - TLV_FRONT)
			return bad(p, "an extra field is longer than the header");
		if (all.p[at] == TLV_CRC32C) {
			if (size != 4 || seen || !crc_good(all, at + TLV_FRONT))
				return bad(p, "its checksum does not fit");
			seen = true;
		}
		at += TLV_FRONT + size;
	}
	return 1;
}

static int read_binary(struct proxy *p)
{
	static const size_t sizes[] = { 0, IPV4_SIZE, IPV6_SIZE, UNIX_SIZE };
	const char *b = p->in.p;
	const unsigned family = (unsigned char)b[13] >> 4, transport = (unsigned char)b[13] & 0x0f;
	const char *at = b + BINARY_FRONT;
	in_port_t port;

	/* A health check of the proxy's own. */
	if ((unsigned char)b[12] == LOCAL)
		return 1;
	if (family > 3 || transport > 2)
		return bad(p, "it names no family that is known");
	if (p->in.n - BINARY_FRONT < sizes[family])
		return bad(p, "it is too short for its addresses");
	/* Neither is an address that limits could be kept for. */
	if (family == 1 || family == 2) {
		if (transport != 1)
			return bad(p, "it is not about TCP");
		memcpy(&port, at + (family == 1 ? 8 : 32), sizeof port);
		if (family == 1)
			set_ipv4(p, at, port);
		else
			set_ipv6(p, at, port);
	}
	return check_extras(p, BINARY_FRONT + sizes[family]);
}

static int feed_binary(struct proxy *p)
{
	const struct slice in = buf_slice(&p->in);
	size_t size;

	if (in.n <= sizeof signature)
		return in.p[in.n - 1] == signature[in.n - 1] ? 0 : bad(p, "what came is no PROXY header");
	if (in.n == 13 && (unsigned char)in.p[12] != LOCAL && (unsigned char)in.p[12] != PROXY)
		return bad(p, "its version or command is not known");
	if (in.n < BINARY_FRONT)
		return 0;
	size = BINARY_FRONT + ((size_t)(unsigned char)in.p[14] << 8 | (unsigned char)in.p[15]);
	if (size > PROXY_HEADER_MAX)
		return bad(p, "it claims to be far too long");
	return in.n < size ? 0 : read_binary(p);
}

int proxy_feed(struct proxy *p, struct slice in, size_t *used)
{
	int done = 0;

	for (*used = 0; *used < in.n && done == 0; ++*used) {
		(void)buf_add_char(&p->in, in.p[*used]);
		if (p->in.p[0] == word.p[0])
			done = feed_line(p);
		else
			done = feed_binary(p);
	}
	return done;
}
