/* fileinto, envelope, copy, mailbox, imap4flags, reject and ereject, by the text of their RFCs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sieve_tools.h"

static void fileinto_and_copy(void **state)
{
#define R "require [\"fileinto\", \"copy\", \"mailbox\"]; "
	static const struct sieve_case rows[] = {
		/* RFC 5228, 4.1. */
		{ R "if header :contains [\"from\"] \"coyote\" { fileinto \"INBOX.harassment\"; }",
		  .plan = "fileinto INBOX.harassment" },
		{ R "fileinto \"a\"; fileinto \"a\";", .plan = "fileinto a" },
		{ R "fileinto \"a\"; fileinto \"A\";", .plan = "fileinto a; fileinto A" },
		{ R "fileinto \"odds & ends\"; fileinto \"R\xc3\xa9"
		    "ception\";",
		  .plan = "fileinto odds & ends; fileinto R\xc3\xa9"
			  "ception" },
		{ R "fileinto \"a\"; discard;", .plan = "fileinto a; discard" },
		/* INBOX is where a keep goes. */
		{ R "fileinto \"inbox\";", .plan = "fileinto inbox" },
		{ R "keep; fileinto \"Inbox\";", .plan = "keep" },
		{ R "fileinto \"Inbox\"; keep;", .plan = "keep" },
		{ R "fileinto \"a\"; fileinto \"INBOX\"; fileinto \"b\"; keep;",
		  .plan = "fileinto a; keep; fileinto b" },
		{ R "fileinto :create \"INBOX\"; fileinto \"inbox\";", .plan = "fileinto:create INBOX" },
		{ R "fileinto \"INBOX.a\"; fileinto \"inbox.a\"; fileinto \"Inbox.A\";",
		  .plan = "fileinto INBOX.a; fileinto Inbox.A" },
		{ R "fileinto \"inbox/a\"; fileinto \"INBOX/a\"; fileinto \"INBOX.a\";",
		  .plan = "fileinto inbox/a; fileinto INBOX.a" },
		{ R "fileinto \"INBOXa\"; fileinto \"inboxa\"; keep;",
		  .plan = "fileinto INBOXa; fileinto inboxa; keep" },
		/* RFC 3894, 3: a copy leaves the implicit keep alone. */
		{ R "fileinto :copy \"incoming\";", .plan = "fileinto:copy incoming; implicit" },
		{ R "redirect :copy \"a@b.example\";", .plan = "redirect:copy a@b.example; implicit" },
		{ R "fileinto :copy \"unfiltered\"; if true { discard; }",
		  .plan = "fileinto:copy unfiltered; discard" },
		{ R "fileinto :copy \"a\"; keep;", .plan = "fileinto:copy a; keep" },
		{ R "fileinto :copy \"a\"; fileinto \"a\";", .plan = "fileinto a" },
		{ R "fileinto \"a\"; fileinto :copy \"a\";", .plan = "fileinto a" },
		{ R "fileinto :copy \"a\"; fileinto :copy \"a\";", .plan = "fileinto:copy a; implicit" },
		{ R "redirect :copy \"a@b.example\"; redirect \"a@b.example\";", .plan = "redirect a@b.example" },
		{ R "fileinto :copy \"a\"; redirect :copy \"a@b.example\"; stop;",
		  .plan = "fileinto:copy a; redirect:copy a@b.example; implicit" },
		/* RFC 5490, 3.2. */
		{ R "fileinto :create \"a\";", .plan = "fileinto:create a" },
		{ R "fileinto :copy :create \"a\"; fileinto :create \"b\";",
		  .plan = "fileinto:copy:create a; fileinto:create b" },
		{ R "fileinto \"a\"; fileinto :create \"a\";", .plan = "fileinto:create a" },
		{ R "if mailboxexists \"INBOX\" { discard; }", .plan = "discard" },
		{ R "if mailboxexists [\"inbox\", \"Partners\"] { discard; }", .plan = "implicit" },
		/* Limits. */
		{ R "fileinto \"0\"; fileinto \"1\"; fileinto \"2\"; fileinto \"3\"; fileinto \"4\"; fileinto \"5\";"
		    "fileinto \"6\"; fileinto \"7\"; fileinto \"8\"; fileinto \"9\"; fileinto \"10\"; fileinto \"11\";"
		    "fileinto \"12\"; fileinto \"13\"; fileinto \"14\"; fileinto \"15\"; fileinto \"16\"; fileinto "
		    "\"17\";"
		    "fileinto \"18\"; fileinto \"19\"; fileinto \"20\"; fileinto \"21\"; fileinto \"22\"; fileinto "
		    "\"23\";"
		    "fileinto \"24\"; fileinto \"25\"; fileinto \"26\"; fileinto \"27\"; fileinto \"28\"; fileinto "
		    "\"29\";"
		    "fileinto \"30\"; fileinto \"31\"; fileinto \"0\";\n"
		    "fileinto \"32\";",
		  .plan = "implicit; t:2:1: error: more than the 32 actions that one message may take" },
	};

	(void)state;
	CHECK_PLANS(rows);
}

static bool partners_exist(void *arg, struct slice mailbox)
{
	++*(int *)arg;
	return slice_eq(mailbox, SLICE_LIT("Partners")) || slice_eq(mailbox, SLICE_LIT("Friends"));
}

static void mailboxexists_asks(void **state)
{
	static const struct {
		const char *test;
		bool yes;
		int asked;
	} rows[] = {
		{ "\"Partners\"", true, 1 },
		{ "[\"Partners\", \"Friends\"]", true, 2 },
		{ "[\"Partners\", \"Foes\", \"Friends\"]", false, 2 },
		{ "\"partners\"", false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct message m;
		struct plan plan;
		struct buf text;
		int asked = 0;
		struct sieve_input in = { .message = &m, .mailbox_exists = partners_exist, .arg = &asked };
		struct sieve_program *p;

		buf_init(&text, 1000);
		assert_int_equal(buf_addf(&text, "require \"mailbox\"; if mailboxexists %s { discard; }", rows[i].test),
				 0);
		p = sieve_compile("t", buf_slice(&text), &text);
		assert_non_null(p);
		message_init(&m, SLICE_LIT("\r\n"), 2, -1);
		assert_int_equal(sieve_run(p, &in, &plan), 0);
		assert_int_equal(plan.implicit_keep, !rows[i].yes);
		assert_int_equal(asked, rows[i].asked);
		plan_free(&plan);
		message_free(&m);
		sieve_program_free(&p);
		buf_free(&text);
	}
}

static void envelope_compares(void **state)
{
#undef R
#define R "require \"envelope\"; if envelope "
#define E " { discard; }"
	static const struct sieve_case rows[] = {
		{ R ":all :is \"from\" \"tim@example.com\"" E, .from = "tim@example.com", .plan = "discard" },
		{ R "\"FROM\" \"TIM@example.com\"" E, .from = "tim@example.com", .plan = "discard" },
		{ R ":comparator \"i;octet\" \"from\" \"TIM@example.com\"" E, .from = "tim@example.com",
		  .plan = "implicit" },
		{ R ":localpart \"from\" \"tim\"" E, .from = "tim@example.com", .plan = "discard" },
		{ R ":domain \"from\" \"example.com\"" E, .from = "tim@example.com", .plan = "discard" },
		{ R ":domain :contains \"to\" \"acme\"" E, .plan = "discard" },
		{ R ":localpart [\"from\", \"to\"] [\"x\", \"roadrunner\"]" E, .plan = "discard" },
		{ R ":matches \"to\" \"*@acme.*\"" E, .plan = "discard" },
		{ R ":matches \"to\" \"coyote*\"" E, .plan = "implicit" },
		/* The null sender is "", whatever the part. */
		{ R "\"from\" \"\"" E, .from = "", .plan = "discard" },
		/* Longer than SMTP takes: mail that was fetched. */
		{ R ":domain \"from\" \"example.com\"" E,
		  .from = "bounces-12345678901234567890-12345678901234567890-tim=client.example@example.com",
		  .plan = "discard" },
		{ R ":localpart \"from\" \"\"" E, .from = "", .plan = "discard" },
		{ R ":domain \"from\" \"\"" E, .from = "", .plan = "discard" },
		{ R ":contains \"from\" \"\"" E, .from = "", .plan = "discard" },
		{ R "\"from\" \"\"" E, .plan = "implicit" },
		/* Routes are dropped. */
		{ R "\"from\" \"tim@example.com\"" E, .from = "@a.example,@b.example:tim@example.com",
		  .plan = "discard" },
		{ R ":domain \"from\" \"example.com\"" E, .from = "@a.example:tim@example.com", .plan = "discard" },
		{ R ":localpart \"to\" \"postmaster\"" E, .to = "postmaster", .plan = "discard" },
		{ R "\"to\" \"Postmaster\"" E, .to = "postmaster", .plan = "discard" },
		{ R ":localpart \"to\" \"john doe\"" E, .to = "\"john doe\"@example.com", .plan = "discard" },
	};

	(void)state;
	CHECK_PLANS(rows);
}

static void flags_are_sets(void **state)
{
#undef R
#define R		  "require [\"imap4flags\", \"fileinto\"]; "
#define HAS(before, test) R before " if hasflag " test " { discard; }"
	static const struct sieve_case rows[] = {
		{ R "setflag \"\\\\Deleted\";", .plan = "implicit (\\Deleted)" },
		{ R "setflag \"\\\\seen\"; addflag \"$Work\"; keep;", .plan = "keep (\\Seen $Work)" },
		{ R "addflag \"\\\\Deleted\"; addflag \"\\\\Answered\";", .plan = "implicit (\\Deleted \\Answered)" },
		{ R "addflag [\"\\\\Deleted\", \"\\\\Answered\"];", .plan = "implicit (\\Deleted \\Answered)" },
		{ R "addflag \"\\\\Deleted \\\\Answered\";", .plan = "implicit (\\Deleted \\Answered)" },
		{ R "addflag \"  \\\\Deleted   \\\\Answered \";", .plan = "implicit (\\Deleted \\Answered)" },
		{ R "addflag [\"\", \"a\", \"A\", \" \"]; addflag \"a\";", .plan = "implicit (a)" },
		{ R "addflag \"a b c\"; removeflag \"B\";", .plan = "implicit (a c)" },
		{ R "addflag \"a b c\"; removeflag [\"c a\", \"x\"]; removeflag \"\";", .plan = "implicit (b)" },
		{ R "addflag \"a b c\"; setflag \"d\";", .plan = "implicit (d)" },
		{ R "addflag \"a\"; setflag \"\";", .plan = "implicit" },
		{ R "setflag [\"\\\\Answered\", \"\\\\FLAGGED\", \"\\\\draft\"];",
		  .plan = "implicit (\\Answered \\Flagged \\Draft)" },
		/* What IMAP can't set is ignored (2). */
		{ R "addflag [\"\\\\Recent\", \"\\\\Unknown\", \"\\\\*\", \"a(b\", \"c]\", \"d\\\\\\\\e\", "
		    "\"f\xc3\xa9\", \"g%\","
		    " \"ok\"];",
		  .plan = "implicit (ok)" },
		{ R "addflag \"\tx\";", .plan = "implicit" },
		/* :flags wins over the variable, only there (5). */
		{ R "setflag \"v\"; keep :flags \"k\";", .plan = "keep (k)" },
		{ R "setflag \"v\"; fileinto :flags [\"a b\", \"c\"] \"F\"; fileinto \"G\";",
		  .plan = "fileinto F (a b c); fileinto G (v)" },
		{ R "setflag \"v\"; keep :flags \"\";", .plan = "keep" },
		{ R "fileinto \"F\"; setflag \"v\"; fileinto \"G\";", .plan = "fileinto F; fileinto G (v)" },
		/* The last list wins (3). */
		{ R "keep :flags \"a\"; keep :flags \"b\";", .plan = "keep (b)" },
		{ R "keep :flags \"a\"; keep;", .plan = "keep" },
		{ R "fileinto :flags \"a\" \"F\"; addflag \"b\"; fileinto \"F\";", .plan = "fileinto F (b)" },
		{ R "fileinto :flags \"a\" \"INBOX\"; keep :flags \"b\";", .plan = "keep (b)" },
		/* hasflag (4). */
		{ HAS("setflag \"A B\";", ":is \"b A\""), .plan = "discard" },
		{ HAS("setflag \"A B\";", "[\"b\", \"A\"]"), .plan = "discard" },
		{ HAS("setflag \"A B\";", "\"c\""), .plan = "implicit (A B)" },
		{ HAS("setflag \"A B\";", ":comparator \"i;octet\" \"a\""), .plan = "implicit (A B)" },
		{ HAS("setflag \"NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk\";",
		      ":contains \"forward\""),
		  .plan = "discard" },
		{ HAS("setflag \"NonJunk Junk gnus-forward $Forwarded\";", ":contains [\"label\", \"forward\"]"),
		  .plan = "discard" },
		{ HAS("setflag \"NonJunk Junk gnus-forward\";", ":contains \"junk forward\""), .plan = "discard" },
		{ HAS("setflag \"NonJunk\";", ":contains [\"label1\", \"label2\"]"), .plan = "implicit (NonJunk)" },
		{ HAS("setflag \"$Label1\";", ":matches \"$label?\""), .plan = "discard" },
		{ HAS("", ":contains \"x\""), .plan = "implicit" },
		{ HAS("setflag \"a\";", "\"\""), .plan = "implicit (a)" },
		{ HAS("setflag \"\\\\Seen\";", "\"\\\\SEEN\""), .plan = "discard" },
	};

	(void)state;
	CHECK_PLANS(rows);
}

static void refusals(void **state)
{
#undef R
#define R "require [\"reject\", \"ereject\", \"fileinto\", \"copy\"];\n"
	static const struct sieve_case rows[] = {
		{ R "reject \"no\";", .plan = "reject no" },
		{ R "ereject \"no\";", .plan = "ereject no" },
		{ R "reject text:\nI am not taking mail from you, and I don't\nwant your birdseed, either!\n.\n;",
		  .plan = "reject I am not taking mail from you, and I don't\r\nwant your birdseed, either!\r\n" },
		{ R "ereject \"\xc3\xa9\";", .plan = "ereject \xc3\xa9" },
		{ R "discard; reject \"no\";", .plan = "discard; reject no" },
		{ R "reject \"no\"; discard;", .plan = "reject no; discard" },
		{ R "reject \"no\"; stop; keep;", .plan = "reject no" },
		{ R "reject \"no\";\n reject \"no\";", .plan = "implicit; t:3:2: error: \"reject\" after \"reject\" in "
							       "line 2: a message can be refused only once" },
		{ R "ereject \"no\";\nreject \"never\";",
		  .plan = "implicit; t:3:1: error: \"reject\" after \"ereject\" in line 2: a message can be refused "
			  "only once" },
		{ R "keep;\nreject \"no\";",
		  .plan =
		      "implicit; t:3:1: error: \"reject\" after \"keep\" in line 2: a message can't be both refused and"
		      " delivered" },
		{ R "reject \"no\";\nkeep;",
		  .plan =
		      "implicit; t:3:1: error: \"keep\" after \"reject\" in line 2: a message can't be both refused and"
		      " delivered" },
		{ R "ereject \"no\";\nfileinto :copy \"archive\";",
		  .plan = "implicit; t:3:1: error: \"fileinto\" after \"ereject\" in line 2: a message can't be both "
			  "refused and"
			  " delivered" },
		{ R "redirect \"a@b.example\";\nereject \"no\";",
		  .plan = "implicit; t:3:1: error: \"ereject\" after \"redirect\" in line 2: a message can't be both "
			  "refused and"
			  " delivered" },
		{ R "fileinto \"a\"; if true { fileinto \"b\"; discard; }\nreject \"no\";",
		  .plan = "implicit; t:3:1: error: \"reject\" after \"fileinto\" in line 2: a message can't be both "
			  "refused and"
			  " delivered" },
	};

	(void)state;
	CHECK_PLANS(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fileinto_and_copy), cmocka_unit_test(mailboxexists_asks),
		cmocka_unit_test(envelope_compares), cmocka_unit_test(flags_are_sets),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
