/* The base language (RFC 5228): what scripts plan for a message, to the letter. What its tests say of a message is in
 * tests/sieve/base, header and address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sieve_tools.h"

#define IF(test)    "if " test " { discard; }"
#define FIELDS(...) __VA_ARGS__ "\n\nbody\n"

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
	CHECK_PLANS(rows);
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
	CHECK_PLANS(rows);
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
	CHECK_PLANS(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_and_the_implicit_keep),
		cmocka_unit_test(strings_have_their_values),
		cmocka_unit_test(extended_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
