/* What milters change, what bounds it, and what strangers may not write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter_fake.h"
#include "smtp/milter_wire.h"

enum { MX, TWO, LMTP, OPEN };

#define BEGIN	"EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<me@h.example>\r\nRCPT TO:<you@h.example>\r\nDATA\r\n"
#define MESSAGE "A: 1\r\nB: 2\r\nA: 3\r\n\r\nold\r\n.\r\n"
#define GOES_ON "\0\0\0\1c"

static struct milter_fakes m;
static struct buf script; /* what m0 says at the end of a message */

static void say(struct slice packet)
{
	(void)buf_add_slice(&script, packet);
}

static void begin(size_t step, size_t listener)
{
	buf_init(&script, 64 << 20);
	milter_fake_open(&m, "");
	m.step = step;
	milter_fake_connect(&m, listener);
	milter_fake_send(&m, BEGIN);
}

/* The message, and what was kept of it. */
static const char *kept(const char *message)
{
	static char nothing[] = "";

	(void)buf_add(&script, GOES_ON, 5);
	m.scripts[0].says['E'] = buf_slice(&script);
	(void)fake_told(&m.f);
	milter_fake_send(&m, message);
	return m.f.nmessages == 0 ? nothing : buf_str(&m.f.messages[m.f.nmessages - 1].body);
}

static void end(void)
{
	milter_fake_close(&m);
	buf_free(&script);
}

static void fields_are_changed(void **state)
{
	static const struct {
		char letter;
		struct slice data;
		const char *result;
	} rows[] = {
#define DATA(s) { s, sizeof(s) - 1 }
		{ 'h', DATA("X\0y\0"), "A: 1\r\nB: 2\r\nA: 3\r\nX: y\r\n\r\n" },
		{ 'i', DATA("\0\0\0\0X\0y\0"), "X: y\r\nA: 1\r\nB: 2\r\nA: 3\r\n\r\n" },
		{ 'i', DATA("\0\0\0\1X\0y\0"), "X: y\r\nA: 1\r\nB: 2\r\nA: 3\r\n\r\n" },
		{ 'i', DATA("\0\0\0\3X\0y\0"), "A: 1\r\nB: 2\r\nX: y\r\nA: 3\r\n\r\n" },
		{ 'i', DATA("\377\377\377\377X\0y\0"), "A: 1\r\nB: 2\r\nA: 3\r\nX: y\r\n\r\n" },
		{ 'm', DATA("\0\0\0\2a\0y\0"), "A: 1\r\nB: 2\r\na: y\r\n\r\n" },
		{ 'm', DATA("\0\0\0\1A\0\0"), "B: 2\r\nA: 3\r\n\r\n" },
		{ 'm', DATA("\0\0\0\3A\0y\0"), "A: 1\r\nB: 2\r\nA: 3\r\nA: y\r\n\r\n" },
		{ 'm', DATA("\0\0\0\3A\0\0"), "A: 1\r\nB: 2\r\nA: 3\r\n\r\n" },
		{ 'm', DATA("\377\377\377\377Z\0\0"), "A: 1\r\nB: 2\r\nA: 3\r\n\r\n" },
		/* folds, and what tries to be more than one field */
		{ 'h', DATA("X\0y\n\tz\r\n z\0"), "A: 1\r\nB: 2\r\nA: 3\r\nX: y\r\n\tz\r\n z\r\n\r\n" },
		{ 'h', DATA("X\0y\r\nEvil: z\0"), "A: 1\r\nB: 2\r\nA: 3\r\nX: y\r\n\tEvil: z\r\n\r\n" },
		{ 'h', DATA("X\0y\n\nbody\0"), "A: 1\r\nB: 2\r\nA: 3\r\nX: y\r\n\tbody\r\n\r\n" },
		{ 'h', DATA("X\0y\rEvil: z\0"), "A: 1\r\nB: 2\r\nA: 3\r\nX: y\r\n\tEvil: z\r\n\r\n" },
		{ 'h', DATA("X\0y\n \n\t\n\0"), "A: 1\r\nB: 2\r\nA: 3\r\nX: y\r\n\r\n" },
		{ 'h', DATA("X\0a\1b\33\177\0"), "A: 1\r\nB: 2\r\nA: 3\r\nX: a?b??\r\n\r\n" },
		{ 'h', DATA("Ev il\0y\0"), "A: 1\r\nB: 2\r\nA: 3\r\n\r\n" },
		{ 'h', DATA("X\r\nY\0y\0"), "A: 1\r\nB: 2\r\nA: 3\r\n\r\n" },
		{ 'h', DATA("X: \0y\0"), "A: 1\r\nB: 2\r\nA: 3\r\n\r\n" },
		{ 'h', DATA("\0y\0"), "A: 1\r\nB: 2\r\nA: 3\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		const char *text;

		begin(i % 2, MX);
		say(milter_fake_packet(rows[i / 2].letter, rows[i / 2].data.p, rows[i / 2].data.n));
		text = kept(MESSAGE);
		if (strncmp(text, rows[i / 2].result, strlen(rows[i / 2].result)) != 0)
			print_error("row %zu: %s\n", i / 2, text);
		assert_int_equal(strncmp(text, rows[i / 2].result, strlen(rows[i / 2].result)), 0);
		assert_string_equal(text + strlen(rows[i / 2].result), "old\r\n");
		end();
	}
}

static void bodies_are_replaced(void **state)
{
	static const struct {
		struct slice first, second;
		const char *result; /* NULL: refused */
	} rows[] = {
		{ DATA("new\r\n"), DATA(""), "new\r\n" },
		{ DATA("a\nb\rc"), DATA("d\r"), "a\r\nb\r\ncd\r\n" },
		{ DATA("a\r"), DATA("\nb"), "a\r\nb" },
		{ DATA(""), DATA(""), "" },
		{ DATA("a\0b"), DATA(""), NULL },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		const size_t row = i / 2;
		const char *text;

		begin(i % 2, MX);
		say(milter_fake_packet('b', rows[row].first.p, rows[row].first.n));
		say(PACKET('h', "X\0y\0"));
		say(milter_fake_packet('b', rows[row].second.p, rows[row].second.n));
		text = kept(MESSAGE);
		if (rows[row].result == NULL) {
			assert_non_null(strstr(fake_told(&m.f), "451 4.7.1 "));
			assert_int_equal(m.f.nmessages, 0);
		} else {
			text = strstr(text, "\r\n\r\n");
			assert_non_null(text);
			assert_string_equal(text + 4, rows[row].result);
		}
		end();
	}
}

/* N octets of lines behind a header. */
static char *large(size_t n)
{
	static const char line[] = "0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n";
	struct buf b;

	buf_init(&b, n + 200);
	(void)buf_add_str(&b, "A: 1\r\n\r\n");
	while (b.n + sizeof line < n)
		(void)buf_add_str(&b, line);
	(void)buf_add_str(&b, ".\r\n");
	return buf_take(&b, &n);
}

static void large_messages_are_written_anew(void **state)
{
	enum { PIECE = 60000 };
	static char piece[PIECE + 1];
	char *message = large(200000);
	const char *text;

	(void)state;
	memset(piece, 'x', PIECE);
	for (size_t i = 78; i < PIECE; i += 80)
		memcpy(piece + i, "\r\n", 2);
	/* a field more */
	begin(0, MX);
	say(PACKET('h', "X\0y\0"));
	text = kept(message);
	assert_int_equal(strncmp(text, "A: 1\r\nX: y\r\n\r\n0123", 18), 0);
	assert_int_equal(strlen(text), strlen(message) - 3 + 6);
	assert_int_equal(m.f.uploads_open, 0);
	end();
	/* another body, larger and smaller than what stays in memory */
	for (size_t n = 1; n < 4; n += 2) {
		begin(0, MX);
		for (size_t i = 0; i < n; i++)
			say(milter_fake_packet('b', piece, PIECE));
		text = kept(message);
		assert_int_equal(strlen(text), 8 + n * PIECE);
		assert_string_equal(text + 8 + (n - 1) * PIECE, piece);
		assert_int_equal(m.f.uploads_open, 0);
		end();
		begin(0, MX);
		for (size_t i = 0; i < n; i++)
			say(milter_fake_packet('b', piece, PIECE));
		text = kept(MESSAGE);
		assert_int_equal(strlen(text), 20 + n * PIECE);
		assert_int_equal(m.f.uploads_open, 0);
		end();
	}
	/* more than a message may have */
	begin(0, MX);
	for (size_t i = 0; i < 6; i++)
		say(milter_fake_packet('b', piece, PIECE));
	(void)kept(message);
	assert_non_null(strstr(fake_told(&m.f), "451 4.7.1 "));
	assert_int_equal(m.f.nmessages, 0);
	assert_int_equal(m.f.uploads_open, 0);
	end();
	/* no room for the new one: the message, or its new body */
	for (size_t step = 0; step < 2; step++) {
		begin(0, MX);
		say(PACKET('h', "X\0y\0"));
		fake_send_only(&m.f, slice_of(message, strlen(message) - 3));
		milter_fake_pump(&m);
		m.f.upload_answer = SPOOL_FULL;
		m.step = step * 1000;
		(void)kept(".\r\n");
		assert_non_null(strstr(fake_told(&m.f), "452 4.3.1 "));
		assert_int_equal(m.f.nmessages, 0);
		assert_int_equal(m.f.uploads_open, 0);
		end();
		begin(0, MX);
		m.f.upload_answer = SPOOL_FULL;
		m.step = step * 1000;
		say(milter_fake_packet('b', piece, PIECE));
		say(milter_fake_packet('b', piece, 8000));
		say(PACKET('h', "X\0y\0"));
		(void)kept(MESSAGE);
		assert_non_null(strstr(fake_told(&m.f), "452 4.3.1 "));
		assert_int_equal(m.f.nmessages, 0);
		assert_int_equal(m.f.uploads_open, 0);
		milter_fake_send(&m, "NOOP\r\n");
		assert_string_equal(fake_told(&m.f), "250 2.0.0 Ok\r\n");
		end();
	}
	free(message);
}

static void floods_are_bounded(void **state)
{
	static char value[60000];

	(void)state;
	begin(0, MX);
	for (unsigned i = 0; i < 1001; i++)
		say(PACKET('h', "X\0y\0"));
	(void)kept(MESSAGE);
	assert_non_null(strstr(fake_told(&m.f), "451 4.7.1 "));
	assert_int_equal(m.f.nmessages, 0);
	end();

	begin(0, MX);
	memset(value, 'v', sizeof value);
	memcpy(value, "X", 2);
	value[sizeof value - 1] = '\0';
	for (unsigned i = 0; i < 5; i++)
		say(milter_fake_packet('h', value, sizeof value));
	(void)kept(MESSAGE);
	assert_non_null(strstr(fake_told(&m.f), "451 4.7.1 "));
	end();
}

static void people_are_changed(void **state)
{
	static const struct {
		char letter;
		struct slice data;
		const char *text; /* part of what was kept */
	} rows[] = {
		{ 'e', DATA("<c@d.example>\0"), "from=<c@d.example> " },
		{ 'e', DATA("<c@d.example>\0SIZE=1\0"), "from=<c@d.example> " },
		{ 'e', DATA("<>\0"), "from=<> " },
		{ 'e', DATA("nonsense\r\nX: y\0"), "from=<a@b.example> " },
		{ '+', DATA("<third@h.example>\0"), "home:third@h.example{" },
		{ '2', DATA("third@h.example\0NOTIFY=NEVER\0"), "home:third@h.example{" },
		{ '+', DATA("<x@elsewhere.example>\0"), "to=home:me@h.example{implicit keep},home:you@h.example{" },
		{ '+', DATA("<me@h.example>\0"), "to=home:me@h.example{implicit keep},home:you@h.example{" },
		{ '+', DATA("<a%elsewhere.example@h.example>\0"), "to=home:me@h.example{implicit keep},home:you@h.example{" },
		{ '-', DATA("<ME@h.example>\0"), "to=home:you@h.example{" },
		{ '-', DATA("<nobody@h.example>\0"), "to=home:me@h.example{implicit keep},home:you@h.example{" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		const char *text;

		begin(i % 2, MX);
		say(milter_fake_packet(rows[i / 2].letter, rows[i / 2].data.p, rows[i / 2].data.n));
		(void)kept(MESSAGE);
		assert_int_equal(m.f.nmessages, 1);
		text = m.f.messages[0].text;
		/* The account has no rules: what stands in braces then. */
		if (strstr(text, "keep (the account has no rules)") != NULL && strstr(rows[i / 2].text, "implicit") != NULL) {
			assert_non_null(strstr(text, "to=home:me@h.example{keep (the account has no rules)},home:you@"));
			assert_null(strstr(text, ",home:me@"));
			assert_null(strstr(text, "elsewhere"));
		} else {
			assert_non_null(strstr(text, rows[i / 2].text));
		}
		end();
	}
	/* All of them: a record stays. */
	begin(0, MX);
	say(PACKET('-', "<me@h.example>\0"));
	say(PACKET('-', "<you@h.example>\0"));
	(void)kept(MESSAGE);
	assert_non_null(strstr(fake_told(&m.f), "250 2.0.0 "));
	assert_non_null(strstr(m.f.messages[0].text, "discarded: milter m0 took its last recipient away"));
	assert_int_equal(m.f.messages[0].ndeliveries, 0);
	end();
	/* All of them, and then another one: it is his. */
	begin(0, MX);
	say(PACKET('-', "<me@h.example>\0"));
	say(PACKET('-', "<you@h.example>\0"));
	say(PACKET('+', "<third@h.example>\0"));
	(void)kept(MESSAGE);
	assert_non_null(strstr(fake_told(&m.f), "250 2.0.0 "));
	assert_null(strstr(m.f.messages[0].text, "discarded"));
	assert_non_null(strstr(m.f.messages[0].text, "home:third@h.example{"));
	assert_null(strstr(m.f.messages[0].text, "home:me@"));
	assert_int_equal(m.f.messages[0].ndeliveries, 1);
	end();
	/* LMTP: an answer for each RCPT, in order, and none for those that a milter adds. */
	buf_init(&script, 64 << 20);
	milter_fake_open(&m, "");
	milter_fake_connect(&m, LMTP);
	milter_fake_send(&m, "LHLO c\r\n" "MAIL FROM:<a@b.example>\r\nRCPT TO:<me@h.example>\r\nRCPT TO:<you@h.example>\r\nDATA\r\n");
	say(PACKET('-', "<me@h.example>\0"));
	say(PACKET('+', "<third@h.example>\0"));
	(void)kept(MESSAGE);
	assert_string_equal(m.f.messages[0].text == NULL ? "" : "kept", "kept");
	{
		const char *told = fake_told(&m.f);
		unsigned n = 0;

		for (const char *at = told; (at = strstr(at, "250 2.0.0 ")) != NULL; at++)
			n++;
		assert_int_equal(n, 2);
	}
	end();
}

static void what_is_held_back_is_seen(void **state)
{
	(void)state;
	for (size_t step = 0; step < 2; step++) {
		begin(step, MX);
		say(PACKET('q', "looks\r\nbad\0"));
		(void)kept(MESSAGE);
		assert_non_null(strstr(fake_told(&m.f), "250 2.0.0 "));
		assert_non_null(strstr(m.f.messages[0].text, "[home/Quarantine "));
		assert_non_null(strstr(m.f.messages[0].text, "note=milter m0 wants it held back: looks"));
		end();
	}
}

static void a_later_milter_sees_what_earlier_ones_changed(void **state)
{
	const char *text;

	(void)state;
	for (size_t step = 0; step < 2; step++) {
		begin(step, TWO);
		say(PACKET('h', "X\0one\0"));
		say(PACKET('m', "\0\0\0\1A\0\0"));
		say(PACKET('b', "new\r\n"));
		m.scripts[1].says['E'] = slice_of("\0\0\0\7hX\0two\0\0\0\0\1c", 16);
		text = kept(MESSAGE);
		assert_string_equal(text, "B: 2\r\nA: 3\r\nX: one\r\nX: two\r\n\r\nnew\r\n");
		assert_non_null(strstr(milter_fake_told(&m, 1), "LB|2|\nLA|3|\nLX|one|\nN\nBnew\r\n\nE\n"));
		assert_non_null(strstr(milter_fake_told(&m, 2), "LX|one|\nLX|two|\nN\nBnew\r\n\nE\n"));
		end();
	}
}

/* The middle one fails at the end: what it wanted is not done, what the others wanted is. */
static void changes_of_one_that_fails_are_not_made(void **state)
{
	(void)state;
	begin(0, TWO);
	say(PACKET('h', "X\0one\0"));
	m.scripts[1].says['E'] = slice_of("\0\0\0\7hX\0two\0\0\0\0\1z", 16);
	assert_string_equal(kept("A: 1\r\n\r\nold\r\n.\r\n"), "A: 1\r\nX: one\r\n\r\nold\r\n");
	end();
}

static void strangers_write_no_verdicts(void **state)
{
	static const char message[] = "X-Spam-Flag: NO\r\nReceived: a\r\nx-rspamd-score: 1\r\n folded\r\n"
				      "Authentication-Results: (c) \"mail.office.example\"; spf=pass\r\n"
				      "Authentication-Results: MAIL.office.example. 1; none\r\n"
				      "Authentication-Results: other.example; none\r\nX-Spammer: no\r\nX-Mine : 1\r\n"
				      "X-Virus-Status : Clean\r\nSubject: x\r\n\r\nX-Spam-Flag: body\r\n.\r\n";

	(void)state;
	begin(0, MX);
	assert_string_equal(kept(message), "Received: a\r\nAuthentication-Results: other.example; none\r\nX-Mine : 1\r\n"
					   "Subject: x\r\n\r\nX-Spam-Flag: body\r\n");
	end();
	/* Nobody but we and those on this machine can connect there. */
	begin(0, LMTP);
	milter_fake_send(&m, "LHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<me@h.example>\r\nDATA\r\n");
	assert_non_null(strstr(kept(message), "X-Spam-Flag: NO\r\nReceived: a\r\nx-rspamd-score: 1\r\n"));
	end();
	/* Nothing but such fields, and no empty line. */
	begin(0, MX);
	assert_string_equal(kept("X-Spam: a\r\nX-Spam: b\r\n.\r\n"), "\r\n");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_changed),
		cmocka_unit_test(bodies_are_replaced),
		cmocka_unit_test(large_messages_are_written_anew),
		cmocka_unit_test(floods_are_bounded),
		cmocka_unit_test(people_are_changed),
		cmocka_unit_test(what_is_held_back_is_seen),
		cmocka_unit_test(a_later_milter_sees_what_earlier_ones_changed),
		cmocka_unit_test(changes_of_one_that_fails_are_not_made),
		cmocka_unit_test(strangers_write_no_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
