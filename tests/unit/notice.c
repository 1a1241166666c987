/* What the operator is told: a message that any store takes, whatever the words in it are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "intake/notice.h"
#include "msg/header.h"

enum { DAY_MS = 24 * 3600 * 1000, NOON_MS = 12 * 3600 * 1000 };

static char *written(enum notice_kind kind, const char *reason)
{
	struct notice n = { .kind = kind,
			    .account = "office",
			    .reason = reason,
			    .hostname = "mail.office.example",
			    .to = "boss@office.example",
			    .id = "0123456789abcdef",
			    .wall_ms = NOON_MS };
	struct buf out;
	size_t len;

	buf_init(&out, 64 * 1024);
	notice_write(&n, &out);
	assert_false(buf_failed(&out));
	return buf_take(&out, &len);
}

static const struct {
	const char *name, *reason;
	const char *has; /* a part of the body, NULL: any */
} rows[] = {
	{ "plain", "imap.example.net refuses the password", "imap.example.net refuses the password\r\n" },
	{ "line ends and controls become blanks", "one\r\n.\r\nSubject: two\x1b[2J\tthree", "one" },
	{ "what is no UTF-8", "caf\xe9 caf\xc3\xa9 \xff\xfe", "caf\xc3\xa9" },
	{ "nothing", "", NULL },
	{ "long lines are broken at blanks",
	  "word word word word word word word word word word word word word word word word word word word word",
	  "word\r\nword" },
};

static void letters_are_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *text = written(NOTICE_HELD, rows[i].reason);
		char *body = strstr(text, "\r\n\r\n");

		assert_non_null(body);
		assert_true(utf8_valid(slice_str(text)));
		if (rows[i].has != NULL && strstr(body, rows[i].has) == NULL)
			fail_msg("%s: no \"%s\" in %s", rows[i].name, rows[i].has, body);
		for (const char *line = text, *end; *line != '\0'; line = end + 2) {
			end = strstr(line, "\r\n");
			if (end == NULL)
				fail_msg("%s: the end is no line end", rows[i].name);
			assert_true(end - line < 998);
			for (const char *c = line; c < end; c++)
				assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
			assert_true(strcmp(line, ".\r\n") != 0);
		}
		free(text);
	}
}

/* A server's answer may be one word without end. */
static void long_words_are_cut(void **state)
{
	char reason[5000], *text;

	(void)state;
	memset(reason, 'x', sizeof reason - 1);
	reason[sizeof reason - 1] = '\0';
	text = written(NOTICE_EXPIRES, reason);
	for (const char *line = text, *end; *line != '\0'; line = end + 2) {
		end = strstr(line, "\r\n");
		assert_non_null(end);
		assert_true(end - line < 998);
	}
	free(text);
}

static void header_is_whole(void **state)
{
	static const char *const fields[] = { "From: mailferry <postmaster@mail.office.example>\r\n",
					      "To: <boss@office.example>\r\n",
					      "Subject: mailferry: account office soon loses its access\r\n",
					      "Message-ID: <0123456789abcdef.notice@mail.office.example>\r\n",
					      "Auto-Submitted: auto-generated\r\n",
					      "\r\nDate: " };
	char *text = written(NOTICE_EXPIRES, "x");

	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		assert_non_null(strstr(text, fields[i]));
	free(text);
}

/* It names the source, what to do, and does not say that mail waits in the queue. */
static void sources_are_no_accounts(void **state)
{
	char *text = written(NOTICE_SOURCE, "pop.example.net refuses the password");

	(void)state;
	assert_non_null(strstr(text, "Subject: mailferry: source office gives no mail until you act\r\n"));
	assert_non_null(strstr(text, "pop.example.net refuses the password"));
	assert_non_null(strstr(text, "mailferry sync office\r\n"));
	assert_null(strstr(text, "queue"));
	free(text);
}

static int same(struct notice a, struct notice b)
{
	struct buf x, y;
	int r;

	buf_init(&x, 1000);
	buf_init(&y, 1000);
	notice_sameness(&a, &x);
	notice_sameness(&b, &y);
	r = slice_eq(buf_slice(&x), buf_slice(&y));
	buf_free(&x);
	buf_free(&y);
	return r;
}

static void one_a_day_an_account(void **state)
{
	struct notice a = { .kind = NOTICE_HELD, .account = "office", .reason = "one", .wall_ms = NOON_MS }, b = a;

	(void)state;
	(void)setenv("TZ", "UTC", 1);
	b.reason = "another";
	b.wall_ms += NOON_MS - 1;
	assert_true(same(a, b));
	b.wall_ms = a.wall_ms + DAY_MS;
	assert_false(same(a, b));
	a.kind = b.kind = NOTICE_SOURCE;
	assert_false(same(a, b));
	a.kind = b.kind = NOTICE_EXPIRES; /* 1970-01-01 was a Thursday */
	assert_true(same(a, b));
	b.wall_ms = a.wall_ms + 4 * (int64_t)DAY_MS;
	assert_false(same(a, b));
	b = a;
	b.account = "office2";
	assert_false(same(a, b));
	b = a;
	b.kind = NOTICE_HELD;
	assert_false(same(a, b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_are_sound),
		cmocka_unit_test(long_words_are_cut),
		cmocka_unit_test(header_is_whole),
		cmocka_unit_test(sources_are_no_accounts),
		cmocka_unit_test(one_a_day_an_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
