/* duplicate, by the text of RFC 7352. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "sieve_tools.h"

/* The script, run with what MEMORY holds ("?": not told, "+": known, "-": not known, for each key that it asks for); what
 * it gives: the plan, what it wants to know, what is to be remembered. */
static char *run_remembering(const char *script, const char *message, char known, struct slice key)
{
	struct sieve_memory memory = { key, known == '+' };
	struct sieve_program *program;
	struct sieve_input in = { .memory = &memory, .nmemory = known == '?' ? 0 : 1, .memory_off = known == '0' };
	struct message m;
	struct plan plan;
	struct buf out;
	size_t n;

	buf_init(&out, 4000);
	program = sieve_compile("t", slice_str(script), &out);
	assert_non_null(program);
	message_init(&m, slice_str(message), strlen(message), -1);
	in.message = &m;
	(void)sieve_run(program, &in, &plan);
	(void)buf_addf(&out, "%s", plan.error != NULL ? "error" : plan.implicit_keep ? "kept" : "gone");
	for (size_t i = 0; i < plan.nwanted; i++)
		(void)buf_addf(&out, " want %.*s", (int)plan.wanted[i].key_n, plan.wanted[i].key);
	for (size_t i = 0; i < plan.nmemory; i++)
		(void)buf_addf(&out, " keep %.*s %llu%s", (int)plan.memory[i].key_n, plan.memory[i].key,
			       (unsigned long long)plan.memory[i].seconds, plan.memory[i].once ? " once" : "");
	plan_free(&plan);
	message_free(&m);
	sieve_program_free(&program);
	(void)buf_str(&out);
	return buf_take(&out, &n);
}

static void duplicate_remembers(void **state)
{
#define D(args) "require \"duplicate\"; if duplicate " args " { discard; }"
	static const char with_id[] = "Message-ID:  <a@b>\r\n\r\n", without[] = "Subject: x\r\n\r\n";
	static const char two[] = "X: =?utf-8?q?=C3=A4?=\r\n b \r\nX: c\r\n\r\n";
	static const struct {
		const char *script, *message;
		char known;
		const char *key, *gives;
	} rows[] = {
		{ D(""), with_id, '?', "", "kept want duplicate -<a@b> keep duplicate -<a@b> 604800 once" },
		{ D(""), with_id, '-', "duplicate -<a@b>", "kept keep duplicate -<a@b> 604800 once" },
		{ D(""), with_id, '+', "duplicate -<a@b>", "gone" },
		{ D(":last"), with_id, '+', "duplicate -<a@b>", "gone keep duplicate -<a@b> 604800" },
		{ D(":seconds 60 :last"), with_id, '-', "duplicate -<a@b>", "kept keep duplicate -<a@b> 60 once" },
		{ D(":seconds 99999999999"), with_id, '-', "duplicate -<a@b>", "kept keep duplicate -<a@b> 31622400 once" },
		/* 3.2: where the id came from does not matter, the handle does. */
		{ D(":header \"message-id\""), with_id, '+', "duplicate -<a@b>", "gone" },
		{ D(":uniqueid \"<a@b>\""), without, '+', "duplicate -<a@b>", "gone" },
		{ D(":uniqueid \"<A@b>\""), without, '+', "duplicate -<a@b>",
		  "kept want duplicate -<A@b> keep duplicate -<A@b> 604800 once" },
		{ D(":handle \"h\""), with_id, '+', "duplicate -<a@b>",
		  "kept want duplicate 1:h<a@b> keep duplicate 1:h<a@b> 604800 once" },
		{ D(":handle \"\""), with_id, '+', "duplicate -<a@b>",
		  "kept want duplicate 0:<a@b> keep duplicate 0:<a@b> 604800 once" },
		/* 3.1: the first field, unfolded and decoded; none, and one that can't be: false, and nothing is kept. */
		{ D(":header \"x\""), two, '+', "duplicate -\xc3\xa4 b", "gone" },
		{ D(""), without, '?', "", "kept" },
		{ D(":header \"no such:\""), with_id, '?', "", "kept" },
		{ D(":seconds 0"), with_id, '+', "duplicate -<a@b>", "kept" },
		/* 3: the same in one run is the same. */
		{ "require \"duplicate\"; if duplicate { } if duplicate { discard; }", with_id, '-', "duplicate -<a@b>",
		  "kept keep duplicate -<a@b> 604800 once" },
		{ "require \"duplicate\"; if anyof (true, duplicate) { discard; }", with_id, '?', "", "gone" },
		/* Only what ends well is remembered; but what it wants to know, it may still be told. */
		{ "require [\"duplicate\", \"ihave\"]; if duplicate { stop; } error \"x\";", with_id, '?', "",
		  "error want duplicate -<a@b>" },
		{ D(""), with_id, '0', "", "kept" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *got = run_remembering(rows[i].script, rows[i].message, rows[i].known, slice_str(rows[i].key));

		if (strcmp(got, rows[i].gives) != 0)
			fail_msg("row %zu: %s\n  gave:     %s\n  expected: %s", i, rows[i].script, got, rows[i].gives);
		free(got);
	}
}

static void duplicate_takes_one_id(void **state)
{
	static const struct sieve_case rows[] = {
		{ D("\n:header \"x\" :uniqueid \"y\""),
		  .plan = "compile error: t:2:13: error: \":uniqueid\" can't be used with \":header\": expected one of them\n" },
		{ D("\n:header"),
		  .plan = "compile error: t:2:1: error: expected the header name (a string) after \":header\", found nothing\n" },
	};

	(void)state;
	CHECK_PLANS(rows);
}
#undef D

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duplicate_remembers),
		cmocka_unit_test(duplicate_takes_one_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
