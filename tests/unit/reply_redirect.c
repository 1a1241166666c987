/* Redirects: what is in them, and what is not sent on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "reply/reply.h"
#include "reply_tools.h"

static void redirect_wraps(void **state)
{
	struct world w;
	char *text;

	(void)state;
	world_begin(&w, world_plain);
	world_redirect(&w, true, REPLY_PATH_RECIPIENT);
	assert_string_equal(w.reply.sender, "info@office.example");
	assert_int_equal(w.reply.nto, 1);
	assert_string_equal(w.reply.to[0], "boss@example.net");
	assert_false(w.reply.utf8);
	world_field_is(&w, "From", "info@office.example");
	world_field_is(&w, "To", "boss@example.net");
	world_field_is(&w, "Reply-To", "anna@example.com");
	world_field_is(&w, "Subject", "Fwd: Angebot f\xc3\xbcr Sie");
	world_field_is(&w, "Message-ID", "<" ID "@mail.office.example>");
	world_field_is(&w, "Auto-Submitted", "auto-generated");
	world_field_is(&w, "X-Mailferry-Redirected", "info@office.example");
	world_has(&w, world_plain); /* octet for octet */
	text = world_part(&w, 1, "plain");
	assert_non_null(strstr(text, "info@office.example"));
	assert_non_null(strstr(text, "Anna <anna@example.com>"));
	assert_non_null(strstr(text, "Angebot f\xc3\xbcr Sie"));
	free(text);
	text = world_part(&w, 2, "rfc822");
	assert_string_equal(text, world_plain);
	free(text);
	world_end(&w);
}

/* The second time round it is known, also within a message of somebody else's. */
static void loops_are_seen(void **state)
{
	static const char other[] = "x-mailferry-redirected:  b@example.net \r\nX-Mailferry-Redirected: c@example.net\r\n"
				    "Subject: x\r\n\r\n";
	struct world w, again;
	struct message m;
	struct buf hops;

	(void)state;
	world_begin(&w, other);
	assert_int_equal(reply_loop(&w.message, slice_str("info@office.example")), REPLY_NO_LOOP);
	assert_int_equal(reply_loop(&w.message, slice_str("B@example.net")), REPLY_REDIRECTED_BEFORE);
	world_redirect(&w, true, REPLY_PATH_RECIPIENT);
	world_begin(&again, w.text);
	assert_int_equal(reply_loop(&again.message, slice_str("info@office.example")), REPLY_REDIRECTED_BEFORE);
	assert_int_equal(reply_loop(&again.message, slice_str("c@example.net")), REPLY_REDIRECTED_BEFORE);
	assert_int_equal(reply_loop(&again.message, slice_str("d@example.net")), REPLY_NO_LOOP);
	world_end(&again);
	world_end(&w);
	world_begin(&w, world_plain);
	world_redirect(&w, false, REPLY_PATH_SENDER);
	world_begin(&again, w.text);
	assert_int_equal(reply_loop(&again.message, slice_str("info@office.example")), REPLY_REDIRECTED_BEFORE);
	world_end(&again);
	world_end(&w);

	buf_init(&hops, 1 << 20);
	for (int i = 0; i <= REPLY_HOPS_MAX; i++)
		(void)buf_addf(&hops, "Received: from a by b; Thu, 26 Nov 2026 10:00:%02d +0000\r\n", i);
	message_init(&m, buf_slice(&hops), hops.n, -1);
	assert_int_equal(reply_loop(&m, slice_str("info@office.example")), REPLY_TOO_MANY_HOPS);
	message_free(&m);
	buf_clear(&hops);
	for (int i = 0; i < REPLY_MARKS_MAX; i++)
		(void)buf_addf(&hops, "X-Mailferry-Redirected: a%d@example.net\r\n", i);
	message_init(&m, buf_slice(&hops), hops.n, -1);
	assert_int_equal(reply_loop(&m, slice_str("info@office.example")), REPLY_TOO_MANY_HOPS);
	message_free(&m);
	buf_free(&hops);
}

/* Also of an address that is encoded and folded on its way. */
static void marks_of_any_address_are_known(void **state)
{
	static const char *const addresses[] = { "\xc3\xa4rzte@b\xc3\xbcro.example", "\"a b\"@office.example",
						 "a-very-long-local-part-that-goes-on-and-on-for-quite-a-while@"
						 "a-domain-that-is-also-very-long-indeed.office.example" };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof addresses / sizeof addresses[0]; i++) {
		struct world w, again, third;

		world_begin(&w, world_plain);
		w.frame.recipient = slice_str(addresses[i / 2]);
		world_redirect(&w, i % 2 == 0, REPLY_PATH_RECIPIENT);
		world_begin(&again, w.text);
		assert_int_equal(reply_loop(&again.message, slice_str(addresses[i / 2])), REPLY_REDIRECTED_BEFORE);
		assert_int_equal(reply_loop(&again.message, slice_str("info@office.example")), REPLY_NO_LOOP);
		world_redirect(&again, true, REPLY_PATH_RECIPIENT);
		world_begin(&third, again.text);
		assert_int_equal(reply_loop(&third.message, slice_str(addresses[i / 2])), REPLY_REDIRECTED_BEFORE);
		world_end(&third);
		world_end(&again);
		world_end(&w);
	}
}

static void redirect_resends(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, world_plain);
	world_redirect(&w, false, REPLY_PATH_SENDER);
	assert_string_equal(w.reply.sender, "anna@example.com");
	assert_string_equal(w.text + w.n - strlen(world_plain), world_plain);
	world_field_is(&w, "From", "Anna <anna@example.com>");
	world_field_is(&w, "Resent-From", "info@office.example");
	world_field_is(&w, "Resent-To", "boss@example.net");
	world_field_is(&w, "Resent-Message-ID", "<" ID "@mail.office.example>");
	world_has(&w, "Resent-Date: Thu, 01 Jan 1970");
	assert_string_equal(w.reply.message_id, "<1@example.com>");
	world_end(&w);
}

static void paths_are_as_asked(void **state)
{
	static const struct {
		enum reply_path path;
		const char *sender, *from, *want;
	} rows2[] = {
		{ REPLY_PATH_SENDER, "anna@example.com", "", "anna@example.com" },
		{ REPLY_PATH_RECIPIENT, "anna@example.com", "", "info@office.example" },
		{ REPLY_PATH_FIXED, "anna@example.com", "ferry@office.example", "ferry@office.example" },
		/* null stays null */
		{ REPLY_PATH_SENDER, "", "", "" },
		{ REPLY_PATH_RECIPIENT, "", "", "" },
		{ REPLY_PATH_FIXED, "", "ferry@office.example", "" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof rows2 / sizeof rows2[0]; i++) {
		struct world w;

		world_begin(&w, world_plain);
		w.frame.sender = slice_str(rows2[i / 2].sender);
		w.frame.from = slice_str(rows2[i / 2].from);
		world_redirect(&w, i % 2 == 0, rows2[i / 2].path);
		assert_string_equal(w.reply.sender, rows2[i / 2].want);
		if (rows2[i / 2].from[0] != '\0' && i % 2 == 0)
			world_field_is(&w, "From", rows2[i / 2].from);
		world_end(&w);
	}
}

static void foreign_letters_need_utf8(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "From: \xc3\xa4@example.com\r\nSubject: \xc3\xbc\r\n\r\nx\r\n");
	world_redirect(&w, true, REPLY_PATH_RECIPIENT);
	world_has(&w, "Content-Type: message/global");
	world_field_is(&w, "Reply-To", "\xc3\xa4@example.com");
	assert_true(w.reply.utf8); /* for Reply-To */
	world_end(&w);
	world_begin(&w, "From: a@example.com\r\nSubject: \xc3\xbc\r\n\r\nx\r\n");
	world_redirect(&w, true, REPLY_PATH_RECIPIENT);
	world_has(&w, "Content-Type: message/global");
	assert_false(w.reply.utf8);
	world_end(&w);
	world_begin(&w, "From: a@example.com\r\nSubject: \xc3\xbc\r\n\r\nx\r\n");
	world_redirect(&w, false, REPLY_PATH_RECIPIENT);
	assert_true(w.reply.utf8);
	world_end(&w);
	/* A domain has a form in ASCII. */
	world_begin(&w, world_plain);
	w.frame.recipient = slice_str("info@b\xc3\xbcro.example");
	world_redirect(&w, true, REPLY_PATH_RECIPIENT);
	world_field_is(&w, "From", "info@xn--bro-hoa.example");
	assert_string_equal(w.reply.sender, "info@xn--bro-hoa.example");
	assert_false(w.reply.utf8);
	world_end(&w);
}

static void changed_messages_are_sent_as_changed(void **state)
{
	char text[] = "Subject: new\r\n";
	struct plan_piece pieces[] = { { text, 0, sizeof text - 1 }, { NULL, 2, 5 } };
	const struct plan_content c = { pieces, 2, sizeof text - 1 + 5 };
	struct reply_redirect r = { .address = "boss@example.net", .wrap = true, .content = &c };
	struct world w;

	(void)state;
	world_begin(&w, world_plain);
	assert_int_equal(reply_redirect(&w.frame, &r, &w.reply, &w.err), 0);
	world_assemble(&w);
	world_has(&w, "\r\n\r\nSubject: new\r\nom: A\r\n--=_" ID "--\r\n");
	world_end(&w);
	world_begin(&w, world_plain);
	r.address = "nobody";
	assert_int_equal(reply_redirect(&w.frame, &r, &w.reply, &w.err), -1);
	assert_int_equal(w.reply.content.n, 0);
	assert_true(w.err.text[0] != '\0');
	world_end(&w);
}

static void questions_go_on(void **state)
{
	char notify[] = "SUCCESS,FAILURE", ret[] = "HDRS";
	const struct plan_dsn dsn = { .notify = notify, .ret = ret, .by = true, .by_seconds = 60, .by_mode = 'R' };
	const struct reply_redirect r = { .address = "boss@example.net", .dsn = &dsn };
	struct world w;

	(void)state;
	world_begin(&w, world_plain);
	assert_int_equal(reply_redirect(&w.frame, &r, &w.reply, &w.err), 0);
	assert_string_equal(w.reply.dsn.notify, notify);
	assert_string_equal(w.reply.dsn.ret, ret);
	assert_true(w.reply.dsn.by && w.reply.dsn.by_seconds == 60 && w.reply.dsn.by_mode == 'R');
	world_end(&w);
}

/* RFC 6009, 6.1 and 7.1: reports go to the owner of the rule, but for what came without a sender. */
static void questions_are_the_owners(void **state)
{
	char notify[] = "NEVER", ret[] = "FULL";
	const struct plan_dsn asks[] = { { .notify = notify }, { .ret = ret }, { .by = true }, { .by = false } };

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		const struct reply_redirect r = { .address = "boss@example.net", .dsn = &asks[i / 2], .path = REPLY_PATH_SENDER };
		const char *want = i % 2 == 1 ? "" : i / 2 == 3 ? "anna@example.com" : "info@office.example";
		struct world w;

		world_begin(&w, world_plain);
		w.frame.sender = i % 2 == 1 ? SLICE_LIT("") : SLICE_LIT("anna@example.com");
		assert_int_equal(reply_redirect(&w.frame, &r, &w.reply, &w.err), 0);
		assert_string_equal(w.reply.sender, want);
		assert_int_equal(w.reply.same_sender, i % 2 == 1 || i / 2 == 3);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redirect_wraps),
		cmocka_unit_test(loops_are_seen),
		cmocka_unit_test(marks_of_any_address_are_known),
		cmocka_unit_test(redirect_resends),
		cmocka_unit_test(paths_are_as_asked),
		cmocka_unit_test(foreign_letters_need_utf8),
		cmocka_unit_test(changed_messages_are_sent_as_changed),
		cmocka_unit_test(questions_go_on),
		cmocka_unit_test(questions_are_the_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
