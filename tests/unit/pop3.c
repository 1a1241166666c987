/* What a POP3 server says, taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/pop3_body.h"
#include "fetch/pop3_list.h"
#include "fetch/pop3_refusal.h"
#include "fetch/pop3_reply.h"
#include "fetch/source.h"
#include "intake/intake.h"
#include "net/sasl.h"

#define LINE(s) SLICE_LIT(s)

/* ---- replies ---- */

static void replies(void **state)
{
	static const struct {
		struct slice line;
		enum pop3_status status;
		const char *code;
		uint64_t number;
		const char *text;
	} cases[] = {
		{ LINE("+OK"), POP3_OK, "", 0, "" },
		{ LINE("+OK "), POP3_OK, "", 0, "" },
		{ LINE("+ok come in"), POP3_OK, "", 0, "come in" },
		{ LINE("+OK\tcome in"), POP3_OK, "", 0, "come in" },
		{ LINE("+OKAY"), POP3_JUNK, "", 0, "+OKAY" },
		{ LINE("-ERR"), POP3_ERR, "", 0, "" },
		{ LINE("-ERROR"), POP3_JUNK, "", 0, "-ERROR" },
		{ LINE("-ERR no"), POP3_ERR, "", 0, "no" },
		{ LINE("-ERR [AUTH] no"), POP3_ERR, "AUTH", 0, "[AUTH] no" },
		{ LINE("-ERR [sys/temp] no"), POP3_ERR, "SYS/TEMP", 0, "[sys/temp] no" },
		{ LINE("-ERR   [IN-USE]"), POP3_ERR, "IN-USE", 0, "[IN-USE]" },
		{ LINE("-ERR [LOGIN-DELAY 900] later"), POP3_ERR, "LOGIN-DELAY", 900, "[LOGIN-DELAY 900] later" },
		{ LINE("-ERR [LOGIN-DELAY -900] later"), POP3_ERR, "LOGIN-DELAY", 0, "[LOGIN-DELAY -900] later" },
		{ LINE("-ERR [LOGIN-DELAY 99999999999999999999] x"), POP3_ERR, "LOGIN-DELAY", 0,
		  "[LOGIN-DELAY 99999999999999999999] x" },
		{ LINE("-ERR [] no"), POP3_ERR, "", 0, "[] no" },
		{ LINE("-ERR [AUTH no"), POP3_ERR, "", 0, "[AUTH no" },
		{ LINE("-ERR [A\001B] no"), POP3_ERR, "", 0, "[A B] no" },
		{ LINE("-ERR x [AUTH] no"), POP3_ERR, "", 0, "x [AUTH] no" },
		{ LINE("-ERR a\0b\033[31mc\177"), POP3_ERR, "", 0, "a b [31mc " },
		{ LINE("-ERR gr\303\274n \377"), POP3_ERR, "", 0, "gr\303\274n  " },
		{ LINE("+"), POP3_CONTINUE, "", 0, "" },
		{ LINE("+ "), POP3_CONTINUE, "", 0, "" },
		{ LINE("+ c2VjcmV0"), POP3_CONTINUE, "", 0, "" },
		{ LINE(""), POP3_JUNK, "", 0, "" },
		{ LINE("* OK IMAP4rev1"), POP3_JUNK, "", 0, "* OK IMAP4rev1" },
		{ LINE("\0+OK"), POP3_JUNK, "", 0, " +OK" },
		{ LINE(" +OK"), POP3_JUNK, "", 0, "+OK" },
	};
	struct pop3_reply r;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		pop3_reply_read(cases[i].line, &r);
		assert_int_equal(r.status, cases[i].status);
		assert_string_equal(r.code, cases[i].code);
		assert_int_equal(r.number, cases[i].number);
		assert_string_equal(r.text, cases[i].text);
	}
}

static void long_replies_are_cut(void **state)
{
	static char line[20000];
	struct pop3_reply r;

	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line, "-ERR [", 6);
	pop3_reply_read(slice_of(line, sizeof line), &r);
	assert_int_equal(strlen(r.text), POP3_TEXT_MAX);
	assert_string_equal(r.code, "");
	/* Not in the middle of a character. */
	for (size_t i = 5; i + 1 < sizeof line; i += 2)
		memcpy(line + i, "\303\274", 2);
	pop3_reply_read(slice_of(line, sizeof line - 1), &r);
	assert_true(strlen(r.text) <= POP3_TEXT_MAX);
	assert_true(strlen(r.text) >= POP3_TEXT_MAX - 3);
}

static void challenges(void **state)
{
	(void)state;
	assert_true(slice_eq(pop3_challenge(LINE("+ abcd")), LINE("abcd")));
	assert_true(slice_eq(pop3_challenge(LINE("+")), SLICE_NONE));
	assert_true(slice_eq(pop3_challenge(LINE("+ ")), SLICE_NONE));
	assert_true(slice_eq(pop3_challenge(LINE("+  =  ")), LINE("=")));
}

/* ---- listings ---- */

static void lines_of_list(void **state)
{
	static const struct {
		struct slice line;
		int ret;
		uint32_t number;
		uint64_t size;
	} cases[] = {
		{ LINE("1 120"), 0, 1, 120 },
		{ LINE("4294967295 0"), 0, UINT32_MAX, 0 },
		{ LINE("1  120"), 0, 1, 120 },
		{ LINE(" 1\t120 and more"), 0, 1, 120 },
		{ LINE("1"), 0, 1, 0 },
		{ LINE("1 "), 0, 1, 0 },
		{ LINE("1 -5"), 0, 1, 0 },
		{ LINE("1 12x"), 0, 1, 0 },
		{ LINE("1 9223372036854775807"), 0, 1, INT64_MAX },
		{ LINE("1 9223372036854775808"), 0, 1, 0 },
		{ LINE("1 18446744073709551616"), 0, 1, 0 },
		{ LINE("1 3000000000"), 0, 1, 3000000000 },
		{ LINE("0 120"), -1, 0, 0 },
		{ LINE("-1 120"), -1, 0, 0 },
		{ LINE("+1 120"), -1, 0, 0 },
		{ LINE("4294967296 1"), -1, 0, 0 },
		{ LINE("18446744073709551617 1"), -1, 0, 0 },
		{ LINE("x 1"), -1, 0, 0 },
		{ LINE(""), -1, 0, 0 },
		{ LINE("1\0 5"), -1, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t number = 0;
		uint64_t size = 0;

		assert_int_equal(pop3_read_list(cases[i].line, &number, &size), cases[i].ret);
		if (cases[i].ret == 0)
			assert_int_equal(number, cases[i].number);
		assert_int_equal(size, cases[i].size);
	}
}

static void lines_of_uidl(void **state)
{
	static const struct {
		struct slice line;
		int ret;
		const char *name;
	} cases[] = {
		{ LINE("1 whqtswO00WBw418f9t5JxYwZ"), 0, "whqtswO00WBw418f9t5JxYwZ" },
		{ LINE("1   abc  "), 0, "abc" },
		{ LINE("1 with blanks in it"), 0, "with blanks in it" },
		{ LINE("1 100%"), 0, "100%" },
		{ LINE("1 a\0b"), 0, "a%00b" },
		{ LINE("1 100%\377"), 0, "100%25%FF" },
		{ LINE("1 \303\274"), 0, "%C3%BC" },
		{ LINE("1"), 0, "" },
		{ LINE("1 "), 0, "" },
		{ LINE("1  \t "), 0, "" },
		{ LINE("0 abc"), -1, "" },
		{ LINE("abc"), -1, "" },
		{ LINE("-1 abc"), -1, "" },
	};
	struct buf name;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t number;

		buf_init(&name, 1000);
		assert_int_equal(pop3_read_uidl(cases[i].line, &number, &name), cases[i].ret);
		assert_string_equal(buf_str(&name), cases[i].name);
		buf_free(&name);
	}
}

static void long_uidls_are_none(void **state)
{
	char line[400] = "7 ";
	uint32_t number;
	struct buf name;

	(void)state;
	memset(line + 2, 'u', sizeof line - 2);
	for (size_t n = SOURCE_NAME_MAX - 1; n <= SOURCE_NAME_MAX + 1; n++) {
		buf_init(&name, 1000);
		assert_int_equal(pop3_read_uidl(slice_of(line, n + 2), &number, &name), 0);
		assert_int_equal(name.n, n <= SOURCE_NAME_MAX ? n : 0);
		buf_free(&name);
	}
	/* A full buffer is told, and holds no half of a name. */
	buf_init(&name, 10);
	assert_int_equal(pop3_read_uidl(slice_of(line, 50), &number, &name), -1);
	assert_int_equal(name.n, 0);
	buf_free(&name);
}

/* Lines of LIST and UIDL, ended by "", in; what comes of them, out. */
struct listing_case {
	uint64_t stat;
	const char *list[8], *uidl[8];
	const char *want; /* "number:size:name " each */
	bool complete;
};

static void listings(void **state)
{
	static const struct listing_case cases[] = {
		{ 0, { "" }, { "" }, "", true },
		{ 2, { "1 10", "2 20", "" }, { "1 a", "2 b", "" }, "1:10:a 2:20:b ", true },
		/* Identical messages may share one. */
		{ 2, { "1 10", "2 20", "" }, { "1 a", "2 a", "" }, "1:10:a 2:20:a ", true },
		{ 2, { "2 20", "1 10", "" }, { "2 b", "1 a", "" }, "1:10:a 2:20:b ", true },
		{ 2, { "1 10", "3 30", "" }, { "1 a", "3 c", "" }, "1:10:a 3:30:c ", false },
		{ 3, { "1 10", "2 20", "" }, { "1 a", "2 b", "" }, "1:10:a 2:20:b ", false },
		{ 1, { "1 10", "2 20", "" }, { "1 a", "2 b", "" }, "1:10:a 2:20:b ", true },
		{ 2, { "1 10", "1 10", "2 20", "" }, { "1 a", "2 b", "" }, "1:10:a 2:20:b ", false },
		{ 2, { "1 10", "2 20", "1 11", "" }, { "1 a", "2 b", "" }, "1:0:a 2:20:b ", false },
		{ 2, { "1 10", "-2 20", "0 7", "4294967296 1", "" }, { "1 a", "" }, "1:10:a ", false },
		{ 2, { "1 10", "2 20", "" }, { "1 a", "" }, "1:10:a 2:20: ", false },
		{ 2, { "1 10", "2 20", "" }, { "1 a", "2 b", "3 c", "" }, "1:10:a 2:20:b ", false },
		{ 2, { "1 10", "2 20", "" }, { "1 a", "2 b", "2 c", "" }, "1:10:a 2:20:b ", false },
		{ 2, { "1 10", "2 20", "" }, { "1 ", "2 b", "" }, "1:10: 2:20:b ", false },
		{ 1, { "1 99999999999999999999", "" }, { "1 a", "" }, "1:0:a ", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pop3_listing l = { .stat = cases[i].stat };
		struct buf got;

		buf_init(&got, 10000);
		buf_init(&l.names, POP3_NAMES_MAX);
		(void)buf_add_char(&l.names, '\0');
		for (size_t j = 0; cases[i].list[j][0] != '\0'; j++) {
			uint32_t number;
			uint64_t size;

			if (pop3_read_list(slice_str(cases[i].list[j]), &number, &size) == 0)
				assert_int_equal(pop3_listing_add(&l, number, size), 0);
			else
				l.strange++;
		}
		pop3_listing_sort(&l);
		for (size_t j = 0; cases[i].uidl[j][0] != '\0'; j++)
			assert_int_equal(pop3_listing_name(&l, slice_str(cases[i].uidl[j]), j), 0);
		pop3_listing_judge(&l, true);
		for (size_t j = 0; j < l.n; j++)
			(void)buf_addf(&got, "%u:%llu:%s ", l.all[j].number, (unsigned long long)l.all[j].size,
				       pop3_listing_name_of(&l, &l.all[j]));
		assert_string_equal(buf_str(&got), cases[i].want);
		assert_int_equal(l.complete, cases[i].complete);
		buf_free(&got);
		pop3_listing_free(&l);
	}
}

static void there_is_an_end_to_listings(void **state)
{
	struct pop3_listing l = { 0 };

	(void)state;
	for (uint32_t i = 1; i <= POP3_MESSAGES_MAX; i++)
		assert_int_equal(pop3_listing_add(&l, i, 1), 0);
	assert_int_equal(pop3_listing_add(&l, 1, 1), -1);
	assert_non_null(pop3_listing_find(&l, POP3_MESSAGES_MAX, 0));
	assert_null(pop3_listing_find(&l, POP3_MESSAGES_MAX + 1, 0));
	pop3_listing_free(&l);
}

/* ---- bodies ---- */

static int gather(void *arg, struct slice bytes)
{
	assert_true(bytes.n > 0 && bytes.n <= INTAKE_PIECE_MAX);
	return buf_add_slice(arg, bytes);
}

/* Feeds IN in parts that end at FIRST and SECOND; what follows the end must not be taken. */
static void feed(struct slice in, uint64_t announced, bool lf, size_t first, size_t second, int want_ret, struct slice want,
		 size_t want_used)
{
	size_t ends[3] = { first, second, in.n }, at = 0;
	struct pop3_body b;
	struct buf out;
	int ret = 0;

	buf_init(&out, 100000);
	pop3_body_begin(&b, announced, lf);
	for (size_t i = 0; i < 3 && ret == 0; i++) {
		size_t n = ends[i] - at, used = 0;
		char *part = malloc(n == 0 ? 1 : n); /* so that a sanitizer sees its end */

		assert_non_null(part);
		memcpy(part, in.p + at, n);
		ret = pop3_body_feed(&b, slice_of(part, n), &used, gather, &out);
		assert_true(used <= n && (ret == 1 || used == n));
		at += used;
		free(part);
	}
	assert_int_equal(ret, want_ret);
	assert_int_equal(out.n, want.n);
	assert_memory_equal(buf_str(&out), want.p, want.n);
	assert_int_equal(b.octets, out.n);
	if (ret == 1)
		assert_int_equal(at, want_used);
	buf_free(&out);
}

static void bodies_cut_anywhere(void **state)
{
	static const struct {
		struct slice in;
		uint64_t announced;
		int ret;
		struct slice out;
		size_t behind; /* octets behind the end */
		bool lf;       /* a server whose lines end so */
	} cases[] = {
		{ LINE(".\r\n"), 0, 1, LINE(""), 0, false },
		{ LINE("a\r\n.\r\n"), 0, 1, LINE("a\r\n"), 0, false },
		{ LINE("a\r\n.\r\n+OK\r\n"), 0, 1, LINE("a\r\n"), 5, false },
		{ LINE("\r\n.\r\n"), 0, 1, LINE("\r\n"), 0, false },
		/* Stuffing. */
		{ LINE("..\r\n.\r\n"), 0, 1, LINE(".\r\n"), 0, false },
		{ LINE("...\r\n....\r\n.\r\n"), 0, 1, LINE("..\r\n...\r\n"), 0, false },
		{ LINE("..a\r\nb.\r\n.\r\n"), 0, 1, LINE(".a\r\nb.\r\n"), 0, false },
		/* A server that does not stuff: a dot is lost, as RFC 1939 has it. */
		{ LINE(".a\r\n.\r\n"), 0, 1, LINE("a\r\n"), 0, false },
		/* CRs. */
		{ LINE(".\r\r\n.\r\n"), 0, 1, LINE("\r\r\n"), 0, false },
		{ LINE("a\r\r\n.\r\n"), 0, 1, LINE("a\r\r\n"), 0, false },
		{ LINE("a\r.\r\n.\r\n"), 0, 1, LINE("a\r.\r\n"), 0, false },
		{ LINE(".\ra\r\n.\r\n"), 0, 1, LINE("\ra\r\n"), 0, false },
		{ LINE("\r\r\r\n.\r\n"), 0, 1, LINE("\r\r\r\n"), 0, false },
		/* NULs. */
		{ LINE("\0\r\n.\0\r\n.\r\n"), 0, 1, LINE("\0\r\n\0\r\n"), 0, false },
		/* Behind a bare LF no line begins, so that nobody ends his message there and forges what comes then. */
		{ LINE("a\r\nb\n.\r\n+OK\r\nc\r\n.\r\n"), 0, 1, LINE("a\r\nb\n.\r\n+OK\r\nc\r\n"), 0, false },
		{ LINE("a\r\nb\n.\n+OK\r\nc\r\n.\r\n"), 0, 1, LINE("a\r\nb\n.\n+OK\r\nc\r\n"), 0, false },
		{ LINE("a\r\nb\n..c\r\n.\r\n"), 0, 1, LINE("a\r\nb\n..c\r\n"), 0, false },
		{ LINE("a\r\nb\n.\rc\r\n.\r\n"), 0, 1, LINE("a\r\nb\n.\rc\r\n"), 0, false },
		{ LINE("a\r\nb\n.c\r\n.\r\n"), 0, 1, LINE("a\r\nb\n.c\r\n"), 0, false },
		/* But for one that ends just where it was announced to end. */
		{ LINE("a\r\nb\n.\r\n+OK\r\n"), 5, 1, LINE("a\r\nb\n"), 5, false },
		{ LINE("a\r\nb\n.\n+OK\r\n"), 5, 1, LINE("a\r\nb\n"), 5, false },
		{ LINE("a\r\nb\n.\r\nc\r\n.\r\n"), 6, 1, LINE("a\r\nb\n.\r\nc\r\n"), 0, false },
		/* A server that has no CRs at all. */
		{ LINE("a\nb\n.\n"), 0, 1, LINE("a\nb\n"), 0, true },
		{ LINE("a\n..\n.\n"), 0, 1, LINE("a\n.\n"), 0, true },
		{ LINE("a\n.\r\n"), 0, 1, LINE("a\n"), 0, true },
		{ LINE("a\r\nb\n.\n"), 0, 1, LINE("a\r\nb\n"), 0, true },
		/* Even if a whole message is written so: it may have been put there so. */
		{ LINE("a\n.\nb\r\n.\r\n"), 0, 1, LINE("a\n.\nb\r\n"), 0, false },
		{ LINE("a\r\n.\n"), 0, 1, LINE("a\r\n"), 0, false },
		/* More is to come. */
		{ LINE("a\r\n."), 0, 0, LINE("a\r\n"), 0, false },
		{ LINE("a\r\n.\r"), 0, 0, LINE("a\r\n"), 0, false },
		{ LINE("a.\r\n"), 0, 0, LINE("a.\r\n"), 0, false },
		{ LINE(""), 0, 0, LINE(""), 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t first = 0; first <= cases[i].in.n; first++) {
			for (size_t second = first; second <= cases[i].in.n; second++)
				feed(cases[i].in, cases[i].announced, cases[i].lf, first, second, cases[i].ret, cases[i].out,
				     cases[i].in.n - cases[i].behind);
		}
	}
}

static void large_pieces_are_divided(void **state)
{
	size_t n = 3 * INTAKE_PIECE_MAX + 17, used;
	char *text = malloc(n + 5);
	struct pop3_body b;
	struct buf out;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', n);
	memcpy(text + n, "\r\n.\r\n", 5);
	buf_init(&out, n + 10);
	pop3_body_begin(&b, 0, false);
	assert_int_equal(pop3_body_feed(&b, slice_of(text, n + 5), &used, gather, &out), 1);
	assert_int_equal(used, n + 5);
	assert_int_equal(out.n, n + 2);
	buf_free(&out);
	free(text);
}

static int refuse(void *arg, struct slice bytes)
{
	(void)bytes;
	return ++*(int *)arg == 2 ? -1 : 0;
}

static void who_takes_may_stop(void **state)
{
	struct pop3_body b;
	int pieces = 0;
	size_t used;

	(void)state;
	pop3_body_begin(&b, 0, false);
	assert_int_equal(pop3_body_feed(&b, LINE("a\r\n..b\r\n..c\r\n.\r\n"), &used, refuse, &pieces), -1);
	assert_int_equal(pieces, 2);
}

static void an_end_that_is_none_is_noticed(void **state)
{
	struct pop3_body b;
	struct buf out;
	size_t used;

	(void)state;
	buf_init(&out, 100);
	pop3_body_begin(&b, 0, false);
	assert_int_equal(pop3_body_feed(&b, LINE("a\r\nb.\r\n"), &used, gather, &out), 0);
	assert_true(pop3_body_unended(&b));
	assert_int_equal(pop3_body_feed(&b, LINE("c\r\n"), &used, gather, &out), 0);
	assert_false(pop3_body_unended(&b));
	buf_free(&out);
}

/* ---- refusals ---- */

static void refusals(void **state)
{
	static const struct {
		const char *line;
		enum err_class class;
		int code;
		bool advice;
	} cases[] = {
		{ "-ERR [AUTH] Authentication failed.", ERR_CONFIG, 0, false },
		{ "-ERR authorization failed", ERR_CONFIG, 0, false },
		{ "-ERR [AUTH] Username and password not accepted.", ERR_CONFIG, 0, false },
		{ "-ERR [AUTH] Application-specific password required: see the help", ERR_CONFIG, 0, true },
		{ "-ERR [AUTH] Web login required: go there", ERR_CONFIG, 0, true },
		{ "-ERR [SYS/PERM] Your account is not enabled for POP access.", ERR_CONFIG, 0, true },
		{ "-ERR [SYS/PERM] no", ERR_CONFIG, 0, true },
		{ "-ERR [SYS/TEMP] Temporary system problem. Please try again later", ERR_TEMP, 0, false },
		{ "-ERR [IN-USE] Do you have another POP session running?", ERR_TEMP, EBUSY, false },
		{ "-ERR Unable to lock maildrop: Mailbox is locked by POP server", ERR_TEMP, EBUSY, false },
		{ "-ERR account is locked, call us", ERR_CONFIG, 0, false },
		{ "-ERR server busy", ERR_TEMP, EBUSY, false },
		{ "-ERR [LOGIN-DELAY 900] minimum time between mail checks", ERR_TEMP, EUSERS, false },
		{ "-ERR login too often, wait", ERR_TEMP, EUSERS, false },
		{ "-ERR Too many connections from you", ERR_TEMP, EUSERS, false },
		{ "-ERR please try again", ERR_TEMP, 0, false },
	};
	struct pop3_reply r;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pop3_meaning m;

		pop3_reply_read(slice_str(cases[i].line), &r);
		m = pop3_mean(&r, true);
		assert_int_equal(m.class, cases[i].class);
		assert_int_equal(m.code, cases[i].code);
		assert_int_equal(m.advice != NULL, cases[i].advice);
	}
	pop3_reply_read(LINE("-ERR nobody knows"), &r);
	assert_int_equal(pop3_mean(&r, true).class, ERR_CONFIG);
	assert_int_equal(pop3_mean(&r, false).class, ERR_TEMP);
	assert_false(pop3_mean(&r, false).said);
}

static void secrets_are_hidden(void **state)
{
	char text[] = "what is PASS s3cret, and s3cret again?", brief[] = "abc abc";

	(void)state;
	sasl_hide(text, "s3cret");
	assert_string_equal(text, "what is PASS ******, and ****** again?");
	sasl_hide(brief, "abc");
	sasl_hide(brief, NULL);
	sasl_hide(brief, "");
	assert_string_equal(brief, "abc abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies),
		cmocka_unit_test(long_replies_are_cut),
		cmocka_unit_test(challenges),
		cmocka_unit_test(lines_of_list),
		cmocka_unit_test(lines_of_uidl),
		cmocka_unit_test(long_uidls_are_none),
		cmocka_unit_test(listings),
		cmocka_unit_test(there_is_an_end_to_listings),
		cmocka_unit_test(bodies_cut_anywhere),
		cmocka_unit_test(large_pieces_are_divided),
		cmocka_unit_test(who_takes_may_stop),
		cmocka_unit_test(an_end_that_is_none_is_noticed),
		cmocka_unit_test(refusals),
		cmocka_unit_test(secrets_are_hidden),
	};

	return cmocka_run_group_tests_name("what a POP3 server says", tests, NULL, NULL);
}
