/* What the compiler says: where, and what it expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sieve_tools.h"

struct error_case {
	const char *script, *errors;
};

static void check(const struct error_case *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *errors = sieve_tools_errors(slice_str(rows[i].script));

		if (strcmp(errors, rows[i].errors) != 0)
			fail_msg("row %zu: %s\n  gave:\n%s  expected:\n%s", i, rows[i].script, errors, rows[i].errors);
		free(errors);
	}
}

#define CHECK(rows) check(rows, sizeof rows / sizeof rows[0])

static void tokens(void **state)
{
	static const struct error_case rows[] = {
		{ "keep;\n  @ discard;",
		  "t:2:3: error: unexpected \"@\": expected a command, a test, an argument or a comment\n" },
		{ "keep; \xc3\xa9\xc3\xa9 discard;", "t:1:7: error: unexpected \"\xc3\xa9\xc3\xa9\": expected a "
						     "command, a test, an argument or a comment\n" },
		{ "/* \xc3\xa9 */ @",
		  "t:1:9: error: unexpected \"@\": expected a command, a test, an argument or a comment\n" },
		{ "keep; /* no end", "t:1:7: error: this comment has no end: expected \"*/\"\n" },
		{ "redirect \"a@b.example;\n", "t:1:10: error: this string has no end: expected '\"'\n" },
		{ "require \"reject\";\nreject text:\nabc\n",
		  "t:2:8: error: this text has no end: expected a line with a single dot\n" },
		{ "require \"reject\";\nreject text: abc\n.\n;",
		  "t:2:14: error: expected the end of the line after \"text:\"\n" },
		{ "if size :over 10KB { }",
		  "t:1:15: error: expected a number, which may end in K, M or G and in nothing else\n" },
		{ "if size :over 18446744073709551616 { }",
		  "t:1:15: error: this number is too large: the largest is 18446744073709551615\n" },
		{ "if size :over 17179869184G { }",
		  "t:1:15: error: this number is too large: the largest is 18446744073709551615\n" },
		{ "if size :over 18446744073709551615 { }", "" },
		{ "if size :over -1 { }",
		  "t:1:15: error: unexpected \"-\": expected a command, a test, an argument or a comment\n" },
		{ "keep;\rdiscard;", "t:1:6: error: a carriage return must be followed by a line feed\n" },
		{ ": keep;", "t:1:1: error: unexpected \":\": expected a command, a test, an argument or a comment\n" },
	};

	(void)state;
	CHECK(rows);
}

static void nul_octets(void **state)
{
	static const struct {
		struct slice script;
		const char *errors;
	} rows[] = {
		{ SLICE_LIT("keep;\0"), "t:1:6: error: a NUL octet is not allowed in a script\n" },
		{ SLICE_LIT("ke\0ep;"), "t:1:3: error: a NUL octet is not allowed in a script\n" },
		{ SLICE_LIT("# a\0b\nkeep;"), "t:1:4: error: a NUL octet is not allowed in a script\n" },
		{ SLICE_LIT("redirect \"a\0@b.example\";"), "t:1:12: error: a NUL octet is not allowed in a script\n" },
		{ SLICE_LIT("/* \0 */"), "t:1:4: error: a NUL octet is not allowed in a script\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *errors = sieve_tools_errors(rows[i].script);

		if (strstr(errors, rows[i].errors) == NULL)
			fail_msg("row %zu gave:\n%s  expected:\n%s", i, errors, rows[i].errors);
		free(errors);
	}
}

static void grammar(void **state)
{
	static const struct error_case rows[] = {
		{ "keep", "t:1:5: error: expected \";\" or a block after \"keep\", found the end of the script\n" },
		{ "keep\ndiscard;", "t:1:5: error: expected \";\" after \"keep\", found \"discard\"\n" },
		{ "if true { keep }", "t:1:15: error: expected \";\" or a block after \"keep\", found \"}\"\n" },
		{ "if true { keep;", "t:1:9: error: this block has no end: expected \"}\"\n" },
		{ "}", "t:1:1: error: this \"}\" closes no block: expected a command\n" },
		{ "keep; } discard;", "t:1:7: error: this \"}\" closes no block: expected a command\n" },
		{ "\"x\";", "t:1:1: error: expected a command, found a string\n" },
		{ ";", "t:1:1: error: expected a command, found \";\"\n" },
		{ "if header [\"a\" \"b\"] \"c\" { }",
		  "t:1:16: error: expected \",\" or \"]\" in the list of strings, found a string\n" },
		{ "if header [\"a\",] \"c\" { }", "t:1:16: error: expected a string in the list, found \"]\"\n" },
		{ "if header [1] \"c\" { }", "t:1:12: error: expected a string in the list, found a number\n" },
		{ "if anyof (true false) { }", "t:1:16: error: unexpected \"false\": \"true\" takes no test\n" },
		{ "if anyof (true] { }", "t:1:15: error: expected \",\" or \")\" after the test, found \"]\"\n" },
		{ "if anyof (true,) { }", "t:1:16: error: expected a test, found \")\"\n" },
		{ "if anyof () { }", "t:1:11: error: expected a test, found \")\"\n" },
		{ "if not { }", "t:1:7: error: expected a test after \"not\"\n" },
		{ "if { }", "t:1:3: error: expected a test after \"if\"\n" },
		{ "if true;", "t:1:8: error: expected a block \"{ … }\" after \"if\"\n" },
		{ "if true keep;", "t:1:9: error: unexpected \"keep\": \"true\" takes no test\n" },
		{ "if not true keep;", "t:1:13: error: unexpected \"keep\": \"true\" takes no test\n" },
		{ "if not not true;", "t:1:16: error: expected a block \"{ … }\" after \"if\"\n" },
		{ "if \"true\" { }", "t:1:4: error: \"if\" takes no arguments, found a string\n" },
		{ "keep { }", "t:1:6: error: expected \";\": \"keep\" takes no block\n" },
		{ "if (true, false) { }",
		  "t:1:5: error: \"if\" takes one test: expected \"allof (…)\" or \"anyof (…)\" around a list\n" },
		{ "if anyof true { }", "t:1:9: error: expected a list of tests in parentheses after \"anyof\"\n" },
		{ "if true true { }", "t:1:9: error: unexpected \"true\": \"true\" takes no test\n" },
		{ "if true { } else if false { }",
		  "t:1:18: error: expected a block: \"else if\" is written \"elsif\"\n" },
		{ "if true { } else keep;", "t:1:17: error: expected a block after \"else\", found \"keep\"\n" },
		{ "if true { } else (true);", "t:1:19: error: \"else\" takes no tests\n" },
		{ "else { }", "t:1:1: error: \"else\" must follow the block of an \"if\" or \"elsif\"\n" },
		{ "if true { } keep; elsif true { }",
		  "t:1:19: error: \"elsif\" must follow the block of an \"if\" or \"elsif\"\n" },
		{ "if true { } else { } else { }",
		  "t:1:22: error: \"else\" must follow the block of an \"if\" or \"elsif\"\n" },
		{ "if true { elsif true { } }",
		  "t:1:11: error: \"elsif\" must follow the block of an \"if\" or \"elsif\"\n" },
		{ "stop true;", "t:1:5: error: expected \";\" after \"stop\", found \"true\"\n" },
	};

	(void)state;
	CHECK(rows);
}

static void words(void **state)
{
	static const struct error_case rows[] = {
		{ "kep;", "t:1:1: error: unknown command \"kep\": expected \"keep\"?\n" },
		{ "frobnicate \"x\";", "t:1:1: error: unknown command \"frobnicate\"\n" },
		{ "if heaer \"a\" \"b\" { }", "t:1:4: error: unknown test \"heaer\": expected \"header\"?\n" },
		{ "header \"a\" \"b\";",
		  "t:1:1: error: \"header\" is a test: expected a command, such as \"if header … { … }\"\n" },
		{ "if keep { }", "t:1:4: error: \"keep\" is a command: expected a test\n" },
		{ "fileinto \"x\";", "t:1:1: error: \"fileinto\" needs the extension: expected require \"fileinto\"; "
				     "at the top of the script\n" },
		{ "if envelope \"from\" \"x\" { }", "t:1:4: error: \"envelope\" needs the extension: expected require "
						    "\"envelope\"; at the top of the script\n" },
		{ "require \"fileinto\"; fileinto :copy \"x\";",
		  "t:1:30: error: \":copy\" needs the extension: expected require \"copy\"; at the top of the "
		  "script\n" },
		{ "keep :flags \"x\";", "t:1:6: error: \":flags\" needs the extension: expected require "
					"\"imap4flags\"; at the top of the script\n" },
		{ "require \"fileint\";", "t:1:9: error: unknown extension \"fileint\": expected \"fileinto\"?\n" },
		{ "require [\"copy\", \"comparator-elbonia\"];",
		  "t:1:18: error: unknown extension \"comparator-elbonia\": this mailferry does not have it\n" },
		{ "require \"FILEINTO\";", "t:1:9: error: unknown extension \"FILEINTO\": expected \"fileinto\"?\n" },
		{ "keep; require \"copy\";", "t:1:7: error: \"require\" must stand before all other commands\n" },
		{ "if true { require \"copy\"; }",
		  "t:1:11: error: \"require\" must stand before all other commands\n" },
		{ "require;", "t:1:8: error: expected the extensions (a string or a list of strings) of \"require\", "
			      "found nothing\n" },
		{ "require 5;", "t:1:9: error: expected the extensions (a string or a list of strings) of \"require\", "
				"found a number\n" },
	};

	(void)state;
	CHECK(rows);
}

static void arguments(void **state)
{
#define F "require [\"fileinto\", \"envelope\", \"imap4flags\", \"reject\", \"copy\", \"mailbox\"];\n"
	static const struct error_case rows[] = {
		{ "keep \"x\";", "t:1:6: error: \"keep\" takes no arguments, found a string\n" },
		{ "keep :x;", "t:1:6: error: \"keep\" takes no tags, found \"x\"\n" },
		{ "discard :x;", "t:1:9: error: \"discard\" takes no tags, found \"x\"\n" },
		{ F "fileinto;", "t:2:9: error: expected the mailbox (a string) of \"fileinto\", found nothing\n" },
		{ F "fileinto [\"a\"];",
		  "t:2:10: error: expected the mailbox (a string) of \"fileinto\", found a list of strings\n" },
		{ F "fileinto 5;", "t:2:10: error: expected the mailbox (a string) of \"fileinto\", found a number\n" },
		{ F "fileinto \"a\" \"b\";", "t:2:14: error: \"fileinto\" takes no more arguments, found a string\n" },
		{ F "fileinto \"a\" :copy;",
		  "t:2:14: error: tags must stand before the other arguments of \"fileinto\"\n" },
		{ F "fileinto :copy :COPY \"a\";", "t:2:16: error: \":copy\" is given twice\n" },
		{ F "fileinto :crate \"a\";",
		  "t:2:10: error: \"fileinto\" takes no tag \"crate\": expected \":create\"?\n" },
		{ "if address :local \"from\" \"a\" { }",
		  "t:1:12: error: \"address\" takes no tag \"local\": expected \":localpart\"?\n" },
		{ F "fileinto \"\";", "t:2:10: error: expected the name of a mailbox, found an empty string\n" },
		{ F "fileinto \"a\nb\";",
		  "t:2:10: error: the name of a mailbox can't hold control characters or line ends\n" },
		{ F "fileinto \"a\xff\";", "t:2:10: error: the name of a mailbox must be UTF-8\n" },
		{ F "reject \"\xff\";", "t:2:8: error: the reason must be UTF-8\n" },
		{ F "keep :flags;",
		  "t:2:6: error: expected the list of flags (a string or a list of strings) after \":flags\","
		  " found nothing\n" },
		{ F "fileinto :flags :copy \"a\";", "t:2:17: error: expected the list of flags (a string or a list of "
						    "strings) after \":flags\", found a tag\n" },
		{ "if header \"a\" { }",
		  "t:1:14: error: expected the keys (a string or a list of strings) of \"header\", found nothing\n" },
		{ "if header { }", "t:1:10: error: expected the header names (a string or a list of strings) of "
				   "\"header\", found nothing\n" },
		{ "if header :is :contains \"a\" \"b\" { }",
		  "t:1:15: error: \"header\" takes only one match type: expected either \":is\" or \":contains\"\n" },
		{ "if header :is :is \"a\" \"b\" { }", "t:1:15: error: \":is\" is given twice\n" },
		{ "if address :all :all \"from\" \"b\" { }", "t:1:17: error: \":all\" is given twice\n" },
		{ "if header :comparator \"i;octet\" :comparator \"i;octet\" \"a\" \"b\" { }",
		  "t:1:33: error: \":comparator\" is given twice\n" },
		{ "if header :comparator \"i;elbonian\" \"a\" \"b\" { }",
		  "t:1:23: error: unknown comparator \"i;elbonian\": expected \"i;octet\" or "
		  "\"i;ascii-casemap\"\n" },
		{ "if header :comparator :is \"a\" \"b\" { }", "t:1:23: error: expected the name of the comparator (a "
							       "string) after \":comparator\", found a tag\n" },
		{ "if header :all \"a\" \"b\" { }", "t:1:11: error: \"header\" takes no tag \"all\": expected one of "
						    ":is, :contains, :matches, :comparator\n" },
		{ "if address :all :domain \"from\" \"b\" { }",
		  "t:1:17: error: \"address\" takes only one address part: expected either \":all\" or \":domain\"\n" },
		{ "if address [\"from\", \"Subject\"] \"b\" { }",
		  "t:1:21: error: the field \"Subject\" holds no addresses: expected one such as \"From\", or the test"
		  " \"header\"\n" },
		{ "if address \"from:\" \"b\" { }", "" },
		{ F "if envelope [\"from\", \"cc\"] \"b\" { }",
		  "t:2:22: error: unknown envelope part \"cc\": expected \"from\" or \"to\"\n" },
		{ "if size 5 { }", "t:1:4: error: \"size\" needs a tag: expected \":over\" or \":under\"\n" },
		{ "if size :over :under 5 { }",
		  "t:1:15: error: \":under\" can't be used with \":over\": expected one of them\n" },
		{ "if size :over \"5\" { }",
		  "t:1:15: error: expected the limit (a number) of \"size\", found a string\n" },
		{ "if size :over { }", "t:1:14: error: expected the limit (a number) of \"size\", found nothing\n" },
		{ F "addflag \"var\" \"x\";", "t:2:9: error: the variable name of \"addflag\" needs the extension "
					      "\"variables\": expected only the list of"
					      " flags\n" },
		{ F "if hasflag [\"var\"] \"x\" { }", "t:2:12: error: the variable list of \"hasflag\" needs the "
						      "extension \"variables\": expected only the list of"
						      " flags\n" },
		{ F "addflag;",
		  "t:2:8: error: expected the list of flags (a string or a list of strings) of \"addflag\", found"
		  " nothing\n" },
	};

	(void)state;
	CHECK(rows);
}

static void outbound_addresses(void **state)
{
	static const char *const bad[] = { "",
					   "user",
					   "user@",
					   "@example.org",
					   "a@b.example, c@d.example",
					   "<@r.example:a@b.example>",
					   "group: a@b.example;",
					   "a b@c.example",
					   "a@b.example>",
					   "<a@b.example",
					   "a@b.example x",
					   "a@b.example\\r\\nBcc: x@y.example\n" };
	static const char *const good[] = { "a@b.example",	 "<a@b.example>",
					    "A B <a@b.example>", "\\\"A, B\\\" <a@b.example>",
					    " a@b.example ",	 "\\\"a b\\\"@c.example" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0] + sizeof good / sizeof good[0]; i++) {
		bool ok = i >= sizeof bad / sizeof bad[0];
		const char *address = ok ? good[i - sizeof bad / sizeof bad[0]] : bad[i];
		struct buf script;
		char *errors;

		buf_init(&script, 1000);
		(void)buf_addf(&script, "redirect \"%s\";", address);
		errors = sieve_tools_errors(buf_slice(&script));
		if ((strstr(errors, "is no address to send to: expected one such as") == NULL) != ok)
			fail_msg("redirect to %s: %s", address, errors);
		free(errors);
		buf_free(&script);
	}
}

/* Many slips, all told, in the order of the script. */
static void all_errors_in_one_go(void **state)
{
	static const struct error_case rows[] = {
		{ "require [\"fileinto\", \"elbonian\"];\n"
		  "if heder :contains \"subject\" \"x\" { fileinot \"Invoices\"; }\n"
		  "if address :localprt \"from\" \"x\" { keep 5; }\n"
		  "if header [\"a\" \"b\"] \"c\" { bogus; }\n"
		  "fileinto \"x\"\n"
		  "stop;\n"
		  "if true { fileinto 5; keep }\n",
		  "t:1:22: error: unknown extension \"elbonian\": this mailferry does not have it\n"
		  "t:2:4: error: unknown test \"heder\": expected \"header\"?\n"
		  "t:2:36: error: unknown command \"fileinot\": expected \"fileinto\"?\n"
		  "t:3:12: error: \"address\" takes no tag \"localprt\": expected \":localpart\"?\n"
		  "t:3:40: error: \"keep\" takes no arguments, found a number\n"
		  "t:4:16: error: expected \",\" or \"]\" in the list of strings, found a string\n"
		  "t:4:27: error: unknown command \"bogus\"\n"
		  "t:5:13: error: expected \";\" after \"fileinto\", found \"stop\"\n"
		  "t:7:20: error: expected the mailbox (a string) of \"fileinto\", found a number\n"
		  "t:7:27: error: expected \";\" or a block after \"keep\", found \"}\"\n" },
	};

	(void)state;
	CHECK(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens),
		cmocka_unit_test(nul_octets),
		cmocka_unit_test(grammar),
		cmocka_unit_test(words),
		cmocka_unit_test(arguments),
		cmocka_unit_test(outbound_addresses),
		cmocka_unit_test(all_errors_in_one_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
