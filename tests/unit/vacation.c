/* Which answers of vacation are the same one (RFC 5230, 4.2), how long that counts (4.1, RFC 6131), and what a run asks of
 * what is remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sieve/sieve.h"

#define NEED "require [\"vacation\", \"vacation-seconds\", \"variables\", \"fcc\"];\n"
#define DAY 86400

struct asked {
	char *key; /* NULL: nothing is remembered */
	uint64_t seconds;
	bool once, answered, wanted;
};

/* Runs SCRIPT over a message with SUBJECT from FROM. KNOWN: a key that the input tells as remembered; NULL: none is told. */
static struct asked run_with(const char *script, const char *from, const char *subject, const char *known,
			     const struct sieve_limits *limits)
{
	char *all = mem_printf(NEED "%s", script), *text = mem_printf("To: me@office.example\r\nSubject: %s\r\n\r\nx\r\n", subject);
	const struct sieve_memory memory = { slice_str(known), true };
	struct message m;
	struct sieve_input in = { .message = &m, .from = slice_str(from), .to = SLICE_LIT("me@office.example"),
				  .memory = &memory, .nmemory = known != NULL, .limits = limits };
	struct sieve_program *p;
	struct asked out = { .key = NULL };
	struct buf errors;
	struct plan plan;

	buf_init(&errors, 10000);
	p = sieve_compile("t", slice_str(all), &errors);
	if (p == NULL)
		fail_msg("%s: %s", script, buf_str(&errors));
	message_init(&m, slice_str(text), strlen(text), -1);
	if (sieve_run(p, &in, &plan) != 0)
		fail_msg("%s: %s", script, plan.error);
	assert_true(plan.implicit_keep);
	for (size_t i = 0; i < plan.n; i++)
		out.answered = out.answered || plan.actions[i].kind == PLAN_VACATION;
	assert_true(plan.nmemory <= 1 && plan.nwanted <= 1);
	out.wanted = plan.nwanted == 1;
	if (plan.nmemory == 1) {
		out.key = slice_dup(slice_of(plan.memory[0].key, plan.memory[0].key_n));
		out.seconds = plan.memory[0].seconds;
		out.once = plan.memory[0].once;
		if (out.wanted)
			assert_true(slice_eq(slice_of(plan.wanted[0].key, plan.wanted[0].key_n), slice_str(out.key)));
	}
	plan_free(&plan);
	message_free(&m);
	sieve_program_free(&p);
	buf_free(&errors);
	free(all);
	free(text);
	return out;
}

static struct asked run(const char *script, const char *from, const char *subject)
{
	return run_with(script, from, subject, NULL, NULL);
}

static const struct {
	const char *a, *b;
	bool same;
} pairs[] = {
	{ "vacation \"x\";", "vacation \"x\";", true },
	{ "vacation \"x\";", "vacation \"y\";", false },
	{ "vacation \"x\";", "vacation :days 3 \"x\";", true }, /* the period is no part of it */
	{ "vacation \"x\";", "vacation :addresses \"a@b.example\" \"x\";", true },
	{ "vacation \"x\";", "vacation :fcc \"Sent\" \"x\";", true },
	{ "vacation \"x\";", "vacation :subject \"s\" \"x\";", false },
	{ "vacation :subject \"s\" \"x\";", "vacation :from \"s@a.example\" \"x\";", false },
	{ "vacation :subject \"a@b.example\" \"x\";", "vacation :from \"a@b.example\" \"x\";", false },
	{ "vacation :subject \"\" \"x\";", "vacation \"x\";", false },
	{ "vacation :subject \"ab\" \"c\";", "vacation :subject \"a\" \"bc\";", false },
	{ "vacation :mime \"\r\nx\";", "vacation \"\r\nx\";", false },
	{ "vacation :handle \"h\" \"x\";", "vacation :handle \"h\" :subject \"s\" \"y\";", true },
	{ "vacation :handle \"h\" \"x\";", "vacation :handle \"g\" \"x\";", false },
	{ "vacation :handle \"x\" \"x\";", "vacation \"x\";", false },
};

static void arguments_make_the_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct asked a = run(pairs[i].a, "anna@example.com", "one"), b = run(pairs[i].b, "anna@example.com", "two");

		assert_true(a.answered && b.answered && a.once && b.once && a.wanted);
		if ((strcmp(a.key, b.key) == 0) != pairs[i].same)
			fail_msg("%s and %s: \"%s\", \"%s\"", pairs[i].a, pairs[i].b, a.key, b.key);
		free(a.key);
		free(b.key);
	}
}

/* "The arguments MUST NOT have undergone variable expansion." A handle is a name, and may hold some. */
static void variables_are_not_expanded(void **state)
{
	static const char subject[] = "if header :matches \"subject\" \"*\" { vacation :subject \"Re: ${1}\" \"away\"; }",
			  handle[] = "if header :matches \"subject\" \"*\" { vacation :handle \"${1}\" \"away\"; }";
	struct asked a = run(subject, "anna@example.com", "one"), b = run(subject, "anna@example.com", "two");

	(void)state;
	assert_string_equal(a.key, b.key);
	free(a.key);
	free(b.key);
	a = run(handle, "anna@example.com", "one");
	b = run(handle, "anna@example.com", "two");
	assert_string_not_equal(a.key, b.key);
	free(a.key);
	free(b.key);
}

static void senders_are_told_apart(void **state)
{
	struct asked a = run("vacation \"x\";", "anna@example.com", "s"), b = run("vacation \"x\";", "ben@example.com", "s"),
		     c = run("vacation \"x\";", "ANNA@Example.com", "s");

	(void)state;
	assert_string_not_equal(a.key, b.key);
	assert_string_equal(a.key, c.key);
	free(a.key);
	free(b.key);
	free(c.key);
}

static void who_was_answered_is_not_answered(void **state)
{
	struct asked a = run("vacation \"x\";", "anna@example.com", "s");
	struct asked again = run_with("vacation \"x\";", "anna@example.com", "s", a.key, NULL);

	(void)state;
	assert_false(again.answered || again.wanted);
	assert_null(again.key);
	free(a.key);
	/* With no period nothing is asked, and nothing remembered. */
	again = run("vacation :seconds 0 \"x\";", "anna@example.com", "s");
	assert_true(again.answered && !again.wanted);
	assert_null(again.key);
	/* Nor where no answer is due. */
	again = run("vacation \"x\";", "", "s");
	assert_false(again.answered || again.wanted);
	assert_null(again.key);
}

static void periods_are_held_to_the_limits(void **state)
{
	static const struct {
		const char *tags;
		uint64_t min, max, want;
	} rows[] = {
		{ "", 0, 0, 7 * DAY },
		{ ":days 0", 0, 0, DAY },
		{ ":days 3", 0, 0, 3 * DAY },
		{ ":days 18446744073709551615", 0, 0, 366 * (uint64_t)DAY },
		{ ":days 100", 0, 31 * DAY, 31 * DAY },
		{ ":days 31", 0, 31 * DAY, 31 * DAY },
		{ "", 10 * DAY, 31 * DAY, 10 * DAY },
		{ ":days 1", 2 * DAY, 31 * DAY, 2 * DAY },
		{ ":seconds 30", 0, 0, 30 },
		{ ":seconds 30", 60, 31 * DAY, 60 },
		{ ":seconds 0", 60, 31 * DAY, 60 },
		{ ":seconds 2147483648", 0, 31 * DAY, 31 * DAY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sieve_limits limits = sieve_usual_limits;
		char *script = mem_printf("vacation %s \"x\";", rows[i].tags);
		struct asked a;

		limits.vacation_min = rows[i].min;
		limits.vacation_max = rows[i].max;
		a = run_with(script, "anna@example.com", "s", NULL, &limits);
		if (a.seconds != rows[i].want)
			fail_msg("%s: %llu seconds", script, (unsigned long long)a.seconds);
		free(a.key);
		free(script);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_make_the_answer),	  cmocka_unit_test(variables_are_not_expanded),
		cmocka_unit_test(senders_are_told_apart),	  cmocka_unit_test(who_was_answered_is_not_answered),
		cmocka_unit_test(periods_are_held_to_the_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
