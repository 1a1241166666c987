/* What of a server's bytes reaches libetpan, and what ends the connection. Every row also byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "imap/filter.h"
#include "imap/reply.h"

#define GREET "* OK hello\r\n"
#define HELLO "* OK -\r\n" /* what becomes of it */

struct row {
	const char *in;
	const char *out; /* NULL: refused */
	unsigned replies;
};

static void check(const struct row *row, size_t chunk)
{
	struct imap_filter *f = imap_filter_new();
	struct slice s = slice_str(row->in);
	struct filter_reply r;
	struct err e = { 0 };
	struct buf out;
	int ret = 0;

	buf_init(&out, 1000000);
	imap_filter_allow(f, 100, 1000000);
	while (s.n > 0 && ret == 0) {
		size_t n = s.n < chunk ? s.n : chunk;

		ret = imap_filter_feed(f, slice_of(s.p, n), &out, &e);
		s.p += n;
		s.n -= n;
	}
	if (row->out == NULL) {
		if (ret != -1)
			fail_msg("passed: %s", row->in);
		assert_true(e.text[0] != '\0');
	} else {
		if (ret != 0)
			fail_msg("refused (%s): %s", e.text, row->in);
		assert_string_equal(buf_str(&out), row->out);
		assert_int_equal(imap_filter_replies(f), row->replies);
	}
	while (imap_filter_take(f, &r))
		filter_reply_free(&r);
	buf_free(&out);
	imap_filter_free(&f);
}

static void rows_pass_or_are_refused(void **state)
{
	static const struct row rows[] = {
		{ GREET, HELLO, 0 },
		{ "* PREAUTH hello\r\n", "* PREAUTH -\r\n", 0 },
		{ "* OK\r\n", "* OK -\r\n", 0 },
		{ "* OK [ALERT] {5}\r\n", NULL, 0 },
		{ "* OK {5}\r\nhello\r\n", NULL, 0 },
		{ "* BYE busy\r\n", NULL, 0 },
		{ "220 smtp\r\n", NULL, 0 },
		{ GREET "5 OK done\r\n", HELLO "5 OK -\r\n", 1 },
		{ GREET "5 OK\r\n", HELLO "5 OK -\r\n", 1 },
		{ GREET "5 OK \r\n", HELLO "5 OK -\r\n", 1 },
		{ GREET "5 ok done\n", HELLO "5 ok -\r\n", 1 },
		{ GREET "a5 OK done\r\n", NULL, 0 },
		{ GREET "5 MAYBE done\r\n", NULL, 0 },
		{ GREET "99999999999 OK done\r\n", NULL, 0 },
		{ GREET "5 OK {3}\r\n", NULL, 0 },
		{ GREET "\r\n", NULL, 0 },
		{ GREET "* BYE soon\r\n5 OK done\r\n", HELLO "5 OK -\r\n", 1 },
		{ GREET "* PREAUTH again\r\n", NULL, 0 },
		{ GREET "+ go on\r\n", NULL, 0 },
		{ GREET "* 3 EXISTS\r\n* 1 RECENT\r\n* FLAGS ((\r\n", HELLO, 0 },
		{ GREET "* ESEARCH (TAG \"5\") UID\r\n", HELLO, 0 },
		{ GREET "* METADATA \"\" {3}\r\na\r\n {2}\r\nbb)\r\n5 OK x\r\n", HELLO "5 OK -\r\n", 1 },
		{ GREET "* CAPABILITY\r\n", HELLO, 0 },
		{ GREET "* CAPABILITY IMAP4rev1\r\n", HELLO "* CAPABILITY IMAP4rev1\r\n", 0 },
		{ GREET "* SEARCH\r\n", HELLO "* SEARCH\r\n", 0 },
		{ GREET "* LIST () \"/\" {5}\r\na\r\nbc\r\n", HELLO, 0 },
		{ GREET "* LIST () \"/\" {0}\r\n\r\n", HELLO, 0 },
		{ GREET "* LIST () \"/\" {101}\r\n", NULL, 0 },
		{ GREET "* 1 FETCH (UID 1 BODY[] {4294967296}\r\n", NULL, 0 },
		{ GREET "* 1 FETCH (UID 1 BODY[] {99999999999999999999999}\r\n", NULL, 0 },
		{ GREET "* 1 FETCH (UID 4294967296)\r\n", NULL, 0 },
		{ GREET "* 1 FETCH (UID 4294967295)\r\n", HELLO "* 1 FETCH (UID 4294967295)\r\n", 0 },
		{ GREET "* 1 FETCH (ENVELOPE (NIL))\r\n", NULL, 0 },
		{ GREET "* 1 FETCH (BODYSTRUCTURE (((\r\n", NULL, 0 },
		{ GREET "* 1 FETCH ((((((((((((((((((\r\n", NULL, 0 },
		{ GREET "* OK [UIDVALIDITY 4294967296] x\r\n", NULL, 0 },
		{ GREET "* OK [PERMANENTFLAGS (\r\n", NULL, 0 },
		{ GREET "* OK [PERMANENTFLAGS (\\Seen)\r\n", NULL, 0 },
		{ GREET "* OK [PERMANENTFLAGS\r\n", NULL, 0 },
		{ GREET "* OK [PERMANENTFLAGS (\\((Seen \\*)] x\r\n", NULL, 0 },
		{ GREET "* OK [PERMANENTFLAGS (\\Seen  a)] x\r\n", NULL, 0 },
		{ GREET "* OK [PERMANENTFLAGS ()] x\r\n", HELLO "* OK -\r\n", 0 },
		{ GREET "* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n", HELLO "* OK -\r\n", 0 },
		/* Names are kept apart, whatever they look like. */
		{ GREET "* NAMESPACE ((\r\n", HELLO, 0 },
		{ GREET "* LIST () \"/\" \"Guid 20261126123000 ((((((((((((((((((\"\r\n", HELLO, 0 },
		{ GREET "* LIST () \"/\" {2}\r\nab\r\n5 OK x\r\n", HELLO "5 OK -\r\n", 1 },
		{ GREET "* STATUS \"UID 99999999999\" (UIDNEXT 1)\r\n", HELLO, 0 },
		{ GREET "* ENABLED UTF8=ACCEPT\r\n", HELLO, 0 },
		{ GREET "* OK a\rb\r\n", NULL, 0 },
		{ GREET "* OK [UIDNEXT 5] next\r\n", HELLO "* OK [UIDNEXT 5] -\r\n", 0 },
		{ GREET "* OK [UIDVALIDITY 5\r\n", HELLO "* OK -\r\n", 0 },
		{ GREET "* OK [BADCHARSET (\r\n", HELLO "* OK -\r\n", 0 },
		{ GREET "5 OK [CAPABILITY IMAP4rev1 A=B] in\r\n", HELLO "5 OK [CAPABILITY IMAP4rev1 A=B] -\r\n", 1 },
		{ GREET "5 OK [CAPABILITY (a)] in\r\n", HELLO "5 OK -\r\n", 1 },
		{ GREET "5 OK [CAPABILITY] in\r\n", HELLO "5 OK -\r\n", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		check(&rows[i], 1);
		check(&rows[i], 3);
		check(&rows[i], 1000000);
	}
}

static void endless_lines_end(void **state)
{
	struct imap_filter *f = imap_filter_new();
	char block[1000];
	struct err e = { 0 };
	struct buf out;
	int ret = 0, n = 0;

	(void)state;
	buf_init(&out, 10000000);
	imap_filter_allow(f, 100, 100000000);
	memset(block, 'x', sizeof block);
	while (ret == 0 && n++ < 1000)
		ret = imap_filter_feed(f, slice_of(block, sizeof block), &out, &e);
	assert_int_equal(ret, -1);
	assert_in_range(n, 60, 70);
	buf_free(&out);
	imap_filter_free(&f);
}

/* Each replaces the one before; what is empty or too long for a challenge is told apart. */
static void challenges_are_kept(void **state)
{
	static const struct {
		const char *line, *text;
	} rows[] = { { "+ PDE4OTYu\r\n", "PDE4OTYu" }, { "+\r\n", "" }, { "+ \r\n", "" }, { "+ go  ahead \r\n", "go  ahead" } };
	struct imap_filter *f = imap_filter_new();
	char *huge = malloc(FILTER_CHALLENGE_MAX + 10);
	struct buf out;
	struct err e;

	(void)state;
	assert_non_null(huge);
	buf_init(&out, 100000);
	assert_string_equal(imap_filter_challenge(f), "");
	assert_int_equal(imap_filter_feed(f, slice_str(GREET), &out, &e), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		imap_filter_expect_continue(f);
		assert_int_equal(imap_filter_feed(f, slice_str(rows[i].line), &out, &e), 0);
		assert_true(imap_filter_continued(f));
		assert_string_equal(imap_filter_challenge(f), rows[i].text);
	}
	memset(huge, 'A', FILTER_CHALLENGE_MAX + 10);
	memcpy(huge, "+ ", 2);
	imap_filter_expect_continue(f);
	assert_int_equal(imap_filter_feed(f, slice_of(huge, FILTER_CHALLENGE_MAX + 10), &out, &e), 0);
	assert_int_equal(imap_filter_feed(f, slice_str("\r\n"), &out, &e), -1);
	assert_int_equal(e.class, ERR_PROTOCOL);
	free(huge);
	buf_free(&out);
	imap_filter_free(&f);
}

static void continuations_and_goodbyes_are_kept(void **state)
{
	struct imap_filter *f = imap_filter_new();
	struct filter_reply r;
	struct err e;
	struct buf out;
	char *alert;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(imap_filter_feed(f, slice_str(GREET), &out, &e), 0);
	imap_filter_expect_continue(f);
	assert_false(imap_filter_continued(f));
	assert_int_equal(
	    imap_filter_feed(f, slice_str("* 5 EXISTS\r\n+ go\r\n* BYE now\r\n7 NO [X y] no\r\n* OK [ALERT] hot\r\n"),
			     &out, &e),
	    0);
	assert_true(imap_filter_continued(f));
	assert_false(imap_filter_continued(f));
	assert_string_equal(imap_filter_challenge(f), "go");
	assert_string_equal(imap_filter_bye(f), "now");
	assert_string_equal(buf_str(&out), HELLO "7 NO -\r\n* OK -\r\n");
	assert_true(imap_filter_take(f, &r));
	assert_int_equal(r.tag, 7);
	assert_int_equal(r.status, IMAP_NO);
	assert_string_equal(r.text, "[X y] no");
	filter_reply_free(&r);
	alert = imap_filter_take_alert(f);
	assert_string_equal(alert, "hot");
	free(alert);
	buf_free(&out);
	imap_filter_free(&f);
}

static void replies_are_taken_apart(void **state)
{
	static const struct {
		const char *text, *code, *args;
		bool uid;
	} rows[] = {
		{ "[APPENDUID 5 7] done", "APPENDUID", "5 7", true },
		{ "[appenduid 5 7] done", "APPENDUID", "5 7", true },
		{ "[APPENDUID 5 7:8] done", "APPENDUID", "5 7:8", false },
		{ "[APPENDUID 0 7] done", "APPENDUID", "0 7", false },
		{ "[APPENDUID 5] done", "APPENDUID", "5", false },
		{ "[TRYCREATE] no", "TRYCREATE", "", false },
		{ "no code", "", "", false },
		{ "[open", "", "", false },
		{ "", "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t validity = 0, uid = 0;
		struct imap_reply r;

		imap_reply_parse(IMAP_OK, rows[i].text, &r);
		assert_string_equal(r.code, rows[i].code);
		assert_string_equal(r.args, rows[i].args);
		assert_string_equal(r.text, rows[i].text);
		assert_int_equal(imap_reply_appenduids(&r, &validity, &uid, 1), rows[i].uid);
	}
}

/* RFC 4315, 3: the set names the messages of one command in their order. */
static void uid_sets_are_expanded(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		uint32_t uids[4]; /* 0: refused */
	} rows[] = {
		{ "[APPENDUID 5 7] done", 1, { 7 } },
		{ "[APPENDUID 5 7:9] done", 3, { 7, 8, 9 } },
		{ "[APPENDUID 5 9:7] done", 3, { 7, 8, 9 } },
		{ "[APPENDUID 5 7,9,8] done", 3, { 7, 9, 8 } },
		{ "[APPENDUID 5 3:4,7:8] done", 4, { 3, 4, 7, 8 } },
		{ "[APPENDUID 5 4294967295] done", 1, { 4294967295u } },
		{ "[APPENDUID 5 4294967294:4294967295] done", 2, { 4294967294u, 4294967295u } },
		{ "[APPENDUID 5 7:8] done", 3, { 0 } },
		{ "[APPENDUID 5 7:10] done", 3, { 0 } },
		{ "[APPENDUID 5 1:4294967295] done", 4, { 0 } },
		{ "[APPENDUID 5 7,] done", 1, { 0 } },
		{ "[APPENDUID 5 7,] done", 2, { 0 } },
		{ "[APPENDUID 5 ,7] done", 1, { 0 } },
		{ "[APPENDUID 5 7:] done", 1, { 0 } },
		{ "[APPENDUID 5 0] done", 1, { 0 } },
		{ "[APPENDUID 5 7:*] done", 2, { 0 } },
		{ "[APPENDUID 4294967296 7] done", 1, { 0 } },
		{ "[APPENDUID 5 7 8] done", 2, { 0 } },
		{ "[APPENDUID 5 7:8 done", 2, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t uids[4] = { 0 }, validity;
		struct imap_reply r;
		bool told;

		imap_reply_parse(IMAP_OK, rows[i].text, &r);
		told = imap_reply_appenduids(&r, &validity, uids, rows[i].n);
		assert_int_equal(told, rows[i].uids[0] != 0);
		if (told) {
			assert_int_equal(validity, 5);
			assert_memory_equal(uids, rows[i].uids, rows[i].n * sizeof uids[0]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_pass_or_are_refused),
		cmocka_unit_test(endless_lines_end),
		cmocka_unit_test(challenges_are_kept),
		cmocka_unit_test(continuations_and_goodbyes_are_kept),
		cmocka_unit_test(replies_are_taken_apart),
		cmocka_unit_test(uid_sets_are_expanded),
	};

	return cmocka_run_group_tests_name("IMAP filter", tests, NULL, NULL);
}
