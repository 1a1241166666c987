/* Regular expressions as POSIX has them: what the C library says of the same expression and value is the measure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sieve_tools.h"

enum { TRIES = 20000, PATTERN_MAX = 14, VALUE_MAX = 7 };

static uint64_t state_now = 20260101;

static unsigned chance(unsigned n)
{
	state_now = state_now * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)(state_now >> 33) % n;
}

/* Up to MOST pieces of PIECES, N of them. */
static void make(char *out, const char *const *pieces, unsigned n, unsigned most)
{
	out[0] = '\0';
	for (unsigned i = 1 + chance(most); i > 0; i--)
		out = stpcpy(out, pieces[chance(n)]);
}

/* As a quoted string of a script. */
static void quote(const char *in, char *out)
{
	for (; *in != '\0'; in++) {
		if (*in == '\\' || *in == '"')
			*out++ = '\\';
		*out++ = *in;
	}
	*out = '\0';
}

static bool is_error(const char *plan)
{
	return strncmp(plan, "compile error", 13) == 0;
}

/* True where both know the expression. */
static bool compare(const char *pattern, const char *value, bool caseless)
{
	char script[400], message[100], quoted[200], expected[100] = "implicit";
	regex_t posix;
	bool known = regcomp(&posix, pattern, REG_EXTENDED | (caseless ? REG_ICASE : 0)) == 0;
	regmatch_t whole;
	char *plan;

	quote(pattern, quoted);
	(void)snprintf(script, sizeof script,
		       "require [\"regex\", \"variables\", \"fileinto\"]; "
		       "if header :comparator \"%s\" :regex \"x\" \"%s\" { fileinto \"<${0}>\"; }",
		       caseless ? "i;ascii-casemap" : "i;octet", quoted);
	(void)snprintf(message, sizeof message, "X: %s\n\nx\n", value);
	plan = sieve_tools_run(&(struct sieve_case){ .script = script, .message = message });
	/* What we take must be one for the C library too; it takes some that POSIX does not define. */
	if (!known && !is_error(plan))
		fail_msg("%s is no expression for the C library", pattern);
	known = known && !is_error(plan);
	if (known) {
		/* Of the matches on the left the longest. */
		if (regexec(&posix, value, 1, &whole, 0) == 0)
			(void)snprintf(expected, sizeof expected, "fileinto <%.*s>", (int)(whole.rm_eo - whole.rm_so),
				       value + whole.rm_so);
		if (strcmp(plan, expected) != 0)
			fail_msg("%s with %s: %s, not %s", pattern, value, plan, expected);
	}
	regfree(&posix);
	free(plan);
	return known;
}

static void the_c_library_agrees(void **state)
{
	static const char *const pieces[] = { "a",
					      "b",
					      "B",
					      "c",
					      ".",
					      "(",
					      ")",
					      "(",
					      ")",
					      "|",
					      "*",
					      "+",
					      "?",
					      "{2}",
					      "{1,2}",
					      "{0,}",
					      "^",
					      "$",
					      "[ab]",
					      "[^a]",
					      "[[:alpha:]]",
					      "[a-c]",
					      "[]a]",
					      "[^]b-]",
					      "\\.",
					      "[.]",
					      "\\(",
					      "-",
					      "]",
					      "[[:upper:]c]",
					      "[^[:lower:]]",
					      "[[=a=]]",
					      "[[.-.]]",
					      "1",
					      "[0-9-]",
					      "[b-c.-]" };
	static const char *const values[] = { "a", "b", "c", "A", "B", ".", "(", "-", "]", "1", "ab", "aa" };
	size_t both = 0;

	(void)state;
	for (unsigned i = 0; i < TRIES; i++) {
		char pattern[PATTERN_MAX * 16], value[VALUE_MAX * 4];

		make(pattern, pieces, sizeof pieces / sizeof pieces[0], PATTERN_MAX);
		if (strstr(pattern, "${") != NULL)
			continue; /* a variable */
		make(value, values, sizeof values / sizeof values[0], VALUE_MAX);
		both += compare(pattern, value, i % 2 == 0);
	}
	/* Enough of them were expressions. */
	assert_true(both > TRIES / 6);
}

/* Groups within each other, of two or three letters. */
static char *make_nested(char *out, unsigned depth)
{
	static const char *const after[] = { "", "", "", "?", "*", "+" };

	for (unsigned choices = 1 + chance(3); choices > 0; choices--) {
		for (unsigned i = 1 + chance(3); i > 0; i--) {
			if (depth > 0 && chance(3) == 0) {
				out = make_nested(stpcpy(out, "("), depth - 1);
				out = stpcpy(out, ")");
			} else {
				*out++ = "abc"[chance(3)];
			}
			out = stpcpy(out, after[chance(6)]);
		}
		if (choices > 1)
			*out++ = '|';
	}
	*out = '\0';
	return out;
}

static void the_c_library_agrees_on_groups(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TRIES / 4; i++) {
		char pattern[1000], value[12];
		size_t n = 1 + chance(sizeof value - 2);

		do
			(void)make_nested(pattern, 3);
		while (strlen(pattern) > 60);
		for (size_t at = 0; at < n; at++)
			value[at] = "abc"[chance(3)];
		value[n] = '\0';
		assert_true(compare(pattern, value, false));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_c_library_agrees),
		cmocka_unit_test(the_c_library_agrees_on_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
