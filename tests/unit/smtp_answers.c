/* What the receiver tells when the spool has answered, and when its answer counts as read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_tools.h"

#include "smtp/receipt.h"

static const char ruled[] =
    "hostname = \"mail.office.example\";\n" FAKE_LISTENERS
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    rules = \"home.sieve\"; addresses = [ \"me@home.example\" ]; }; };\n";

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
			fake_open(&f, fake_config, NULL);
			fake_connect(&f, FAKE_MX);
			f.answer = rows[i].answer;
			fake_say(&f, FAKE_BEGIN);
			fake_send_body(&f, size);
			fake_send_only(&f, SLICE_LIT(".\r\n"));
			(void)fake_told(&f);
			/* No word before the spool has spoken. */
			fake_wait(&f, 5000);
			assert_string_equal(fake_told(&f), "");
			assert_true(fake_answer(&f));
			if (rows[i].reply != NULL)
				fake_expect(&f, rows[i].reply);
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
		fake_open(&f, fake_config, NULL);
		fake_connect(&f, FAKE_MX);
		f.upload_answer = rows[i].answer;
		fake_say(&f, FAKE_BEGIN);
		fake_send_body(&f, 150000);
		(void)fake_told(&f);
		fake_say(&f, ".\r\nNOOP\r\n");
		fake_expect(&f, i == 2 ? "452 4.3.1 " : "451 4.3.0 ");
		assert_int_equal(f.nmessages, 0);
		fake_close(&f);
	}
	/* It is known to be away. */
	fake_open(&f, fake_config, NULL);
	fake_connect(&f, FAKE_MX);
	intake_set_lost(f.intake, true);
	fake_say(&f, FAKE_BEGIN);
	fake_expect(&f, "451 4.3.0 ");
	assert_false(f.closed);
	intake_set_lost(f.intake, false);
	fake_say(&f, "DATA\r\n");
	fake_say(&f, ".\r\n");
	fake_expect(&f, "250 2.0.0 ");
	fake_close(&f);
}

/* A full disk while the message streams into its file. */
static void a_file_that_takes_no_more(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, fake_config, NULL);
	f.upload_path = "/dev/full";
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_send_body(&f, 150000);
	(void)fake_told(&f);
	fake_say(&f, ".\r\nNOOP\r\n");
	fake_expect(&f, "452 4.3.1 There is no room just now, try again later\r\n250 2.0.0 Ok\r\n");
	assert_int_equal(f.nmessages, 0);
	assert_int_equal(f.uploads_open, 0);
	fake_close(&f);
}

static void dropped_clients_leave_nothing(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, fake_config, NULL);
	/* Before the end of data, in every stage. */
	for (size_t size = 10; size < 200000; size += 150000) {
		fake_connect(&f, FAKE_MX);
		fake_say(&f, FAKE_BEGIN);
		fake_send_body(&f, size);
		smtp_session_eof(f.session, true);
		fake_disconnect(&f);
		assert_int_equal(f.nmessages, 0);
		assert_int_equal(f.uploads_open, 0);
	}
	/* While the file is being opened. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	for (int i = 0; i < 3; i++) {
		static char piece[50000];

		memset(piece, 'x', sizeof piece);
		fake_send_only(&f, slice_of(piece, sizeof piece));
	}
	fake_disconnect(&f);
	assert_true(f.cancelled);
	assert_true(fake_answer(&f));
	/* Before the 250: kept once, not confirmed. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
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
	fake_open(&f, fake_config, NULL);
	/* A command after the 250. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_say(&f, ".\r\n");
	assert_int_equal(f.confirmed, 0);
	fake_say(&f, "NO");
	assert_int_equal(f.confirmed, 0);
	fake_say(&f, "OP\r\n");
	assert_int_equal(f.confirmed, 1);
	fake_say(&f, "NOOP\r\n");
	assert_int_equal(f.confirmed, 1);
	/* One that was begun before proves nothing, the next does. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_send_only(&f, SLICE_LIT(".\r\nNOO"));
	assert_true(fake_answer(&f));
	fake_say(&f, "P\r\n");
	assert_int_equal(f.confirmed, 1);
	fake_say(&f, "NOOP\r\n");
	assert_int_equal(f.confirmed, 2);
	/* One that crossed the 250 on its way proves nothing either. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_say(&f, ".\r\n");
	smtp_session_crossed(f.session, 6);
	fake_say(&f, "NOOP\r\n");
	assert_int_equal(f.confirmed, 2);
	fake_say(&f, "NOOP\r\n");
	assert_int_equal(f.confirmed, 3);
	/* The next message behind a 354 that came with the 250. */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_send_only(&f, SLICE_LIT(".\r\nMAIL FROM:<>\r\nRCPT TO:<me@home.example>\r\nDATA\r\n"));
	assert_true(fake_answer(&f));
	assert_int_equal(f.confirmed, 3);
	fake_say(&f, "x\r\n");
	assert_int_equal(f.confirmed, 4);
	/* Closed in order, but in the middle of the next: a proxy does that whose client died with the replies unread.
	 */
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_send_only(&f, SLICE_LIT("Message-ID: <1@b.example>\r\n\r\n.\r\nMAIL FROM:<>\r\n"));
	assert_true(fake_answer(&f));
	smtp_session_eof(f.session, true);
	assert_int_equal(f.confirmed, 4);
	fake_close(&f);
}

#define NAMED "Message-ID: <1@panel.example>\r\n\r\nzone 3\r\n.\r\n"
#define NAMELESS "Subject: alarm\r\n\r\nzone 3\r\n.\r\n"

/* How a session ends behind a 250, and what the spool is told of it. */
static void the_end_tells_what_was_read(void **state)
{
	enum ending { CLOSE, RESET, OURS };
	static const struct {
		const char *message;
		bool last;	   /* the client had closed its side before */
		bool acknowledged; /* the 250, at the end */
		bool more;	   /* we said something else behind it */
		enum ending ending;
		enum spool_reply told; /* SPOOL_NO_WORD: nothing, or no more than that it is on its way */
		bool abort;	       /* what is on its way must not arrive */
	} rows[] = {
		{ NAMED, false, true, false, CLOSE, SPOOL_CLOSED, false },
		{ NAMED, false, false, false, CLOSE, SPOOL_NO_WORD, false },
		{ NAMED, true, true, false, CLOSE, SPOOL_NO_WORD, false },
		{ NAMED, true, false, false, CLOSE, SPOOL_NO_WORD, false },
		{ NAMED, false, true, false, RESET, SPOOL_NO_WORD, false },
		{ NAMED, false, false, false, RESET, SPOOL_NO_WORD, false },
		{ NAMED, false, true, true, OURS, SPOOL_NO_WORD, false },
		/* Nobody says so of another alarm. */
		{ NAMELESS, false, true, false, CLOSE, SPOOL_READ, false },
		{ NAMELESS, true, true, false, CLOSE, SPOOL_READ, false },
		{ NAMELESS, true, true, true, OURS, SPOOL_READ, false },
		{ NAMELESS, false, true, true, RESET, SPOOL_READ, false },
		{ NAMELESS, false, true, false, RESET, SPOOL_UNREAD, true },
		{ NAMELESS, false, false, false, RESET, SPOOL_UNREAD, true },
		{ NAMELESS, false, false, true, RESET, SPOOL_READ, false },
		{ NAMELESS, false, false, false, CLOSE, SPOOL_UNREAD, true },
		{ NAMELESS, true, false, false, CLOSE, SPOOL_UNREAD, true },
		{ NAMELESS, false, false, true, OURS, SPOOL_READ, false },
		{ NAMELESS, false, false, false, OURS, SPOOL_UNREAD, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fake f;
		unsigned told = 0;

		fake_open(&f, fake_config, NULL);
		fake_connect(&f, FAKE_MX);
		f.eager = false;
		fake_say(&f, FAKE_BEGIN);
		smtp_session_saying(f.session);
		buf_clear(smtp_session_output(f.session));
		smtp_session_sent(f.session, 0);
		fake_say(&f, rows[i].message);
		smtp_session_saying(f.session);
		buf_clear(smtp_session_output(f.session));
		smtp_session_sent(f.session, rows[i].last ? SIZE_MAX : 0);
		if (rows[i].more)
			smtp_session_saying(f.session);
		if (rows[i].ending == CLOSE)
			smtp_session_eof(f.session, rows[i].acknowledged);
		if (smtp_session_gone(f.session, rows[i].acknowledged, rows[i].ending == RESET) != rows[i].abort)
			fail_msg("row %zu: aborted or not", i);
		for (int what = SPOOL_READ; what <= SPOOL_UNSURE; what++) {
			if (what == SPOOL_SAYING || what == (int)rows[i].told)
				continue;
			told += f.told[what];
		}
		if (told != 0 || (rows[i].told != SPOOL_NO_WORD && f.told[rows[i].told] != 1))
			fail_msg("row %zu: read %u closed %u unread %u unsure %u", i, f.told[SPOOL_READ],
				 f.told[SPOOL_CLOSED], f.told[SPOOL_UNREAD], f.told[SPOOL_UNSURE]);
		assert_int_equal(f.told[SPOOL_SAYING], rows[i].message[0] == 'S' ? 1 : 0);
		fake_close(&f);
	}
}

/* QUIT came together with the message: it proves nothing, the close behind it does. */
static void a_quit_that_came_early_proves_nothing(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, fake_config, NULL);
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_send_only(&f, SLICE_LIT(NAMED "QUIT\r\n"));
	assert_true(fake_answer(&f));
	assert_true(f.closed);
	assert_true(smtp_session_lingers(f.session));
	assert_int_equal(f.confirmed, 0);
	smtp_session_eof(f.session, true);
	assert_int_equal(f.told[SPOOL_CLOSED], 1);
	fake_close(&f);
}

/* While a reply without a name does not arrive, it counts as unread; when it does after all, nothing is certain. */
static void silence_counts_as_unread_for_now(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, fake_config, NULL);
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_say(&f, NAMELESS);
	assert_true(smtp_session_waits(f.session));
	smtp_session_look(f.session, false);
	assert_int_equal(f.told[SPOOL_UNREAD], 0);
	fake_wait(&f, RECEIPT_SILENCE_MS);
	for (int i = 0; i < 3; i++)
		smtp_session_look(f.session, false);
	assert_int_equal(f.told[SPOOL_UNREAD], 1);
	for (int i = 0; i < 3; i++)
		smtp_session_look(f.session, true);
	assert_int_equal(f.told[SPOOL_UNSURE], 1);
	smtp_session_look(f.session, false);
	assert_int_equal(f.told[SPOOL_UNREAD], 2);
	fake_say(&f, "NOOP\r\n");
	assert_int_equal(f.told[SPOOL_READ], 1);
	assert_false(smtp_session_waits(f.session));
	fake_close(&f);
}

/* What rules refuse is not refused to a client that sends it again because it did not read our 250. */
static void what_was_accepted_is_not_refused_later(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, ruled, "require \"reject\"; reject \"no\";");
	for (int known = 0; known < 2; known++) {
		f.known = known != 0;
		f.answer = SPOOL_DUPLICATE;
		fake_connect(&f, FAKE_MX);
		fake_say(&f, FAKE_BEGIN);
		(void)fake_told(&f);
		fake_say(&f, NAMED);
		fake_expect(&f, known == 0 ? "550 5.7.1 no\r\n" : "250 2.0.0 Ok: queued as first00000000000\r\n");
	}
	fake_close(&f);
}

static void stopping_ends_in_order(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, fake_config, NULL);
	fake_connect(&f, FAKE_MX);
	fake_say(&f, FAKE_BEGIN);
	fake_send_only(&f, SLICE_LIT("x\r\n.\r\n"));
	f.service.stopping = true;
	smtp_session_stop(f.session, false);
	assert_int_equal(smtp_session_want(f.session), SMTP_WAIT);
	(void)fake_told(&f);
	assert_true(fake_answer(&f));
	fake_expect(&f, "250 2.0.0 ");
	assert_true(f.closed);
	f.service.stopping = false;
	fake_connect(&f, FAKE_MX);
	(void)fake_told(&f);
	smtp_session_stop(f.session, false);
	fake_say(&f, "");
	assert_int_equal(smtp_session_want(f.session), SMTP_CLOSE);
	fake_close(&f);
}

/* LMTP answers a thousand recipients at once, however much each of them has to say. */
static void a_thousand_answers(void **state)
{
	static const char many[] =
	    "hostname = \"m.example\"; limits = { recipients = 1000; commands = 2000; };\n" FAKE_LISTENERS
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
	fake_connect(&f, FAKE_LMTP);
	fake_say(&f, "LHLO c\r\nMAIL FROM:<>\r\n");
	for (unsigned i = 0; i < 1000; i++) {
		char line[100];

		(void)snprintf(line, sizeof line, "RCPT TO:<r%u@h.example>\r\n", i);
		fake_say(&f, line);
	}
	fake_say(&f, "DATA\r\n");
	(void)fake_told(&f);
	fake_say(&f, "x\r\n.\r\n");
	told = fake_told(&f);
	for (const char *p = told; *p != '\0'; p = strchr(p, '\n') + 1) {
		assert_int_equal(strncmp(p, "550", 3), 0);
		n += p[3] == ' ';
	}
	assert_int_equal(n, 1000);
	assert_true(strlen(told) < SMTP_OUTPUT_MAX);
	fake_say(&f, "NOOP\r\n");
	fake_expect(&f, "250 2.0.0 Ok\r\n");
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
		cmocka_unit_test(the_end_tells_what_was_read),
		cmocka_unit_test(a_quit_that_came_early_proves_nothing),
		cmocka_unit_test(silence_counts_as_unread_for_now),
		cmocka_unit_test(what_was_accepted_is_not_refused_later),
		cmocka_unit_test(stopping_ends_in_order),
		cmocka_unit_test(a_thousand_answers),
	};

	return cmocka_run_group_tests_name("smtp_answers", tests, NULL, NULL);
}
