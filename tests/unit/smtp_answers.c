/* What the receiver tells when the spool has answered, and when its answer counts as read. */
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

static void the_spool_decides(void **state)
{
	static const struct {
		enum spool_answer answer;
		const char *reply;
		bool closed;
	} rows[] = {
		{ SPOOL_ACCEPTED, "250 2.0.0 Ok: queued as ", false },
		{ SPOOL_DUPLICATE, "250 2.0.0 Ok: queued as ", false },
		{ SPOOL_FULL, "452 4.3.1 ", false },
		{ SPOOL_FAILED, "451 4.3.0 ", false },
		{ SPOOL_LOST, NULL, true },
	};
	struct fake f;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t size = 10; size < 200000; size += 150000) {
			fake_open(&f, config, NULL);
			fake_connect(&f, MX);
			f.answer = rows[i].answer;
			say(&f, BEGIN);
			send_body(&f, size);
			fake_send_only(&f, SLICE_LIT(".\r\n"));
			(void)fake_told(&f);
			/* No word before the spool has spoken. */
			fake_wait(&f, 5000);
			assert_string_equal(fake_told(&f), "");
			assert_true(fake_answer(&f));
			if (rows[i].reply != NULL)
				expect(&f, rows[i].reply);
			else
				assert_string_equal(fake_told(&f), "");
			assert_int_equal(f.closed, rows[i].closed);
			if (f.nmessages > 0)
				assert_int_equal(f.messages[0].body.n, size);
			fake_close(&f);
			assert_int_equal(f.uploads_open, 0);
		}
	}
	/* No file to be had. */
	for (size_t i = 2; i < 5; i++) {
		fake_open(&f, config, NULL);
		fake_connect(&f, MX);
		f.upload_answer = rows[i].answer;
		say(&f, BEGIN);
		send_body(&f, 150000);
		(void)fake_told(&f);
		say(&f, ".\r\nNOOP\r\n");
		expect(&f, i == 2 ? "452 4.3.1 " : "451 4.3.0 ");
		assert_int_equal(f.nmessages, 0);
		fake_close(&f);
	}
	/* It is known to be away. */
	fake_open(&f, config, NULL);
	fake_connect(&f, MX);
	intake_set_lost(f.intake, true);
	say(&f, BEGIN);
	expect(&f, "451 4.3.0 ");
	assert_false(f.closed);
	intake_set_lost(f.intake, false);
	say(&f, "DATA\r\n");
	say(&f, ".\r\n");
	expect(&f, "250 2.0.0 ");
	fake_close(&f);
}

/* A full disk while the message streams into its file. */
static void a_file_that_takes_no_more(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	f.upload_path = "/dev/full";
	fake_connect(&f, MX);
	say(&f, BEGIN);
	send_body(&f, 150000);
	(void)fake_told(&f);
	say(&f, ".\r\nNOOP\r\n");
	expect(&f, "452 4.3.1 There is no room just now, try again later\r\n250 2.0.0 Ok\r\n");
	assert_int_equal(f.nmessages, 0);
	assert_int_equal(f.uploads_open, 0);
	fake_close(&f);
}

static void dropped_clients_leave_nothing(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	/* Before the end of data, in every stage. */
	for (size_t size = 10; size < 200000; size += 150000) {
		fake_connect(&f, MX);
		say(&f, BEGIN);
		send_body(&f, size);
		smtp_session_eof(f.session, true);
		fake_disconnect(&f);
		assert_int_equal(f.nmessages, 0);
		assert_int_equal(f.uploads_open, 0);
	}
	/* While the file is being opened. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	for (int i = 0; i < 3; i++) {
		static char piece[50000];

		memset(piece, 'x', sizeof piece);
		fake_send_only(&f, slice_of(piece, sizeof piece));
	}
	fake_disconnect(&f);
	assert_true(f.cancelled);
	assert_true(fake_answer(&f));
	/* Before the 250: kept once, not confirmed. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	fake_send_only(&f, SLICE_LIT("x\r\n.\r\n"));
	fake_disconnect(&f);
	assert_true(f.cancelled);
	assert_true(fake_answer(&f));
	assert_int_equal(f.nmessages, 1);
	assert_int_equal(f.confirmed, 0);
	fake_close(&f);
}

static void confirmed_when_read(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	/* A command after the 250. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	say(&f, ".\r\n");
	assert_int_equal(f.confirmed, 0);
	say(&f, "NO");
	assert_int_equal(f.confirmed, 0);
	say(&f, "OP\r\n");
	assert_int_equal(f.confirmed, 1);
	say(&f, "NOOP\r\n");
	assert_int_equal(f.confirmed, 1);
	/* One that was begun before proves nothing, the next does. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	fake_send_only(&f, SLICE_LIT(".\r\nNOO"));
	assert_true(fake_answer(&f));
	say(&f, "P\r\n");
	assert_int_equal(f.confirmed, 1);
	say(&f, "NOOP\r\n");
	assert_int_equal(f.confirmed, 2);
	/* One that crossed the 250 on its way proves nothing either. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	say(&f, ".\r\n");
	smtp_session_crossed(f.session, 6);
	say(&f, "NOOP\r\n");
	assert_int_equal(f.confirmed, 2);
	say(&f, "NOOP\r\n");
	assert_int_equal(f.confirmed, 3);
	/* The next message behind a 354 that came with the 250. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	fake_send_only(&f, SLICE_LIT(".\r\nMAIL FROM:<>\r\nRCPT TO:<me@home.example>\r\nDATA\r\n"));
	assert_true(fake_answer(&f));
	assert_int_equal(f.confirmed, 3);
	say(&f, "x\r\n");
	assert_int_equal(f.confirmed, 4);
	/* Closed in order, but in the middle of the next: a proxy does that whose client died with the replies unread.
	 */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	fake_send_only(&f, SLICE_LIT(".\r\nMAIL FROM:<>\r\n"));
	assert_true(fake_answer(&f));
	smtp_session_eof(f.session, true);
	assert_int_equal(f.confirmed, 4);
	fake_close(&f);
}

static void an_orderly_close_confirms_later(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	/* QUIT came together with the message: it proves nothing. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	fake_send_only(&f, SLICE_LIT("Date: today\r\n\r\n.\r\nQUIT\r\n"));
	assert_true(fake_answer(&f));
	assert_true(f.closed);
	assert_true(smtp_session_lingers(f.session));
	smtp_session_eof(f.session, true);
	fake_wait(&f, LATER_MS - 1);
	assert_int_equal(f.confirmed, 0);
	fake_wait(&f, 1);
	assert_int_equal(f.confirmed, 1);
	/* Without Date and Message-ID the same words may be news at once. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	say(&f, "Subject: alarm\r\n\r\nzone 3\r\n.\r\n");
	smtp_session_eof(f.session, true);
	assert_int_equal(f.confirmed, 2);
	assert_int_equal(f.service.later.n, 0);
	/* Closed in order, but not everything had arrived there. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	say(&f, ".\r\n");
	smtp_session_eof(f.session, false);
	assert_int_equal(f.service.later.n, 0);
	/* Nothing more was heard. */
	fake_connect(&f, MX);
	say(&f, BEGIN);
	say(&f, ".\r\n");
	fake_disconnect(&f);
	assert_int_equal(f.service.later.n, 0);
	/* The client had closed its side before the 250. */
	fake_connect(&f, MX);
	f.eager = false;
	say(&f, BEGIN);
	say(&f, ".\r\n");
	buf_clear(smtp_session_output(f.session));
	smtp_session_sent(f.session, SIZE_MAX);
	smtp_session_eof(f.session, true);
	assert_int_equal(f.service.later.n, 0);
	f.eager = true;
	assert_int_equal(f.confirmed, 2);
	fake_close(&f);
}

static void waiting_confirmations_keep_their_order(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	f.nmessages = 2 * LATER_MAX; /* the numbers that may be confirmed */
	for (int64_t i = 1; i <= LATER_MAX; i++) {
		later_add(&f.service.later, f.intake, i, i);
		if (i % 3 == 0) {
			later_run(&f.service.later, f.intake, LATER_MS + i / 3, false);
			assert_int_equal(f.last_confirmed, i / 3);
		}
	}
	/* The oldest makes room. */
	for (int64_t i = LATER_MAX + 1; f.service.later.n < LATER_MAX; i++)
		later_add(&f.service.later, f.intake, i, i);
	f.last_confirmed = 0;
	later_add(&f.service.later, f.intake, 1, 1);
	assert_int_equal(f.last_confirmed, LATER_MAX / 3 + 1);
	later_run(&f.service.later, f.intake, 0, true);
	assert_int_equal(f.service.later.n, 0);
	f.nmessages = 0;
	fake_close(&f);
}

static void stopping_ends_in_order(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	fake_connect(&f, MX);
	say(&f, BEGIN);
	fake_send_only(&f, SLICE_LIT("x\r\n.\r\n"));
	f.service.stopping = true;
	smtp_session_stop(f.session);
	assert_int_equal(smtp_session_want(f.session), SMTP_WAIT);
	(void)fake_told(&f);
	assert_true(fake_answer(&f));
	expect(&f, "250 2.0.0 ");
	assert_true(f.closed);
	f.service.stopping = false;
	fake_connect(&f, MX);
	(void)fake_told(&f);
	smtp_session_stop(f.session);
	say(&f, "");
	assert_int_equal(smtp_session_want(f.session), SMTP_CLOSE);
	fake_close(&f);
}

/* LMTP answers a thousand recipients at once, however much each of them has to say. */
static void a_thousand_answers(void **state)
{
	static const char many[] =
	    "hostname = \"m.example\"; limits = { recipients = 1000; commands = 2000; };\n" LISTENERS
	    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\";\n"
	    "  tls = \"implicit\"; addresses = [ \"@h.example\" ]; rules = \"/etc/home.sieve\"; }; };\n";
	struct buf rules;
	const char *told;
	unsigned n = 0;
	struct fake f;

	(void)state;
	buf_init(&rules, 100000);
	(void)buf_add_str(&rules, "require \"reject\"; reject \"");
	for (unsigned i = 0; i < 30; i++)
		(void)buf_addf(&rules, "%0400u\r\n", i);
	(void)buf_add_str(&rules, "\";");
	fake_open(&f, many, buf_str(&rules));
	fake_connect(&f, LMTP);
	say(&f, "LHLO c\r\nMAIL FROM:<>\r\n");
	for (unsigned i = 0; i < 1000; i++) {
		char line[100];

		(void)snprintf(line, sizeof line, "RCPT TO:<r%u@h.example>\r\n", i);
		say(&f, line);
	}
	say(&f, "DATA\r\n");
	(void)fake_told(&f);
	say(&f, "x\r\n.\r\n");
	told = fake_told(&f);
	for (const char *p = told; *p != '\0'; p = strchr(p, '\n') + 1) {
		assert_int_equal(strncmp(p, "550", 3), 0);
		n += p[3] == ' ';
	}
	assert_int_equal(n, 1000);
	assert_true(strlen(told) < SMTP_OUTPUT_MAX);
	say(&f, "NOOP\r\n");
	expect(&f, "250 2.0.0 Ok\r\n");
	assert_int_equal(f.nmessages, 0);
	fake_close(&f);
	buf_free(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_spool_decides),
		cmocka_unit_test(a_file_that_takes_no_more),
		cmocka_unit_test(dropped_clients_leave_nothing),
		cmocka_unit_test(confirmed_when_read),
		cmocka_unit_test(an_orderly_close_confirms_later),
		cmocka_unit_test(waiting_confirmations_keep_their_order),
		cmocka_unit_test(stopping_ends_in_order),
		cmocka_unit_test(a_thousand_answers),
	};

	return cmocka_run_group_tests_name("smtp_answers", tests, NULL, NULL);
}
