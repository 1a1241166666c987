/* Answers: what is in them, and that nobody else's text gets into their headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "msg/mime.h"
#include "reply/reply.h"
#include "reply_tools.h"

static void world_has_not(const struct world *w, const char *part)
{
	if (strstr(w->text, part) != NULL)
		fail_msg("\"%s\" in:\n%s", part, w->text);
}

/* ---- vacation ---- */

static void vacation(struct world *w, const struct plan_answer *a)
{
	assert_int_equal(reply_vacation(&w->frame, a, &w->reply, &w->err), 0);
	world_assemble(w);
	assert_string_equal(w->reply.sender, "");
	assert_string_equal(w->reply.dsn.notify, "NEVER");
	world_field_is(w, "Auto-Submitted", "auto-replied");
	world_has_no_field(w, "Precedence");
}

static char anna[] = "anna@example.com";

static void vacation_answers(void **state)
{
	char reason[] = "Ich bin im B\xc3\xbcro nicht.\n\n.\nAnna = Chef \n";
	const struct plan_answer a = { .to = anna, .reason = reason };
	struct world w;
	char *text;

	(void)state;
	world_begin(&w, world_plain);
	vacation(&w, &a);
	assert_string_equal(w.reply.to[0], "anna@example.com");
	world_field_is(&w, "From", "info@office.example");
	world_field_is(&w, "To", "anna@example.com");
	world_field_is(&w, "Subject", "Auto: Angebot f\xc3\xbcr Sie");
	world_field_is(&w, "In-Reply-To", "<1@example.com>");
	world_field_is(&w, "References", "<0@example.com> <1@example.com>");
	world_field_is(&w, "Date", "Thu, 01 Jan 1970 00:00:00 +0000");
	text = world_part(&w, 0, "plain");
	assert_string_equal(text, "Ich bin im B\xc3\xbcro nicht.\r\n\r\n.\r\nAnna = Chef \r\n");
	assert_true(ascii_only(slice_of(w.text, w.n)));
	free(text);
	world_end(&w);
}

static const struct {
	const char *header, *in_reply, *references; /* NULL: none */
} threads[] = {
	{ "", NULL, NULL },
	{ "References: <0@x>\r\n", NULL, NULL },
	{ "Message-ID: <1@x>\r\n", "<1@x>", "<1@x>" },
	{ "Message-ID: <1@x>\r\nIn-Reply-To: <0@x>\r\n", "<1@x>", "<0@x> <1@x>" },
	{ "Message-ID: <1@x>\r\nIn-Reply-To: <0@x> <9@x>\r\n", "<1@x>", "<1@x>" },
	{ "Message-ID: <1@x>\r\nReferences: <a@x>\r\n <b@x>\r\nIn-Reply-To: <0@x>\r\n", "<1@x>", "<a@x> <b@x> <1@x>" },
	{ "Message-ID: <1@x\r\n y>\r\n", NULL, NULL },
	{ "Message-ID: junk <1@x> more\r\n", "<1@x>", "<1@x>" },
	{ "Message-ID: <>\r\n", NULL, NULL },
	{ "Message-ID: <<1@x>\r\n", "<1@x>", "<1@x>" },
};

static void answers_refer_to_what_they_answer(void **state)
{
	char reason[] = "away";
	const struct plan_answer a = { .to = anna, .reason = reason };

	(void)state;
	for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
		char *text = mem_printf("%s\r\n", threads[i].header);
		struct world w;

		world_begin(&w, text);
		vacation(&w, &a);
		if (threads[i].in_reply == NULL) {
			world_has_no_field(&w, "In-Reply-To");
			world_has_no_field(&w, "References");
		} else {
			world_field_is(&w, "In-Reply-To", threads[i].in_reply);
			world_field_is(&w, "References", threads[i].references);
		}
		world_field_is(&w, "Subject", "Automated reply");
		world_end(&w);
		free(text);
	}
}

static void long_threads_keep_their_ends(void **state)
{
	char reason[] = "away";
	const struct plan_answer a = { .to = anna, .reason = reason };
	struct buf text;
	struct world w;
	char *got;

	(void)state;
	buf_init(&text, 1 << 20);
	(void)buf_add_str(&text, "Message-ID: <last@x>\r\nReferences:");
	for (int i = 0; i < 1000; i++)
		(void)buf_addf(&text, "\r\n <%d@x>", i);
	(void)buf_add_str(&text, "\r\n\r\n");
	world_begin(&w, buf_str(&text));
	vacation(&w, &a);
	got = world_field(&w, "References");
	assert_memory_equal(got, "<0@x> <90", 9);
	assert_non_null(strstr(got, " <999@x> <last@x>"));
	free(got);
	world_end(&w);
	buf_free(&text);
}

/* What scripts and senders write is no header. */
static void nothing_is_injected(void **state)
{
	char subject[] = "one\r\nBcc: x@example.net\r\n\r\nbody", from[] = "\"a\r\nBcc: x@example.net\" <b@office.example>",
	     reason[] = "text\r\n.\r\nMAIL FROM:<x@example.net>\r\n";
	const struct plan_answer a = { .to = anna, .subject = subject, .from = from, .reason = reason };
	struct world w;

	(void)state;
	world_begin(&w, world_plain);
	vacation(&w, &a);
	world_has_no_field(&w, "Bcc");
	world_field_is(&w, "Subject", "one  Bcc: x@example.net    body");
	world_end(&w);
	world_begin(&w, "Subject: =?utf-8?q?a=0D=0ABcc:_x@example.net?=\r\nMessage-ID: <1@x>\r\n\r\n");
	world_redirect(&w, true, REPLY_PATH_RECIPIENT);
	world_has_no_field(&w, "Bcc");
	world_field_is(&w, "Subject", "Fwd: a  Bcc: x@example.net");
	world_end(&w);
	world_begin(&w, "X-Mailferry-Redirected: =?utf-8?q?a=0D=0ABcc:_x?=\r\n\r\n");
	world_redirect(&w, true, REPLY_PATH_RECIPIENT);
	world_has_no_field(&w, "Bcc");
	world_end(&w);
}

static const struct {
	const char *from, *want; /* NULL: not valid, so the recipient's own */
} froms[] = {
	{ "b@office.example", "b@office.example" },
	{ "Anna B <b@office.example>", "Anna B <b@office.example>" },
	{ "\"B, \\\"Anna\\\"\" <b@office.example>", "\"B, \\\"Anna\\\"\" <b@office.example>" },
	{ "J\xc3\xbcrgen <b@office.example>", "J\xc3\xbcrgen <b@office.example>" },
	{ "a@office.example, B (c, d) <b@office.example>", "a@office.example, B <b@office.example>" },
	{ "", NULL },
	{ "nobody", NULL },
	{ "a@office.example,", NULL },
	{ "<>", NULL },
	{ "group: a@office.example;", NULL },
};

static void senders_are_written_anew(void **state)
{
	char reason[] = "away";

	(void)state;
	for (size_t i = 0; i < sizeof froms / sizeof froms[0]; i++) {
		char *from = mem_strdup(froms[i].from);
		const struct plan_answer a = { .to = anna, .from = from, .reason = reason };
		struct world w;

		world_begin(&w, world_plain);
		vacation(&w, &a);
		world_field_is(&w, "From", froms[i].want == NULL ? "info@office.example" : froms[i].want);
		world_end(&w);
		/* Where all mail must bear one address, an answer still goes to the one that the script names. */
		world_begin(&w, world_plain);
		w.frame.from = slice_str("ferry@office.example");
		vacation(&w, &a);
		world_field_is(&w, "From", "ferry@office.example");
		if (froms[i].want == NULL)
			world_has_no_field(&w, "Reply-To");
		else
			world_field_is(&w, "Reply-To", froms[i].want);
		world_end(&w);
		free(from);
	}
}

static void entities_are_placed(void **state)
{
	char entity[] = "Content-Type: multipart/alternative;\n boundary=foo\nBcc: x@example.net\nMIME-Version: 1.0\n\n--foo\n\n"
			"one\n--foo\nContent-Type: text/html\n\n<p>one\n--foo--\n",
	     trick[] = "Content-Description: x\rBcc: y@example.net\n\ntext\n", eight[] = "Content-Type: text/plain; charset=utf-8\n\nB\xc3\xbcro\n", bare[] = "\nno fields",
	     no_fields[] = "just text\n\nmore", foreign[] = "Content-Type: text/plain; name=\"\xc3\xa4\"\n\nx";
	struct plan_answer a = { .to = anna, .reason = entity, .mime = true };
	struct world w;
	char *text;

	(void)state;
	world_begin(&w, world_plain);
	vacation(&w, &a);
	world_has_no_field(&w, "Bcc");
	world_field_is(&w, "MIME-Version", "1.0");
	world_has_not(&w, "us-ascii");
	text = world_part(&w, 1, "plain");
	assert_string_equal(text, "one");
	free(text);
	world_end(&w);
	a.reason = trick;
	world_begin(&w, world_plain);
	assert_int_equal(reply_vacation(&w.frame, &a, &w.reply, &w.err), -1);
	world_end(&w);
	a.reason = eight;
	world_begin(&w, world_plain);
	vacation(&w, &a);
	world_field_is(&w, "Content-Transfer-Encoding", "8bit");
	world_end(&w);
	a.reason = bare;
	world_begin(&w, world_plain);
	vacation(&w, &a);
	world_has(&w, "\r\n\r\nno fields\r\n");
	world_end(&w);
	a.reason = no_fields;
	world_begin(&w, world_plain);
	assert_int_equal(reply_vacation(&w.frame, &a, &w.reply, &w.err), -1);
	world_end(&w);
	a.reason = foreign;
	world_begin(&w, world_plain);
	assert_int_equal(reply_vacation(&w.frame, &a, &w.reply, &w.err), -1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vacation_answers),
		cmocka_unit_test(answers_refer_to_what_they_answer),
		cmocka_unit_test(long_threads_keep_their_ends),
		cmocka_unit_test(nothing_is_injected),
		cmocka_unit_test(senders_are_written_anew),
		cmocka_unit_test(entities_are_placed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
