/* SMTP paths, single addresses, and the address lists of header fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "msg/address.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define TEN	 "1234567890"
#define LOCAL_64 TEN TEN TEN TEN TEN TEN "1234"
#define LABEL_60 TEN TEN TEN TEN TEN TEN
#define LABEL_63 LABEL_60 "123"

static void paths_are_strict(void **state)
{
	static const struct {
		struct slice text;
		bool utf8, null_ok;
		enum address_fault fault;
		const char *local, *domain;
		size_t rest; /* octets behind the path */
	} rows[] = {
		{ SLICE_LIT("<a@b>"), false, false, ADDRESS_OK, "a", "b", 0 },
		{ SLICE_LIT("<a@b> SIZE=1"), false, false, ADDRESS_OK, "a", "b", 7 },
		{ SLICE_LIT("<John.Doe+x@Mail.Example.ORG.>"), false, false, ADDRESS_OK, "John.Doe+x",
		  "Mail.Example.ORG", 0 },
		{ SLICE_LIT("<a%b@us>"), false, false, ADDRESS_OK, "a%b", "us", 0 },
		{ SLICE_LIT("<x!y@z>"), false, false, ADDRESS_OK, "x!y", "z", 0 },
		{ SLICE_LIT("<!#$%&'*+-/=?^_`{|}~@z>"), false, false, ADDRESS_OK, "!#$%&'*+-/=?^_`{|}~", "z", 0 },
		{ SLICE_LIT("<\"a b\"@c>"), false, false, ADDRESS_OK, "a b", "c", 0 },
		{ SLICE_LIT("<\"a\\\"\\\\>\"@c>"), false, false, ADDRESS_OK, "a\"\\>", "c", 0 },
		{ SLICE_LIT("<\"\"@c>"), false, false, ADDRESS_OK, "", "c", 0 },
		{ SLICE_LIT("<a@[192.0.2.1]>"), false, false, ADDRESS_OK, "a", "[192.0.2.1]", 0 },
		{ SLICE_LIT("<a@[IPv6:2001:db8::1]>"), false, false, ADDRESS_OK, "a", "[IPv6:2001:db8::1]", 0 },
		{ SLICE_LIT("<scan@fax_1.lan>"), false, false, ADDRESS_OK, "scan", "fax_1.lan", 0 },
		{ SLICE_LIT("<postmaster>"), false, false, ADDRESS_OK, "postmaster", "", 0 },
		{ SLICE_LIT("<PostMaster> x"), false, false, ADDRESS_OK, "PostMaster", "", 2 },
		{ SLICE_LIT("<postmaster>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<>"), false, true, ADDRESS_OK, "", "", 0 },
		{ SLICE_LIT("<> BODY=7BIT"), false, true, ADDRESS_OK, "", "", 10 },
		{ SLICE_LIT("<" LOCAL_64 "@b>"), false, false, ADDRESS_OK, LOCAL_64, "b", 0 },
		{ SLICE_LIT("<a@" LABEL_63 ">"), false, false, ADDRESS_OK, "a", LABEL_63, 0 },
		/* RFC 6531, 3.3. */
		{ SLICE_LIT("<j\xc3\xb6@b\xc3\xbc.example>"), true, false, ADDRESS_OK, "j\xc3\xb6", "b\xc3\xbc.example",
		  0 },
		{ SLICE_LIT("<\"j \xc3\xb6\"@b>"), true, false, ADDRESS_OK, "j \xc3\xb6", "b", 0 },
		{ SLICE_LIT("<j\xc3\xb6@b>"), false, false, ADDRESS_NEEDS_UTF8, NULL, NULL, 0 },
		{ SLICE_LIT("<\"j\xc3\xb6\"@b>"), false, false, ADDRESS_NEEDS_UTF8, NULL, NULL, 0 },
		{ SLICE_LIT("<a@\xc3\xbc> x"), false, false, ADDRESS_NEEDS_UTF8, NULL, NULL, 2 },
		{ SLICE_LIT("<j\xf6@b>"), true, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<j\xc2\x85@b>"), true, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<\"\\\xc3\xb6\"@b>"), true, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a\xc3\xb6>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		/* Too long. */
		{ SLICE_LIT("<" LOCAL_64 "5@b>"), false, false, ADDRESS_TOO_LONG, NULL, NULL, 0 },
		{ SLICE_LIT("<a@" LABEL_60 "." LABEL_60 "." LABEL_60 "." LABEL_60 ".1234567890.1>"), false, false,
		  ADDRESS_TOO_LONG, NULL, NULL, 0 },
		/* Source routes. */
		{ SLICE_LIT("<@us:a@elsewhere>"), false, false, ADDRESS_SOURCE_ROUTE, NULL, NULL, 0 },
		{ SLICE_LIT("<@a,@b.c:d@e> x"), false, false, ADDRESS_SOURCE_ROUTE, NULL, NULL, 2 },
		{ SLICE_LIT("<@a,b:d@e>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<@a,:d@e>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<@a:>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<@a>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		/* Controls, quoted or not. */
		{ SLICE_LIT("<\"a\r\nX: y\"@d>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<\"a\\\r\"@d>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<\"a\\\n\"@d>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<\"a\0\"@d>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<\"a\\\0\"@d>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a\0@d>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@d\0>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<\"a\t\"@d>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<\"a\x7f\"@d>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a\x1b[0m@d>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		/* Plainly wrong. */
		{ SLICE_LIT(""), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<>"), false, false, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("a@b"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT(" <a@b>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@b"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<@b>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@b@c>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a b@c>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@b c>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("< a@b>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a(x)@b>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<.a@b>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a.@b>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a..b@c>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<\"a@b>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<\"a\"b@c>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@.b>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@b..c>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@.>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@-b>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@b-.c>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@" LABEL_63 "4>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@[192.0.2.256]>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@[192.0.2.1\0]>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@[2001:db8::1]>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@[]>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@[>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
		{ SLICE_LIT("<a@[x:y]>"), false, true, ADDRESS_SYNTAX, NULL, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct address a = { 0 };
		size_t used = 99;
		enum address_fault f = address_parse_path(rows[i].text, rows[i].utf8, rows[i].null_ok, &a, &used);

		if (f != rows[i].fault)
			fail_msg("%s: fault %d", rows[i].text.p, f);
		assert_int_equal(used, f == ADDRESS_SYNTAX ? 0 : rows[i].text.n - rows[i].rest);
		if (f == ADDRESS_OK) {
			assert_string_equal(a.local, rows[i].local);
			assert_string_equal(a.domain, rows[i].domain);
		} else {
			assert_null(a.local);
			assert_null(a.domain);
		}
		address_free(&a);
	}
}

static void single_addresses_come_back_as_they_went(void **state)
{
	static const struct {
		const char *text, *formatted; /* NULL: ADDRESS_SYNTAX */
	} rows[] = {
		{ "a@b", "a@b" },
		{ "\"a b\"@c", "\"a b\"@c" },
		{ "\"ab\"@c", "ab@c" },
		{ "\"a.b\"@c", "a.b@c" },
		{ "\"a..b\"@c", "\"a..b\"@c" },
		{ "\".\"@c", "\".\"@c" },
		{ "\"\"@c", "\"\"@c" },
		{ "\"a\\\"b\\\\\"@c", "\"a\\\"b\\\\\"@c" },
		{ "\"\\a\"@c", "a@c" },
		{ "\xc3\xa9@\xc3\xa9", "\xc3\xa9@\xc3\xa9" },
		{ "a@b ", NULL },
		{ "a@b>", NULL },
		{ "<a@b>", NULL },
		{ "a", NULL },
		{ "", NULL },
		{ "a@b,c@d", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct address a = { 0 };
		enum address_fault f = address_parse(slice_str(rows[i].text), true, &a);
		struct buf b;

		assert_int_equal(f, rows[i].formatted == NULL ? ADDRESS_SYNTAX : ADDRESS_OK);
		if (f != ADDRESS_OK)
			continue;
		buf_init(&b, 100);
		assert_int_equal(address_format(&a, &b), 0);
		assert_string_equal(buf_str(&b), rows[i].formatted);
		buf_free(&b);
		buf_init(&b, 2);
		assert_int_equal(address_format(&a, &b), -1);
		buf_free(&b);
		address_free(&a);
	}
}

static char *list_text(const struct address_list *l)
{
	struct buf b;

	buf_init(&b, 10000);
	for (size_t i = 0; i < l->n; i++) {
		assert_int_equal(address_format(&l->all[i], &b), 0);
		assert_int_equal(buf_add_char(&b, ' '), 0);
	}
	return buf_take(&b, NULL);
}

static void lists_are_read_leniently(void **state)
{
	static const struct {
		struct slice value;
		const char *addresses;
		size_t bad;
	} rows[] = {
		{ SLICE_LIT(""), "", 0 },
		{ SLICE_LIT(" a@b"), "a@b ", 0 },
		{ SLICE_LIT("a@b,c@d ,\r\n\te@f"), "a@b c@d e@f ", 0 },
		{ SLICE_LIT(",,a@b,,"), "a@b ", 0 },
		/* RFC 5322, appendix A.1. */
		{ SLICE_LIT("\"Joe Q. Public\" <john.q.public@example.com>"), "john.q.public@example.com ", 0 },
		{ SLICE_LIT("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
		  "mary@x.test jdoe@example.org one@y.test ", 0 },
		{ SLICE_LIT("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"),
		  "boss@nil.test sysservices@example.net ", 0 },
		{ SLICE_LIT("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"),
		  "c@a.test joe@where.test jdoe@one.test ", 0 },
		{ SLICE_LIT("Undisclosed recipients:;"), "", 0 },
		/* A.5 and A.6. */
		{ SLICE_LIT("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"), "pete@silly.test ", 0 },
		{ SLICE_LIT(
		      "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
		      "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)"),
		  "c@public.example joe@example.org jdoe@one.test ", 0 },
		{ SLICE_LIT("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;"), "", 0 },
		{ SLICE_LIT("Joe Q. Public <john.q.public@example.com>"), "john.q.public@example.com ", 0 },
		{ SLICE_LIT("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example"),
		  "mary@example.net jdoe@test.example ", 0 },
		{ SLICE_LIT("<@a,@b:c@d>, <@a.b:c@d>, <@[192.0.2.1]:e@f>"), "c@d c@d e@f ", 0 },
		{ SLICE_LIT("John Doe <jdoe@machine(comment).  example>"), "jdoe@machine.example ", 0 },
		/* Seen in mail. */
		{ SLICE_LIT("a @ b . c"), "a@b.c ", 0 },
		{ SLICE_LIT("a@b."), "a@b ", 0 },
		{ SLICE_LIT("a..b.@docomo.example"), "\"a..b.\"@docomo.example ", 0 },
		{ SLICE_LIT("\"a b\"@c"), "\"a b\"@c ", 0 },
		{ SLICE_LIT("\"a\r\n b\"@c"), "\"a b\"@c ", 0 },
		{ SLICE_LIT("a.\"b c\".d@e"), "\"a.b c.d\"@e ", 0 },
		{ SLICE_LIT("[Team] M\xfcller, Inc. <a@b>"), "a@b ", 1 },
		{ SLICE_LIT("J\xc3\xb6 <j\xc3\xb6@b\xc3\xbc>"), "j\xc3\xb6@b\xc3\xbc ", 0 },
		{ SLICE_LIT("x@y.z <a@b>"), "a@b ", 0 },
		{ SLICE_LIT("Re: hello <a@b>"), "a@b ", 0 },
		{ SLICE_LIT("a@b (Jo (and) Co), c@d"), "a@b c@d ", 0 },
		{ SLICE_LIT("a@[192.0.2.1], a@[192.0.2.1\0x], a@[x]"), "a@[192.0.2.1] ", 2 },
		/* Encoded words hide nothing. */
		{ SLICE_LIT("=?utf-8?q?Jo=2C_x?= <a@b>"), "a@b ", 0 },
		{ SLICE_LIT("=?utf-8?q?x@y.z,?= <a@b>"), "a@b ", 0 },
		{ SLICE_LIT("=?utf-8?q?x@y.z,?="), "", 1 },
		{ SLICE_LIT("=?utf-8?q?x?=@y.z"), "", 1 },
		/* Not clear: no address. */
		{ SLICE_LIT("a@b.c d@e.f"), "", 1 },
		{ SLICE_LIT("john smith@example.com"), "", 1 },
		{ SLICE_LIT("a@b c, d@e"), "d@e ", 1 },
		{ SLICE_LIT("<a@b> <c@d>, e@f"), "e@f ", 1 },
		{ SLICE_LIT("<a@b> x"), "", 1 },
		{ SLICE_LIT("<a@b>.c"), "", 1 },
		{ SLICE_LIT("<<a@b>>"), "", 1 },
		{ SLICE_LIT("<a@b"), "", 1 },
		{ SLICE_LIT("a@b>"), "", 1 },
		{ SLICE_LIT("<a,b@c>, d@e"), "d@e ", 2 },
		{ SLICE_LIT("<>"), "", 1 },
		{ SLICE_LIT("root"), "", 1 },
		{ SLICE_LIT("@b"), "", 1 },
		{ SLICE_LIT("a@"), "", 1 },
		{ SLICE_LIT("a@@b"), "", 1 },
		{ SLICE_LIT("a@b@c"), "", 1 },
		{ SLICE_LIT("a@b:c@d"), "", 1 },
		{ SLICE_LIT("<a:b@c>"), "", 1 },
		{ SLICE_LIT("a@b..c, a@.b, a@-b"), "", 3 },
		{ SLICE_LIT("\"a@b, c@d"), "", 1 },
		{ SLICE_LIT("(a@b, c@d"), "", 1 },
		{ SLICE_LIT("x (\\"), "", 1 },
		{ SLICE_LIT("a)@b"), "", 1 },
		{ SLICE_LIT("a\0@b"), "", 1 },
		{ SLICE_LIT("\"a\0\"@b"), "", 1 },
		{ SLICE_LIT("\"a\\\0\"@b"), "", 1 },
		{ SLICE_LIT("\"a\\\n\"@b"), "", 1 },
		{ SLICE_LIT("\"a\rb\"@b"), "", 1 },
		{ SLICE_LIT("j\xf6@b"), "", 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct address_list l;
		size_t bad = 99;
		char *got;

		address_list_parse(rows[i].value, &l, &bad);
		got = list_text(&l);
		if (strcmp(got, rows[i].addresses) != 0 || bad != rows[i].bad)
			fail_msg("%s: %s, %zu bad", rows[i].value.p, got, bad);
		free(got);
		address_list_free(&l);
	}
}

/* Repeats PATTERN to 200,000 octets: what is bounded stays bounded, and no pattern makes the reader go back. */
static void lists_are_bounded(void **state)
{
	static const struct {
		const char *pattern;
		size_t n, bad;
	} rows[] = {
		{ "a@b,", ADDRESS_LIST_MAX, 50000 - ADDRESS_LIST_MAX },
		{ "(", 0, 1 },
		{ "\"", 0, 1 },
		{ "<", 0, 1 },
		{ "[", 0, 1 },
		{ "\\", 0, 1 },
		{ "a", 0, 1 },
		{ "a.", 0, 1 },
		{ "=?a?q?", 0, 1 },
		{ ":", 0, 0 },
		{ ";", 0, 0 },
		{ "<@", 0, 1 },
		{ "()", 0, 0 },
		{ "(()", 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct address_list l;
		struct buf b;
		size_t bad;

		buf_init(&b, 300000);
		while (b.n < 200000)
			assert_int_equal(buf_add_str(&b, rows[i].pattern), 0);
		address_list_parse(buf_slice(&b), &l, &bad);
		if (l.n != rows[i].n || bad != rows[i].bad)
			fail_msg("%s: %zu addresses, %zu bad", rows[i].pattern, l.n, bad);
		address_list_free(&l);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_strict),
		cmocka_unit_test(single_addresses_come_back_as_they_went),
		cmocka_unit_test(lists_are_read_leniently),
		cmocka_unit_test(lists_are_bounded),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
