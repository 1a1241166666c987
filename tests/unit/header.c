/* Headers: fields, bounds, unfolding, encoded words, and the summary that records keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "msg/charset.h"
#include "msg/encoded_word.h"
#include "msg/header.h"
#include "msg/message.h"
#include "msg/summary.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void fields_are_listed(void **state)
{
	/* FIELDS: "name=value|" of each. */
	static const struct {
		struct slice text;
		struct slice fields;
		const char *body;
		bool complete;
	} rows[] = {
		{ SLICE_LIT(""), SLICE_LIT(""), "", false },
		{ SLICE_LIT("\r\n"), SLICE_LIT(""), "", true },
		{ SLICE_LIT("\n"), SLICE_LIT(""), "", true },
		{ SLICE_LIT("\r"), SLICE_LIT("=\r|"), "", false },
		{ SLICE_LIT("\r\nbody"), SLICE_LIT(""), "body", true },
		{ SLICE_LIT("A: b\r\n\r\nbody"), SLICE_LIT("A= b|"), "body", true },
		{ SLICE_LIT("A: b\n\nbody"), SLICE_LIT("A= b|"), "body", true },
		{ SLICE_LIT("A: b"), SLICE_LIT("A= b|"), "", false },
		{ SLICE_LIT("A: b\r\n"), SLICE_LIT("A= b|"), "", false },
		{ SLICE_LIT("A:\r\nB:\r\n\r\n"), SLICE_LIT("A=|B=|"), "", true },
		{ SLICE_LIT("A: b\r\n c\r\n\td\r\nE: f\r\n\r\n"), SLICE_LIT("A= b\r\n c\r\n\td|E= f|"), "", true },
		/* A folded line that holds blanks only belongs to the field: it is not the end. */
		{ SLICE_LIT("A: b\r\n \r\nE: f\r\n\r\n"), SLICE_LIT("A= b\r\n |E= f|"), "", true },
		/* Obsolete: blanks before the colon (RFC 5322, 4.5). */
		{ SLICE_LIT("A \t: b\r\n\r\n"), SLICE_LIT("A= b|"), "", true },
		/* Lines that are no fields hide nothing. */
		{ SLICE_LIT("no colon\r\nA: b\r\n\r\n"), SLICE_LIT("=no colon|A= b|"), "", true },
		{ SLICE_LIT("From x@y Mon Jan 1 00:00:00 2026\r\nA: b\r\n\r\n"),
		  SLICE_LIT("=From x@y Mon Jan 1 00:00:00 2026|A= b|"), "", true },
		{ SLICE_LIT(">From x: y\r\nA: b\r\n\r\n"), SLICE_LIT("=>From x: y|A= b|"), "", true },
		{ SLICE_LIT(" white\r\nA: b\r\n\r\n"), SLICE_LIT("= white|A= b|"), "", true },
		{ SLICE_LIT("\tA: x\r\n B: y\r\nA: b\r\n\r\n"), SLICE_LIT("=\tA: x\r\n B: y|A= b|"), "", true },
		{ SLICE_LIT(": b\r\n\r\n"), SLICE_LIT("=: b|"), "", true },
		{ SLICE_LIT("A b: c\r\n\r\n"), SLICE_LIT("=A b: c|"), "", true },
		{ SLICE_LIT("\xc3\xa9: c\r\n\r\n"), SLICE_LIT("=\xc3\xa9: c|"), "", true },
		/* A bare CR ends nothing. */
		{ SLICE_LIT("A: b\rC: d\r\n\r\n"), SLICE_LIT("A= b\rC: d|"), "", true },
		{ SLICE_LIT("A: b\r\n\r\r\nC: d\r\n\r\n"), SLICE_LIT("A= b|=\r|C= d|"), "", true },
		{ SLICE_LIT("A\0B: c\r\nD: \0\r\n\r\n"), SLICE_LIT("=A\0B: c|D= \0|"), "", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct header h;
		struct buf got;

		header_parse(&h, rows[i].text);
		buf_init(&got, 1000);
		for (size_t k = 0; k < h.n; k++) {
			assert_int_equal(buf_add_slice(&got, h.fields[k].name), 0);
			assert_int_equal(buf_add_char(&got, '='), 0);
			assert_int_equal(buf_add_slice(&got, h.fields[k].value), 0);
			assert_int_equal(buf_add_char(&got, '|'), 0);
		}
		assert_true(slice_eq(buf_slice(&got), rows[i].fields));
		assert_int_equal(h.body_at, rows[i].text.n - strlen(rows[i].body));
		assert_int_equal(h.complete, rows[i].complete);
		assert_false(h.cut);
		buf_free(&got);
		header_free(&h);
	}
}

/* Whatever the length of the line in front, the fields behind the bound are dropped and the body is found. */
static void bounds_cut_and_keep_the_body(void **state)
{
	struct header h;
	struct buf b;

	(void)state;
	for (int over = -40; over <= 4; over++) {
		size_t fill = (size_t)(HEADER_MAX_BYTES + over) - 3;
		char *p;

		buf_init(&b, 1000000);
		assert_int_equal(buf_add_str(&b, "A:"), 0);
		p = buf_reserve(&b, fill);
		memset(p, 'x', fill);
		buf_commit(&b, fill);
		assert_int_equal(buf_add_str(&b, "\r\nB: c\r\n\r\nbody: x\r\n\r\n"), 0);
		header_parse(&h, buf_slice(&b));
		assert_true(h.complete);
		assert_int_equal(h.body_at, b.n - 11);
		assert_true(h.n >= 1 && h.n <= 2);
		assert_int_equal(h.cut, h.body_at > HEADER_MAX_BYTES);
		header_free(&h);
		buf_free(&b);
	}

	buf_init(&b, 1000000);
	for (int i = 0; i < HEADER_MAX_FIELDS; i++)
		assert_int_equal(buf_add_str(&b, "a:b\n"), 0);
	header_parse(&h, buf_slice(&b));
	assert_int_equal(h.n, HEADER_MAX_FIELDS);
	assert_false(h.cut || h.complete);
	header_free(&h);
	assert_int_equal(buf_add_str(&b, "\nbody"), 0);
	header_parse(&h, buf_slice(&b));
	assert_int_equal(h.n, HEADER_MAX_FIELDS);
	assert_true(!h.cut && h.complete && h.body_at == b.n - 4);
	header_free(&h);
	buf_truncate(&b, b.n - 5);
	assert_int_equal(buf_add_str(&b, "c:d\n e\n\nbody"), 0);
	header_parse(&h, buf_slice(&b));
	assert_int_equal(h.n, HEADER_MAX_FIELDS);
	assert_true(h.cut && h.complete && h.body_at == b.n - 4);
	header_free(&h);
	buf_free(&b);

	/* A megabyte without a line end. */
	buf_init(&b, 2000000);
	memset(buf_reserve(&b, 1 << 20), 'x', 1 << 20);
	buf_commit(&b, 1 << 20);
	header_parse(&h, buf_slice(&b));
	assert_true(h.cut && !h.complete && h.n == 1);
	assert_int_equal(h.body_at, 1 << 20);
	assert_int_equal(h.fields[0].value.n, HEADER_MAX_BYTES);
	header_free(&h);
	buf_free(&b);
}

static void fields_are_found(void **state)
{
	struct message m;
	size_t at = 0;

	(void)state;
	message_init(&m, SLICE_LIT("To: a\r\nx\r\nTO : b\r\nCc: c\r\nto: d\r\n\r\n"), 40, -1);
	assert_int_equal(header_count(&m.header, SLICE_LIT("tO")), 3);
	assert_int_equal(header_count(&m.header, SLICE_LIT("t")), 0);
	assert_int_equal(header_count(&m.header, SLICE_LIT("")), 0);
	assert_true(slice_eq(header_find(&m.header, SLICE_LIT("to"), &at)->value, SLICE_LIT(" a")));
	assert_true(slice_eq(header_find(&m.header, SLICE_LIT("to"), &at)->value, SLICE_LIT(" b")));
	assert_true(slice_eq(header_find(&m.header, SLICE_LIT("to"), &at)->value, SLICE_LIT(" d")));
	assert_null(header_find(&m.header, SLICE_LIT("to"), &at));
	assert_null(header_find(&m.header, SLICE_LIT("to"), &at));
	message_free(&m);
}

static void values_unfold_and_decode(void **state)
{
	static const struct {
		const char *value, *unfolded, *decoded;
	} rows[] = {
		{ "", "", "" },
		{ " \r\n\t", "", "" },
		{ " a\r\n b\n\tc ", "a b\tc", "a b\tc" },
		{ " a\rb", "a\rb", "a\rb" },
		/* RFC 2047, section 8. */
		{ "(=?ISO-8859-1?Q?a?=)", NULL, "(a)" },
		{ "(=?ISO-8859-1?Q?a?= b)", NULL, "(a b)" },
		{ "(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", NULL, "(ab)" },
		{ "(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", NULL, "(ab)" },
		{ "(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", NULL, "(ab)" },
		{ "(=?ISO-8859-1?Q?a_b?=)", NULL, "(a b)" },
		{ "(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", NULL, "(a b)" },
		{ "=?US-ASCII?Q?Keith_Moore?= <moore@example.com>", NULL, "Keith Moore <moore@example.com>" },
		{ "=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@example.dk>", NULL,
		  "Keld J\xc3\xb8rn Simonsen <keld@example.dk>" },
		{ "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
		  "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
		  NULL, "If you can read this you understand the example." },
		/* RFC 2231, section 5. */
		{ "=?US-ASCII*EN?Q?Keith_Moore?=", NULL, "Keith Moore" },
		{ "=?utf-8*?q?x?=", NULL, "x" },
		/* A character split between two words, of one encoding and of two. */
		{ "=?utf-8?q?a=C3?= =?UTF-8?q?=A9b?=", NULL,
		  "a\xc3\xa9"
		  "b" },
		{ "=?utf-8?b?4oI=?= =?utf-8?q?=AC?=", NULL, "\xe2\x82\xac" },
		{ "=?utf-8?q?=E2=82?= x =?utf-8?q?=AC?=", NULL, "\xef\xbf\xbd\xef\xbf\xbd x \xef\xbf\xbd" },
		{ "=?iso-2022-jp?B?GyRCRnw=?= =?ISO-2022-JP?B?S1wbKEI=?=", NULL, "\xe6\x97\xa5\xe6\x9c\xac" },
		/* Charsets. */
		{ "=?windows-1252?q?=80?=", NULL, "\xe2\x82\xac" },
		{ "=?koi8-r?B?8NLJ18XU?=", NULL, "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" },
		{ "=?shift_jis?B?k/qWew==?=", NULL, "\xe6\x97\xa5\xe6\x9c\xac" },
		{ "=?gb2312?B?1tDOxA==?=", NULL, "\xe4\xb8\xad\xe6\x96\x87" },
		{ "=?gb2312?B?1tDO?=", NULL, "\xe4\xb8\xad\xef\xbf\xbd" },
		{ "=?us-ascii?q?=E9?=", NULL, "\xef\xbf\xbd" },
		{ "=?utf-16be?b?AGEAYg==?=", NULL, "ab" },
		/* As mailers write them. */
		{ "=?utf-8?Q?two words?=", NULL, "two words" },
		{ "\"=?utf-8?q?x?=\" y", NULL, "\"x\" y" },
		{ "Re:=?utf-8?q?x?==?utf-8?q?y?=z", NULL, "Re:xyz" },
		{ "=?utf-8?b?YQ?=", NULL, "a" },
		{ "=?utf-8?q?"
		  "?= b",
		  NULL, " b" },
		{ "=?utf-8?q?a=?=", NULL, "a=" },
		{ "=?utf-8?q?a=4?=", NULL, "a=4" },
		{ "=?utf-8?q?a=zz?=", NULL, "a=zz" },
		/* No words: they stay. */
		{ "=?x-unknown?q?a?=", NULL, "=?x-unknown?q?a?=" },
		{ "=?utf-8?q?a?= =?x-unknown?q?b?= =?utf-8?q?c?=", NULL, "a =?x-unknown?q?b?= c" },
		{ "=?utf-8?x?a?=", NULL, "=?utf-8?x?a?=" },
		{ "=?utf-8?b?a*b?=", NULL, "=?utf-8?b?a*b?=" },
		{ "=?utf-8?q?a?=?q?b?=", NULL, "a?q?b?=" },
		{ "=?utf-8?q?a", NULL, "=?utf-8?q?a" },
		{ "=?", NULL, "=?" },
		{ "=?=?=?=?=", NULL, "=?=?=?=?=" },
		{ "=?utf-8?=?utf-8?q?a?=", NULL, "=?utf-8?a" },
		{ "a = b ? c", NULL, "a = b ? c" },
		/* Raw bytes (RFC 6532), and what is none. */
		{ "\xc3\xa9 \xff", NULL, "\xc3\xa9 \xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b;

		buf_init(&b, 1000);
		assert_int_equal(header_unfold(slice_str(rows[i].value), &b), 0);
		if (rows[i].unfolded != NULL)
			assert_string_equal(buf_str(&b), rows[i].unfolded);
		buf_clear(&b);
		assert_int_equal(header_decode(slice_str(rows[i].value), &b), 0);
		assert_string_equal(buf_str(&b), rows[i].decoded);
		buf_free(&b);
		if (strlen(rows[i].decoded) > 1) {
			buf_init(&b, strlen(rows[i].decoded) - 1);
			assert_int_equal(header_decode(slice_str(rows[i].value), &b), -1);
			buf_free(&b);
		}
	}
}

static void every_charset_gives_utf8(void **state)
{
	static const char *const names[] = { "utf-8",	  "iso-8859-1", "iso-8859-2", "windows-1255", "big5",
					     "gb18030",	  "euc-jp",	"euc-kr",     "iso-2022-kr",  "utf-7",
					     "utf-16",	  "utf-32",	"KOI8-U",     "TIS-620",      "cp866",
					     "macintosh", "ISO-2022-JP" };
	char bytes[1024];

	(void)state;
	charset_warm();
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 7 + i / 256);
	for (size_t i = 0; i < COUNT(names); i++) {
		const struct charset *c = charset_find(slice_str(names[i]));
		struct buf b;

		assert_non_null(c);
		buf_init(&b, sizeof bytes * 6);
		assert_int_equal(charset_to_utf8(c, slice_of(bytes, sizeof bytes), &b), 0);
		assert_true(utf8_valid(buf_slice(&b)));
		assert_true(b.n > 0);
		buf_free(&b);
		buf_init(&b, 10);
		assert_int_equal(charset_to_utf8(c, slice_of(bytes, sizeof bytes), &b), -1);
		buf_free(&b);
	}
	assert_null(charset_find(SLICE_LIT("UTF-8//TRANSLIT")));
	assert_null(charset_find(SLICE_LIT("")));
}

static void summaries_are_short_and_clean(void **state)
{
	static const struct {
		const char *header, *id, *subject, *from;
		time_t date;
	} rows[] = {
		{ "", "", "", "", -1 },
		{ "Message-ID: <a@b>\r\nSubject: =?utf-8?q?a=0D=0Ab?=\r\nFrom: =?utf-8?q?J=C3=B6?= <j@example.org>\r\n"
		  "Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n\r\n",
		  "<a@b>", "a  b", "J\xc3\xb6 <j@example.org>", 1767323045 },
		{ "Message-Id: (x) <a@b> c\r\nSubject:\r\n", "<a@b>", "", "", -1 },
		{ "Message-Id: <a b>\r\nSubject: a\x1b[0m\xff\r\n", "<a", "a [0m\xef\xbf\xbd", "", -1 },
		{ "Message-Id: <a\xc2\x8d"
		  "b>\r\n",
		  "<a", "", "", -1 },
		{ "Message-Id: a@b c\r\nSubject: \xe2\x80\xaex\r\nDate: soon\r\n", "a@b", " x", "", -1 },
	};
	struct summary s;
	struct header h;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		header_parse(&h, slice_str(rows[i].header));
		summary_init(&s, &h);
		assert_string_equal(s.message_id, rows[i].id);
		assert_string_equal(s.subject, rows[i].subject);
		assert_string_equal(s.from, rows[i].from);
		assert_int_equal(s.date, rows[i].date);
		summary_free(&s);
		header_free(&h);
	}

	/* 100,000 characters of three octets: cut at a whole one. */
	buf_init(&b, 400000);
	assert_int_equal(buf_add_str(&b, "Subject: "), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_add_str(&b, "\xe2\x82\xac"), 0);
	header_parse(&h, buf_slice(&b));
	summary_init(&s, &h);
	assert_int_equal(strlen(s.subject), SUMMARY_TEXT_MAX / 3 * 3);
	assert_true(utf8_valid(slice_str(s.subject)));
	summary_free(&s);
	header_free(&h);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_listed),	    cmocka_unit_test(bounds_cut_and_keep_the_body),
		cmocka_unit_test(fields_are_found),	    cmocka_unit_test(values_unfold_and_decode),
		cmocka_unit_test(every_charset_gives_utf8), cmocka_unit_test(summaries_are_short_and_clean),
	};

	return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
