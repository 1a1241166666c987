/* The lines of a delivery, finding its id again, loops, dates and line ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "msg/received.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void lines_are_written(void **state)
{
	static const struct slice one[] = { SLICE_LIT("info@office.example") };
	static const struct slice two[] = { SLICE_LIT("a@office.example"), SLICE_LIT("\"b c\"@office.example") };
	static const struct slice evil[] = { SLICE_LIT("a>\r\nX: y\"(\\\xff\xc3\xa9@b") };
	static const struct {
		struct received_info info;
		const char *text;
	} rows[] = {
		{ { .hostname = SLICE_LIT("mail.office.example"),
		    .helo = SLICE_LIT("scanner"),
		    .client = SLICE_LIT("scan.lan"),
		    .ip = SLICE_LIT("192.0.2.7"),
		    .protocol = SLICE_LIT("ESMTP"),
		    .id = SLICE_LIT("0123456789abcdef"),
		    .sender = SLICE_LIT("scan@office.example"),
		    .to = one,
		    .nto = 1,
		    .time = 1767323045 },
		  "Return-Path: <scan@office.example>\r\n"
		  "Delivered-To: info@office.example\r\n"
		  "Received: from scanner (scan.lan [192.0.2.7])\r\n"
		  "\tby mail.office.example with ESMTP id 0123456789abcdef\r\n"
		  "\tfor <info@office.example>;\r\n"
		  "\tFri, 02 Jan 2026 03:04:05 +0000\r\n" },
		{ { .hostname = SLICE_LIT("h"),
		    .ip = SLICE_LIT("2001:db8::1"),
		    .protocol = SLICE_LIT("LMTP"),
		    .id = SLICE_LIT("x"),
		    .to = two,
		    .nto = 2 },
		  "Return-Path: <>\r\n"
		  "Delivered-To: a@office.example\r\n"
		  "Delivered-To: \"b c\"@office.example\r\n"
		  "Received: from unknown ([IPv6:2001:db8::1])\r\n"
		  "\tby h with LMTP id x;\r\n"
		  "\tThu, 01 Jan 1970 00:00:00 +0000\r\n" },
		{ { .hostname = SLICE_LIT("h"),
		    .helo = SLICE_LIT("[192.0.2.1]"),
		    .protocol = SLICE_LIT("LMTP"),
		    .id = SLICE_LIT("x") },
		  "Return-Path: <>\r\n"
		  "Received: from [192.0.2.1]\r\n"
		  "\tby h with LMTP id x;\r\n"
		  "\tThu, 01 Jan 1970 00:00:00 +0000\r\n" },
		{ { .hostname = SLICE_LIT("h"),
		    .helo = SLICE_LIT("pop.example.net"),
		    .protocol = SLICE_LIT("POP3"),
		    .id = SLICE_LIT("x"),
		    .sender = SLICE_LIT("a@b"),
		    .to = one,
		    .nto = 1,
		    .without_path = true,
		    .without_delivered = true },
		  "Received: from pop.example.net\r\n"
		  "\tby h with POP3 id x\r\n"
		  "\tfor <info@office.example>;\r\n"
		  "\tThu, 01 Jan 1970 00:00:00 +0000\r\n" },
		{ { .hostname = SLICE_LIT("h"),
		    .helo = SLICE_LIT("mx.example.net"),
		    .protocol = SLICE_LIT("ESMTPS"),
		    .id = SLICE_LIT("x"),
		    .to = one,
		    .nto = 1,
		    .tls_version = SLICE_LIT("TLSv1.3"),
		    .tls_cipher = SLICE_LIT("TLS_AES_256_GCM_SHA384"),
		    .tls_bits = 256 },
		  "Return-Path: <>\r\n"
		  "Delivered-To: info@office.example\r\n"
		  "Received: from mx.example.net\r\n"
		  "\tby h with ESMTPS id x\r\n"
		  "\tfor <info@office.example>\r\n"
		  "\ttls TLS_AES_256_GCM_SHA384 (TLSv1.3, 256 bits);\r\n"
		  "\tThu, 01 Jan 1970 00:00:00 +0000\r\n" },
		/* Nothing that a client says starts a line, a comment or a clause. */
		{ { .hostname = SLICE_LIT("h"),
		    .helo = SLICE_LIT("x by h id fake\r\n\r\n(;\x1b[0m\0\xff"),
		    .client = SLICE_LIT("a) by h id fake (b\\"),
		    .ip = SLICE_LIT("1)\r\n"),
		    .protocol = SLICE_LIT("A B"),
		    .id = SLICE_LIT("x y"),
		    .sender = SLICE_LIT("a b\r\n@c\xc3\xa9"),
		    .to = evil,
		    .nto = 1 },
		  "Return-Path: <a?b??@c?>\r\n"
		  "Delivered-To: a>??X: y\"(\\??@b\r\n"
		  "Received: from x?by?h?id?fake???????[0m?? (a??by?h?id?fake??b? [1???])\r\n"
		  "\tby h with A?B id x?y\r\n"
		  "\tfor <a>??X:?y\"(\\??@b>;\r\n"
		  "\tThu, 01 Jan 1970 00:00:00 +0000\r\n" },
		{ { .hostname = SLICE_LIT("h"),
		    .helo = SLICE_LIT("\xc3\xa9.example"),
		    .protocol = SLICE_LIT("UTF8SMTP"),
		    .id = SLICE_LIT("x"),
		    .sender = SLICE_LIT("\xc3\xa9\xff@\xe2\x80\xa8"),
		    .utf8 = true },
		  "Return-Path: <\xc3\xa9?@??"
		  "?>\r\n"
		  "Received: from \xc3\xa9.example\r\n"
		  "\tby h with UTF8SMTP id x;\r\n"
		  "\tThu, 01 Jan 1970 00:00:00 +0000\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct header h;
		struct buf b;

		buf_init(&b, RECEIVED_LINES_MAX);
		assert_int_equal(received_lines(&rows[i].info, &b), 0);
		assert_string_equal(buf_str(&b), rows[i].text);
		header_parse(&h, buf_slice(&b));
		assert_int_equal(h.n, (rows[i].info.without_path ? 1 : 2) +
					  (rows[i].info.without_delivered ? 0 : rows[i].info.nto));
		if (slice_find(rows[i].info.id, ' ') == rows[i].info.id.n)
			assert_true(received_id_find(buf_slice(&b), rows[i].info.hostname, rows[i].info.id));
		assert_false(received_id_find(buf_slice(&b), SLICE_LIT("h"), SLICE_LIT("fake")));
		header_free(&h);
		buf_free(&b);
		buf_init(&b, 40);
		assert_int_equal(received_lines(&rows[i].info, &b), -1);
		buf_free(&b);
	}
}

/* All names of 100,000 octets: no line reaches 998. */
static void lines_stay_short(void **state)
{
	static char long_name[100000];
	struct slice s = slice_of(long_name, sizeof long_name);
	struct received_info info = { s, s, s, s, s, s, s, &s, 1, s, s, 0, 0, true, false, false, false };
	struct slice rest;
	struct buf b;

	(void)state;
	memset(long_name, 'x', sizeof long_name);
	buf_init(&b, RECEIVED_LINES_MAX);
	assert_int_equal(received_lines(&info, &b), 0);
	for (rest = buf_slice(&b); rest.n > 0;) {
		size_t n = slice_find(rest, '\n');

		assert_true(n < 998);
		rest = slice_of(rest.p + n + 1, rest.n - n - 1);
	}
	buf_free(&b);
}

static void ids_are_found_where_they_belong(void **state)
{
	static const struct {
		const char *block, *ids; /* of host "h", each with a blank behind it */
	} rows[] = {
		{ "", "" },
		{ "Received: from x by h with ESMTP id ABC; date\r\n", "ABC " },
		{ "received:from x BY H with ESMTP ID abc for <a@b>; date\r\n\r\n", "abc " },
		/* Folded in other ways, comments in between, LF only. */
		{ "Received:\r\n from x\r\n ([192.0.2.1])\r\n by\r\n\t\th\r\n with ESMTP\r\n id\r\n  abc\r\n "
		  ";date\r\n\r\n",
		  "abc " },
		{ "Received: from x by h(c)with ESMTP id abc(d);date\n", "abc " },
		{ "Received: from x (y\\) (z) by h id no) by h with ESMTP id abc; date\r\n", "abc " },
		/* Several, of several hosts. */
		{ "Received: from a by h id 1; d\r\nReceived: from a by other id 2; d\r\nX: y\r\nReceived: from a by h "
		  "id 3;\r\n",
		  "1 3 " },
		/* Elsewhere than in the clause. */
		{ "Received: from x (by h id fake) by other id 1; date\r\n", "" },
		{ "Received: from x by h (id fake) with ESMTP; id fake\r\n", "" },
		{ "Received: from x by h; id fake\r\n", "" },
		{ "Received: from \"by h id fake\" by other id 1; d\r\n", "" },
		{ "Received: from x by other with \"y\" id 1 for <a by h id fake>; d\r\n", "" },
		{ "Received: from id by h with fake; d\r\n", "" },
		{ "Received: from by by h id abc; d\r\n", "abc " },
		{ "Received: from x by h.other id abc; d\r\n", "" },
		{ "Received: by h id first id second; d\r\n", "first " },
		{ "Received: by h by other id abc; d\r\n", "abc " },
		{ "Received: by other by h id abc; d\r\n", "" },
		{ "X-Received: from x by h id fake; d\r\n", "" },
		{ "Subject: x\r\n Received: from x by h id fake; d\r\n", "" },
		{ "\r\nReceived: from x by h id body; d\r\n", "" },
		/* Broken off at any place. */
		{ "Received: from x by h id", "" },
		{ "Received: from x by h id abc", "abc " },
		{ "Received: from x by h (", "" },
		{ "Received: from x by h id \"", "\" " },
		{ "Received: from x by h id <\\", "<\\ " },
		{ "Received:", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice rest = slice_str(rows[i].block), id;
		struct buf b;

		buf_init(&b, 1000);
		while (received_ids_next(&rest, SLICE_LIT("h"), &id)) {
			assert_int_equal(buf_add_slice(&b, id), 0);
			assert_int_equal(buf_add_char(&b, ' '), 0);
		}
		if (strcmp(buf_str(&b), rows[i].ids) != 0)
			fail_msg("%s: %s", rows[i].block, buf_str(&b));
		buf_free(&b);
		rest = slice_str(rows[i].block);
		assert_false(received_id_find(rest, SLICE_LIT("h"), SLICE_LIT("fake")));
		assert_false(received_id_find(rest, SLICE_LIT("h"), SLICE_LIT("aBc")));
	}
}

static void ids_of_any_host_are_found_without_a_name(void **state)
{
	struct slice rest = SLICE_LIT(
			 "Received: from a by x id 1; d\r\nReceived: from a; d\r\nReceived: by y id 2; d\r\n"),
		     id;

	(void)state;
	assert_true(received_ids_next(&rest, SLICE_NONE, &id) && slice_eq(id, SLICE_LIT("1")));
	assert_true(received_ids_next(&rest, SLICE_NONE, &id) && slice_eq(id, SLICE_LIT("2")));
	assert_false(received_ids_next(&rest, SLICE_NONE, &id));
}

static void loops_are_seen(void **state)
{
	static const struct {
		const char *before; /* fields */
		int received;
		enum received_loop loop;
	} rows[] = {
		{ "", 0, RECEIVED_NO_LOOP },
		{ "", 100, RECEIVED_NO_LOOP },
		{ "", 101, RECEIVED_TOO_MANY_HOPS },
		{ "Delivered-To: info@office.example\r\n", 1, RECEIVED_DELIVERED_BEFORE },
		{ "delivered-to:\r\n INFO@Office.Example \r\n", 0, RECEIVED_DELIVERED_BEFORE },
		{ "Delivered-To: other@office.example\r\nDelivered-To: \"info\"@office.example\r\n", 0,
		  RECEIVED_DELIVERED_BEFORE },
		{ "Delivered-To: other@office.example\r\nX-Delivered-To: info@office.example\r\n", 0,
		  RECEIVED_NO_LOOP },
		{ "Delivered-To: info\r\nDelivered-To:\r\nDelivered-To: <\r\n", 0, RECEIVED_NO_LOOP },
	};
	struct address recipient = { 0 };

	(void)state;
	assert_int_equal(address_parse(SLICE_LIT("info@office.example"), false, &recipient), ADDRESS_OK);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct header h;
		struct buf b;

		buf_init(&b, 100000);
		assert_int_equal(buf_add_str(&b, rows[i].before), 0);
		for (int k = 0; k < rows[i].received; k++)
			assert_int_equal(buf_add_str(&b, "Received: from x by y; z\r\n"), 0);
		header_parse(&h, buf_slice(&b));
		assert_int_equal(received_loop(&h, &recipient), rows[i].loop);
		assert_int_equal(received_loop(&h, NULL),
				 rows[i].received > 100 ? RECEIVED_TOO_MANY_HOPS : RECEIVED_NO_LOOP);
		header_free(&h);
		buf_free(&b);
	}
	address_free(&recipient);
}

static int utc(void **state)
{
	(void)state;
	(void)setenv("TZ", "UTC0", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_written),
		cmocka_unit_test(lines_stay_short),
		cmocka_unit_test(ids_are_found_where_they_belong),
		cmocka_unit_test(ids_of_any_host_are_found_without_a_name),
		cmocka_unit_test(loops_are_seen),
	};

	return cmocka_run_group_tests_name("received", tests, utc, NULL);
}
