/* What the receiver does at its limits, and when time runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_tools.h"

static const char large_config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { message_size = \"100K\"; };\n" FAKE_LISTENERS
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\";\n"
    "    tls = \"implicit\"; addresses = [ \"@home.example\" ]; }; };\n";

static const char short_config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { recipients = 100; commands = 10; errors = 20; };\n" FAKE_LISTENERS
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\";\n"
    "    tls = \"implicit\"; addresses = [ \"@home.example\" ]; }; };\n";

static const char errors_config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { errors = 20; };\n" FAKE_LISTENERS
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\";\n"
    "    tls = \"implicit\"; addresses = [ \"@home.example\" ]; }; };\n";

static void recipients_are_counted(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, fake_config, NULL);
	fake_connect(&f, FAKE_MX);
	fake_say(&f, "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<me@home.example>\r\nRCPT TO:<b@home.example>\r\n"
		"RCPT TO:<c@home.example>\r\n");
	(void)fake_told(&f);
	/* More than there may be commands. */
	for (int i = 0; i < 1000; i++) {
		fake_say(&f, "RCPT TO:<d@home.example>\r\n");
		fake_expect(&f, "452 4.5.3 ");
	}
	fake_say(&f, "DATA\r\n");
	fake_say(&f, "x\r\n.\r\n");
	fake_expect(&f, "250 2.0.0 ");
	assert_int_equal(f.nmessages, 1);
	assert_non_null(
	    strstr(f.messages[0].text, "home:me@home.example{keep (the account has no rules)},home:b@home.example{"));
	assert_null(strstr(f.messages[0].text, "d@home"));
	fake_say(&f, "MAIL FROM:<a@b.example>\r\nRCPT TO:<me@home.example>\r\nRCPT TO:<b@home.example>\r\nRCPT TO:<c@home.example>\r\n");
	for (int i = 0; i < 20000 && !f.closed; i++) {
		(void)fake_told(&f);
		fake_say(&f, "RCPT TO:<d@home.example>\r\n");
	}
	fake_expect(&f, "421 4.7.0 Too many commands");
	fake_close(&f);
}

static void unknown_recipients_slow_down_and_end(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, fake_config, NULL);
	fake_connect(&f, FAKE_MX);
	fake_say(&f, "EHLO c\r\nMAIL FROM:<a@b.example>\r\n");
	(void)fake_told(&f);
	for (int i = 1; i <= 20; i++) {
		fake_say(&f, "RCPT TO:<nobody@home.example>\r\n");
		if (i > 10) {
			assert_string_equal(fake_told(&f), "");
			fake_wait(&f, 1000);
		}
		fake_expect(&f, "550 5.1.1 ");
	}
	fake_say(&f, "RCPT TO:<nobody@home.example>\r\n");
	fake_expect(&f, "421 4.7.0 ");
	assert_true(f.closed);
	fake_close(&f);
}

static void commands_and_messages_are_counted(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, fake_config, NULL);
	fake_connect(&f, FAKE_MX);
	for (int i = 0; i < 30; i++)
		fake_say(&f, "NOOP\r\n");
	assert_false(f.closed);
	fake_say(&f, "NOOP\r\n");
	fake_expect(&f, "421 4.7.0 ");
	assert_true(f.closed);

	fake_connect(&f, FAKE_MX);
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 20; j++)
			fake_say(&f, "NOOP\r\n");
		fake_say(&f, FAKE_BEGIN);
		fake_say(&f, ".\r\n");
	}
	assert_int_equal(f.nmessages, 3);
	(void)fake_told(&f);
	fake_say(&f, "MAIL FROM:<>\r\n");
	fake_expect(&f, "421 4.7.0 ");
	assert_true(f.closed);
	fake_close(&f);
}

/* LIMITS promises room for so many (RFC 9422). */
static void recipients_may_be_more_than_commands(void **state)
{
	struct fake f;
	int broken_off = 0;

	(void)state;
	fake_open(&f, short_config, NULL);
	fake_connect(&f, FAKE_MX);
	fake_say(&f, "EHLO c\r\nMAIL FROM:<a@b.example>\r\n");
	for (int i = 0; i < 100; i++) {
		(void)fake_told(&f);
		fake_say(&f, "RCPT TO:<me@home.example>\r\n");
		fake_expect(&f, "250 2.1.5 ");
	}
	(void)fake_told(&f);
	fake_say(&f, "DATA\r\n");
	fake_say(&f, ".\r\n");
	fake_expect(&f, "250 2.0.0 ");
	/* Nor do those of a transaction that is broken off, */
	fake_say(&f, "MAIL FROM:<>\r\n");
	for (int i = 0; i < 120; i++)
		fake_say(&f, "RCPT TO:<me@home.example>\r\n");
	assert_false(f.closed);
	(void)fake_told(&f);
	fake_say(&f, "RSET\r\nMAIL FROM:<>\r\nQUIT\r\n");
	assert_string_equal(fake_codes(fake_told(&f)), "250 250 221 ");
	fake_close(&f);
	/* but for that there must be a message now and then: ten are free, and count as two commands each. */
	fake_open(&f, fake_config, NULL);
	fake_connect(&f, FAKE_MX);
	fake_say(&f, "EHLO c\r\n");
	while (!f.closed && broken_off < 100) {
		(void)fake_told(&f);
		fake_say(&f, "MAIL FROM:<>\r\nRCPT TO:<me@home.example>\r\nRCPT TO:<b@home.example>\r\n"
			     "RCPT TO:<c@home.example>\r\nRSET\r\n");
		broken_off += !f.closed;
	}
	fake_expect(&f, "421 4.7.0 Too many commands");
	assert_int_equal(broken_off, 12);
	fake_close(&f);
}

/* Whoever is slowed down by an error is not held by it when that was the last. */
static void what_ends_waits_for_no_delay(void **state)
{
	struct fake f;

	(void)state;
	/* errors = 20, the last of them an unknown recipient, whose answer would come late by itself */
	fake_open(&f, errors_config, NULL);
	fake_connect(&f, FAKE_MX);
	fake_say(&f, "EHLO c\r\nMAIL FROM:<a@b.example>\r\n");
	for (int i = 0; i < 9; i++)
		fake_say(&f, "VRFY\r\n");
	for (int i = 0; i < 11; i++) {
		fake_say(&f, "RCPT TO:<nobody@else.example>\r\n");
		fake_wait(&f, 1000);
	}
	assert_false(f.closed);
	(void)fake_told(&f);
	fake_say(&f, "RCPT TO:<nobody@else.example>\r\n");
	fake_expect(&f, "421 4.7.0 Too many errors");
	assert_true(f.closed);

	/* nor by a stop */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, "EHLO c\r\n");
	for (int i = 0; i < 11; i++)
		fake_say(&f, "VRFY\r\n");
	assert_true(smtp_session_held(f.session));
	(void)fake_told(&f);
	smtp_session_stop(f.session, true);
	fake_say(&f, "");
	fake_expect(&f, "421 4.3.2 ");
	assert_true(f.closed);
	fake_close(&f);
}

/* They are commands, and errors. */
static void long_lines_are_counted(void **state)
{
	char line[5000];
	struct fake f;
	int n;

	(void)state;
	memset(line, 'x', sizeof line);
	fake_open(&f, short_config, NULL);
	fake_connect(&f, FAKE_MX);
	for (n = 0; !f.closed && n < 1000; n++) {
		(void)fake_told(&f);
		fake_send(&f, slice_of(line, sizeof line));
		fake_say(&f, "\r\n");
	}
	fake_expect(&f, "421 4.7.0 Too many commands");
	assert_int_equal(n, 11);
	fake_close(&f);

	fake_open(&f, large_config, NULL);
	fake_connect(&f, FAKE_MX);
	for (n = 0; !f.closed && n < 1000; n++) {
		(void)fake_told(&f);
		fake_send(&f, slice_of(line, sizeof line));
		fake_say(&f, "\r\n");
		fake_wait(&f, 1000);
	}
	fake_expect(&f, "421 4.7.0 Too many errors");
	assert_int_equal(n, 101);
	fake_close(&f);
}

/* However it is cut. */
static void a_line_of_64_kb_is_the_longest(void **state)
{
	static const size_t pieces[] = { 1000, 1024, 20000, 65536, 80000 };
	struct buf b;
	struct fake f;

	(void)state;
	fake_open(&f, large_config, NULL);
	buf_init(&b, 100000);
	for (size_t i = 0; i < 65536 - 2; i++)
		(void)buf_add_char(&b, 'x');
	(void)buf_add_str(&b, "\r\n");
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		for (size_t more = 0; more <= 1; more++) {
			fake_connect(&f, FAKE_MX);
			(void)fake_told(&f);
			if (more > 0)
				fake_send(&f, slice_of("y", 1));
			for (size_t at = 0; at < b.n && !f.closed; at += pieces[i])
				fake_send(&f, slice_of(b.p + at, b.n - at < pieces[i] ? b.n - at : pieces[i]));
			assert_string_equal(fake_told(&f), more > 0 ? "500 5.5.2 The line is far too long\r\n"
								    : "500 5.5.2 The line is too long\r\n");
			assert_true(f.closed == (more > 0));
			fake_disconnect(&f);
		}
	}
	buf_free(&b);
	fake_close(&f);
}

static void long_lines_are_bounded(void **state)
{
	char line[5000];
	struct fake f;

	(void)state;
	fake_open(&f, fake_config, NULL);
	fake_connect(&f, FAKE_MX);
	(void)fake_told(&f);
	memset(line, 'x', sizeof line);
	/* 2,048 octets with the line end are a command, one more is not. */
	fake_send(&f, slice_of(line, 2046));
	fake_say(&f, "\r\n");
	fake_expect(&f, "500 5.5.1 ");
	fake_send(&f, slice_of(line, 2047));
	fake_say(&f, "\r\nNOOP\r\n");
	fake_expect(&f, "500 5.5.2 The line is too long\r\n250 2.0.0 Ok\r\n");
	for (size_t i = 0; i < 5000; i++)
		fake_send(&f, slice_of(line, 1));
	assert_true(f.in.n <= SMTP_COMMAND_MAX);
	fake_say(&f, "\r\nNOOP\r\n");
	fake_expect(&f, "500 5.5.2 The line is too long\r\n250 2.0.0 Ok\r\n");
	for (size_t i = 0; i < 20 && !f.closed; i++) {
		fake_send(&f, slice_of(line, sizeof line));
		assert_true(f.in.n <= SMTP_COMMAND_MAX);
	}
	fake_expect(&f, "500 5.5.2 ");
	assert_true(f.closed);
	fake_close(&f);
}

static void too_large_stays_in_step(void **state)
{
	static const struct {
		size_t listener, size;
		const char *answer;
	} rows[] = {
		{ FAKE_MX, 102400, "250 2.0.0 " },
		{ FAKE_MX, 102401, "552 5.3.4 " },
		{ FAKE_MX, 5000000, "552 5.3.4 " },
		{ FAKE_LAN, 102401, "552 5.3.4 " },
	};
	struct fake f;

	(void)state;
	fake_open(&f, large_config, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t before = f.nmessages;

		fake_connect(&f, rows[i].listener);
		fake_say(&f, FAKE_BEGIN);
		(void)fake_told(&f);
		fake_send_body(&f, rows[i].size);
		assert_string_equal(fake_told(&f), "");
		fake_say(&f, ".\r\nNOOP\r\n");
		fake_expect(&f, rows[i].answer);
		assert_int_equal(f.nmessages - before, rows[i].answer[0] == '2');
		fake_say(&f, FAKE_BEGIN + 8);
		fake_say(&f, "x\r\n.\r\n");
		fake_expect(&f, "250 2.0.0 Ok: queued");
	}
	/* While skipping, the same line ends are refused and the same end is an end. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_send_body(&f, 200000);
	fake_say(&f, "\n.\n");
	fake_expect(&f, "521 5.5.2 ");
	assert_true(f.closed);
	fake_connect(&f, FAKE_LAN);
	fake_say(&f, FAKE_BEGIN);
	fake_send_body(&f, 200000);
	fake_say(&f, "\n.\r\nx\n.\nQUIT\r\n");
	(void)fake_told(&f);
	fake_say(&f, ".\r\nNOOP\r\n");
	fake_expect(&f, "552 5.3.4 The message is too large\r\n250 2.0.0 Ok\r\n");
	/* LMTP answers each recipient. */
	fake_connect(&f, FAKE_LMTP);
	fake_say(&f, "LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@home.example>\r\nRCPT TO:<b@home.example>\r\nDATA\r\n");
	fake_send_body(&f, 200000);
	(void)fake_told(&f);
	fake_say(&f, ".\r\n");
	assert_string_equal(fake_told(&f),
			    "552 5.3.4 The message is too large\r\n552 5.3.4 The message is too large\r\n");
	assert_int_equal(f.uploads_open, 0);
	fake_close(&f);
}

static void unaccepted_octets_are_bounded(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, fake_config, NULL);
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	f.service.unaccepted = 250000; /* other sessions' */
	fake_send_body(&f, 100000);
	(void)fake_told(&f);
	assert_int_equal(f.service.unaccepted, 250000);
	fake_say(&f, ".\r\n");
	fake_expect(&f, "452 4.3.1 ");
	/* Another session has it all: MAIL is refused already. */
	f.service.unaccepted = 400000;
	fake_say(&f, "MAIL FROM:<>\r\n");
	fake_expect(&f, "452 4.3.1 ");
	f.service.unaccepted = 0;
	f.source.unaccepted = 210000;
	fake_say(&f, "MAIL FROM:<>\r\n");
	fake_expect(&f, "452 4.3.1 ");
	f.source.unaccepted = 0;
	assert_int_equal(f.nmessages, 0);
	assert_int_equal(f.uploads_open, 0);
	fake_close(&f);
}

static void time_runs_out(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, fake_config, NULL);
	/* A command: bytes that trickle in do not give it more time. */
	fake_connect(&f, FAKE_MX);
	(void)fake_told(&f);
	for (int i = 0; i < 7 && !f.closed; i++) {
		fake_say(&f, "N");
		fake_wait(&f, 9000);
	}
	fake_expect(&f, "421 4.4.2 ");
	assert_true(f.closed);
	/* Silence in a message. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_say(&f, "x");
	fake_wait(&f, 29000);
	assert_false(f.closed);
	fake_wait(&f, 1500);
	fake_expect(&f, "421 4.4.2 ");
	assert_true(f.closed);
	/* A trickle: never silent for long, but too slow. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	for (int i = 0; i < 10 && !f.closed; i++) {
		fake_say(&f, "x");
		fake_wait(&f, 5000);
	}
	fake_expect(&f, "421 4.4.2 ");
	assert_true(f.closed);
	/* The whole message has an absolute deadline, however fast it comes. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	for (int i = 0; i < 29; i++) {
		fake_send_body(&f, 5000);
		fake_wait(&f, 10000);
		assert_false(f.closed);
	}
	fake_wait(&f, 10001);
	fake_expect(&f, "421 4.4.2 ");
	assert_true(f.closed);
	/* Waiting for the spool is not the client's fault. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_send_only(&f, SLICE_LIT("x\r\n.\r\n"));
	fake_wait(&f, 1000000);
	assert_false(f.closed);
	(void)fake_told(&f);
	assert_true(fake_answer(&f));
	fake_expect(&f, "250 2.0.0 ");
	assert_int_equal(f.nmessages, 1);
	fake_close(&f);
}

static void a_client_that_never_reads(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, large_config, NULL);
	fake_connect(&f, FAKE_MX);
	f.eager = false;
	for (int i = 0; i < 2000; i++)
		fake_send_only(&f, SLICE_LIT("NOOP\r\n"));
	assert_true(smtp_session_output(f.session)->n < SMTP_OUTPUT_PAUSE + 1000);
	assert_int_equal(smtp_session_want(f.session), SMTP_WAIT);
	fake_wait(&f, 3600 * 1000);
	assert_true(f.closed);
	f.eager = true;
	fake_close(&f);
}

static void impatient_clients_are_refused(void **state)
{
#define L100  "123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 "
#define K1    L100 L100 L100 L100 L100 L100 L100 L100 L100 L100
#define OTHER "\r\nRSET\r\nMAIL FROM:<>\r\n"
	static const struct slice unasked[] = {
		SLICE_LIT("DATA\r\nSubject: x" OTHER), SLICE_LIT("DATA\t\r\nReceived : x" OTHER),
		SLICE_LIT("DATA\r\nFrom a@b.example Fri Nov 27 03:20:00 2026" OTHER), SLICE_LIT("DATA\r\n" OTHER),
		SLICE_LIT("data x\r\nX-Y:\0" OTHER), SLICE_LIT("DATA\r\nSubject: \xff" OTHER),
		SLICE_LIT("DATA\r\nX: " K1 K1 K1 OTHER)
	};
	struct fake f;

	(void)state;
	fake_open(&f, fake_config, NULL);
	fake_connect(&f, FAKE_MX);
	fake_say(&f,
	    "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<me@home.example>\r\nDATA\r\nSubject: x\r\n\r\nMAIL FROM:<>\r\n.\r\n");
	fake_expect(&f, "554 5.5.0 ");
	assert_true(f.closed);
	assert_int_equal(f.nmessages, 0);
	/* A refusal does not make commands of what comes behind it, all at once or in two pieces; commands it may be. */
	for (size_t i = 0; i < 2 * sizeof unasked / sizeof unasked[0]; i++) {
		const struct slice all = unasked[i / 2];
		const size_t first = i % 2 == 0 ? 0 : slice_find(all, '\n') + 1;

		fake_connect(&f, FAKE_MX);
		fake_say(&f, "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@home.example>\r\n");
		(void)fake_told(&f);
		fake_send(&f, slice_of(all.p, first));
		fake_send(&f, slice_skip(all, first));
		fake_expect(&f, "\r\n554 5.5.0 You must wait for the reply to DATA");
		assert_true(f.closed);
	}
	/* RFC 2920, 3.1: DATA may be the last of a group without a recipient, and another group follows. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, "EHLO c\r\n");
	(void)fake_told(&f);
	fake_say(&f, "MAIL FROM:<>\r\nRCPT TO:<nobody@home.example>\r\nDATA\r\nRSET\r\nMAIL FROM:<>\r\n"
		     "RCPT TO:<me@home.example>\r\nRSET\r\nDATA\r\nRSET\r\nFOO\r\nQUIT\r\n");
	assert_string_equal(fake_codes(fake_told(&f)), "250 550 554 250 250 250 250 503 250 500 221 ");
	/* A message that was taken ends it. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_say(&f, "x\r\n.\r\nFOO\r\n");
	assert_string_equal(fake_codes(fake_told(&f)), "220 250 250 250 354 250 500 ");
	fake_connect(&f, FAKE_MX);
	smtp_session_early(f.session);
	assert_int_equal(smtp_session_want(f.session), SMTP_CLOSE);
	assert_non_null(strstr(buf_str(smtp_session_output(f.session)), "554 5.5.0 "));
	fake_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recipients_are_counted),
		cmocka_unit_test(unknown_recipients_slow_down_and_end),
		cmocka_unit_test(commands_and_messages_are_counted),
		cmocka_unit_test(recipients_may_be_more_than_commands),
		cmocka_unit_test(what_ends_waits_for_no_delay),
		cmocka_unit_test(long_lines_are_counted),
		cmocka_unit_test(a_line_of_64_kb_is_the_longest),
		cmocka_unit_test(long_lines_are_bounded),
		cmocka_unit_test(too_large_stays_in_step),
		cmocka_unit_test(unaccepted_octets_are_bounded),
		cmocka_unit_test(time_runs_out),
		cmocka_unit_test(a_client_that_never_reads),
		cmocka_unit_test(impatient_clients_are_refused),
	};

	return cmocka_run_group_tests_name("smtp_limits", tests, NULL, NULL);
}
