/* What works in a stream (transfer encodings, line ends), cut at every byte; and dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "msg/date.h"
#include "msg/newline.h"
#include "msg/transfer.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void transfer_names_are_known(void **state)
{
	static const struct {
		const char *value;
		enum transfer_encoding encoding;
	} rows[] = {
		{ "", TRANSFER_PLAIN },
		{ " 7bit", TRANSFER_PLAIN },
		{ "8BIT\r\n", TRANSFER_PLAIN },
		{ "binary", TRANSFER_PLAIN },
		{ " Base64", TRANSFER_BASE64 },
		{ "base64 (really)", TRANSFER_BASE64 },
		{ "base64; x", TRANSFER_BASE64 },
		{ "Quoted-Printable", TRANSFER_QUOTED_PRINTABLE },
		{ "x-uuencode", TRANSFER_UNKNOWN },
		{ "base", TRANSFER_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(transfer_encoding_of(slice_str(rows[i].value)), rows[i].encoding);
}

static const struct {
	enum transfer_encoding encoding;
	struct slice in, out;
} transfers[] = {
	{ TRANSFER_PLAIN, SLICE_LIT("a=3D\r\n\0"), SLICE_LIT("a=3D\r\n\0") },
	{ TRANSFER_UNKNOWN, SLICE_LIT("YQ==\xff"), SLICE_LIT("YQ==\xff") },
	{ TRANSFER_BASE64, SLICE_LIT(""), SLICE_LIT("") },
	{ TRANSFER_BASE64, SLICE_LIT("Zm9vYmFy"), SLICE_LIT("foobar") },
	{ TRANSFER_BASE64, SLICE_LIT("Zm9v\r\nYmE=\r\n"), SLICE_LIT("fooba") },
	{ TRANSFER_BASE64, SLICE_LIT("Z m\t9\nvYg=="), SLICE_LIT("foob") },
	{ TRANSFER_BASE64, SLICE_LIT("Zm9vYg"), SLICE_LIT("foob") },
	{ TRANSFER_BASE64, SLICE_LIT("Zm9vYmE"), SLICE_LIT("fooba") },
	{ TRANSFER_BASE64, SLICE_LIT("Z"), SLICE_LIT("") },
	{ TRANSFER_BASE64, SLICE_LIT("Zg==Zg=="), SLICE_LIT("ff") },
	{ TRANSFER_BASE64, SLICE_LIT("Zm!9*v\0\xff"), SLICE_LIT("foo") },
	{ TRANSFER_BASE64, SLICE_LIT("===="), SLICE_LIT("") },
	{ TRANSFER_BASE64, SLICE_LIT("////AAAA++++"), SLICE_LIT("\xff\xff\xff\0\0\0\xfb\xef\xbe") },
	/* RFC 2045, 6.7. */
	{ TRANSFER_QUOTED_PRINTABLE,
	  SLICE_LIT("Now's the time =\r\nfor all folk to come=\r\n to the aid of their country."),
	  SLICE_LIT("Now's the time for all folk to come to the aid of their country.") },
	{ TRANSFER_QUOTED_PRINTABLE, SLICE_LIT("a=3Db=c3=A9\r\n"), SLICE_LIT("a=b\xc3\xa9\r\n") },
	{ TRANSFER_QUOTED_PRINTABLE, SLICE_LIT("a \t\r\nb \nc  d  "), SLICE_LIT("a\r\nb\nc  d") },
	{ TRANSFER_QUOTED_PRINTABLE, SLICE_LIT("a=20\r\n"), SLICE_LIT("a \r\n") },
	{ TRANSFER_QUOTED_PRINTABLE, SLICE_LIT("a= \t\r\nb=\nc"), SLICE_LIT("abc") },
	{ TRANSFER_QUOTED_PRINTABLE, SLICE_LIT("a="), SLICE_LIT("a") },
	{ TRANSFER_QUOTED_PRINTABLE, SLICE_LIT("a=\r"), SLICE_LIT("a") },
	{ TRANSFER_QUOTED_PRINTABLE, SLICE_LIT("a=4"), SLICE_LIT("a=4") },
	{ TRANSFER_QUOTED_PRINTABLE, SLICE_LIT("a=4z=zz==3D=\rx=  x"), SLICE_LIT("a=4z=zz===\rx=  x") },
	{ TRANSFER_QUOTED_PRINTABLE, SLICE_LIT("\0\xff=00"), SLICE_LIT("\0\xff\0") },
	{ TRANSFER_QUOTED_PRINTABLE, SLICE_LIT("=\r\r\n"), SLICE_LIT("=\r\r\n") },
};

static void transfers_decode_however_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(transfers); i++) {
		struct slice in = transfers[i].in;
		struct transfer t;
		struct buf out;

		buf_init(&out, 1000);
		transfer_init(&t, transfers[i].encoding);
		for (size_t cut = 0; cut <= in.n; cut++) {
			buf_clear(&out);
			assert_int_equal(transfer_feed(&t, slice_of(in.p, cut), &out), 0);
			assert_int_equal(transfer_feed(&t, slice_of(in.p + cut, in.n - cut), &out), 0);
			assert_int_equal(transfer_finish(&t, &out), 0);
			if (!slice_eq(buf_slice(&out), transfers[i].out))
				fail_msg("row %zu cut at %zu: %s", i, cut, buf_str(&out));
		}
		buf_clear(&out);
		for (size_t k = 0; k < in.n; k++)
			assert_int_equal(transfer_feed(&t, slice_of(in.p + k, 1), &out), 0);
		assert_int_equal(transfer_finish(&t, &out), 0);
		assert_true(slice_eq(buf_slice(&out), transfers[i].out));
		buf_free(&out);
		if (transfers[i].out.n > 1) {
			buf_init(&out, transfers[i].out.n - 1);
			assert_int_equal(transfer_feed(&t, in, &out) | transfer_finish(&t, &out), -1);
			buf_free(&out);
		}
		transfer_free(&t);
	}
}

/* More blanks than a line may hold are let through rather than kept. */
static void blanks_do_not_pile_up(void **state)
{
	struct transfer t;
	struct buf out;

	(void)state;
	buf_init(&out, 200000);
	transfer_init(&t, TRANSFER_QUOTED_PRINTABLE);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(transfer_feed(&t, SLICE_LIT(" "), &out), 0);
	assert_int_equal(transfer_feed(&t, SLICE_LIT("="), &out), 0);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(transfer_feed(&t, SLICE_LIT(" "), &out), 0);
	assert_int_equal(transfer_feed(&t, SLICE_LIT("x"), &out), 0);
	assert_int_equal(transfer_finish(&t, &out), 0);
	assert_int_equal(out.n, 110002);
	transfer_free(&t);
	buf_free(&out);
}

static void line_ends_become_crlf_however_they_are_cut(void **state)
{
	static const struct {
		struct slice in, out;
		bool end_line;
		uint64_t bare_lf, bare_cr;
	} rows[] = {
		{ SLICE_LIT(""), SLICE_LIT(""), true, 0, 0 },
		{ SLICE_LIT("a\r\nb\r\n"), SLICE_LIT("a\r\nb\r\n"), true, 0, 0 },
		{ SLICE_LIT("a\nb\n"), SLICE_LIT("a\r\nb\r\n"), true, 2, 0 },
		{ SLICE_LIT("a\rb\r"), SLICE_LIT("a\r\nb\r\n"), true, 0, 2 },
		{ SLICE_LIT("a\n\nb"), SLICE_LIT("a\r\n\r\nb\r\n"), true, 2, 0 },
		{ SLICE_LIT("a\n\nb"), SLICE_LIT("a\r\n\r\nb"), false, 2, 0 },
		{ SLICE_LIT("a\r\rb"), SLICE_LIT("a\r\n\r\nb"), false, 0, 2 },
		{ SLICE_LIT("a\r\r\nb"), SLICE_LIT("a\r\nb"), false, 0, 1 },
		{ SLICE_LIT("a\r\r\r\nb"), SLICE_LIT("a\r\n\r\nb"), false, 0, 2 },
		{ SLICE_LIT("\n\r\n\r"), SLICE_LIT("\r\n\r\n\r\n"), true, 1, 1 },
		{ SLICE_LIT("\r\r\r\r\r"), SLICE_LIT("\r\n\r\n\r\n\r\n\r\n"), true, 0, 5 },
		{ SLICE_LIT("a\0\xff\n.\n"), SLICE_LIT("a\0\xff\r\n.\r\n"), true, 2, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t cut = 0; cut <= rows[i].in.n; cut++) {
			struct newline s = { 0 };
			struct buf out;

			buf_init(&out, 1000);
			assert_int_equal(newline_feed(&s, slice_of(rows[i].in.p, cut), &out), 0);
			assert_int_equal(newline_feed(&s, slice_of(rows[i].in.p + cut, rows[i].in.n - cut), &out), 0);
			assert_int_equal(newline_finish(&s, rows[i].end_line, &out), 0);
			if (!slice_eq(buf_slice(&out), rows[i].out))
				fail_msg("row %zu cut at %zu", i, cut);
			assert_int_equal(s.bare_lf, rows[i].bare_lf);
			assert_int_equal(s.bare_cr, rows[i].bare_cr);
			buf_free(&out);
		}
}

static void dates_are_read(void **state)
{
	static const struct {
		const char *value;
		time_t t;
	} rows[] = {
		{ " Fri, 02 Jan 2026 03:04:05 +0000", 1767323045 },
		{ "2 Jan 2026 03:04:05 -0000", 1767323045 },
		{ "Fri, 02 Jan 2026 04:34:05 +0130\r\n", 1767323045 },
		{ "Thu, 01 Jan 2026 19:04:05 PST", 1767323045 },
		{ "Fri,\r\n 2 Jan 2026\r\n 03:04:05 GMT", 1767323045 },
		{ "Fri, 2 Jan 2026 03:04 UT", 1767323040 },
		/* RFC 5322, appendix A.5 and A.6.2. */
		{ "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n  -0330 (Newfoundland Time)",
		  -1 },
		{ "21 Nov 97 09:55:06 GMT", 880106106 },
		{ "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706 },
		{ "Fri, 21 Nov 1997 09:55:06 -0600", 880127706 },
		/* Seen in mail. */
		{ "Fri Jan  2 03:04:05 2026", 1767323045 },
		{ "Fri, 02-Jan-2026 03:04:05 GMT", 1767323045 },
		{ "Fri, 2 January 2026 03:04:05 +0000 (UTC)", 1767323045 },
		{ "Fri, 2 Jan 2026 03:04:05.678 +0000", 1767323045 },
		{ "Fri, 2 Jan 2026 03:04:05", 1767323045 },
		{ "Fri, 2 Jan 2026 03:04:05 XYZ", 1767323045 },
		{ "2 Jan 126 03:04:05 Z", 1767323045 },
		{ "Sat, 29 Feb 2020 00:00:00 +0000", 1582934400 },
		{ "Tue, 31 Dec 9999 23:59:60 +0000", 253402300800 },
		{ "Thu, 01 Jan 1970 00:00:00 +0000", 0 },
		/* Not clear. */
		{ "", -1 },
		{ "yesterday", -1 },
		{ "Thu, 01 Jan 1970 00:00:00 +0001", -1 },
		{ "31 Dec 1969 23:59:59 +0000", -1 },
		{ "29 Feb 2021 00:00:00 +0000", -1 },
		{ "31 Apr 2026 00:00:00 +0000", -1 },
		{ "0 Jan 2026 00:00:00 +0000", -1 },
		{ "1 Foo 2026 00:00:00 +0000", -1 },
		{ "1 Jan 2026", -1 },
		{ "1 Jan 2026 24:00:00 +0000", -1 },
		{ "1 Jan 2026 00:60:00 +0000", -1 },
		{ "1 Jan 2026 00:00:61 +0000", -1 },
		{ "1 Jan 2026 00:00:00:00 +0000", -1 },
		{ "1 Jan 2026 :: +0000", -1 },
		{ "1 Jan 2026 00:00:00 +00", -1 },
		{ "1 Jan 2026 00:00:00 +0060", -1 },
		{ "1 Jan 2026 00:00:00 +0000 +0000", -1 },
		{ "1 Jan 2026 00:00:00 00:00:00", -1 },
		{ "1 Jan 2026 2026 00:00:00 +0000", -1 },
		{ "99999999999999999999 Jan 2026 00:00:00 +0000", -1 },
		{ "1-", -1 },
		{ "--1", -1 },
		{ "1 Jan 2026 00:00:00 ((((", 1767225600 },
		{ "a a a a a a a a a a a a a a a a a a a 1 Jan 2026 00:00:00", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (date_parse(slice_str(rows[i].value)) != rows[i].t)
			fail_msg("%s: %lld", rows[i].value, (long long)date_parse(slice_str(rows[i].value)));
	assert_int_equal(date_parse(SLICE_LIT("1 Jan 2026 00:00:00 \0")), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transfer_names_are_known),
		cmocka_unit_test(transfers_decode_however_they_are_cut),
		cmocka_unit_test(blanks_do_not_pile_up),
		cmocka_unit_test(line_ends_become_crlf_however_they_are_cut),
		cmocka_unit_test(dates_are_read),
	};

	return cmocka_run_group_tests_name("msgstream", tests, NULL, NULL);
}
