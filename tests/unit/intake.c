/* From a message and its rules to what the spool is asked to keep and the client is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/message.h"
#include "msg/header.h"
#include "smtp_fake.h"

static const char config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { message_size = \"1M\"; };\n"
    "listeners = { mx = { address = \"127.0.0.1:25\"; };\n"
    "  lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; }; };\n"
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@h.example\" ]; rules = \"/etc/home.sieve\"; recipient_delimiter = \"=-\"; };\n"
    "  plain = { host = \"imap.example.net\"; user = \"o\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@o.example\" ]; }; };\n";

enum { MX, LMTP };

#define NEED "require [\"fileinto\", \"reject\", \"imap4flags\", \"copy\", \"envelope\", \"mailbox\"];\n"

struct row {
	const char *name;
	unsigned listener;
	const char *rules;	/* of account home */
	const char *recipients; /* separated by blanks */
	const char *text;	/* of the message */
	const char *answer;	/* all that is said after the end of data, or its front */
	const char *kept;	/* what the spool got, without its front; NULL: nothing */
};

static const struct row rows[] = {
	{ "no rules", MX, "", "a@o.example", "x\r\n", "250 2.0.0 Ok",
	  "to=plain:a@o.example{keep (the account has no rules)} [plain/INBOX flags= rule=]" },
	{ "implicit keep", MX, "", "a@h.example", "x\r\n", "250 2.0.0 Ok",
	  "to=home:a@h.example{implicit keep} [home/INBOX flags= rule=]" },
	{ "what rules know of the surroundings", MX,
	  "require [\"environment\", \"variables\", \"fileinto\", \"envelope\", \"subaddress\", \"date\"];\n"
	  "if envelope :matches :detail \"to\" \"*\" { set \"detail\" \"${1}\"; }\n"
	  "if allof (environment \"remote-host\" \"\", currentdate :matches \"year\" \"20??\") {\n"
	  "fileinto \"${env.domain} ${env.host} ${env.remote_ip} ${detail}\"; }",
	  "a=b-c@h.example", "x\r\n", "250 2.0.0 Ok",
	  "to=home:a=b-c@h.example{fileinto office.example mail.office.example 192.0.2.7 b-c (line 4)} "
	  "[home/office.example mail.office.example 192.0.2.7 b-c flags= rule=home.sieve:4]" },
	{ "fileinto", MX, NEED "fileinto :create :flags \"\\\\seen Work\" \"A/B\";", "a@h.example", "x\r\n",
	  "250 2.0.0 Ok",
	  "to=home:a@h.example{fileinto A/B (line 2)} [home/A/B flags=\\Seen Work rule=home.sieve:2 create]" },
	{ "one folder gets one copy", MX,
	  NEED "if envelope :is \"to\" \"a@h.example\" { fileinto :flags \"\\\\Seen\" \"inbox\"; } else { keep :flags "
	       "\"\\\\FLAGGED\"; }",
	  "a@h.example b@h.example a@h.example", "x\r\n", "250 2.0.0 Ok",
	  "[home/INBOX flags=\\Seen \\Flagged rule=home.sieve:2]" },
	{ "below INBOX, too", MX,
	  NEED "if envelope :is \"to\" \"a@h.example\" { fileinto \"inbox.a\"; } else { fileinto \"INBOX.a\"; }",
	  "a@h.example b@h.example", "x\r\n", "250 2.0.0 Ok", "[home/inbox.a flags= rule=home.sieve:2]" },
	{ "several folders", MX, NEED "fileinto :copy \"A\"; fileinto \"B\";", "a@h.example", "x\r\n", "250 2.0.0 Ok",
	  " [home/A flags= rule=home.sieve:2] [home/B flags= rule=home.sieve:2]" },
	{ "several accounts", MX, NEED "fileinto \"A\";", "a@h.example b@o.example", "x\r\n", "250 2.0.0 Ok",
	  " [home/A flags= rule=home.sieve:2] [plain/INBOX flags= rule=]" },
	{ "discard", MX, NEED "discard;", "a@h.example", "x\r\n", "250 2.0.0 Ok",
	  "to=home:a@h.example{discard (line 2)}" },
	{ "reject", MX, NEED "reject \"no\";", "a@h.example b@h.example", "x\r\n", "550 5.7.1 no\r\n", NULL },
	{ "ereject with line ends", MX, NEED "reject \"one\r\n250 2.0.0 two\r\nthree\r\n\r\n\";", "a@h.example", "x\r\n",
	  "550-5.7.1 one\r\n550-5.7.1 250 2.0.0 two\r\n550 5.7.1 three\r\n", NULL },
	{ "reject without a word", MX, NEED "reject \"\";", "a@h.example", "x\r\n",
	  "550 5.7.1 The recipient refuses the message\r\n", NULL },
	{ "mixed verdicts", MX, NEED "reject \"no\";", "a@h.example b@o.example", "x\r\n", "250 2.0.0 Ok",
	  "[home/INBOX flags= rule= note=refused for a@h.example (no), but accepted as other recipients of it took it] "
	  "[plain/INBOX flags= rule=]" },
	{ "mixed verdicts with LMTP", LMTP, NEED "reject \"no\";", "a@h.example b@o.example c@h.example", "x\r\n",
	  "550 5.7.1 no\r\n250 2.0.0 <b@o.example> Ok",
	  "to=plain:b@o.example{keep (the account has no rules)} [plain/INBOX flags= rule=]" },
	{ "all reject with LMTP", LMTP, NEED "reject \"no\";", "a@h.example c@h.example", "x\r\n",
	  "550 5.7.1 no\r\n550 5.7.1 no\r\n", NULL },
	{ "redirect", MX, NEED "redirect \"x@far.example\";", "a@h.example", "x\r\n", "250 2.0.0 Ok",
	  "[home/INBOX flags= rule= note=redirect to x@far.example (line 2) is not sent: there is no relay]" },
	{ "redirect and file", MX, NEED "redirect :copy \"x@far.example\"; fileinto \"A\";", "a@h.example", "x\r\n",
	  "250 2.0.0 Ok",
	  "[home/A flags= rule=home.sieve:2 note=redirect to x@far.example (line 2) is not sent: there is no "
	  "relay]" },
	{ "a rule that fails", MX, NEED "if header :matches \"x\" \"*\" { fileinto \"A\"; reject \"no\"; }",
	  "a@h.example", "X: y\r\n\r\nx\r\n", "250 2.0.0 Ok", "note=the rules failed" },
	{ "went through here before", MX, "", "a@h.example", "Delivered-To: A@H.example\r\n\r\nx\r\n", "554 5.4.6 ",
	  NULL },
	{ "one of two went through before", MX, "", "a@h.example b@h.example", "Delivered-To: a@h.example\r\n\r\nx\r\n",
	  "250 2.0.0 ", "note=refused for a@h.example (it was delivered there before), but" },
	{ "the same with LMTP", LMTP, "", "a@h.example b@h.example", "Delivered-To: a@h.example\r\n\r\nx\r\n",
	  "554 5.4.6 ", "to=home:b@h.example{implicit keep} [home/INBOX flags= rule=]" },
};

static void send_message(struct fake *f, unsigned listener, const char *from, const char *recipients, struct slice text)
{
	struct slice rest = slice_str(recipients);
	char line[300];

	fake_connect(f, listener);
	fake_send(f, listener == LMTP ? SLICE_LIT("LHLO c\r\n") : SLICE_LIT("EHLO c\r\n"));
	(void)snprintf(line, sizeof line, "MAIL FROM:<%s>\r\n", from);
	fake_send(f, slice_str(line));
	while (rest.n > 0) {
		size_t n = slice_find(rest, ' ');

		(void)snprintf(line, sizeof line, "RCPT TO:<%.*s>\r\n", (int)n, rest.p);
		fake_send(f, slice_str(line));
		rest = slice_of(rest.p + n, rest.n - n);
		rest = slice_trim(rest);
	}
	fake_send(f, SLICE_LIT("DATA\r\n"));
	(void)fake_told(f);
	for (size_t at = 0; at < text.n; at += 10000)
		fake_send(f, slice_of(text.p + at, text.n - at < 10000 ? text.n - at : 10000));
	fake_send(f, SLICE_LIT(".\r\n"));
}

static void rules_are_followed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		const char *told;
		struct fake f;

		fake_open(&f, config, row->rules);
		send_message(&f, row->listener, "s@b.example", row->recipients, slice_str(row->text));
		told = fake_told(&f);
		if (strncmp(told, row->answer, strlen(row->answer)) != 0 || f.nmessages != (row->kept != NULL) ||
		    (row->kept != NULL && strstr(f.messages[0].text, row->kept) == NULL)) {
			print_error("%s: told %s kept %s\n", row->name, told,
				    f.nmessages == 0 ? "nothing" : f.messages[0].text);
			fail();
		}
		fake_close(&f);
	}
}

/* Messages on both sides of what is kept in memory, byte for byte. */
static void every_size_comes_through(void **state)
{
	static const size_t sizes[] = { 0,
					2,
					1000,
					IPC_INLINE_MAX - 1,
					IPC_INLINE_MAX,
					IPC_INLINE_MAX + 1,
					IPC_INLINE_MAX + 10000,
					HEADER_MAX_BYTES,
					500000 };
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (unsigned head = 0; head < 3; head++) {
			struct fake f;

			buf_clear(&b);
			(void)buf_add_str(&b, head == 0 ? "" : "Subject: x\r\n\r\n");
			while (head == 2 && b.n + 30 < sizes[i] && b.n < HEADER_MAX_BYTES / 2)
				(void)buf_addf(&b, "line %zu\r\n\r\n", b.n);
			while (b.n + 1002 <= sizes[i])
				(void)buf_addf(&b, "%01000d\r\n", 1);
			while (b.n + 2 < sizes[i])
				(void)buf_add_char(&b, 'x');
			if (b.n < sizes[i])
				(void)buf_add_str(&b, "\r\n");
			fake_open(&f, config, "");
			send_message(&f, MX, "s@b.example", "a@h.example", buf_slice(&b));
			if (head == 0 && b.n > HEADER_MAX_BYTES) {
				assert_non_null(strstr(fake_told(&f), "552 5.3.4 The header"));
			} else {
				assert_non_null(strstr(fake_told(&f), "250 2.0.0 Ok"));
				assert_int_equal(f.nmessages, 1);
				assert_true(slice_eq(buf_slice(&f.messages[0].body), buf_slice(&b)));
			}
			fake_close(&f);
			assert_int_equal(f.uploads_open, 0);
		}
	}
	buf_free(&b);
}

static void hops_are_counted(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100000);
	for (unsigned n = 0; n < 101; n++)
		(void)buf_addf(&b, "Received: from a by b; Mon, 2 Mar 2026 10:00:%02u +0000\r\n", n % 60);
	for (unsigned more = 0; more < 2; more++) {
		struct slice s = slice_of(b.p + (more ? 0 : slice_find(buf_slice(&b), '\n') + 1), 0);
		struct fake f;

		s.n = (size_t)(b.p + b.n - s.p);
		fake_open(&f, config, "");
		send_message(&f, MX, "", "a@h.example", s);
		assert_non_null(strstr(fake_told(&f), more ? "554 5.4.6 " : "250 2.0.0 "));
		fake_close(&f);
	}
	buf_free(&b);
}

static void header_lines_are_added(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, "");
	send_message(&f, MX, "s@b.example", "a@h.example", SLICE_LIT("x\r\n"));
	assert_int_equal(strncmp(f.messages[0].prefix.p,
				 "Return-Path: <s@b.example>\r\nDelivered-To: a@h.example\r\nReceived: ", 63),
			 0);
	assert_non_null(strstr(f.messages[0].prefix.p, "for <a@h.example>"));
	assert_non_null(strstr(f.messages[0].prefix.p, "with ESMTP"));
	assert_non_null(strstr(f.messages[0].prefix.p, "[192.0.2.7]"));
	send_message(&f, LMTP, "", "a@h.example b@h.example", SLICE_LIT("x\r\n"));
	assert_int_equal(strncmp(f.messages[1].prefix.p,
				 "Return-Path: <>\r\nDelivered-To: a@h.example\r\nDelivered-To: b@h.example\r\n", 70),
			 0);
	assert_null(strstr(f.messages[1].prefix.p, "for <"));
	assert_non_null(strstr(f.messages[1].prefix.p, "with LMTP"));
	fake_close(&f);
}

static void fingerprints_tell_messages_apart(void **state)
{
	static const struct {
		const char *from, *to, *text;
		bool same;
	} sent[] = {
		{ "s@b.example", "a@h.example", "x\r\n", true },  { "s@b.example", "a@h.example", "x\r\n", true },
		{ "s@b.example", "b@h.example", "x\r\n", false }, { "s@b.exampl", "a@h.example", "x\r\n", false },
		{ "s@b.example", "a@h.example", "y\r\n", false }, { "", "a@h.example", "x\r\n", false },
	};
	struct fake f;

	(void)state;
	fake_open(&f, config, "");
	for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++) {
		send_message(&f, MX, sent[i].from, sent[i].to, slice_str(sent[i].text));
		assert_int_equal(f.nmessages, i + 1);
		assert_int_equal(memcmp(f.messages[i].fingerprint, f.messages[0].fingerprint, 32) == 0, sent[i].same);
	}
	fake_close(&f);
}

/* A thousand recipients with rules that want thirty folders each: more than a request may hold, so INBOX. */
static void too_many_deliveries_go_to_inbox(void **state)
{
	static const char many[] =
	    "hostname = \"m.example\"; limits = { recipients = 1000; };\n"
	    "listeners = { mx = { address = \"127.0.0.1:25\"; };\n"
	    "  lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; }; };\n"
	    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\";\n"
	    "  tls = \"implicit\"; addresses = [ \"@h.example\" ]; rules = \"/etc/home.sieve\"; }; };\n";
	struct buf rules, to;
	struct fake f;

	(void)state;
	buf_init(&rules, 100000);
	buf_init(&to, 100000);
	(void)buf_add_str(&rules, "require [\"fileinto\", \"envelope\", \"copy\"];\n");
	for (unsigned i = 0; i < 16; i++)
		(void)buf_addf(&rules, "fileinto :copy \"folder %u\";\n", i);
	for (unsigned i = 0; i < 900; i++)
		(void)buf_addf(&to, "%sr%u@h.example", i == 0 ? "" : " ", i);
	fake_open(&f, many, buf_str(&rules));
	send_message(&f, MX, "s@b.example", buf_str(&to), SLICE_LIT("x\r\n"));
	assert_non_null(strstr(fake_told(&f), "250 2.0.0 "));
	assert_int_equal(f.nmessages, 1);
	assert_true(f.messages[0].ndeliveries == 17 || f.messages[0].ndeliveries == 1);
	fake_close(&f);
	buf_free(&rules);
	buf_free(&to);
}

#define TEN_TIMES(s) s s s s s s s s s s
/* A value of 14,000 octets, and a hundred fields that hold it. */
#define WIDE                                                                                                                     \
	"require [\"variables\", \"editheader\", \"fileinto\"]; set \"a\" \"" TEN_TIMES("0123456789") "\";\n"                       \
	"set \"a\" \"" TEN_TIMES("${a}") "\"; set \"a\" \"" TEN_TIMES("${a}") "${a}${a}${a}${a}\";\n"
#define ONE_HUNDRED_FIELDS TEN_TIMES(TEN_TIMES("addheader \"X-A\" \"${a}\";\n"))

static void the_bounds_of_rules_are_keys(void **state)
{
	static const char others[] =
	    "hostname = \"m.example\"; listeners = { mx = { address = \"127.0.0.1:25\"; };\n"
	    "  lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; }; };\n"
	    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\";\n"
	    "  tls = \"implicit\"; addresses = [ \"@h.example\" ]; rules = \"/etc/home.sieve\"; }; };\n";
	static const struct {
		const char *limits, *rules, *kept;
	} cases[] = {
		{ "rules_actions = 1;", "require \"fileinto\"; fileinto \"a\"; fileinto \"b\";", "more than the 1 actions" },
		{ "rules_actions = 2;", "require \"fileinto\"; fileinto \"a\"; fileinto \"b\";", "[home/b " },
		{ "rules_variable = \"4000B\";",
		  "require [\"variables\", \"fileinto\"]; set \"a\" \"0123456789012345678901234567890123456789\";\n"
		  "set \"a\" \"${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}\"; set \"a\" \"${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}\";\n"
		  "set :length \"n\" \"${a}\"; fileinto \"length ${n}\";",
		  "[home/length 4000 " },
		{ "rules_header = \"1K\";",
		  "require [\"variables\", \"editheader\"]; set \"a\" \"0123456789012345678901234567890123456789\";\n"
		  "set \"a\" \"${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}\";\n"
		  "addheader \"X-A\" \"${a}\";",
		  "at most 1024 octets" },
		{ "rules_space = \"12M\";", WIDE ONE_HUNDRED_FIELDS, "more than the 12582912 octets of memory" },
		{ "rules_space = \"16M\";", WIDE ONE_HUNDRED_FIELDS "fileinto \"room\";", "fileinto room" },
		{ "rules_steps = 10000;",
		  "require \"variables\"; set \"a\" \"0123456789012345678901234567890123456789\";\n"
		  "set \"a\" \"${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}\";\n"
		  "set \"a\" \"${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}\";\n"
		  "set :lower \"b\" \"${a}${a}\"; set :lower \"b\" \"${a}${a}\"; set :lower \"b\" \"${a}${a}\"; set :lower \"b\" \"${a}${a}\";\n"
		  "set :lower \"b\" \"${a}${a}\"; set :lower \"b\" \"${a}${a}\"; set :lower \"b\" \"${a}${a}\"; set :lower \"b\" \"${a}${a}\";\n",
		  "more than the 10000 steps" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[1000];
		struct fake f;

		(void)snprintf(text, sizeof text, "limits = { %s };\n%s", cases[i].limits, others);
		fake_open(&f, text, cases[i].rules);
		send_message(&f, MX, "s@b.example", "a@h.example", SLICE_LIT("x\r\n"));
		(void)fake_told(&f);
		if (f.nmessages != 1 || strstr(f.messages[0].text, cases[i].kept) == NULL)
			fail_msg("%s: %s", cases[i].limits, f.nmessages == 0 ? "nothing" : f.messages[0].text);
		fake_close(&f);
	}
}

/* RFC 5293, 6: what the operator protects stays; Subject never can be. */
static void fields_are_protected(void **state)
{
	static const char rules[] = "require \"editheader\"; deleteheader \"X-Kept\"; deleteheader \"X-Gone\"; deleteheader \"Subject\";\n"
				    "addheader \"X-Spam-Flag\" \"NO\"; addheader \"x-score\" \"1\"; addheader \"X-Mine\" \"1\";";
	char text[3000];
	struct fake f;

	(void)state;
	(void)snprintf(text, sizeof text,
		       "rules_forbid_add = [ \"X-Spam-*\", \"X-Score\" ];\nrules_forbid_delete = [ \"x-kept\" ];\n%s",
		       config);
	fake_open(&f, text, rules);
	send_message(&f, MX, "s@b.example", "a@h.example",
		     SLICE_LIT("X-Kept: 1\r\nX-Gone: 1\r\nSubject: s\r\n\r\nx\r\n"));
	(void)fake_told(&f);
	assert_int_equal(f.nmessages, 1);
	assert_non_null(strstr(f.messages[0].further, "X-Kept: 1"));
	assert_non_null(strstr(f.messages[0].further, "X-Mine: 1"));
	assert_null(strstr(f.messages[0].further, "X-Gone"));
	assert_null(strstr(f.messages[0].further, "Subject: s"));
	assert_null(strstr(f.messages[0].further, "X-Spam-Flag"));
	assert_null(strstr(f.messages[0].further, "x-score"));
	fake_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_followed),
		cmocka_unit_test(the_bounds_of_rules_are_keys),
		cmocka_unit_test(fields_are_protected),
		cmocka_unit_test(every_size_comes_through),
		cmocka_unit_test(hops_are_counted),
		cmocka_unit_test(header_lines_are_added),
		cmocka_unit_test(fingerprints_tell_messages_apart),
		cmocka_unit_test(too_many_deliveries_go_to_inbox),
	};

	return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
