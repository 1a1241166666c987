/* Scripts that the fuzzers make by the grammar: they must reach all of the language, not only the errors of its
 * compiler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grammar.h"
#include "sieve/registry.h"
#include "sieve/sieve.h"
#include "sieve_tools.h"

enum { SCRIPTS = 8000, SCRIPT_MAX = 128 * 1024 };

/* Appends the scripts among SCRIPTS ones that compile to OUT; how many they are. */
static unsigned collect(struct buf *out)
{
	unsigned good = 0;

	for (uint64_t seed = 1; seed <= SCRIPTS; seed++) {
		struct sieve_program *program;
		struct buf script, errors;

		buf_init(&script, SCRIPT_MAX);
		buf_init(&errors, SCRIPT_MAX);
		grammar_script(seed, &script);
		program = sieve_compile("t", buf_slice(&script), &errors);
		if (program != NULL) {
			good++;
			assert_int_equal(buf_add_slice(out, buf_slice(&script)), 0);
		}
		sieve_program_free(&program);
		buf_free(&script);
		buf_free(&errors);
	}
	return good;
}

/* WORD stands in ALL behind BEFORE, and no letter behind it. */
static bool stands(struct slice all, const char *before, const char *word)
{
	char text[80];
	size_t n = (size_t)snprintf(text, sizeof text, "%s%s", before, word);

	for (const char *p = all.p; (p = memmem(p, all.n - (size_t)(p - all.p), text, n)) != NULL; p++)
		if (strchr(" ;,){\n", p[n]) != NULL)
			return true;
	return false;
}

static void most_compile_and_nothing_is_missing(void **state)
{
	struct buf all;
	unsigned good;

	(void)state;
	buf_init(&all, (size_t)SCRIPTS * SCRIPT_MAX);
	good = collect(&all);
	if (good < SCRIPTS / 3)
		fail_msg("%u of %d compile", good, SCRIPTS);
	for (size_t i = 0; sieve_extensions[i] != NULL; i++) {
		const struct sieve_command *c = sieve_extensions[i]->commands;
		const struct sieve_tag *t = sieve_extensions[i]->tags;

		for (; c != NULL && c->name != NULL; c++)
			if (!stands(buf_slice(&all), "", c->name))
				fail_msg("no script has %s", c->name);
		for (; t != NULL && t->name != NULL; t++)
			if (!stands(buf_slice(&all), ":", t->name))
				fail_msg("no script has :%s", t->name);
	}
	buf_free(&all);
}

static void the_same_seed_makes_the_same(void **state)
{
	struct buf one, two;

	(void)state;
	buf_init(&one, SCRIPT_MAX);
	buf_init(&two, SCRIPT_MAX);
	grammar_script(7, &one);
	grammar_script(7, &two);
	assert_true(one.n > 0 && slice_eq(buf_slice(&one), buf_slice(&two)));
	buf_free(&one);
	buf_free(&two);
}

static void changes_stay_within_their_bounds(void **state)
{
	static const char text[] = "require \"fileinto\";\nif true { keep; }\n\n%%\nSubject: x\n\nb";
	enum { MAX = 2000 };
	uint8_t data[MAX];
	unsigned grown = 0;

	(void)state;
	for (unsigned seed = 0; seed < 2000; seed++) {
		size_t n;

		memset(data, 'z', sizeof data);
		memcpy(data, text, sizeof text - 1);
		n = grammar_mutate(data, sizeof text - 1, MAX - 100, seed, "\n%%\n");
		assert_true(n <= MAX - 100 && data[MAX - 100] == 'z');
		grown += n > sizeof text;
		if (n > 0)
			assert_memory_equal(data + n - 17, "\n%%\nSubject: x\n\nb", 17);
	}
	assert_true(grown > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(most_compile_and_nothing_is_missing),
		cmocka_unit_test(the_same_seed_makes_the_same),
		cmocka_unit_test(changes_stay_within_their_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
