/* Scripts and messages made to be slow, big or deep: a plan or an error, in bounded time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sieve_tools.h"

enum { SLOW_MS = 5000 /* of processor time, with sanitizers */ };

/* BEFORE, N times TEXT, AFTER. From malloc. */
static char *repeat(const char *before, size_t n, const char *text, const char *after)
{
	struct buf b;
	size_t len;

	buf_init(&b, 16 * 1024 * 1024);
	(void)buf_add_str(&b, before);
	for (size_t i = 0; i < n; i++)
		(void)buf_add_str(&b, text);
	(void)buf_add_str(&b, after);
	assert_false(buf_failed(&b));
	(void)buf_str(&b);
	return buf_take(&b, &len);
}

static void expect_errors(char *script, const char *start)
{
	int64_t before = clock_cpu_ms();
	char *errors = sieve_tools_errors(slice_str(script));

	if (strncmp(errors, start, strlen(start)) != 0 || (start[0] == '\0' && errors[0] != '\0'))
		fail_msg("gave:\n%.2000s  expected:\n%s", errors, start);
	assert_true(clock_cpu_ms() - before < SLOW_MS);
	free(errors);
	free(script);
}

static void nesting_is_bounded(void **state)
{
	(void)state;
	expect_errors(repeat("", 10000, "if true { ", ""),
		      "t:1:324: error: blocks and tests stand more than 32 deep within each other\n");
	expect_errors(repeat("if ", 10000, "not ", "true { }"),
		      "t:1:132: error: blocks and tests stand more than 32 deep within each other\n");
	expect_errors(repeat("if ", 10000, "anyof (", "true { }"),
		      "t:1:228: error: blocks and tests stand more than 32 deep within each other\n");
	expect_errors(repeat("", 100000, "{", ""), "t:1:1: error: expected a command, found \"{\"\n");
	expect_errors(repeat("", 100000, "}", ""), "t:1:1: error: this \"}\" closes no block: expected a command\n");
	expect_errors(repeat("if ", 100000, "(", ""), "t:1:5: error: expected a test, found \"(\"\n");
	expect_errors(repeat("if header ", 100000, "[", ""),
		      "t:1:12: error: expected a string in the list, found \"[\"\n");
}

/* RFC 5228, 2.10.7 asks for fifteen of each. */
static void fifteen_levels_are_allowed(void **state)
{
	char *blocks = repeat("", 15, "if true { ", "if "), *tests = repeat(blocks, 15, "anyof (", "true");
	char *close = repeat(tests, 15, ")", " { discard; }"), *script = repeat(close, 15, "}", "");
	char *plan = sieve_tools_run(&(struct sieve_case){ .script = script });

	(void)state;
	assert_string_equal(plan, "discard");
	free(blocks);
	free(tests);
	free(close);
	free(script);
	free(plan);
}

static void no_more_than_twenty_errors(void **state)
{
	char *script = repeat("", 1000, "bogus;\n", ""), *errors = sieve_tools_errors(slice_str(script));
	size_t lines = 0;

	(void)state;
	for (const char *p = errors; *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 21);
	assert_non_null(strstr(errors, "t:20:1: error: unknown command \"bogus\"\nt: and 980 more errors\n"));
	free(script);
	free(errors);
}

static void large_scripts(void **state)
{
	static const struct {
		const char *before, *text, *after;
		size_t n;
	} rows[] = {
		{ "if false { }\n", "elsif false { }\n", "else { discard; }", 65000 },
		{ "", "keep;", "discard;", 200000 },
		{ "if header \"x\" [\"a\"", ",\"\"", "] { } discard;", 330000 },
		{ "if anyof (false", ",false", ", true) { discard; }", 170000 },
		{ "", "#\n", "discard;", 500000 },
		{ "if header \"x\" \"", "\n", "\" { } discard;", 1000000 },
		{ "if header \"x\" \"", "\\a", "\" { } discard;", 500000 },
		{ "if header :matches \"x\" \"", "*a", "\" { } discard;", 500000 },
		{ "if header \"x\" text:\n", "..\n", ".\n{ } discard;", 330000 },
		{ "if header \"x\" \"", "x", "\" { } discard;", 1000000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *script = repeat(rows[i].before, rows[i].n, rows[i].text, rows[i].after);
		int64_t before = clock_cpu_ms();
		char *plan = sieve_tools_run(&(struct sieve_case){ .script = script });

		if (strstr(plan, "discard") == NULL)
			fail_msg("row %zu gave %.200s", i, plan);
		assert_true(clock_cpu_ms() - before < SLOW_MS);
		free(script);
		free(plan);
	}
	expect_errors(repeat("", 1024 * 1024, " ", "x"),
		      "t:1:1: error: the script is too large: at most 1048576 octets are allowed\n");
	expect_errors(repeat("keep \"", 1000000, "x", ""), "t:1:6: error: this string has no end: expected '\"'\n");
	expect_errors(repeat("require [\"\"", 60000, ",\"comparator-i;\"", "];"),
		      "t:1:10: error: unknown extension \"\": this mailferry does not have it\n");
	expect_errors(repeat("if anyof (true", 60000, ", mailboxexistss", ") { }"),
		      "t:1:17: error: unknown test \"mailboxexistss\": expected \"mailboxexists\"?\n");
	expect_errors(repeat("if header ", 100000, ":contain ", "\"a\" \"b\" { }"),
		      "t:1:11: error: \"header\" takes no tag \"contain\": expected \":contains\"?\n");
	expect_errors(repeat("if address [\"x\"", 200000, ",\"x\"", "] \"b\" { }"),
		      "t:1:13: error: the field \"x\" holds no");
	expect_errors(repeat("frobnicate :", 100000, "x", ";"), "t:1:1: error: unknown command \"frobnicate\"\n");
	expect_errors(repeat("", 100000, "x", ";"), "t:1:1: error: unknown command \"xxxxxxxxxx");
}

static void patterns_do_not_explode(void **state)
{
	char *value = repeat("Subject: ", 60000, "a", "\n\n");
	static const struct {
		const char *before, *text, *after;
		size_t n;
		const char *plan;
	} rows[] = {
		{ "if header :matches \"subject\" \"", "*a", "*b\" { discard; }", 5000, "implicit" },
		{ "if header :matches \"subject\" \"", "*a", "*\" { discard; }", 5000, "discard" },
		{ "if header :matches \"subject\" \"*", "a?", "b*\" { discard; }", 20, "implicit" },
		/* Octet by octet, pattern times value: more than a message may take. */
		{ "if header :matches \"subject\" \"*?", "a", "b*\" { discard; }", 30000,
		  "implicit; t:1:4: error: the script needs more than the 2000000 steps that one message may take" },
		{ "if header :contains \"subject\" \"", "a", "b\" { discard; }", 30000, "implicit" },
		/* However many they are, constant keys are looked for at once. */
		{ "if header :contains \"subject\" [\"b\"", ",\"aaaaaaaab\"", "] { discard; }", 5000, "implicit" },
		{ "require \"variables\"; if header :contains \"subject\" [\"b${1}\"", ",\"aaaaaaaab\"", "] { discard; }", 5000,
		  "implicit; t:1:25: error: the script needs more than the 2000000 steps that one message may take" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *script = repeat(rows[i].before, rows[i].n, rows[i].text, rows[i].after);
		int64_t before = clock_cpu_ms();
		char *plan = sieve_tools_run(&(struct sieve_case){ .script = script, .message = value });

		if (strcmp(plan, rows[i].plan) != 0)
			fail_msg("row %zu gave %.200s", i, plan);
		assert_true(clock_cpu_ms() - before < SLOW_MS);
		free(script);
		free(plan);
	}
	free(value);
}

#define FIVE(s)	 s s s s s
#define FORTY(s) FIVE(s) FIVE(s) FIVE(s) FIVE(s) FIVE(s) FIVE(s) FIVE(s) FIVE(s)

static void hostile_messages(void **state)
{
	static const struct {
		const char *before, *text, *after;
		size_t n;
		const char *script, *plan;
	} rows[] = {
		{ "", "Subject: x\n", "\n", 10000, "if header \"subject\" \"y\" { discard; }", "implicit" },
		{ "To: ", "a@b.example, ", "c@d.example\n\n", 10000, "if address \"to\" \"c@d.example\" { discard; }",
		  "implicit" },
		{ "", "To: " FORTY(FORTY("a@b, ")) "c@d.example\n", "\n", 30,
		  "if address \"to\" \"x@y.example\" { discard; }", "implicit" },
		/* More than there is memory for, short and long: all are compared. */
		{ "", "To: " FIVE(FORTY("a@b,")) "a@b\n", "To: c@d.example\n\n", 250,
		  "if address \"to\" \"x@y.example\" { keep; }\nif address \"to\" \"c@d.example\" { discard; }", "discard" },
		{ "", "To: " FORTY("\"a b c d e f g h\"@[IPv6:1::2],") "a@b\n", "To: c@d.example\n\n", 190,
		  "if address :domain \"to\" [\"y.example\", \"d.example\"] { discard; }", "discard" },
		{ "To: \"", "\\\"", "\"@a.example\nTo: c@d.example\n\n", 120000,
		  "if address \"to\" \"c@d.example\" { discard; }", "discard" },
		{ "To: ", "(", "a@b.example\n\n", 100000, "if address :domain \"to\" \"b.example\" { discard; }",
		  "implicit" },
		{ "To: ", "\"", "\n\n", 99999, "if address :localpart :contains \"to\" \"\" { discard; }", "implicit" },
		{ "Subject: ", "=?utf-8?q?=00?= ", "\n\n", 10000, "if header :contains \"subject\" \"x\" { discard; }",
		  "implicit" },
		{ "Subject:", "\n ", "x\n\n", 50000, "if header \"subject\" \"x\" { discard; }", "discard" },
		{ "", "no field\n", "Subject: x\n\n", 4000, "if header \"subject\" \"x\" { discard; }", "discard" },
		{ "", "\xff\x00", "", 1, "if header \"subject\" \"x\" { discard; }", "implicit" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *message = repeat(rows[i].before, rows[i].n, rows[i].text, rows[i].after);
		int64_t before = clock_cpu_ms();
		char *plan = sieve_tools_run(&(struct sieve_case){ .script = rows[i].script, .message = message });

		if (strcmp(plan, rows[i].plan) != 0)
			fail_msg("row %zu gave %.200s", i, plan);
		assert_true(clock_cpu_ms() - before < SLOW_MS);
		free(message);
		free(plan);
	}
}

/* A failed run leaves only the implicit keep, whatever was planned and flagged before. */
/* A header of thousands of fields must not use up what the rules of an office need. */
static void many_fields_leave_rules_their_steps(void **state)
{
	static const struct {
		const char *field, *test;
	} rows[] = {
		{ "X: v\n", "if header :contains [\"cc\", \"subject\"] \"word\" { discard; }\n" },
		{ "X: v\n", "if exists \"bcc\" { discard; }\n" },
		{ "Y: v\n", "if address :is \"from\" \"a@b.example\" { discard; }\n" },
		{ "no field\n", "if header :index 1 :last \"subject\" \"a\" { discard; }\n" },
		{ "X: v\n", "if date \"date\" \"year\" \"2000\" { discard; }\n" },
		{ "X: v\n", "if header :regex \"subject\" \"^x+$\" { discard; }\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *script = repeat("require [\"index\", \"date\", \"regex\"];\n", 10000, rows[i].test, "");
		char *message = repeat("From: me@here.example\n", 4090, rows[i].field, "Subject: one of many\n\nbody\n");
		int64_t before = clock_cpu_ms();
		char *plan = sieve_tools_run(&(struct sieve_case){ .script = script, .message = message });

		assert_string_equal(plan, "implicit");
		assert_true(clock_cpu_ms() - before < SLOW_MS);
		free(plan);
		free(message);
		free(script);
	}
}

static void many_addresses_do_too(void **state)
{
	static const char *const tests[] = {
		"if address :is \"to\" \"a@b.example\" { discard; }\n",
		"if address :detail \"to\" \"a\" { discard; }\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		char *script = repeat("require \"subaddress\";\n", 10000, tests[i], "");
		char *message = repeat("To: ", 999, "user@here.example, ", "last@here.example\n\nbody\n");
		int64_t before = clock_cpu_ms();
		char *plan = sieve_tools_run(&(struct sieve_case){ .script = script, .message = message });

		assert_string_equal(plan, "implicit");
		assert_true(clock_cpu_ms() - before < SLOW_MS);
		free(plan);
		free(message);
		free(script);
	}
}

/* What an operation makes is gone behind it: a loop through all parts that a sender may write has memory for each. */
static void loops_do_not_fill_the_memory(void **state)
{
	static const struct {
		const char *text, *plan;
	} rows[] = {
		{ "if envelope \"from\" \"nobody@nowhere.example\" { discard; }\n", "fileinto Ok" },
		{ "setflag \"a1${n}\"; setflag \"b1${n}\"; setflag \"\";\n", "fileinto Ok" },
		{ "addflag \"a1${n}\"; removeflag \"a1${n}\";\n", "fileinto Ok" },
	};
	char *message = repeat("Content-Type: multipart/mixed; boundary=b\n\n", 9900, "--b\n\n\n", "--b--\n");
	char *from = repeat("", 60, "a", "@");
	char *long_from = repeat(from, 3, "0123456789012345678901234567890123456789012345678901234567890.", "example");

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *start = repeat("require [\"foreverypart\", \"envelope\", \"fileinto\", \"imap4flags\", \"variables\"];\n"
				     "set \"n\" \"", 110, "n", "\";\nforeverypart {\n");
		char *script = repeat(start, 10, rows[i].text, "} fileinto \"Ok\";\n");
		int64_t before = clock_cpu_ms();
		char *plan = sieve_tools_run(&(struct sieve_case){ .script = script, .message = message, .from = long_from });

		if (strcmp(plan, rows[i].plan) != 0)
			fail_msg("row %zu gave %.200s", i, plan);
		assert_true(clock_cpu_ms() - before < SLOW_MS);
		free(plan);
		free(script);
		free(start);
	}
	free(long_from);
	free(from);
	free(message);
}

/* A text of blanks holds no flag, and yet has to be looked through. */
static void blanks_are_charged(void **state)
{
	static const char *const tests[] = {
		"hasflag \"v\" \"a\"", "hasflag [\"v\", \"v\", \"v\", \"v\", \"v\"] \"a\"", "hasflag \"${v}\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		char *start = repeat("require [\"imap4flags\", \"variables\"]; set \"v\" \"", 60000, " ", "\"; if anyof (false");
		char *test = mem_printf(",\n%s", tests[i]), *script = repeat(start, 12000, test, ") { discard; }");
		int64_t before = clock_cpu_ms();
		char *plan = sieve_tools_run(&(struct sieve_case){ .script = script });

		if (strstr(plan, "more than the 2000000 steps that one message may take") == NULL)
			fail_msg("row %zu gave %.200s", i, plan);
		assert_true(clock_cpu_ms() - before < SLOW_MS);
		free(plan);
		free(script);
		free(test);
		free(start);
	}
}

/* Beside one with a variable, keys are made anew for each test, whether there is anything to compare or not. */
static void keys_are_charged(void **state)
{
	static const struct {
		const char *before, *text, *after;
		size_t n;
	} rows[] = {
		{ "if header \"x\" [\"${a}\"", ",\"KeY\"", "] { discard; } }", 20000 },
		{ "if header :regex \"x\" [\"${a}\"", ",\"(a{1,30}){1,30}\"", "] { discard; } }", 20 },
		{ "if header \"x\" [\"${a}\", \"", "long key ", "\"] { discard; } }", 50000 },
	};
	char *message = repeat("Content-Type: multipart/mixed; boundary=b\n\n", 9900, "--b\n\n\n", "--b--\n");

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *start = mem_printf("require [\"foreverypart\", \"variables\", \"regex\"]; foreverypart {\n%s", rows[i].before);
		char *script = repeat(start, rows[i].n, rows[i].text, rows[i].after), *plan;
		int64_t before = clock_cpu_ms();

		plan = sieve_tools_run(&(struct sieve_case){ .script = script, .message = message });
		if (strstr(plan, "more than the 2000000 steps that one message may take") == NULL)
			fail_msg("row %zu gave %.200s", i, plan);
		assert_true(clock_cpu_ms() - before < SLOW_MS);
		free(plan);
		free(script);
		free(start);
	}
	free(message);
}

static void a_failed_run_keeps_the_message(void **state)
{
	static const struct sieve_case rows[] = {
		{ "require [\"fileinto\", \"imap4flags\", \"reject\"]; setflag \"\\\\Deleted\"; discard; fileinto "
		  "\"a\"; reject \"b\";",
		  .plan = "implicit; t:1:91: error: \"reject\" after \"fileinto\" in line 1: a message can't be both "
			  "refused and"
			  " delivered" },
	};

	(void)state;
	sieve_tools_check(rows, 1);
}

static unsigned outside_lines[8], outside_n;

static void note_outside(void *arg, const char *script, const char *command, unsigned line, unsigned column)
{
	(void)arg;
	assert_string_equal(script, "t");
	assert_string_equal(command, "redirect");
	assert_true(column > 0);
	if (outside_n < 8)
		outside_lines[outside_n++] = line;
}

static void what_needs_the_outside_is_told(void **state)
{
	struct buf errors;
	struct sieve_program *p;

	(void)state;
	buf_init(&errors, 1000);
	p = sieve_compile("t", SLICE_LIT("keep;\nredirect \"a@b.example\";\nif true {\n\tredirect \"c@d.example\"; }"),
			  &errors);
	assert_non_null(p);
	sieve_program_each(p, note_outside, NULL);
	assert_int_equal(outside_n, 2);
	assert_int_equal(outside_lines[0], 2);
	assert_int_equal(outside_lines[1], 4);
	sieve_program_free(&p);
	assert_null(p);
	buf_free(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(fifteen_levels_are_allowed),
		cmocka_unit_test(no_more_than_twenty_errors),
		cmocka_unit_test(large_scripts),
		cmocka_unit_test(patterns_do_not_explode),
		cmocka_unit_test(hostile_messages),
		cmocka_unit_test(many_fields_leave_rules_their_steps),
		cmocka_unit_test(many_addresses_do_too),
		cmocka_unit_test(loops_do_not_fill_the_memory),
		cmocka_unit_test(blanks_are_charged),
		cmocka_unit_test(keys_are_charged),
		cmocka_unit_test(a_failed_run_keeps_the_message),
		cmocka_unit_test(what_needs_the_outside_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
