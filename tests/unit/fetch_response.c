/* FETCH responses, whole and in pieces, and sets of UIDs. Each row passes the filter first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "imap/fetch_response.h"
#include "imap/filter.h"
#include "imap/uid_set.h"

enum { TOLD_MAX = 4000 };

/* What is told, as one text. */
static struct buf told;
static struct fetch_reader reader;

static int on_begin(void *arg, const struct fetch_response *r, uint64_t octets, struct err *e)
{
	(void)arg;
	(void)e;
	return buf_addf(&told, "begin %lu %llu;", (unsigned long)r->uid, (unsigned long long)octets);
}

static int on_piece(void *arg, struct slice bytes, struct err *e)
{
	(void)arg;
	(void)e;
	return buf_add_slice(&told, bytes);
}

static int on_done(void *arg, const struct fetch_response *r, struct err *e)
{
	struct buf flags = r->flags;

	(void)arg;
	(void)e;
	(void)buf_addf(&told, ";done %lu", (unsigned long)r->uid);
	if (r->has_size)
		(void)buf_addf(&told, " size %llu", (unsigned long long)r->size);
	if (r->has_flags)
		(void)buf_addf(&told, " flags %s", buf_str(&flags));
	if (r->has_date)
		(void)buf_addf(&told, " date %lld", (long long)r->internal_ms);
	return buf_addf(&told, "%s%s;", r->nil ? " nil" : "", r->whole ? " whole" : "");
}

static int on_line(void *arg, struct slice line, bool more, bool literal, uint64_t size, struct err *e)
{
	(void)arg;
	return fetch_reader_line(&reader, line, more, literal, size, e) < 0 ? -1 : 0;
}

static int on_octets(void *arg, struct slice bytes, struct err *e)
{
	(void)arg;
	return fetch_reader_octets(&reader, bytes, e) < 0 ? -1 : 0;
}

static int on_tagged(void *arg, const struct filter_reply *r, struct err *e)
{
	(void)arg;
	(void)r;
	(void)e;
	return buf_add_str(&told, "tagged;");
}

/* 0, or -1 and E. STEP octets at a time. */
static int read_text(const char *text, size_t n, size_t step, struct err *e)
{
	const struct fetch_events events = { .begin = on_begin, .piece = on_piece, .done = on_done };
	const struct filter_sink sink = { .line = on_line, .octets = on_octets, .tagged = on_tagged };
	struct imap_filter *f = imap_filter_new();
	struct buf out;
	int ret = 0;

	buf_init(&out, TOLD_MAX);
	buf_clear(&told);
	fetch_reader_init(&reader, &events);
	reader.section = "BODY[]";
	assert_int_equal(imap_filter_feed(f, slice_str("* OK hello\r\n"), &out, e), 0);
	imap_filter_divert(f, &sink);
	imap_filter_allow(f, 1000, UINT64_MAX);
	for (size_t i = 0; ret == 0 && i < n; i += step)
		ret = imap_filter_feed(f, slice_of(text + i, n - i < step ? n - i : step), &out, e);
	/* Nothing is for libetpan. */
	assert_string_equal(buf_str(&out), "* OK -\r\n");
	fetch_reader_free(&reader);
	imap_filter_free(&f);
	buf_free(&out);
	return ret;
}

static const struct {
	const char *text;
	const char *told; /* NULL: an error, which holds WHY */
	const char *why;
} rows[] = {
	{ "* 1 FETCH (UID 5)\r\n", ";done 5;", NULL },
	{ "* 1 fetch (uid 5 rfc822.size 77 flags (\\seen kw))\r\n", ";done 5 size 77 flags \\seen kw;", NULL },
	{ "* 1 FETCH (FLAGS () UID 4294967295)\r\n", ";done 4294967295 flags ;", NULL },
	{ "* 1 FETCH (FLAGS (\\Recent \\* \\Foo a\"b) UID 1 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")\r\n",
	  ";done 1 flags  date 837596665000;", NULL },
	{ "* 1 FETCH (INTERNALDATE \" 7-Jul-1996 02:44:25 +0000\" UID 1)\r\n", ";done 1 date 836707465000;", NULL },
	{ "* 1 FETCH (INTERNALDATE \"nonsense\" UID 1)\r\n", ";done 1 date 0;", NULL },
	{ "* 1 FETCH (INTERNALDATE NIL UID 1)\r\n", ";done 1;", NULL },
	{ "* 1 FETCH (UID 5 BODY[] {5}\r\na\r\nbc)\r\n7 OK done\r\n", "begin 5 5;a\r\nbc;done 5 whole;tagged;", NULL },
	{ "* 1 FETCH (BODY[] {0}\r\n UID 5)\r\n", "begin 0 0;;done 5 whole;", NULL },
	{ "* 1 FETCH (body[] ~{3+}\r\n)))  UID 5 )\r\n", "begin 0 3;)));done 5 whole;", NULL },
	{ "* 1 FETCH (UID 5 BODY[] \"a\\\\b\\\"c\")\r\n", "begin 5 5;a\\b\"c;done 5 whole;", NULL },
	{ "* 1 FETCH (UID 5 BODY[] \"\")\r\n", "begin 5 0;;done 5 whole;", NULL },
	{ "* 1 FETCH (UID 5 BODY[] NIL)\r\n", ";done 5 nil;", NULL },
	{ "* 1 FETCH (UID 5 BODY[] {1}\r\na BODY[] {1}\r\nb BODY[] NIL)\r\n", "begin 5 1;a;done 5 whole;", NULL },
	{ "* 1 FETCH (BODY[TEXT] {3}\r\nabc BODY[HEADER.FIELDS (TO \"(\")]<0> {2}\r\nde UID 5)\r\n", ";done 5;", NULL },
	{ "* 1 FETCH (ENVELOPE (NIL (((\"a)\" {2}\r\n() NIL))) {1}\r\n)) UID 5 MODSEQ (18446744073709551615))\r\n", ";done 5;",
	  NULL },
	{ "* 1 FETCH ()\r\n", ";done 0;", NULL },
	{ "* 1 FETCH (X \"[\" Y [ UID 5)\r\n", ";done 5;", NULL },
	/* No FETCH responses: somebody else's. */
	{ "* 5 EXISTS\r\n", "", NULL },
	{ "* FETCH (UID 5)\r\n", "", NULL },
	{ "* -1 FETCH (UID 5)\r\n", "", NULL },
	{ "* 99999999999 FETCH (UID 5)\r\n", "", NULL },
	{ "* 1 FETCHED (UID 5)\r\n", "", NULL },
	{ "* X {9}\r\n* 1 FETCH (UID 5)\r\n", "", NULL },
	{ "* 1 FETCH (UID 5) \r\n", NULL, "UID 5" },
	{ "* 1 FETCH (UID 5\r\n", NULL, "UID 5" },
	{ "* 1 FETCH (UID 5))\r\n", NULL, "UID 5" },
	{ "* 1 FETCH (UID 5(\r\n", NULL, "UID 5" },
	{ "* 1 FETCH (UID 0)\r\n", NULL, "UID" },
	{ "* 1 FETCH (UID -5)\r\n", NULL, "-5" },
	{ "* 1 FETCH (UID 4294967296)\r\n", NULL, "4294967296" },
	{ "* 1 FETCH (UID 5 UID 6)\r\n", NULL, "two UIDs" },
	{ "* 1 FETCH (UID 5 RFC822.SIZE x)\r\n", NULL, "size" },
	{ "* 1 FETCH (UID 5 FLAGS NIL)\r\n", NULL, "flags" },
	{ "* 1 FETCH (UID 5 FLAGS ((a)))\r\n", NULL, "flags" },
	{ "* 1 FETCH (UID 5 FLAGS (a\r\n", NULL, "flags" },
	{ "* 1 FETCH (UID)\r\n", NULL, "without a value" },
	{ "* 1 FETCH (UID \r\n", NULL, "without a value" },
	{ "* 1 FETCH (UID 5 BODY[\r\n", NULL, "without a value" },
	{ "* 1 FETCH (UID 5 BODY[] atom)\r\n", NULL, "no string" },
	{ "* 1 FETCH (UID 5 BODY[] \"a)\r\n", NULL, "without an end" },
	{ "* 1 FETCH (UID 5 BODY[] \"a\\\")\r\n", NULL, "without an end" },
	{ "* 1 FETCH (UID 5 BODY[] \"a\\\r\n", NULL, "without an end" },
	{ "* 1 FETCH (UID 5 X (\"a)\r\n", NULL, "without an end" },
	{ "* 1 FETCH (UID 5 X (a\r\n", NULL, "without an end" },
	{ "* 1 FETCH (UID 5 BODY[] {3}\r\nabcd)\r\n", NULL, "not as long as it says" },
	{ "* 1 FETCH (UID 5 BODY[] {9}\r\nabcd)\r\n7 OK done\r\n", NULL, "not as long as it says" },
	{ "* 1 FETCH (UID 5 BODY[] {9999}\r\n", NULL, "9999 octets" },
};

static void responses_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t step = 1; step <= 200; step += step == 1 ? 6 : 193) {
			struct err e = { 0 };
			int ret = read_text(rows[i].text, strlen(rows[i].text), step, &e);

			if ((ret == 0) != (rows[i].told != NULL))
				fail_msg("%s: %d %s", rows[i].text, ret, e.text);
			if (ret == 0 && strcmp(buf_str(&told), rows[i].told) != 0)
				fail_msg("%s: %s, not %s", rows[i].text, buf_str(&told), rows[i].told);
			if (ret != 0 && strstr(e.text, rows[i].why) == NULL)
				fail_msg("%s: %s", rows[i].text, e.text);
		}
	}
}

static void a_body_may_hold_anything(void **state)
{
	static const char text[] = "* 1 FETCH (UID 5 BODY[] {8}\r\n\0\r\n)\n\0{1)\r\n";
	struct err e;

	(void)state;
	for (size_t step = 1; step < sizeof text; step++) {
		assert_int_equal(read_text(text, sizeof text - 1, step, &e), 0);
		assert_memory_equal(told.p, "begin 5 8;\0\r\n)\n\0{1;done 5 whole;", 33);
	}
}

static void too_many_flags_are_cut(void **state)
{
	struct buf text;
	struct err e;

	(void)state;
	buf_init(&text, 60000);
	(void)buf_add_str(&text, "* 1 FETCH (UID 5 FLAGS (");
	for (int i = 0; i < 5000; i++)
		(void)buf_addf(&text, "%skey%d", i > 0 ? " " : "", i);
	(void)buf_add_str(&text, "))\r\n");
	assert_int_equal(read_text(text.p, text.n, 100, &e), 0);
	assert_non_null(strstr(buf_str(&told), ";done 5 flags key0 key1 "));
	buf_free(&text);
}

static void sets_are_written(void **state)
{
	static const struct {
		uint32_t uids[8];
		const char *set;
	} some[] = {
		{ { 1 }, "1" },
		{ { 1, 2 }, "1:2" },
		{ { 1, 3 }, "1,3" },
		{ { 1, 2, 3, 5, 7, 8 }, "1:3,5,7:8" },
		{ { 4294967294, 4294967295 }, "4294967294:4294967295" },
	};
	uint32_t *many = NULL;
	size_t n = 0, done = 0, lines = 0;
	struct buf out;

	(void)state;
	for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
		for (n = 0; n < 8 && some[i].uids[n] != 0; n++)
			;
		buf_init(&out, UID_SET_OCTETS + 1);
		assert_int_equal(uid_set_write(some[i].uids, n, &out), n);
		assert_string_equal(buf_str(&out), some[i].set);
		buf_free(&out);
	}
	many = test_malloc(5000 * sizeof *many);
	for (n = 0; n < 5000; n++)
		many[n] = 4000000000 + (uint32_t)n * 2;
	buf_init(&out, UID_SET_OCTETS + 1);
	for (; done < n; lines++) {
		uint64_t count;
		size_t one;

		buf_clear(&out);
		one = uid_set_write(many + done, n - done, &out);
		assert_true(one > 0 && out.n <= UID_SET_OCTETS && !buf_failed(&out));
		assert_true(uid_set_count(buf_slice(&out), &count) && count == one);
		assert_true(uid_set_has(buf_slice(&out), many[done + one - 1]));
		assert_false(uid_set_has(buf_slice(&out), many[done] + 1));
		done += one;
	}
	assert_in_range(lines, 50, 80);
	buf_free(&out);
	test_free(many);
}

static void sets_are_counted(void **state)
{
	static const struct {
		const char *set;
		uint64_t count; /* 0: it is none */
	} some[] = { { "1", 1 },	 { "1:4294967295", 4294967295 }, { "9:7", 3 }, { "1,3:5", 4 },
		     { "", 0 },		 { "*", 0 },			 { "1:", 0 },  { "1,", 0 },
		     { "0", 0 },	 { "4294967296", 0 },		 { "-1", 0 },  { "1:2:3", 0 },
		     { "1 2", 0 },	 { "1:*", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
		uint64_t count = 0;

		if (uid_set_count(slice_str(some[i].set), &count) != (some[i].count > 0) ||
		    (some[i].count > 0 && count != some[i].count))
			fail_msg("%s: %llu", some[i].set, (unsigned long long)count);
	}
}

static int set_up(void **state)
{
	(void)state;
	buf_init(&told, 20000);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_free(&told);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(responses_are_read),	  cmocka_unit_test(a_body_may_hold_anything),
		cmocka_unit_test(too_many_flags_are_cut), cmocka_unit_test(sets_are_written),
		cmocka_unit_test(sets_are_counted),
	};

	return cmocka_run_group_tests_name("FETCH responses", tests, set_up, tear_down);
}
