/* What milters answer, and what clients are told then; whole and octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter_talk.h"
#include "smtp/milter_wire.h"

enum { MX, TWO, LMTP, OPEN };

static void answers_become_replies(void **state)
{
	static const struct {
		char at;
		struct slice says;
		const char *reply;
		bool closed;
		unsigned kept;
	} rows[] = {
#define SAYS(s) { s, sizeof(s) - 1 }
		{ 'C', SAYS("\0\0\0\1r"), "554 5.7.1 ", true, 0 },
		{ 'C', SAYS("\0\0\0\1t"), "421 4.7.1 ", true, 0 },
		{ 'C', SAYS("\0\0\0\1a"), "250 2.0.0 ", false, 1 },
		{ 'H', SAYS("\0\0\0\1r"), "550 5.7.1 ", false, 0 },
		{ 'H', SAYS("\0\0\0\1a"), "250 2.0.0 ", false, 1 },
		{ 'M', SAYS("\0\0\0\1r"), "550 5.7.1 ", false, 0 },
		{ 'M', SAYS("\0\0\0\1t"), "451 4.7.1 ", false, 0 },
		{ 'M', SAYS("\0\0\0\1a"), "250 2.0.0 ", false, 1 },
		{ 'R', SAYS("\0\0\0\1r"), "550 5.7.1 ", false, 0 },
		{ 'T', SAYS("\0\0\0\1r"), "550 5.7.1 ", false, 0 },
		{ 'L', SAYS("\0\0\0\1r"), "550 5.7.1 ", false, 0 },
		{ 'N', SAYS("\0\0\0\1t"), "451 4.7.1 ", false, 0 },
		{ 'B', SAYS("\0\0\0\1r"), "550 5.7.1 ", false, 0 },
		{ 'B', SAYS("\0\0\0\1a"), "250 2.0.0 ", false, 1 },
		{ 'E', SAYS("\0\0\0\1r"), "550 5.7.1 ", false, 0 },
		{ 'E', SAYS("\0\0\0\1t"), "451 4.7.1 ", false, 0 },
		{ 'E', SAYS("\0\0\0\1a"), "250 2.0.0 ", false, 1 },
		{ 'E', SAYS("\0\0\0\1d"), "250 2.0.0 ", false, 1 },
		{ 'E', SAYS("\0\0\0\1p\0\0\0\1p\0\0\0\1c"), "250 2.0.0 ", false, 1 },
		{ 'M', SAYS("\0\0\0\1d"), "250 2.0.0 ", false, 1 },
		{ 'M', SAYS("\0\0\0\1f"), "421 4.7.1 ", true, 0 },
		{ 'E', SAYS("\0\0\0\0014"), "421 4.7.1 ", true, 0 },
		{ 'B', SAYS("\0\0\0\1s"), "451 4.7.1 ", false, 0 }, /* was not offered */
		{ 'M', SAYS("\0\0\0\1s"), "451 4.7.1 ", false, 0 },
		/* wrong in themselves, or out of place */
		{ 'M', SAYS("\0\0\0\0"), "451 4.7.1 ", false, 0 },
		{ 'M', SAYS("\377\377\377\377c"), "451 4.7.1 ", false, 0 },
		{ 'M', SAYS("\0\0\0\1z"), "451 4.7.1 ", false, 0 },
		{ 'M', SAYS("\0\0\0\1c\0\0\0\1c"), "451 4.7.1 ", false, 0 },
		{ 'M', SAYS("\0\0\0\5hX\0y\0"), "451 4.7.1 ", false, 0 },
		{ 'E', SAYS("\0\0\0\3hXY\0\0\0\1c"), "451 4.7.1 ", false, 0 },
	};
	static struct milter_fakes m;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		const size_t row = i / 2;

		milter_fake_open(&m, "");
		m.step = i % 2;
		m.scripts[0].says[(int)rows[row].at] = rows[row].says;
		milter_fake_connect(&m, MX);
		milter_fake_send(&m, BEGIN);
		send_message(&m);
		if (m.f.nmessages != rows[row].kept || m.f.closed != rows[row].closed)
			print_error("row %zu: %zu kept\n", row, m.f.nmessages);
		expect(&m, rows[row].reply);
		assert_int_equal(m.f.nmessages, rows[row].kept);
		assert_int_equal(m.f.closed, rows[row].closed);
		milter_fake_close(&m);
	}
}

/* In its own words; OK: they are taken. */
static void replies_are_cleaned(void **state)
{
	static const struct {
		struct slice words;
		const char *reply;
	} rows[] = {
		{ SAYS("554 5.1.1 no %%\0"), "554 5.1.1 no %\r\n" },
		{ SAYS("554 5.1.1 no %%"), "451 4.7.1 " },
		{ SAYS("550-5.7.1 one\r\n550 5.7.1 two\0"), "550-5.7.1 one\r\n550 5.7.1 two\r\n" },
		{ SAYS("550-5.7.1 one\r\n551 5.7.1 two\0"), "451 4.7.1 " },
		{ SAYS("550 5.7.1 one\0two\0"), "451 4.7.1 " },
		{ SAYS("250 2.0.0 yes\0"), "451 4.7.1 " },
		{ SAYS("354 go\0"), "451 4.7.1 " },
		{ SAYS("560 no\0"), "451 4.7.1 " },
		{ SAYS("55\0"), "451 4.7.1 " },
		{ SAYS("550\0"), "550 5.7.1 A filter refuses this\r\n" },
		{ SAYS("450 5.7.1 mixed\0"), "450 4.7.1 5.7.1 mixed\r\n" },
		{ SAYS("550 5.7.1 a\33[31m\1b\0"), "550 5.7.1 a?[31m?b\r\n" },
		{ SAYS("550 5.7.1 a\n550 5.7.1 b\n\0"), "550-5.7.1 a\r\n550 5.7.1 b\r\n" },
		{ SAYS("550 5.7.1 a\nEvil\0"), "451 4.7.1 " },
		{ SAYS("\0"), "451 4.7.1 " },
		{ SAYS(""), "451 4.7.1 " },
		{ SAYS("421 4.7.0 bye\0"), "421 4.7.0 bye\r\n" },
	};
	static const char stages[] = "HMRTBE";
	static struct milter_fakes m;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		const size_t row = i / 2;

		for (const char *at = stages; *at != '\0'; at++) {
			/* At HELO a milter that fails is tried again when mail comes. */
			if (*at == 'H' && strncmp(rows[row].reply, "451", 3) == 0)
				continue;
			milter_fake_open(&m, "");
			m.step = i % 2;
			m.scripts[0].says[(int)*at] = milter_fake_packet('y', rows[row].words.p, rows[row].words.n);
			milter_fake_connect(&m, MX);
			milter_fake_send(&m, BEGIN);
			send_message(&m);
			expect(&m, rows[row].reply);
			assert_int_equal(m.f.nmessages, 0);
			assert_int_equal(m.f.closed, strncmp(rows[row].reply, "421", 3) == 0);
			milter_fake_close(&m);
		}
	}
}

static void what_is_discarded_leaves_a_record(void **state)
{
	static const char stages[] = "MRTLNBE";
	static struct milter_fakes m;

	(void)state;
	for (const char *at = stages; *at != '\0'; at++) {
		begin(&m, 0, TWO);
		m.scripts[0].says[(int)*at] = slice_of("\0\0\0\1d", 5);
		milter_fake_send(&m, BEGIN);
		milter_fake_send(&m, MESSAGE);
		expect(&m, "250 2.0.0 Ok: queued as ");
		assert_int_equal(m.f.nmessages, 1);
		assert_int_equal(m.f.messages[0].ndeliveries, 0);
		assert_non_null(strstr(m.f.messages[0].text, "discarded: by milter m0"));
		assert_int_equal(m.f.messages[0].body.n, 0);
		/* Nobody else is asked, and both hear that it is over. */
		assert_null(strstr(milter_fake_told(&m, 1), "\nE\n"));
		milter_fake_close(&m);
	}
}

static void one_recipient_is_refused_and_others_are_not(void **state)
{
	static struct milter_fakes m;

	(void)state;
	begin(&m, 1, MX);
	m.scripts[0].says['R'] = slice_of("\0\0\0\1r", 5);
	milter_fake_send(&m, HELLO "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@h.example>\r\n");
	expect(&m, "550 5.7.1 ");
	m.scripts[0].says['R'] = slice_of("\0\0\0\1c", 5);
	milter_fake_send(&m, "RCPT TO:<y@h.example>\r\nDATA\r\n");
	expect(&m, "354 ");
	milter_fake_send(&m, MESSAGE);
	expect(&m, "250 2.0.0 ");
	assert_non_null(strstr(m.f.messages[0].text, "to=home:y@h.example{"));
	milter_fake_close(&m);
	/* Of what we refuse it hears only if it wants to. */
	for (unsigned wants = 0; wants < 2; wants++) {
		milter_fake_open(&m, "");
		m.scripts[0].macros = true;
		m.scripts[0].says['O'] = milter_fake_terms(6, 0, wants * 0x800);
		milter_fake_connect(&m, MX);
		milter_fake_send(&m, HELLO "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@else.example>\r\nNOOP\r\n");
		expect(&m, "550 5.7.1 <x@else.example>: mail is not relayed here\r\n250 2.0.0 Ok\r\n");
		assert_int_equal(strstr(milter_fake_told(&m, 0), "{rcpt_mailer}|error|") != NULL, wants);
		milter_fake_close(&m);
	}
}

/* RFC 2033, 4.2: a refusal for now is one for all of them, also of a message that comes in chunks. */
static void each_recipient_hears_why_a_chunk_is_refused(void **state)
{
	static const char envelope[] = "LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<x@h.example>\r\nRCPT TO:<y@h.example>\r\n";
	static const struct {
		struct slice says;
		const char *replies;
	} rows[] = {
		{ SAYS("\0\0\0\15y450 4.7.1 a\0"), "450 4.7.1 a\r\n450 4.7.1 a\r\n250 2.0.0 Ok\r\n" },
		{ SAYS("\0\0\0\15y550 5.7.1 a\0"), "550 5.7.1 a\r\n550 5.7.1 a\r\n250 2.0.0 Ok\r\n" },
		{ SAYS("\0\0\0\15y421 4.7.0 a\0"), "421 4.7.0 a\r\n" },
	};
	static struct milter_fakes m;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		begin(&m, i % 2, LMTP);
		m.scripts[0].says['T'] = rows[i / 2].says;
		milter_fake_send(&m, envelope);
		(void)fake_told(&m.f);
		milter_fake_send(&m, "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
		assert_string_equal(fake_told(&m.f), rows[i / 2].replies);
		milter_fake_close(&m);
	}
}

/* LMTP has the words of a milter once for each recipient: they must not be more than may wait. */
static void words_for_a_thousand_are_cut(void **state)
{
	static const char stages[] = "ET";
	static struct milter_fakes m;
	struct buf words, rcpt;
	const char *told;
	size_t replies;

	(void)state;
	buf_init(&words, 5000);
	for (int i = 0; i < 20; i++)
		(void)buf_addf(&words, "550%s5.7.1 %.190s\n", i < 19 ? "-" : " ",
			       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	words.p[words.n - 1] = '\0';
	buf_init(&rcpt, 100000);
	for (int i = 0; i < 1000; i++)
		(void)buf_addf(&rcpt, "RCPT TO:<%d@h.example>\r\n", i);
	for (const char *at = stages; *at != '\0'; at++) {
		begin(&m, 0, LMTP);
		m.scripts[0].says[(int)*at] = milter_fake_packet('y', words.p, words.n);
		milter_fake_send(&m, "LHLO c\r\nMAIL FROM:<>\r\n");
		milter_fake_send(&m, buf_str(&rcpt));
		(void)fake_told(&m.f);
		milter_fake_send(&m, "BDAT 6 LAST\r\nA: b\r\n");
		told = fake_told(&m.f);
		assert_int_equal(strncmp(told, "550-5.7.1 xxx", 13), 0);
		replies = 0;
		for (const char *line = told; *line != '\0'; line = strchr(line, '\n') + 1)
			replies += strncmp(line, "550 5.7.1 xxx", 13) == 0;
		assert_int_equal(replies, 1000);
		milter_fake_send(&m, "NOOP\r\n");
		expect(&m, "250 2.0.0 Ok");
		milter_fake_close(&m);
	}
	buf_free(&words);
	buf_free(&rcpt);
}

/* Whether they come at once or later. */
static void refusals_of_milters_are_errors(void **state)
{
	static struct milter_fakes m;
	int n;

	(void)state;
	for (size_t step = 0; step < 2; step++) {
		begin(&m, step, MX);
		m.f.config->limits.errors = 8;
		m.scripts[0].says['R'] = slice_of("\0\0\0\1r", 5);
		milter_fake_send(&m, HELLO "MAIL FROM:<a@b.example>\r\n");
		for (n = 0; n < 100 && !m.f.closed; n++) {
			(void)fake_told(&m.f);
			milter_fake_send(&m, "RCPT TO:<x@h.example>\r\n");
			milter_fake_wait(&m, 1000);
		}
		assert_int_equal(n, 9);
		expect(&m, "550 5.7.1 A filter refuses this recipient\r\n421 4.7.0 Too many errors");
		milter_fake_close(&m);
		/* what a refused message is answered with is none */
		begin(&m, step, MX);
		m.f.config->limits.errors = 2;
		m.scripts[0].says['E'] = slice_of("\0\0\0\1r", 5);
		for (n = 0; n < 5; n++) {
			milter_fake_send(&m, BEGIN);
			milter_fake_send(&m, MESSAGE);
		}
		assert_false(m.f.closed);
		milter_fake_close(&m);
	}
}

/* One that a milter does not want takes nothing of what may go out today. */
static void refused_recipients_do_not_go_out(void **state)
{
	static const char more[] = "relay = { host = \"smtp.example.net\"; };\n"
				   "relay_for = { all = { networks = [ \"192.0.2.7\" ]; senders = [ \"@h.example\" ]; daily = 1; }; };\n";
	static struct milter_fakes m;

	(void)state;
	milter_fake_open(&m, more);
	milter_fake_connect(&m, MX);
	m.scripts[0].says['R'] = slice_of("\0\0\0\1r", 5);
	milter_fake_send(&m, HELLO "MAIL FROM:<a@h.example>\r\nRCPT TO:<x@else.example>\r\n");
	expect(&m, "550 5.7.1 A filter refuses this recipient");
	m.scripts[0].says['R'] = slice_of("\0\0\0\1c", 5);
	milter_fake_send(&m, "RCPT TO:<y@else.example>\r\nRCPT TO:<z@else.example>\r\n");
	assert_string_equal(fake_told(&m.f), "250 2.1.5 Ok\r\n"
					     "452 4.5.3 No more mail may be sent to others today, try again tomorrow\r\n");
	milter_fake_close(&m);
}

/* It came while the milter thought about DATA. */
static void a_message_behind_a_refusal_is_no_command(void **state)
{
	static struct milter_fakes m;

	(void)state;
	for (size_t step = 0; step < 2; step++) {
		begin(&m, step, MX);
		m.scripts[0].says['T'] = SLICE_NONE;
		milter_fake_send(&m, BEGIN);
		(void)fake_told(&m.f);
		milter_fake_send(&m, "From a@b.example Fri Nov 27 03:20:00 2026\r\nRSET\r\nMAIL FROM:<>\r\n");
		assert_string_equal(fake_told(&m.f), "");
		(void)buf_add_slice(&m.all[0].out, slice_of("\0\0\0\1t", 5));
		milter_fake_pump(&m);
		expect(&m, "\r\n554 5.5.0 You must wait for the reply to DATA");
		assert_true(m.f.closed);
		milter_fake_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_become_replies),
		cmocka_unit_test(replies_are_cleaned),
		cmocka_unit_test(what_is_discarded_leaves_a_record),
		cmocka_unit_test(one_recipient_is_refused_and_others_are_not),
		cmocka_unit_test(each_recipient_hears_why_a_chunk_is_refused),
		cmocka_unit_test(words_for_a_thousand_are_cut),
		cmocka_unit_test(refusals_of_milters_are_errors),
		cmocka_unit_test(refused_recipients_do_not_go_out),
		cmocka_unit_test(a_message_behind_a_refusal_is_no_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
