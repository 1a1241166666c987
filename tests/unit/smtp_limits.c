/* What the receiver does at its limits, and when time runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_fake.h"

#define LISTENERS                                                                                                      \
	"listeners = { mx = { address = \"127.0.0.1:25\"; };\n"                                                        \
	"  lan = { address = \"127.0.0.1:2525\"; bare_newlines = \"accept\"; };\n"                                     \
	"  lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; }; };\n"

static const char config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { message_size = \"200K\"; recipients = 3; commands = 30; messages = 3; unaccepted = \"300K\";\n"
    "  unaccepted_per_address = \"200K\"; command_timeout = \"60s\"; data_timeout = \"30s\"; message_timeout = "
    "\"300s\"; };\n" LISTENERS
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"me@home.example\", \"b@home.example\", \"c@home.example\", \"d@home.example\" ]; }; };\n";

static const char large_config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { message_size = \"100K\"; };\n" LISTENERS
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\";\n"
    "    tls = \"implicit\"; addresses = [ \"@home.example\" ]; }; };\n";

#define BEGIN "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<me@home.example>\r\nDATA\r\n"

enum { MX, LAN, LMTP };

static void say(struct fake *f, const char *s)
{
	fake_send(f, slice_str(s));
}

static void expect(struct fake *f, const char *what)
{
	const char *told = fake_told(f);

	if (strstr(told, what) == NULL) {
		print_error("expected %s, told %s\n", what, told);
		fail();
	}
}

/* N octets of lines in one or more pieces. */
static void send_body(struct fake *f, size_t n)
{
	static const char line[] = "0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n";
	struct buf b;

	buf_init(&b, n + sizeof line);
	while (b.n + sizeof line - 1 <= n)
		(void)buf_add(&b, line, sizeof line - 1);
	while (b.n + 2 < n)
		(void)buf_add_char(&b, 'x');
	(void)buf_add_str(&b, b.n + 2 == n ? "\r\n" : "");
	for (size_t at = 0; at < b.n; at += 50000)
		fake_send(f, slice_of(b.p + at, b.n - at < 50000 ? b.n - at : 50000));
	buf_free(&b);
}

static void recipients_are_counted(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	fake_connect(&f, MX);
	say(&f, "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<me@home.example>\r\nRCPT TO:<b@home.example>\r\n"
		"RCPT TO:<c@home.example>\r\n");
	(void)fake_told(&f);
	say(&f, "RCPT TO:<d@home.example>\r\n");
	expect(&f, "452 4.5.3 ");
	say(&f, "DATA\r\n");
	say(&f, "x\r\n.\r\n");
	expect(&f, "250 2.0.0 ");
	assert_int_equal(f.nmessages, 1);
	assert_non_null(
	    strstr(f.messages[0].text, "home:me@home.example{keep (the account has no rules)},home:b@home.example{"));
	assert_null(strstr(f.messages[0].text, "d@home"));
	fake_close(&f);
}

static void unknown_recipients_slow_down_and_end(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	fake_connect(&f, MX);
	say(&f, "EHLO c\r\nMAIL FROM:<a@b.example>\r\n");
	(void)fake_told(&f);
	for (int i = 1; i <= 20; i++) {
		say(&f, "RCPT TO:<nobody@home.example>\r\n");
		if (i > 10) {
			assert_string_equal(fake_told(&f), "");
			fake_wait(&f, 1000);
		}
		expect(&f, "550 5.1.1 ");
	}
	say(&f, "RCPT TO:<nobody@home.example>\r\n");
	expect(&f, "421 4.7.0 ");
	assert_true(f.closed);
	fake_close(&f);
}

static void commands_and_messages_are_counted(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	fake_connect(&f, MX);
	for (int i = 0; i < 30; i++)
		say(&f, "NOOP\r\n");
	assert_false(f.closed);
	say(&f, "NOOP\r\n");
	expect(&f, "421 4.7.0 ");
	assert_true(f.closed);

	fake_connect(&f, MX);
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 20; j++)
			say(&f, "NOOP\r\n");
		say(&f, BEGIN);
		say(&f, ".\r\n");
	}
	assert_int_equal(f.nmessages, 3);
	(void)fake_told(&f);
	say(&f, "MAIL FROM:<>\r\n");
	expect(&f, "421 4.7.0 ");
	assert_true(f.closed);
	fake_close(&f);
}

static void long_lines_are_bounded(void **state)
{
	char line[5000];
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	fake_connect(&f, MX);
	(void)fake_told(&f);
	memset(line, 'x', sizeof line);
	/* 2,048 octets with the line end are a command, one more is not. */
	fake_send(&f, slice_of(line, 2046));
	say(&f, "\r\n");
	expect(&f, "500 5.5.1 ");
	fake_send(&f, slice_of(line, 2047));
	say(&f, "\r\nNOOP\r\n");
	expect(&f, "500 5.5.2 The line is too long\r\n250 2.0.0 Ok\r\n");
	for (size_t i = 0; i < 5000; i++)
		fake_send(&f, slice_of(line, 1));
	assert_true(f.in.n <= SMTP_COMMAND_MAX);
	say(&f, "\r\nNOOP\r\n");
	expect(&f, "500 5.5.2 The line is too long\r\n250 2.0.0 Ok\r\n");
	for (size_t i = 0; i < 20 && !f.closed; i++) {
		fake_send(&f, slice_of(line, sizeof line));
		assert_true(f.in.n <= SMTP_COMMAND_MAX);
	}
	expect(&f, "500 5.5.2 ");
	assert_true(f.closed);
	fake_close(&f);
}

static void too_large_stays_in_step(void **state)
{
	static const struct {
		size_t listener, size;
		const char *answer;
	} rows[] = {
		{ MX, 102400, "250 2.0.0 " },
		{ MX, 102401, "552 5.3.4 " },
		{ MX, 5000000, "552 5.3.4 " },
		{ LAN, 102401, "552 5.3.4 " },
	};
	struct fake f;

	(void)state;
	fake_open(&f, large_config, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t before = f.nmessages;

		fake_connect(&f, rows[i].listener);
		say(&f, BEGIN);
		(void)fake_told(&f);
		send_body(&f, rows[i].size);
		assert_string_equal(fake_told(&f), "");
		say(&f, ".\r\nNOOP\r\n");
		expect(&f, rows[i].answer);
		assert_int_equal(f.nmessages - before, rows[i].answer[0] == '2');
		say(&f, BEGIN + 8);
		say(&f, "x\r\n.\r\n");
		expect(&f, "250 2.0.0 Ok: queued");
	}
	/* While skipping, the same line ends are refused and the same end is an end. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	send_body(&f, 200000);
	say(&f, "\n.\n");
	expect(&f, "521 5.5.2 ");
	assert_true(f.closed);
	fake_connect(&f, LAN);
	say(&f, BEGIN);
	send_body(&f, 200000);
	say(&f, "\n.\r\nx\n.\nQUIT\r\n");
	(void)fake_told(&f);
	say(&f, ".\r\nNOOP\r\n");
	expect(&f, "552 5.3.4 The message is too large\r\n250 2.0.0 Ok\r\n");
	/* LMTP answers each recipient. */
	fake_connect(&f, LMTP);
	say(&f, "LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@home.example>\r\nRCPT TO:<b@home.example>\r\nDATA\r\n");
	send_body(&f, 200000);
	(void)fake_told(&f);
	say(&f, ".\r\n");
	assert_string_equal(fake_told(&f),
			    "552 5.3.4 The message is too large\r\n552 5.3.4 The message is too large\r\n");
	assert_int_equal(f.uploads_open, 0);
	fake_close(&f);
}

static void unaccepted_octets_are_bounded(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	fake_connect(&f, MX);
	say(&f, BEGIN);
	f.service.unaccepted = 250000; /* other sessions' */
	send_body(&f, 100000);
	(void)fake_told(&f);
	assert_int_equal(f.service.unaccepted, 250000);
	say(&f, ".\r\n");
	expect(&f, "452 4.3.1 ");
	/* Another session has it all: MAIL is refused already. */
	f.service.unaccepted = 400000;
	say(&f, "MAIL FROM:<>\r\n");
	expect(&f, "452 4.3.1 ");
	f.service.unaccepted = 0;
	f.source.unaccepted = 210000;
	say(&f, "MAIL FROM:<>\r\n");
	expect(&f, "452 4.3.1 ");
	f.source.unaccepted = 0;
	assert_int_equal(f.nmessages, 0);
	assert_int_equal(f.uploads_open, 0);
	fake_close(&f);
}

static void time_runs_out(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	/* A command: bytes that trickle in do not give it more time. */
	fake_connect(&f, MX);
	(void)fake_told(&f);
	for (int i = 0; i < 7 && !f.closed; i++) {
		say(&f, "N");
		fake_wait(&f, 9000);
	}
	expect(&f, "421 4.4.2 ");
	assert_true(f.closed);
	/* Silence in a message. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	say(&f, "x");
	fake_wait(&f, 29000);
	assert_false(f.closed);
	fake_wait(&f, 1500);
	expect(&f, "421 4.4.2 ");
	assert_true(f.closed);
	/* A trickle: never silent for long, but too slow. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	for (int i = 0; i < 10 && !f.closed; i++) {
		say(&f, "x");
		fake_wait(&f, 5000);
	}
	expect(&f, "421 4.4.2 ");
	assert_true(f.closed);
	/* The whole message has an absolute deadline, however fast it comes. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	for (int i = 0; i < 29; i++) {
		send_body(&f, 5000);
		fake_wait(&f, 10000);
		assert_false(f.closed);
	}
	fake_wait(&f, 10001);
	expect(&f, "421 4.4.2 ");
	assert_true(f.closed);
	/* Waiting for the spool is not the client's fault. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	fake_send_only(&f, SLICE_LIT("x\r\n.\r\n"));
	fake_wait(&f, 1000000);
	assert_false(f.closed);
	(void)fake_told(&f);
	assert_true(fake_answer(&f));
	expect(&f, "250 2.0.0 ");
	assert_int_equal(f.nmessages, 1);
	fake_close(&f);
}

static void a_client_that_never_reads(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, large_config, NULL);
	fake_connect(&f, MX);
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
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	fake_connect(&f, MX);
	say(&f,
	    "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<me@home.example>\r\nDATA\r\nSubject: x\r\n\r\nMAIL FROM:<>\r\n.\r\n");
	expect(&f, "554 5.5.0 ");
	assert_true(f.closed);
	assert_int_equal(f.nmessages, 0);
	fake_connect(&f, MX);
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
		cmocka_unit_test(long_lines_are_bounded),
		cmocka_unit_test(too_large_stays_in_step),
		cmocka_unit_test(unaccepted_octets_are_bounded),
		cmocka_unit_test(time_runs_out),
		cmocka_unit_test(a_client_that_never_reads),
		cmocka_unit_test(impatient_clients_are_refused),
	};

	return cmocka_run_group_tests_name("smtp_limits", tests, NULL, NULL);
}
