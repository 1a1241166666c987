/* What the compiler teaches: the place of an error, shown; warnings; what to require. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sieve_tools.h"

struct telling_case {
	const char *script, *told;
};

static void check(const struct telling_case *rows, size_t n, bool excerpts)
{
	for (size_t i = 0; i < n; i++) {
		char *told = sieve_tools_tellings(slice_str(rows[i].script), excerpts);

		if (strcmp(told, rows[i].told) != 0)
			fail_msg("row %zu: %s\n  gave:\n%s  expected:\n%s", i, rows[i].script, told, rows[i].told);
		free(told);
	}
}

#define CHECK(rows, excerpts) check(rows, sizeof rows / sizeof rows[0], excerpts)

#define TEN	"aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN


static void excerpts(void **state)
{
	static const struct telling_case rows[] = {
		{ "keep;\nkep;\n", "t:2:1: error: unknown command \"kep\": expected \"keep\"?\n"
				   "    2 | kep;\n"
				   "      | ^~~\n" },
		/* CRLF, and a line without an end. */
		{ "keep;\r\nkep;", "t:2:1: error: unknown command \"kep\": expected \"keep\"?\n"
				   "    2 | kep;\n"
				   "      | ^~~\n" },
		/* A tab is as wide as it looks. */
		{ "\tkep;", "t:1:2: error: unknown command \"kep\": expected \"keep\"?\n"
			    "    1 |         kep;\n"
			    "      |         ^~~\n" },
		{ "/**/\tkep;", "t:1:6: error: unknown command \"kep\": expected \"keep\"?\n"
				"    1 | /**/    kep;\n"
				"      |         ^~~\n" },
		/* So is a character: of one column, of two, of none. */
		{ "/* \xc3\xa9 */ kep;", "t:1:9: error: unknown command \"kep\": expected \"keep\"?\n"
					 "    1 | /* \xc3\xa9 */ kep;\n"
					 "      |         ^~~\n" },
		{ "/* \xe6\xbc\xa2 */ kep;", "t:1:9: error: unknown command \"kep\": expected \"keep\"?\n"
					     "    1 | /* \xe6\xbc\xa2 */ kep;\n"
					     "      |          ^~~\n" },
		{ "/* e\xcc\x81 */ kep;", "t:1:10: error: unknown command \"kep\": expected \"keep\"?\n"
					  "    1 | /* e\xcc\x81 */ kep;\n"
					  "      |         ^~~\n" },
		/* What would act on a terminal, or is seen by nobody, does not get there. */
		{ "/* \x1b[31m\xe2\x80\xae\xff */ kep;", "t:1:15: error: unknown command \"kep\": expected \"keep\"?\n"
							 "    1 | /* ?[31m?? */ kep;\n"
							 "      |               ^~~\n" },
		/* The mark that some editors put in front is no column. */
		{ "\xef\xbb\xbfkep;", "t:1:1: error: unknown command \"kep\": expected \"keep\"?\n"
				      "    1 | kep;\n"
				      "      | ^~~\n" },
		/* Behind the end of a line. */
		{ "keep\n", "t:1:5: error: expected \";\" or a block after \"keep\", found the end of the script\n"
			    "    1 | keep\n"
			    "      |     ^\n" },
		{ "redirect \"a b\";", "t:1:10: error: \"a b\" is no address to send to: expected one such as "
				       "\"user@example.org\"\n"
				       "    1 | redirect \"a b\";\n"
				       "      |          ^~~~~\n" },
		/* A long line is cut at both ends. */
		{ "/*" HUNDRED "*/ kep; /*" HUNDRED "*/",
		  "t:1:106: error: unknown command \"kep\": expected \"keep\"?\n"
		  "    1 | \xe2\x80\xa6" TEN TEN TEN TEN "aaaaaaa*/ kep; /*" TEN TEN TEN TEN "aa\xe2\x80\xa6\n"
		  "      |                                                    ^~~\n" },
	};

	(void)state;
	CHECK(rows, true);
}

/* Deep in a line of tabs, in a line of a megabyte, and at its end: always a short line and a caret on it. */
static void long_lines(void **state)
{
	static const char fillers[] = "\t a";

	(void)state;
	for (size_t i = 0; fillers[i] != '\0'; i++) {
		enum { LONG = 1000000 };
		char *script = malloc(LONG + 20), *told;

		memset(script, fillers[i], LONG);
		memcpy(script, "/*", 2);
		memcpy(script + LONG, "*/kep;", 7);
		told = sieve_tools_tellings(slice_str(script), true);
		assert_non_null(strstr(told, "*/kep;\n"));
		assert_non_null(strstr(told, "^~~\n"));
		assert_true(strlen(told) < 600);
		free(told);
		free(script);
	}
}

static void requires_once(void **state)
{
	static const struct telling_case rows[] = {
		/* Once for each extension; what else is wrong is told all the same. */
		{ "require \"copy\";\nfileinto :create :copy \"a\";\nfileinto :create 5;",
		  "t:2:1: error: \"fileinto\" needs the extension: expected require \"fileinto\"; at the top of the script\n"
		  "    2 | fileinto :create :copy \"a\";\n"
		  "      | ^~~~~~~~\n"
		  "t:2:10: error: \":create\" needs the extension: expected require \"mailbox\"; at the top of the script\n"
		  "    2 | fileinto :create :copy \"a\";\n"
		  "      |          ^~~~~~~\n"
		  "t:3:18: error: expected the mailbox (a string) of \"fileinto\", found a number\n"
		  "    3 | fileinto :create 5;\n"
		  "      |                  ^\n"
		  "t: at the top of the script write: require [\"fileinto\", \"copy\", \"mailbox\"];\n" },
		/* One word may need two. */
		{ "deleteheader :index 1 \"a\";\nif header :index 1 \"b\" \"c\" { keep; }",
		  "t:1:1: error: \"deleteheader\" needs the extension: expected require \"editheader\"; at the top of the "
		  "script\n"
		  "    1 | deleteheader :index 1 \"a\";\n"
		  "      | ^~~~~~~~~~~~\n"
		  "t:1:14: error: \":index\" needs the extension: expected require \"editheader\"; at the top of the script\n"
		  "    1 | deleteheader :index 1 \"a\";\n"
		  "      |              ^~~~~~\n"
		  "t:2:11: error: \":index\" needs the extension: expected require \"index\"; at the top of the script\n"
		  "    2 | if header :index 1 \"b\" \"c\" { keep; }\n"
		  "      |           ^~~~~~\n"
		  "t: at the top of the script write: require [\"editheader\", \"index\"];\n" },
	};

	(void)state;
	CHECK(rows, true);
}

static void habits(void **state)
{
	static const struct telling_case rows[] = {
		{ "forward \"a@b.example\";", "t:1:1: error: unknown command \"forward\": expected \"redirect\"?\n" },
		{ "if true { } elif false { }", "t:1:13: error: unknown command \"elif\": expected \"elsif\"?\n" },
		{ "if or (true, false) { }", "t:1:4: error: unknown test \"or\": expected \"anyof\"?\n" },
		{ "if subject :is \"x\" { }", "t:1:4: error: unknown test \"subject\": expected \"header\"?\n" },
	};

	(void)state;
	CHECK(rows, false);
}

#define NOT_REACHED(place, why) "t:" place ": warning: this is never reached: " why "\n"

static void unreachable(void **state)
{
	static const struct telling_case rows[] = {
		{ "keep; stop;", "" },
		{ "stop; keep; discard;", NOT_REACHED("1:7", "\"stop\" in line 1 ends it") },
		{ "if size :over 1 { stop; } keep;", "" },
		{ "if size :over 1 { stop; } else { keep; } keep;", "" },
		{ "if size :over 1 { stop; } elsif size :over 2 { stop; } keep;", "" },
		{ "if size :over 1 { stop; } else { stop; } keep;",
		  NOT_REACHED("1:42", "all blocks of the \"if\" before it end") },
		{ "if size :over 1 { stop; } elsif true { stop; } keep;",
		  NOT_REACHED("1:48", "all blocks of the \"if\" before it end") },
		{ "if size :over 1 { if size :over 2 { stop; } else { stop; } } else { stop; } keep;",
		  NOT_REACHED("1:77", "all blocks of the \"if\" before it end") },
		{ "if size :over 1 { stop; keep; }", NOT_REACHED("1:25", "\"stop\" in line 1 ends it") },
		{ "if true { keep; } else { discard; }", NOT_REACHED("1:19", "the test in line 1 is always true") },
		{ "if true { keep; }\nelsif size :over 1 { discard; }\nelse { keep; }",
		  NOT_REACHED("2:1", "the test in line 1 is always true") NOT_REACHED("3:1", "the test in line 1 is always true") },
		{ "if anyof (size :over 1, true) { stop; } keep;", NOT_REACHED("1:41", "all blocks of the \"if\" before it end") },
		{ "if allof (size :over 1, true) { stop; } keep;", "" },
		{ "if not false { stop; } keep;", NOT_REACHED("1:24", "all blocks of the \"if\" before it end") },
		{ "if true { } keep;", "" },
		{ "if false { keep; }", "t:1:4: warning: this is never true: the block behind it never runs\n" },
		{ "if allof (size :over 1, not true) { keep; }",
		  "t:1:4: warning: this is never true: the block behind it never runs\n" },
		/* What ended before is no reason for what follows the chain. */
		{ "if size :over 1 { stop; } else { stop; }", "" },
		{ "if true { stop; } if size :over 1 { keep; }", NOT_REACHED("1:19", "all blocks of the \"if\" before it end") },
	};

	(void)state;
	CHECK(rows, false);
}

#define UNUSED(place, name) "t:" place ": warning: \"" name "\" is required and not used\n"

static void unused(void **state)
{
	static const struct telling_case rows[] = {
		{ "require [\"fileinto\", \"copy\"]; fileinto \"x\";", UNUSED("1:22", "copy") },
		{ "require [\"fileinto\", \"copy\"]; fileinto :copy \"x\";", "" },
		{ "require \"variables\"; keep;", UNUSED("1:9", "variables") },
		{ "require [\"variables\", \"fileinto\"]; fileinto \"${1}\";", "" },
		{ "require [\"variables\", \"fileinto\"]; fileinto \"${ 1}\";", UNUSED("1:10", "variables") },
		{ "require \"variables\"; set \"a\" \"b\";", "" },
		{ "require \"encoded-character\"; if header \"x\" \"${hex:40}\" { keep; }", "" },
		{ "require \"encoded-character\"; if header \"x\" \"${hex:}\" { keep; }", UNUSED("1:9", "encoded-character") },
		{ "require [\"envelope\", \"envelope-dsn\"]; if envelope \"notify\" \"NEVER\" { keep; }", "" },
		{ "require [\"envelope\", \"envelope-dsn\"]; if envelope \"from\" \"NEVER\" { keep; }",
		  UNUSED("1:22", "envelope-dsn") },
		{ "require \"comparator-i;octet\"; keep;", "" },
		{ "require [\"imap4flags\", \"variables\"]; addflag \"a\" \"b\";", "" },
		{ "require [\"include\", \"variables\"]; global \"x\";", "" },
		{ "require \"vacation-seconds\"; vacation :days 3 \"x\";", "" },
		{ "require [\"vacation\", \"vacation-seconds\"]; vacation :days 3 \"x\";", UNUSED("1:22", "vacation-seconds") },
		{ "require [\"foreverypart\", \"extracttext\", \"variables\"]; foreverypart { extracttext \"x\"; }", "" },
	};

	(void)state;
	CHECK(rows, false);
}

static void never_true(void **state)
{
	static const struct telling_case rows[] = {
		{ "if header :is \"Subject:\" \"x\" { keep; }",
		  "t:1:4: warning: no field is called \"Subject:\": expected \"Subject\"?\n" },
		{ "if header :is \" Subject \" \"x\" { keep; }",
		  "t:1:4: warning: no field is called \" Subject \": expected \"Subject\"?\n" },
		{ "if exists \"a b\" { keep; }", "t:1:4: warning: no field can be called \"a b\"\n" },
		/* Where another name may match, the block is not dead. */
		{ "if header [\"Subject:\", \"To\"] \"x\" { stop; } else { stop; } keep;",
		  "t:1:4: warning: no field is called \"Subject:\": expected \"Subject\"?\n"
		  NOT_REACHED("1:59", "all blocks of the \"if\" before it end") },
		{ "if not header \"Subject:\" \"x\" { stop; }\nkeep;",
		  "t:1:8: warning: no field is called \"Subject:\": expected \"Subject\"?\n"
		  NOT_REACHED("2:1", "all blocks of the \"if\" before it end") },
		{ "if header :is \"Subject\" \"x \" { keep; }",
		  "t:1:4: warning: the key \"x \" is never met: fields have no blanks at their ends\n" },
		{ "if header :contains \"Subject\" \"x \" { keep; }", "" },
		{ "if address :domain \"From\" \"@A.example\" { keep; }",
		  "t:1:4: warning: the key \"@A.example\" is never met: a domain is what is behind the \"@\"\n" },
		{ "if address :domain :matches \"From\" \"@A.example\" { keep; }", "" },
		{ "if address \"From\" \"@A.example\" { keep; }", "" },
		{ "require \"variables\"; if header \"${1}\" \"x\" { keep; }", "" },
	};

	(void)state;
	CHECK(rows, false);
}

#define SERVER(name) "require \"servermetadata\"; if servermetadataexists \"" name "\" { keep; }"
#define NO_ANNOTATION(name, why) "t:1:51: warning: \"" name "\" is no annotation: " why "\n"

static void names_that_nothing_has(void **state)
{
	static const struct telling_case rows[] = {
		{ SERVER("/shared/comment"), "" },
		{ SERVER("/PRIVATE/vendor/vendor.office/x"), "" },
		{ SERVER("comment"), NO_ANNOTATION("comment", "expected one below \"/private/\" or \"/shared/\"") },
		{ SERVER("/shared/"), NO_ANNOTATION("/shared/", "there is nothing behind the last \"/\"") },
		{ SERVER("/shared/a/"), NO_ANNOTATION("/shared/a/", "there is nothing behind the last \"/\"") },
		{ SERVER("/shared//a"), NO_ANNOTATION("/shared//a", "there is nothing between two \"/\"") },
		{ SERVER("/shared/*"), NO_ANNOTATION("/shared/*", "\"*\", \"%\", controls and what is not ASCII can't be "
								  "in its name") },
		{ "require [\"mboxmetadata\", \"relational\"]; if metadata :count \"eq\" \"INBOX\" \"x\" \"1\" { keep; }",
		  "t:1:73: warning: \"x\" is no annotation: expected one below \"/private/\" or \"/shared/\"\n" },
		{ "require \"mboxmetadata\"; if metadata \"INBOX\" \"x\" \"1\" { keep; }",
		  "t:1:45: warning: \"x\" is no annotation: expected one below \"/private/\" or \"/shared/\"\n" },
		{ "require \"environment\"; if environment \"Remote-IP\" \"x\" { keep; }", "" },
		{ "require \"environment\"; if environment \"vnd.office.door\" \"x\" { keep; }", "" },
		{ "require \"environment\"; if environment \"remote_ip\" \"x\" { keep; }",
		  "t:1:39: warning: \"remote_ip\" is no item of the environment: the test is false\n" },
		/* Each where it stands. */
		{ "require \"mboxmetadata\"; if metadataexists \"INBOX\" [\"/a\", \"/shared/b\", \"/b\"] { keep; }",
		  "t:1:52: warning: \"/a\" is no annotation: expected one below \"/private/\" or \"/shared/\"\n"
		  "t:1:71: warning: \"/b\" is no annotation: expected one below \"/private/\" or \"/shared/\"\n" },
		{ "require [\"environment\", \"variables\"]; if environment \"${1}\" \"x\" { keep; }", "" },
	};

	(void)state;
	CHECK(rows, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(excerpts),   cmocka_unit_test(long_lines),  cmocka_unit_test(requires_once),
		cmocka_unit_test(habits),     cmocka_unit_test(unreachable), cmocka_unit_test(unused),
		cmocka_unit_test(never_true), cmocka_unit_test(names_that_nothing_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
