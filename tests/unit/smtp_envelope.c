/* Parameters of MAIL and RCPT that say more of the envelope (RFC 3461, RFC 6531), and what becomes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "smtp_fake.h"

static const char config[] =
    "hostname = \"mail.office.example\"; limits = { errors = 1000; };\n"
    "listeners = { mx = { address = \"127.0.0.1:25\"; }; lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; };\n"
    "  ascii = { address = \"127.0.0.1:26\"; smtputf8 = false; }; };\n"
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"me@home.example\", \"j\xc3\xb6rg@b\xc3\xbcro.example\", \"@stra\xc3\x9f"
    "e.example\" ]; rules = \"/etc/test.sieve\"; };\n"
    "  old = { host = \"imap.example.net\"; user = \"o\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@old.example\" ]; };\n"
    "  new = { host = \"imap.example.net\"; user = \"n\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@new.example\" ]; }; };\n";

static const char rules[] =
    "require [\"envelope\", \"envelope-dsn\", \"reject\"];\n"
    "if envelope \"notify\" \"never\" { reject \"never\"; }\n"
    "elsif allof (envelope \"notify\" \"SUCCESS\", envelope \"notify\" \"FAILURE\", envelope \"notify\" \"DELAY\") { reject \"all\"; }\n"
    "elsif envelope :contains \"notify\" \"\" { reject \"some\"; }\n"
    "elsif envelope :is \"ret\" \"FULL\" { reject \"full\"; }\n"
    "elsif envelope :is \"ret\" \"HDRS\" { reject \"headers\"; }\n"
    "elsif envelope :is \"envid\" \"a+b=c d\" { reject \"identified\"; }\n"
    "elsif envelope :contains \"envid\" \"\" { reject \"named\"; }\n"
    "elsif envelope :is \"orcpt\" \"rfc822;you@far.example\" { reject \"sent on\"; }\n"
    "elsif envelope :matches \"orcpt\" \"utf-8;*\" { reject \"sent on in UTF-8\"; }\n";

enum { MX, LMTP, ASCII };

static void know(struct fake *f, const char *account, const char *text)
{
	struct facts facts;

	assert_int_equal(facts_read(slice_str(text), &facts), 0);
	intake_set_facts(f->intake, account, 0, &facts);
}

static void ask(struct fake *f, const char *line, const char *answer)
{
	const char *told;

	fake_send(f, slice_str(line));
	fake_send(f, SLICE_LIT("\r\n"));
	told = fake_told(f);
	if (strncmp(told, answer, strlen(answer)) != 0)
		fail_msg("%s: expected %s, told %s", line, answer, told);
}

static void begin(struct fake *f, unsigned listener)
{
	fake_connect(f, listener);
	ask(f, listener == LMTP ? "LHLO c" : "EHLO c", "220 ");
}

static void what_a_sender_asks_reaches_the_rules(void **state)
{
	static const struct {
		const char *mail, *rcpt, *answer;
	} rows[] = {
		{ "", "", "250 " },
		{ "", " NOTIFY=NEVER", "550 5.7.1 never" },
		{ "", " NOTIFY=success,Failure,DELAY", "550 5.7.1 all" },
		{ "", " NOTIFY=DELAY", "550 5.7.1 some" },
		{ "", " NOTIFY=DELAY,DELAY", "550 5.7.1 some" },
		{ " RET=full", "", "550 5.7.1 full" },
		{ " RET=HDRS", "", "550 5.7.1 headers" },
		{ " ENVID=a+2Bb+3Dc+20d", "", "550 5.7.1 identified" },
		{ " ENVID=x", "", "550 5.7.1 named" },
		{ "", " ORCPT=rfc822;you@far.example", "550 5.7.1 sent on" },
		{ "", " ORCPT=rfc822;you+40far.example", "550 5.7.1 sent on" },
		{ " SMTPUTF8", " ORCPT=utf-8;j\xc3\xb6rg@far.example", "550 5.7.1 sent on in UTF-8" },
	};
	struct fake f;

	(void)state;
	fake_open(&f, config, rules);
	know(&f, "home", "-+ / \n");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char line[300];

		begin(&f, MX);
		(void)snprintf(line, sizeof line, "MAIL FROM:<a@b.example>%s", rows[i].mail);
		ask(&f, line, "250 ");
		(void)snprintf(line, sizeof line, "RCPT TO:<me@home.example>%s", rows[i].rcpt);
		ask(&f, line, "250 ");
		ask(&f, "DATA", "354 ");
		ask(&f, "Subject: x\r\n\r\nx\r\n.", rows[i].answer);
	}
	fake_close(&f);
}

#define X100 "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"

static void what_is_wrong_is_said(void **state)
{
	static const struct {
		const char *line, *answer;
	} rows[] = {
		{ "MAIL FROM:<> RET=BODY", "501 5.5.4 " },
		{ "MAIL FROM:<> RET", "501 5.5.4 " },
		{ "MAIL FROM:<> RET=", "501 5.5.4 " },
		{ "MAIL FROM:<> RET=FULL RET=FULL", "501 5.5.4 " },
		{ "MAIL FROM:<> ENVID=a ret=full envid=a", "501 5.5.4 " },
		{ "MAIL FROM:<> ENVID=", "501 5.5.4 " },
		{ "MAIL FROM:<> ENVID", "501 5.5.4 " },
		{ "MAIL FROM:<> ENVID=a=b", "501 5.5.4 " },
		{ "MAIL FROM:<> ENVID=a+", "501 5.5.4 " },
		{ "MAIL FROM:<> ENVID=a+4", "501 5.5.4 " },
		{ "MAIL FROM:<> ENVID=a+3d", "501 5.5.4 " },
		{ "MAIL FROM:<> ENVID=a+0D+0AX:", "501 5.5.4 " },
		{ "MAIL FROM:<> ENVID=a+00", "501 5.5.4 " },
		{ "MAIL FROM:<> ENVID=a+FF", "501 5.5.4 " },
		{ "MAIL FROM:<> ENVID=\xc3\xb6", "501 5.5.4 " },
		{ "MAIL FROM:<> ENVID=" X100 "1", "501 5.5.4 " },
		{ "MAIL FROM:<> BY=120;R", "555 5.5.4 " },
		{ "MAIL FROM:<> BY=120;N", "555 5.5.4 " },
		{ "MAIL FROM:<> BY=-120;NT", "555 5.5.4 " },
		{ "MAIL FROM:<> SMTPUTF8=1", "501 5.5.4 " },
		{ "MAIL FROM:<> SMTPUTF8=", "501 5.5.4 " },
		{ "MAIL FROM:<j\xc3\xb6@b.example>", "553 5.6.7 " },
		{ "MAIL FROM:<a@b\xc3\xb6.example>", "553 5.6.7 " },
		{ "MAIL FROM:<a@xn--\xc3\xb6.example> SMTPUTF8", "501 5.1.7 " },
		{ "MAIL FROM:<> ENVID=" X100, "250 " },
		{ "RCPT TO:<j\xc3\xb6rg@b\xc3\xbcro.example>", "553 5.6.7 " },
		{ "RCPT TO:<me@home.example> NOTIFY=", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> NOTIFY", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> NOTIFY=ALWAYS", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> NOTIFY=NEVER,SUCCESS", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> NOTIFY=DELAY,NEVER", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> NOTIFY=DELAY,", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> NOTIFY=,DELAY", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> NOTIFY=DELAY NOTIFY=DELAY", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> ORCPT=rfc822", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> ORCPT=rfc822;", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> ORCPT=;a@b.example", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> ORCPT=r c;a@b.example", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> ORCPT=r_c;a@b.example", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> ORCPT=rfc822;a=b", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> ORCPT=rfc822;a+1b", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> ORCPT=utf-8;j\xc3\xb6@b.example", "501 5.5.4 " },
		{ "RCPT TO:<me@home.example> ORCPT=rfc822;" X100 X100 X100 X100 X100, "501 5.5.4 " },
		{ "MAIL FROM:<> BY=120;R", "503 5.5.1 " }, /* a message is begun */
		{ "RCPT TO:<me@home.example> ENVID=x", "555 5.5.4 " },
		{ "RCPT TO:<me@home.example> BY=120;N", "555 5.5.4 " },
		{ "RCPT TO:<me@home.example> SMTPUTF8", "555 5.5.4 " },
		{ "RCPT TO:<me@home.example> ORCPT=rfc822;" X100 X100 X100 X100 "x NOTIFY=NEVER", "250 " },
	};
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	know(&f, "home", "-+ / \n");
	begin(&f, MX);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ask(&f, rows[i].line, rows[i].answer);
	fake_close(&f);
}

static bool offers(struct fake *f, unsigned listener)
{
	fake_connect(f, listener);
	fake_send(f, listener == LMTP ? SLICE_LIT("LHLO c\r\n") : SLICE_LIT("EHLO c\r\n"));
	return strstr(fake_told(f), "SMTPUTF8\r\n") != NULL;
}

static void it_is_offered_where_it_can_be_kept(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	assert_false(offers(&f, MX));
	know(&f, "old", "- / \n");
	assert_false(offers(&f, MX));
	ask(&f, "MAIL FROM:<> SMTPUTF8", "555 5.6.7 ");
	ask(&f, "MAIL FROM:<j\xc3\xb6@b.example>", "553 5.6.7 ");
	know(&f, "home", "20000+ / \n");
	assert_true(offers(&f, MX));
	assert_true(offers(&f, LMTP));
	assert_false(offers(&f, ASCII));
	ask(&f, "MAIL FROM:<> SMTPUTF8", "555 5.6.7 ");
	/* What the store can't is said at once; where nothing is known, the message goes there. */
	begin(&f, MX);
	ask(&f, "MAIL FROM:<j\xc3\xb6@b.example> SMTPUTF8", "250 ");
	ask(&f, "RCPT TO:<a@old.example>", "550 5.6.7 ");
	ask(&f, "RCPT TO:<\xc3\xb6@new.example>", "250 ");
	ask(&f, "RCPT TO:<me@home.example>", "250 ");
	ask(&f, "RSET", "250 ");
	ask(&f, "MAIL FROM:<a@b.example>", "250 ");
	ask(&f, "RCPT TO:<a@old.example>", "250 ");
	/* A store that can't any more. */
	know(&f, "home", "20000 / \n");
	assert_false(offers(&f, MX));
	fake_close(&f);
}

static void addresses_are_the_same_in_either_form(void **state)
{
	static const char *const same[] = {
		"j\xc3\xb6rg@b\xc3\xbcro.example", "J\xc3\x96RG@B\xc3\x9cRO.EXAMPLE", "j\xc3\xb6rg@xn--bro-hoa.example",
		"j\xc3\xb6rg+more@XN--bro-HOA.example", "\"j\xc3\xb6rg\"@b\xc3\xbcro.example.",
		"x@stra\xc3\x9f" "e.example", "x@xn--strae-oqa.example", "x@STRA\xc3\x9f" "E.example",
	};
	/* the last one is what IDNA 2003 made of it: another domain by now */
	static const char *const others[] = { "jorg@b\xc3\xbcro.example", "j\xc3\xb6rg@buro.example",
					      "j\xc3\xb6rg@xn--bro-hob.example", "x@strasse.example" };
	struct fake f;
	char line[200];

	(void)state;
	fake_open(&f, config, NULL);
	know(&f, "home", "-+ / \n");
	begin(&f, MX);
	ask(&f, "MAIL FROM:<> SMTPUTF8", "250 ");
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		(void)snprintf(line, sizeof line, "RCPT TO:<%s>", same[i]);
		ask(&f, line, "250 ");
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		(void)snprintf(line, sizeof line, "RCPT TO:<%s>", others[i]);
		ask(&f, line, "550 ");
	}
	fake_close(&f);
}

static void lines_in_front_hold_utf8_only_where_it_was_agreed(void **state)
{
	static const struct {
		unsigned listener;
		const char *parameter, *protocol, *to;
	} rows[] = {
		{ MX, "", "with ESMTP id", "<me@home.example>" },
		{ MX, " SMTPUTF8", "with UTF8SMTP id", "<j\xc3\xb6rg@b\xc3\xbcro.example>" },
		{ LMTP, " SMTPUTF8", "with UTF8LMTP id", "<j\xc3\xb6rg@b\xc3\xbcro.example>" },
	};
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	know(&f, "home", "-+ / \n");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char line[200], delivered[200];
		const char *prefix;

		begin(&f, rows[i].listener);
		(void)snprintf(line, sizeof line, "MAIL FROM:<>%s", rows[i].parameter);
		ask(&f, line, "250 ");
		(void)snprintf(line, sizeof line, "RCPT TO:%s", rows[i].to);
		ask(&f, line, "250 ");
		ask(&f, "DATA", "354 ");
		ask(&f, "Subject: x\r\n\r\nx\r\n.", "250 ");
		prefix = buf_str(&f.messages[f.nmessages - 1].prefix);
		assert_non_null(strstr(prefix, rows[i].protocol));
		(void)snprintf(line, sizeof line, "for %s", rows[i].to);
		assert_non_null(strstr(prefix, line));
		(void)snprintf(delivered, sizeof delivered, "Delivered-To: %.*s\r\n", (int)strlen(rows[i].to) - 2,
			       rows[i].to + 1);
		assert_non_null(strstr(prefix, delivered));
	}
	fake_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_sender_asks_reaches_the_rules),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(it_is_offered_where_it_can_be_kept),
		cmocka_unit_test(addresses_are_the_same_in_either_form),
		cmocka_unit_test(lines_in_front_hold_utf8_only_where_it_was_agreed),
	};

	return cmocka_run_group_tests_name("smtp_envelope", tests, NULL, NULL);
}
