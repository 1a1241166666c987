/* Notices and refusals: what is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "reply/reply.h"
#include "reply_tools.h"

static void world_notify(struct world *w, const struct plan_notice *n)
{
	assert_int_equal(reply_notify(&w->frame, n, &w->reply, &w->err), 0);
	world_assemble(w);
}

static void notify_writes(void **state)
{
	char method[] = "mailto:0123456789@sms.example.net?to=backup@example.com&cc=c@example.com&subject=no&body=a%0Ab&"
			"x-note=1&From=evil@example.net&auto-submitted=no",
	     message[] = "From Knitting list: A new sw\xc3\xa4ter", from[] = "rules@office.example",
	     stranger[] = "a@elsewhere.example";
	struct plan_notice n = { .method = method, .message = message, .importance = 1 };
	struct world w;
	char *text;

	(void)state;
	world_begin(&w, world_plain);
	world_notify(&w, &n);
	assert_string_equal(w.reply.sender, "info@office.example");
	assert_int_equal(w.reply.nto, 3);
	world_field_is(&w, "Auto-Submitted", "auto-notified; owner-email=\"info@office.example\"");
	world_field_is(&w, "From", "info@office.example");
	world_field_is(&w, "To", "0123456789@sms.example.net, backup@example.com");
	world_field_is(&w, "Cc", "c@example.com");
	world_field_is(&w, "Subject", message);
	world_field_is(&w, "X-note", "1");
	world_field_is(&w, "Importance", "high");
	world_field_is(&w, "References", "<0@example.com> <1@example.com>");
	text = world_part(&w, 0, "plain");
	assert_string_equal(text, "a\r\nb\r\n");
	free(text);
	world_end(&w);
	n = (struct plan_notice){ .method = method, .importance = 2, .from = from };
	world_begin(&w, world_plain);
	world_notify(&w, &n);
	assert_string_equal(w.reply.sender, "rules@office.example");
	world_field_is(&w, "From", "rules@office.example");
	world_field_is(&w, "Subject", "no");
	world_has_no_field(&w, "Importance");
	world_end(&w);
	n.from = stranger;
	world_begin(&w, world_plain);
	world_notify(&w, &n);
	assert_string_equal(w.reply.sender, "info@office.example");
	world_field_is(&w, "From", "info@office.example");
	world_end(&w);
}

static void notify_by_default(void **state)
{
	char method[] = "mailto:a@example.net", bad[] = "tel:123";
	struct plan_notice n = { .method = method, .importance = 3 };
	struct world w;
	char *text;

	(void)state;
	world_begin(&w, world_plain);
	w.frame.sender = SLICE_NONE;
	world_notify(&w, &n);
	assert_string_equal(w.reply.sender, "");
	world_field_is(&w, "Subject", "Angebot f\xc3\xbcr Sie");
	world_field_is(&w, "Importance", "low");
	text = world_part(&w, 0, "plain");
	assert_non_null(strstr(text, "Anna <anna@example.com>"));
	assert_non_null(strstr(text, "Angebot f\xc3\xbcr Sie"));
	free(text);
	world_end(&w);
	world_begin(&w, world_plain);
	w.frame.recipient = slice_str("\xc3\xa4@office.example");
	world_notify(&w, &n);
	world_field_is(&w, "Auto-Submitted", "auto-notified; owner-token=" ID);
	assert_true(w.reply.utf8);
	world_end(&w);
	world_begin(&w, "\r\n");
	world_notify(&w, &n);
	world_field_is(&w, "Subject", "New message");
	world_end(&w);
	n.method = bad;
	world_begin(&w, world_plain);
	assert_int_equal(reply_notify(&w.frame, &n, &w.reply, &w.err), -1);
	world_end(&w);
}

/* ---- refusal ---- */

static void refusals_are_told(void **state)
{
	struct world w;
	char *text;

	(void)state;
	world_begin(&w, world_plain);
	w.frame.orcpt = slice_str("rfc822;old@office.example");
	assert_int_equal(reply_refusal(&w.frame, slice_str("Nicht f\xc3\xbcr uns.\n.\nEnde"), &w.reply, &w.err), 0);
	world_assemble(&w);
	assert_string_equal(w.reply.sender, "");
	assert_string_equal(w.reply.to[0], "anna@example.com");
	world_field_is(&w, "Auto-Submitted", "auto-replied");
	world_field_is(&w, "Subject", "Rejected: Angebot f\xc3\xbcr Sie");
	world_has(&w, "Content-Type: multipart/report; report-type=disposition-notification;");
	text = world_part(&w, 1, "plain");
	assert_non_null(strstr(text, "Nicht f\xc3\xbcr uns.\r\n.\r\nEnde\r\n"));
	free(text);
	text = world_part(&w, 2, "disposition-notification");
	assert_string_equal(text, "Reporting-UA: mail.office.example; mailferry\r\n"
				  "Original-Recipient: rfc822;old@office.example\r\n"
				  "Final-Recipient: rfc822;info@office.example\r\n"
				  "Original-Message-ID: <1@example.com>\r\n"
				  "Disposition: automatic-action/MDN-sent-automatically; deleted\r\n");
	free(text);
	text = world_part(&w, 3, "rfc822-headers");
	assert_memory_equal(text, world_plain, 60);
	assert_null(strstr(text, "Hello"));
	free(text);
	world_end(&w);
	world_begin(&w, world_plain);
	w.frame.sender = SLICE_NONE;
	assert_int_equal(reply_refusal(&w.frame, slice_str("x"), &w.reply, &w.err), -1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notify_writes),
		cmocka_unit_test(notify_by_default),
		cmocka_unit_test(refusals_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
