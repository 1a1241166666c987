/* The PROXY header: every row whole, octet by octet, and cut in two at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "net/listener.h"
#include "smtp/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define FROM4	  "\xc0\x00\x02\x07"
#define TO4	  "\xc0\x00\x02\x19"
#define PORTS	  "\xa1\x12\x00\x19"
#define FROM6	  "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
#define TO6	  "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x19"
#define V4	  FROM4 TO4 PORTS
#define IN(s)	  SLICE_LIT(s)

struct row {
	const char *name;
	struct slice in;
	int done;	    /* of proxy_feed at the end of IN */
	const char *client; /* NULL: none is told */
};

#define LONG_50 "12345678901234567890123456789012345678901234567890"

static const struct row rows[] = {
	{ "v1, IPv4", IN("PROXY TCP4 192.0.2.7 192.0.2.25 41234 25\r\n"), 1, "192.0.2.7:41234" },
	{ "v1, IPv6", IN("PROXY TCP6 2001:db8::7 2001:db8::19 41234 25\r\n"), 1, "[2001:db8::7]:41234" },
	{ "v1, ports at the ends", IN("PROXY TCP4 192.0.2.7 192.0.2.25 0 65535\r\n"), 1, "192.0.2.7:0" },
	{ "v1, unknown", IN("PROXY UNKNOWN\r\n"), 1, NULL },
	{ "v1, unknown with more", IN("PROXY UNKNOWN ff:: x 1 2\r\n"), 1, NULL },
	{ "v1, the longest", IN("PROXY UNKNOWN " LONG_50 "1234567890123456789012345678901234567890" "1\r\n"), 1, NULL },
	{ "v1, one octet more", IN("PROXY UNKNOWN " LONG_50 "1234567890123456789012345678901234567890" "12\r\n"), -1,
	  NULL },
	{ "v1, no end", IN("PROXY TCP4 192.0.2.7 192.0.2.25 41234 25"), 0, NULL },
	{ "v1, no end yet", IN("PROXY TCP4 192.0.2.7 192.0.2.25 41234 25\r"), 0, NULL },
	{ "v1, bare LF", IN("PROXY TCP4 192.0.2.7 192.0.2.25 41234 25\n"), -1, NULL },
	{ "v1, no words", IN("PROXY \r\n"), -1, NULL },
	{ "v1, another family", IN("PROXY TCP5 192.0.2.7 192.0.2.25 41234 25\r\n"), -1, NULL },
	{ "v1, family in small letters", IN("PROXY tcp4 192.0.2.7 192.0.2.25 41234 25\r\n"), -1, NULL },
	{ "v1, mixed families", IN("PROXY TCP4 192.0.2.7 2001:db8::19 41234 25\r\n"), -1, NULL },
	{ "v1, IPv6 called IPv4", IN("PROXY TCP4 2001:db8::7 2001:db8::19 41234 25\r\n"), -1, NULL },
	{ "v1, a port too large", IN("PROXY TCP4 192.0.2.7 192.0.2.25 65536 25\r\n"), -1, NULL },
	{ "v1, a negative port", IN("PROXY TCP4 192.0.2.7 192.0.2.25 -1 25\r\n"), -1, NULL },
	{ "v1, a zero in front", IN("PROXY TCP4 192.0.2.7 192.0.2.25 041 25\r\n"), -1, NULL },
	{ "v1, one port", IN("PROXY TCP4 192.0.2.7 192.0.2.25 41234\r\n"), -1, NULL },
	{ "v1, three ports", IN("PROXY TCP4 192.0.2.7 192.0.2.25 41234 25 26\r\n"), -1, NULL },
	{ "v1, two blanks", IN("PROXY TCP4  192.0.2.7 192.0.2.25 41234 25\r\n"), -1, NULL },
	{ "v1, a NUL", IN("PROXY TCP4 192.0.2.7\0 192.0.2.25 41234 25\r\n"), -1, NULL },
	{ "v1, an address that is none", IN("PROXY TCP4 192.0.2.777 192.0.2.25 41234 25\r\n"), -1, NULL },
	{ "v1, small letters", IN("proxy"), -1, NULL },
	{ "no header", IN("EHLO client.example\r\n"), -1, NULL },
	{ "TLS", IN("\x16\x03\x01"), -1, NULL },
	{ "nearly", IN("PROXIES"), -1, NULL },
	{ "v2, IPv4", IN(SIGNATURE "\x21\x11\0\x0c" V4), 1, "192.0.2.7:41234" },
	{ "v2, IPv6", IN(SIGNATURE "\x21\x21\0\x24" FROM6 TO6 PORTS), 1, "[2001:db8::7]:41234" },
	{ "v2, local", IN(SIGNATURE "\x20\0\0\0"), 1, NULL },
	{ "v2, local with addresses", IN(SIGNATURE "\x20\x11\0\x0c" V4), 1, NULL },
	{ "v2, local with whatever", IN(SIGNATURE "\x20\xff\0\x03xyz"), 1, NULL },
	{ "v2, no family", IN(SIGNATURE "\x21\0\0\0"), 1, NULL },
	{ "v2, extra fields", IN(SIGNATURE "\x21\x11\0\x15" V4 "\x04\0\2ab\x20\0\1x"), 1, "192.0.2.7:41234" },
	{ "v2, checksum", IN(SIGNATURE "\x21\x11\0\x13" V4 "\x03\0\4\xaf\x71\x6c\x55"), 1, "192.0.2.7:41234" },
	{ "v2, checksum among others",
	  IN(SIGNATURE "\x21\x11\0\x1c" V4 "\x04\0\2ab\x03\0\4\x9d\xbf\x0a\x17\x20\0\1x"), 1, "192.0.2.7:41234" },
	{ "v2, a bad checksum", IN(SIGNATURE "\x21\x11\0\x13" V4 "\x03\0\4\xaf\x71\x6c\x56"), -1, NULL },
	{ "v2, a short checksum", IN(SIGNATURE "\x21\x11\0\x12" V4 "\x03\0\3\xaf\x71\x6c"), -1, NULL },
	{ "v2, an extra field that is cut off", IN(SIGNATURE "\x21\x11\0\x0e" V4 "\x04\0"), -1, NULL },
	{ "v2, an extra field that is too long", IN(SIGNATURE "\x21\x11\0\x11" V4 "\x04\0\3ab"), -1, NULL },
	{ "v2, too short for addresses", IN(SIGNATURE "\x21\x11\0\x0b" FROM4 TO4 "\xa1\x12\0"), -1, NULL },
	{ "v2, cut off", IN(SIGNATURE "\x21\x11\0\x0c" FROM4 TO4), 0, NULL },
	{ "v2, cut off in the signature", IN("\r\n\r\n\0\r\nQUI"), 0, NULL },
	{ "v2, version 1", IN(SIGNATURE "\x11"), -1, NULL },
	{ "v2, command 2", IN(SIGNATURE "\x22"), -1, NULL },
	{ "v2, family 4", IN(SIGNATURE "\x21\x41\0\x0c" V4), -1, NULL },
	{ "v2, UDP", IN(SIGNATURE "\x21\x12\0\x0c" V4), -1, NULL },
	{ "v2, length 65535", IN(SIGNATURE "\x21\x11\xff\xff"), -1, NULL },
	{ "v2, length 4081", IN(SIGNATURE "\x21\x11\x0f\xf1"), -1, NULL },
	{ "v2, length 4080", IN(SIGNATURE "\x21\x11\x0f\xf0"), 0, NULL },
	{ "v2, another signature", IN("\r\n\r\n\0\r\nQUIT\r"), -1, NULL },
};

/* Feeds IN, in pieces of FIRST and then PIECE octets, with TAIL behind it, none of which may be taken. */
static void run(const struct row *row, size_t first, size_t piece, struct slice tail)
{
	char all[400], name[LISTENER_NAME_SIZE];
	size_t n = row->in.n + tail.n, at = 0;
	struct proxy p;
	int done = 0;

	assert_true(n <= sizeof all);
	memcpy(all, row->in.p, row->in.n);
	if (tail.n > 0)
		memcpy(all + row->in.n, tail.p, tail.n);
	proxy_init(&p);
	while (at < n && done == 0) {
		size_t step = at == 0 && first > 0 ? first : piece, used;

		if (step > n - at)
			step = n - at;
		done = proxy_feed(&p, slice_of(all + at, step), &used);
		assert_true(done != 0 ? used <= step : used == step);
		at += used;
	}
	if (done != row->done)
		fail_msg("%s: %d", row->name, done);
	if (done == 1) {
		assert_int_equal(at, row->in.n);
		assert_int_equal(p.told, row->client != NULL);
	}
	if (done == 1 && p.told) {
		listener_peer_name((struct sockaddr *)&p.client, p.client_size, name);
		assert_string_equal(name, row->client);
	}
	if (done == -1)
		assert_non_null(p.why);
	assert_true(p.in.cap <= 2 * PROXY_HEADER_MAX);
	proxy_free(&p);
}

static void headers_are_read_wherever_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct slice tail = row->done == 0 ? SLICE_NONE : IN("EHLO client.example\r\n");

		run(row, 0, sizeof(char[400]), tail);
		run(row, 0, 1, tail);
		for (size_t cut = 1; cut < row->in.n; cut++)
			run(row, cut, 400, tail);
	}
}

static void a_header_of_the_largest_size_is_read(void **state)
{
	char extra[PROXY_HEADER_MAX - 16 - 12];
	struct proxy p;
	size_t used, room = sizeof extra - 3;

	(void)state;
	memset(extra, 'x', sizeof extra);
	extra[0] = 0x04;
	extra[1] = (char)(room >> 8);
	extra[2] = (char)(room & 0xff);
	proxy_init(&p);
	assert_int_equal(proxy_feed(&p, IN(SIGNATURE "\x21\x11\x0f\xf0" V4), &used), 0);
	assert_int_equal(proxy_feed(&p, slice_of(extra, sizeof extra - 1), &used), 0);
	assert_int_equal(proxy_feed(&p, slice_of(extra, 1), &used), 1);
	assert_true(p.told);
	proxy_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_read_wherever_they_are_cut),
		cmocka_unit_test(a_header_of_the_largest_size_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
