/* Milters and the session in front of them: every stage, and every failure; whole and octet by octet. */
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

static void told(struct milter_fakes *m, size_t n, const char *what)
{
	assert_string_equal(milter_fake_told(m, n), what);
}

static void body_is(struct milter_fakes *m, const char *what)
{
	assert_int_equal(m->f.nmessages, 1);
	assert_string_equal(buf_str(&m->f.messages[0].body), what);
}

/* ---- stages ---- */

static void each_stage_is_told_in_order(void **state)
{
	static struct milter_fakes m;

	(void)state;
	for (size_t step = 0; step < 2; step++) {
		begin(&m, step, MX);
		told(&m, 0, "O|||\006||\001\377|\037\377\377\nCunknown|4\004\322192.0.2.7|\n");
		expect(&m, "220 ");
		milter_fake_send(&m, "XYZZY plugh\r\n" BEGIN);
		told(&m, 0, "UXYZZY plugh|\nHc|\nM<a@b.example>|SIZE=99|\nR<me@h.example>|\nT\n");
		expect(&m, "354 ");
		milter_fake_send(&m, MESSAGE);
		told(&m, 0, "LSubject|hi\n there|\nLTo|x|\nN\nBline\r\n.dot\r\n\nE\n");
		expect(&m, "250 2.0.0 ");
		body_is(&m, "Subject: hi\r\n there\r\nTo: x\r\n\r\nline\r\n.dot\r\n");
		milter_fake_send(&m, "MAIL FROM:<>\r\nRSET\r\nQUIT\r\n");
		told(&m, 0, "M<>|\nA\n");
		fake_disconnect(&m.f);
		milter_fake_pump(&m);
		milter_fake_close(&m);
	}
}

static void macros_tell_who_it_is(void **state)
{
	static struct milter_fakes m;
	const char *text;

	(void)state;
	milter_fake_open(&m, "");
	m.scripts[0].macros = true;
	milter_fake_connect(&m, MX);
	text = milter_fake_told(&m, 0);
	assert_non_null(strstr(text, "DCj|mail.office.example|{daemon_name}|mail.office.example|{daemon_addr}|192.0.2.1|"
				     "{daemon_port}|25|v|mailferry "));
	assert_non_null(strstr(text, "|_|unknown [192.0.2.7]|{client_addr}|192.0.2.7|"));
	milter_fake_send(&m, BEGIN);
	text = milter_fake_told(&m, 0);
	assert_non_null(strstr(text, "{mail_addr}|a@b.example|{mail_host}|b.example|"));
	assert_non_null(strstr(text, "{rcpt_addr}|me@h.example|{rcpt_host}|h.example|{rcpt_mailer}|local|"));
	assert_null(strstr(text, "tls_version"));
	milter_fake_close(&m);

	/* It asks for others (SETSYMLIST): by stage, with and without braces, known and unknown. */
	milter_fake_open(&m, "");
	m.scripts[0].macros = true;
	m.scripts[0].says['O'] = PACKET('O', "\0\0\0\6\0\0\1\0\0\0\0\0"
					     "\0\0\0\0j {client_port},nothing\0"
					     "\0\0\0\2{mail_addr}\0"
					     "\0\0\0\5i\0"
					     "\0\0\0\x63zzz\0");
	milter_fake_connect(&m, MX);
	text = milter_fake_told(&m, 0);
	assert_non_null(strstr(text, "DCj|mail.office.example|{client_port}|1234|\nC"));
	milter_fake_send(&m, BEGIN);
	milter_fake_send(&m, MESSAGE);
	text = milter_fake_told(&m, 0);
	assert_non_null(strstr(text, "\nDM{mail_addr}|a@b.example|\nM"));
	assert_non_null(strstr(text, "\nDEi|"));
	milter_fake_close(&m);
}

/* What it does not want to hear of, what it does not answer, and what an old one does not know. */
static void terms_are_kept(void **state)
{
	static const struct {
		unsigned version, protocol;
		const char *silent; /* commands that get no answer */
		const char *stages; /* what is told */
	} rows[] = {
		{ 6, 0, "", "CHMRTLLNBE" },
		{ 6, 0x1, "", "HMRTLLNBE" },
		{ 6, 0x2, "", "CMRTLLNBE" },
		{ 6, 0x4, "", "CHRTLLNBE" },
		{ 6, 0x8, "", "CHMTLLNBE" },
		{ 6, 0x10, "", "CHMRTLLNE" },
		{ 6, 0x20, "", "CHMRTNBE" },
		{ 6, 0x40, "", "CHMRTLLBE" },
		{ 6, 0x200, "", "CHMRLLNBE" },
		{ 2, 0, "", "CHMRLLNBE" },
		{ 6, 0x27f, "", "E" },
		{ 6, 0xff080, "CHMRTLNBU", "CHMRTLLNBE" },
	};
	static struct milter_fakes m;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char letters[64] = "";
		size_t n = 0;

		milter_fake_open(&m, "");
		m.step = i % 3;
		m.scripts[0].says['O'] = milter_fake_terms(rows[i].version, 0, rows[i].protocol);
		for (const char *l = rows[i].silent; *l != '\0'; l++)
			m.scripts[0].says[(int)*l] = SLICE_NONE;
		milter_fake_connect(&m, MX);
		milter_fake_send(&m, BEGIN);
		milter_fake_send(&m, MESSAGE);
		expect(&m, "250 2.0.0 ");
		for (const char *l = milter_fake_told(&m, 0); *l != '\0' && n < 60; l = strchr(l, '\n') + 1)
			if (strchr("CHMRTLNBE", *l) != NULL && (*l != ' '))
				letters[n++] = *l;
		/* A fold's second line and a body's lines begin with other letters. */
		assert_string_equal(letters, rows[i].stages);
		milter_fake_close(&m);
	}
}

static void leading_space_is_kept_where_it_is_wanted(void **state)
{
	static struct milter_fakes m;

	(void)state;
	milter_fake_open(&m, "");
	m.scripts[0].says['O'] = milter_fake_terms(6, 0x1, 0x100000);
	m.scripts[0].says['E'] = slice_of("\0\0\0\7hX\0  b\0\0\0\0\1c", 16);
	milter_fake_connect(&m, MX);
	milter_fake_send(&m, BEGIN);
	milter_fake_send(&m, MESSAGE);
	body_is(&m, "Subject: hi\r\n there\r\nTo: x\r\nX:  b\r\n\r\nline\r\n.dot\r\n");
	assert_non_null(strstr(milter_fake_told(&m, 0), "LTo| x|\n"));
	milter_fake_close(&m);
}

/* ---- failures ---- */

/* Until nothing is waited for any more. */
static void sit_out(struct milter_fakes *m)
{
	for (unsigned i = 0; i < 20 && smtp_session_want(m->f.session) == SMTP_WAIT; i++)
		milter_fake_wait(m, 121 * 1000);
}

static void a_milter_that_fails_decides_nothing(void **state)
{
	static const char stages[] = "OCHMRTLNBE";
	static struct milter_fakes m;

	(void)state;
	for (const char *at = stages; *at != '\0'; at++) {
		for (unsigned silent = 0; silent < 2; silent++) {
			/* m0 must see mail, m1 need not. */
			for (size_t n = 0; n < 2; n++) {
				milter_fake_open(&m, "");
				if (silent)
					m.scripts[n].says[(int)*at] = SLICE_NONE;
				else
					m.scripts[n].closes = *at;
				milter_fake_connect(&m, n == 0 ? MX : OPEN);
				sit_out(&m);
				milter_fake_send(&m, BEGIN);
				sit_out(&m);
				send_message(&m);
				sit_out(&m);
				if (n == 0) {
					expect(&m, "451 4.7.1 A filter");
					assert_int_equal(m.f.nmessages, 0);
				} else {
					expect(&m, "250 2.0.0 ");
					assert_int_equal(m.f.nmessages, 1);
				}
				/* It is back: the next message goes through it. */
				m.scripts[n].closes = '\0';
				m.scripts[n].says[(int)*at] = *at == 'O' ? milter_fake_terms(6, 0, 0)
									 : slice_of("\0\0\0\1c", 5);
				(void)milter_fake_told(&m, n);
				milter_fake_send(&m, "RSET\r\n" BEGIN);
				send_message(&m);
				expect(&m, "250 2.0.0 Ok: queued");
				assert_non_null(strstr(milter_fake_told(&m, n), "\nE\n"));
				milter_fake_close(&m);
			}
		}
	}
}

static void one_that_is_down_is_tried_at_each_message(void **state)
{
	static struct milter_fakes m;

	(void)state;
	milter_fake_open(&m, "");
	m.scripts[0].down = true;
	milter_fake_connect(&m, MX);
	expect(&m, "220 ");
	milter_fake_send(&m, HELLO "MAIL FROM:<a@b.example>\r\n");
	expect(&m, "451 4.7.1 A filter");
	m.scripts[0].down = false;
	milter_fake_send(&m, "MAIL FROM:<a@b.example>\r\n");
	expect(&m, "250 2.1.0 ");
	told(&m, 0, "O|||\006||\001\377|\037\377\377\nCunknown|4\004\322192.0.2.7|\nHc|\nM<a@b.example>|\n");
	milter_fake_close(&m);
}

static void progress_has_an_end(void **state)
{
	static struct milter_fakes m;

	(void)state;
	begin(&m, 0, MX);
	m.scripts[0].says['E'] = SLICE_NONE;
	milter_fake_send(&m, BEGIN);
	milter_fake_send(&m, MESSAGE);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(m.all[0].m != NULL);
		(void)buf_add_slice(&m.all[0].out, slice_of("\0\0\0\1p", 5));
		milter_fake_wait(&m, 119 * 1000);
		assert_int_equal(strstr(fake_told(&m.f), "451 ") != NULL, false);
	}
	(void)buf_add_slice(&m.all[0].out, slice_of("\0\0\0\1p", 5));
	milter_fake_wait(&m, 5 * 1000);
	expect(&m, "451 4.7.1 ");
	milter_fake_close(&m);
}

static void a_client_that_leaves_aborts(void **state)
{
	static const char stages[] = "HMRTLNBE";
	static struct milter_fakes m;

	(void)state;
	for (const char *at = stages; *at != '\0'; at++) {
		begin(&m, 0, TWO);
		m.scripts[1].says[(int)*at] = SLICE_NONE;
		milter_fake_send(&m, BEGIN);
		milter_fake_send(&m, MESSAGE);
		fake_disconnect(&m.f);
		milter_fake_pump(&m);
		for (size_t i = 0; i < m.n; i++)
			assert_null(m.all[i].m);
		assert_int_equal(m.f.nmessages, 0);
		assert_int_equal(m.f.uploads_open, 0);
		milter_fake_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stage_is_told_in_order),
		cmocka_unit_test(macros_tell_who_it_is),
		cmocka_unit_test(terms_are_kept),
		cmocka_unit_test(leading_space_is_kept_where_it_is_wanted),
		cmocka_unit_test(a_milter_that_fails_decides_nothing),
		cmocka_unit_test(one_that_is_down_is_tried_at_each_message),
		cmocka_unit_test(progress_has_an_end),
		cmocka_unit_test(a_client_that_leaves_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
