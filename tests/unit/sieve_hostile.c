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

enum { SLOW_MS = 5000 /* with sanitizers, on a busy machine */ };

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
	int64_t before = clock_mono_ms();
	char *errors = sieve_tools_errors(slice_str(script));

	if (strncmp(errors, start, strlen(start)) != 0 || (start[0] == '\0' && errors[0] != '\0'))
		fail_msg("gave:\n%.2000s  expected:\n%s", errors, start);
	assert_true(clock_mono_ms() - before < SLOW_MS);
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
	assert_int_equal(lines, 20);
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
		int64_t before = clock_mono_ms();
		char *plan = sieve_tools_run(&(struct sieve_case){ .script = script });

		if (strstr(plan, "discard") == NULL)
			fail_msg("row %zu gave %.200s", i, plan);
		assert_true(clock_mono_ms() - before < SLOW_MS);
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
		{ "if header :contains \"subject\" [\"b\"", ",\"aaaaaaaab\"", "] { discard; }", 5000,
		  "implicit; t:1:4: error: the script needs more than the 2000000 steps that one message may take" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *script = repeat(rows[i].before, rows[i].n, rows[i].text, rows[i].after);
		int64_t before = clock_mono_ms();
		char *plan = sieve_tools_run(&(struct sieve_case){ .script = script, .message = value });

		if (strcmp(plan, rows[i].plan) != 0)
			fail_msg("row %zu gave %.200s", i, plan);
		assert_true(clock_mono_ms() - before < SLOW_MS);
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
		int64_t before = clock_mono_ms();
		char *plan = sieve_tools_run(&(struct sieve_case){ .script = rows[i].script, .message = message });

		if (strcmp(plan, rows[i].plan) != 0)
			fail_msg("row %zu gave %.200s", i, plan);
		assert_true(clock_mono_ms() - before < SLOW_MS);
		free(message);
		free(plan);
	}
}

/* A failed run leaves only the implicit keep, whatever was planned and flagged before. */
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

static void note_outside(void *arg, const char *command, unsigned line, unsigned column)
{
	(void)arg;
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
		cmocka_unit_test(a_failed_run_keeps_the_message),
		cmocka_unit_test(what_needs_the_outside_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
