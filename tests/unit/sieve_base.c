/* The base language (RFC 5228): what scripts plan for a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sieve_tools.h"

#define CHECK(rows) sieve_tools_check(rows, sizeof rows / sizeof rows[0])
#define IF(test)    "if " test " { discard; }"
#define FIELDS(...) __VA_ARGS__ "\n\nbody\n"

static void control_takes_the_right_block(void **state)
{
	static const struct sieve_case rows[] = {
		{ "", .plan = "implicit" },
		{ "# nothing\n/* at all */\n", .plan = "implicit" },
		{ "\xef\xbb\xbfkeep;", .plan = "keep" },
		{ "KEEP;", .plan = "keep" },
		{ "if true { discard; }", .plan = "discard" },
		{ "if false { discard; }", .plan = "implicit" },
		{ "if false { discard; } else { keep; }", .plan = "keep" },
		{ "if true { discard; } else { keep; }", .plan = "discard" },
		{ "if false { } elsif true { keep; } else { discard; }", .plan = "keep" },
		{ "if false { } elsif false { keep; } elsif true { discard; } else { }", .plan = "discard" },
		{ "if true { } elsif true { keep; } else { discard; }", .plan = "implicit" },
		{ "if true { if false { } else { keep; } } elsif true { discard; }", .plan = "keep" },
		{ "if false { } if true { keep; } else { discard; }", .plan = "keep" },
		{ "if true { stop; } discard;", .plan = "implicit" },
		{ "keep; stop; discard;", .plan = "keep" },
		{ "require []; keep;",
		  .plan = "compile error: t:1:10: error: expected a string in the list, found \"]\"\n" },
		{ "require [\"fileinto\"]; require \"copy\"; fileinto \"a\";", .plan = "fileinto a" },
		{ "require \"comparator-i;octet\"; require \"comparator-i;ascii-casemap\"; keep;", .plan = "keep" },
		/* Section 3.1. */
		{ "require \"fileinto\"; if header :contains \"from\" \"coyote\" { discard; }"
		  " elsif header :contains [\"subject\"] [\"$$$\"] { discard; } else { fileinto \"INBOX\"; }",
		  .plan = "discard" },
		{ "if header :contains [\"From\"] [\"coyote\"] { redirect \"acm@example.com\"; }"
		  " elsif header :contains \"Subject\" \"$$$\" { redirect \"postmaster@example.com\"; }"
		  " else { redirect \"field@example.com\"; }",
		  .plan = "redirect acm@example.com" },
		{ "if header :contains [\"From\"] [\"coyote\"] { redirect \"acm@example.com\"; }"
		  " elsif header :contains \"Subject\" \"$$$\" { redirect \"postmaster@example.com\"; }"
		  " else { redirect \"field@example.com\"; }",
		  .message = message_b, .plan = "redirect postmaster@example.com" },
	};

	(void)state;
	CHECK(rows);
}

static void logic_combines(void **state)
{
	static const struct sieve_case rows[] = {
		{ IF("allof (false, false)"), .plan = "implicit" },
		{ IF("allof (false, true)"), .plan = "implicit" },
		{ IF("allof (true, false)"), .plan = "implicit" },
		{ IF("allof (true, true)"), .plan = "discard" },
		{ IF("anyof (false, false)"), .plan = "implicit" },
		{ IF("anyof (false, true)"), .plan = "discard" },
		{ IF("anyof (true, false)"), .plan = "discard" },
		{ IF("anyof (true, true)"), .plan = "discard" },
		{ IF("not true"), .plan = "implicit" },
		{ IF("not false"), .plan = "discard" },
		{ IF("not not not false"), .plan = "discard" },
		{ IF("allof (true)"), .plan = "discard" },
		{ IF("anyof (false, allof (true, not false), false)"), .plan = "discard" },
		{ IF("allof (anyof (false, true), anyof (true, false), not allof (true, false))"), .plan = "discard" },
		{ IF("not anyof (false, not allof (true, true))"), .plan = "discard" },
	};

	(void)state;
	CHECK(rows);
}

static void header_compares(void **state)
{
	static const char caffeine[] =
	    "X-Caffeine: C8H10N4O2\nX-Empty:  \nx-dup: one\nX-DUP: two\nX-Blank:   padded\t \n"
	    "X-Fold: a\n b\n\tc\nX-Star: a*b?c\\d\n\nbody\n";
	static const struct sieve_case rows[] = {
		/* Section 5.7. */
		{ IF("header :is [\"X-Caffeine\"] [\"\"]"), caffeine, .plan = "implicit" },
		{ IF("header :contains [\"X-Caffeine\"] [\"\"]"), caffeine, .plan = "discard" },
		{ IF("header :contains \"X-Absent\" \"\""), caffeine, .plan = "implicit" },
		{ IF("header :is \"X-Empty\" \"\""), caffeine, .plan = "discard" },
		{ IF("not header :matches \"Cc\" \"?*\""), caffeine, .plan = "discard" },
		{ IF("not header :matches \"X-Empty\" \"?*\""), caffeine, .plan = "discard" },
		{ IF("not header :matches \"X-Caffeine\" \"?*\""), caffeine, .plan = "implicit" },
		{ IF("header \"x-caffeine\" \"c8h10n4o2\""), caffeine, .plan = "discard" },
		{ IF("header :comparator \"i;octet\" \"x-caffeine\" \"c8h10n4o2\""), caffeine, .plan = "implicit" },
		{ IF("header :comparator \"i;octet\" :contains \"x-caffeine\" \"H10\""), caffeine, .plan = "discard" },
		{ IF("header :contains :comparator \"i;octet\" \"x-caffeine\" \"h10\""), caffeine, .plan = "implicit" },
		{ IF("header :is \"x-dup\" \"two\""), caffeine, .plan = "discard" },
		{ IF("header :is [\"x-absent\", \"x-dup\"] [\"zero\", \"two\"]"), caffeine, .plan = "discard" },
		{ IF("header :is \"x-dup\" [\"three\", \"four\"]"), caffeine, .plan = "implicit" },
		{ IF("header :is \"X-Blank\" \"padded\""), caffeine, .plan = "discard" },
		{ IF("header :is \"X-Fold\" \"a b\tc\""), caffeine, .plan = "discard" },
		/* A name that can't be one matches nothing and is no error (2.4.2.2). */
		{ IF("header :contains \"X-Caffeine:\" \"\""), caffeine, .plan = "implicit" },
		{ IF("header :contains \"\" \"\""), "no field at all\nFrom: a@b\n\n", .plan = "implicit" },
		{ IF("header :contains \"X Caffeine\" \"\""), caffeine, .plan = "implicit" },
		/* Patterns (2.7.1). */
		{ IF("header :matches \"x-caffeine\" \"*\""), caffeine, .plan = "discard" },
		{ IF("header :matches \"x-empty\" \"*\""), caffeine, .plan = "discard" },
		{ IF("header :matches \"x-caffeine\" \"C8*\""), caffeine, .plan = "discard" },
		{ IF("header :matches \"x-caffeine\" \"*o2\""), caffeine, .plan = "discard" },
		{ IF("header :matches \"x-caffeine\" \"c?h*n?o?\""), caffeine, .plan = "discard" },
		{ IF("header :matches \"x-caffeine\" \"c??h*\""), caffeine, .plan = "implicit" },
		{ IF("header :matches \"x-caffeine\" \"?????????\""), caffeine, .plan = "discard" },
		{ IF("header :matches \"x-caffeine\" \"??????????\""), caffeine, .plan = "implicit" },
		{ IF("header :matches \"x-caffeine\" \"*10*10*\""), caffeine, .plan = "implicit" },
		{ IF("header :matches \"x-caffeine\" \"**h**n***\""), caffeine, .plan = "discard" },
		{ IF("header :matches \"x-caffeine\" \"*?4?*\""), caffeine, .plan = "discard" },
		{ IF("header :matches \"x-caffeine\" \"c8h10n4o2*c8h10n4o2\""), caffeine, .plan = "implicit" },
		{ IF("header :matches \"x-caffeine\" \"\""), caffeine, .plan = "implicit" },
		{ IF("header :matches \"x-empty\" \"\""), caffeine, .plan = "discard" },
		{ IF("header :matches \"x-star\" \"a\\\\*b\\\\?c\\\\\\\\d\""), caffeine, .plan = "discard" },
		{ IF("header :matches \"x-star\" \"a\\\\*b\\\\*c*\""), caffeine, .plan = "implicit" },
		{ IF("header :matches \"x-star\" \"*\\\\\\\\d\""), caffeine, .plan = "discard" },
		{ IF("header :matches \"x-star\" \"*\\\\\""), caffeine, .plan = "implicit" },
		{ IF("header :contains \"x-star\" \"*b?\""), caffeine, .plan = "discard" },
		{ IF("header :matches :comparator \"i;octet\" \"x-caffeine\" \"c*\""), caffeine, .plan = "implicit" },
	};

	(void)state;
	CHECK(rows);
}

static void header_text_is_decoded(void **state)
{
	static const struct sieve_case rows[] = {
		{ IF("header :is \"subject\" \"h\xc3\xa9llo w\xc3\xb6rld\""),
		  FIELDS("Subject: =?iso-8859-1?q?h=E9llo?= =?utf-8?b?IHfDtnJsZA==?="), .plan = "discard" },
		{ IF("header :contains \"subject\" \"=?\""), FIELDS("Subject: =?iso-8859-1?q?h=E9llo?="),
		  .plan = "implicit" },
		/* A NUL does not end the comparison (2.7.2). */
		{ IF("header :contains \"subject\" \"behind\""), FIELDS("Subject: =?utf-8?q?a=00behind?="),
		  .plan = "discard" },
		{ IF("header :matches \"subject\" \"a?behind\""), FIELDS("Subject: =?utf-8?q?a=00behind?="),
		  .plan = "discard" },
		/* Octets, not characters, under these comparators. */
		{ IF("header :matches \"subject\" \"h??llo\""), FIELDS("Subject: =?utf-8?q?h=C3=A9llo?="),
		  .plan = "discard" },
		{ IF("header :matches \"subject\" \"h?llo\""), FIELDS("Subject: =?utf-8?q?h=C3=A9llo?="),
		  .plan = "implicit" },
		/* Only ASCII letters lose their case. */
		{ IF("header :is \"subject\" \"H\xc3\x89LLO\""), FIELDS("Subject: =?utf-8?q?h=C3=A9llo?="),
		  .plan = "implicit" },
		{ IF("header :is \"subject\" \"H\xc3\xa9LLO\""), FIELDS("Subject: =?utf-8?q?h=C3=A9llo?="),
		  .plan = "discard" },
	};

	(void)state;
	CHECK(rows);
}

static void address_acts_on_addresses(void **state)
{
	static const char list[] = "From: \"Tim, the one\" <Tim@Example.COM> (comment tim2@example.com)\n"
				   "To: friends: ann@a.example, Bob <bob@b.example>;, eve@e.example\n"
				   "Cc: not an address, carl@c.example\n"
				   "Sender: nobody at all\n"
				   "Reply-To: =?utf-8?q?a=2C_b=40c?= <dora@d.example>\n"
				   "\n";
	static const struct sieve_case rows[] = {
		{ IF("address :is :all \"from\" \"tim@example.com\""), list, .plan = "discard" },
		{ IF("address \"from\" \"tim@example.com\""), list, .plan = "discard" },
		{ IF("address :comparator \"i;octet\" \"from\" \"tim@example.com\""), list, .plan = "implicit" },
		{ IF("address :comparator \"i;octet\" \"from\" \"Tim@Example.COM\""), list, .plan = "discard" },
		{ IF("address :localpart \"from\" \"tim\""), list, .plan = "discard" },
		{ IF("address :domain \"from\" \"example.com\""), list, .plan = "discard" },
		{ IF("address :DOMAIN \"From\" \"EXAMPLE.com\""), list, .plan = "discard" },
		{ IF("address :localpart \"from\" \"example.com\""), list, .plan = "implicit" },
		{ IF("address :contains \"from\" [\"the one\", \"comment\", \"tim2\"]"), list, .plan = "implicit" },
		{ IF("address :matches \"to\" \"*@?.example\""), list, .plan = "discard" },
		{ IF("address :is \"to\" \"bob@b.example\""), list, .plan = "discard" },
		{ IF("address :is \"to\" \"eve@e.example\""), list, .plan = "discard" },
		{ IF("address :contains \"to\" \"friends\""), list, .plan = "implicit" },
		{ IF("address :is \"cc\" \"carl@c.example\""), list, .plan = "discard" },
		{ IF("address :is [\"bcc\", \"cc\"] [\"x@y\", \"carl@c.example\"]"), list, .plan = "discard" },
		{ IF("address :contains \"bcc\" \"\""), list, .plan = "implicit" },
		/* What is no address has neither local part nor domain (2.7.4). */
		{ IF("address :all \"sender\" \"nobody at all\""), list, .plan = "discard" },
		{ IF("address :localpart :contains \"sender\" \"\""), list, .plan = "implicit" },
		{ IF("address :domain :contains \"sender\" \"\""), list, .plan = "implicit" },
		{ IF("address :is \"reply-to\" \"dora@d.example\""), list, .plan = "discard" },
		{ IF("address :contains \"reply-to\" \"b@c\""), list, .plan = "implicit" },
		{ IF("address :localpart \"from\" \"john doe\""), FIELDS("From: \"john doe\"@example.com"),
		  .plan = "discard" },
		{ IF("address \"from\" \"\\\"john doe\\\"@example.com\""), FIELDS("From: \"john doe\"@example.com"),
		  .plan = "discard" },
	};

	(void)state;
	CHECK(rows);
}

static void exists_and_size(void **state)
{
	/* 43 octets with CRLF. */
	static const char small[] = "From: a@b.example\nTo: c@d.example\n\n012\n";
	static const struct sieve_case rows[] = {
		{ IF("exists \"from\""), .plan = "discard" },
		{ IF("exists [\"From\", \"Date\"]"), .plan = "discard" },
		{ IF("exists [\"From\", \"Cc\"]"), .plan = "implicit" },
		{ IF("not exists [\"From\", \"Date\"]"), .plan = "implicit" },
		{ IF("exists \"from:\""), .plan = "implicit" },
		{ IF("size :over 43"), small, .plan = "implicit" },
		{ IF("size :under 43"), small, .plan = "implicit" },
		{ IF("size :over 42"), small, .plan = "discard" },
		{ IF("size :under 44"), small, .plan = "discard" },
		{ IF("size :under 1K"), small, .plan = "discard" },
		{ IF("size :over 1k"), small, .plan = "implicit" },
		{ IF("size :under 16777216G"), small, .plan = "discard" },
		{ IF("size :over 0"), small, .plan = "discard" },
		{ "if size :under 1M { keep; } else { discard; }", small, .plan = "keep" },
	};

	(void)state;
	CHECK(rows);
}

static void actions_and_the_implicit_keep(void **state)
{
	static const struct sieve_case rows[] = {
		{ "keep;", .plan = "keep" },
		{ "discard;", .plan = "discard" },
		{ "keep; keep;", .plan = "keep" },
		{ "discard; discard;", .plan = "discard" },
		{ "keep; discard;", .plan = "keep; discard" },
		{ "discard; keep;", .plan = "discard; keep" },
		{ "redirect \"bart@example.com\";", .plan = "redirect bart@example.com" },
		{ "redirect \"Bart <bart@example.com>\"; redirect \"bart@EXAMPLE.com\";",
		  .plan = "redirect bart@example.com" },
		{ "redirect \"bart@example.com\"; redirect \"Bart@example.com\"; keep;",
		  .plan = "redirect bart@example.com; redirect Bart@example.com; keep" },
		{ "redirect \" \\\"bart s\\\"@example.com \";", .plan = "redirect \"bart s\"@example.com" },
		{ "redirect \"a@x.example\"; redirect \"b@x.example\"; redirect \"c@x.example\"; redirect "
		  "\"d@x.example\";"
		  " redirect \"a@x.example\";",
		  .plan = "redirect a@x.example; redirect b@x.example; redirect c@x.example; redirect d@x.example" },
		{ "redirect \"a@x.example\"; redirect \"b@x.example\"; redirect \"c@x.example\"; redirect "
		  "\"d@x.example\";\n"
		  " redirect \"e@x.example\";",
		  .plan = "implicit; t:2:2: error: more than the 4 redirects that one message may take" },
	};

	(void)state;
	CHECK(rows);
}

static void strings_have_their_values(void **state)
{
	static const struct sieve_case rows[] = {
		{ IF("header :is \"subject\" text:\nhello\n.\n"), FIELDS("Subject: hello"), .plan = "implicit" },
		{ "require \"reject\"; reject text: # a comment\r\none\r\n..two\r\n.three\r\n..\r\n.\r\n;",
		  .plan = "reject one\r\n.two\r\n.three\r\n.\r\n" },
		{ "require \"reject\"; reject TEXT:\none\n.\n;", .plan = "reject one\r\n" },
		{ "require \"reject\"; reject text:\n.\n;", .plan = "reject " },
		{ "require \"reject\"; reject \"one\ntwo\r\nthree\";", .plan = "reject one\r\ntwo\r\nthree" },
		{ "require \"reject\"; reject \"a\\\"b\\\\c\\d\";", .plan = "reject a\"b\\cd" },
		{ "require \"reject\"; reject \"# no comment /* here\";", .plan = "reject # no comment /* here" },
		{ "require \"reject\"; reject \"\";", .plan = "reject " },
		{ "/* a ** comment */ keep /**/ ; # end", .plan = "keep" },
		/* Not text: the word. */
		{ "require \"fileinto\"; if header :is [\"Subject\" , \"From\"] [ \"x\" ] { } keep;", .plan = "keep" },
	};

	(void)state;
	CHECK(rows);
}

/* Section 9, the extended example. */
static void extended_example(void **state)
{
#define EXAMPLE                                                                                                        \
	"require [\"fileinto\"];\n"                                                                                    \
	"if header :is \"Sender\" \"owner-ietf-mta-filters@imc.org\" {\n"                                              \
	"        fileinto \"filter\";  # move to \"filter\" mailbox\n"                                                 \
	"}\n"                                                                                                          \
	"elsif address :DOMAIN :is [\"From\", \"To\"] \"example.com\" { keep; }\n"                                     \
	"elsif anyof (NOT address :all :contains [\"To\", \"Cc\", \"Bcc\"] \"me@example.com\",\n"                      \
	"             header :matches \"subject\" [\"*make*money*fast*\", \"*university*dipl*mas*\"])\n"               \
	"{ fileinto \"spam\"; }\n"                                                                                     \
	"else { fileinto \"personal\"; }\n"
	static const struct sieve_case rows[] = {
		{ EXAMPLE, FIELDS("Sender: owner-ietf-mta-filters@imc.org\nFrom: a@b.example"),
		  .plan = "fileinto filter" },
		{ EXAMPLE, FIELDS("From: boss@EXAMPLE.com"), .plan = "keep" },
		{ EXAMPLE, FIELDS("From: a@b.example\nTo: x@y.example"), .plan = "fileinto spam" },
		{ EXAMPLE, FIELDS("From: a@b.example\nCc: me@example.com.example"), .plan = "fileinto personal" },
		{ EXAMPLE,
		  FIELDS("From: a@b.example\nCc: me@example.com.example\nSubject: How to Make lots of Money fast!"),
		  .plan = "fileinto spam" },
	};

	(void)state;
	CHECK(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_takes_the_right_block),
		cmocka_unit_test(logic_combines),
		cmocka_unit_test(header_compares),
		cmocka_unit_test(header_text_is_decoded),
		cmocka_unit_test(address_acts_on_addresses),
		cmocka_unit_test(exists_and_size),
		cmocka_unit_test(actions_and_the_implicit_keep),
		cmocka_unit_test(strings_have_their_values),
		cmocka_unit_test(extended_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
