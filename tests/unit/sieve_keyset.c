/* Keys that are looked for at once: what comes out is what comparing them one by one gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sieve/automaton.h"
#include "sieve/keyset.h"
#include "sieve_tools.h"

static uint32_t seed;

static unsigned pick(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* Few letters, so that strings are often part of each other. */
static void add_word(struct buf *out, const char *letters, unsigned most)
{
	for (unsigned n = pick(most + 1); n > 0; n--)
		(void)buf_add_char(out, letters[pick((unsigned)strlen(letters))]);
}

static bool occurs(struct slice text, struct slice s)
{
	return s.n == 0 || (text.n >= s.n && memmem(text.p, text.n, s.p, s.n) != NULL);
}

static void check_text(const struct automaton *a, struct buf *words, const uint32_t *ids, size_t n, struct slice text)
{
	uint64_t held[4] = { 0 };
	uint32_t is = automaton_is(a, text), expected = AUTOMATON_NONE;

	automaton_held(a, text, held);
	for (size_t i = 0; i < n; i++) {
		struct slice s = buf_slice(&words[i]);

		assert_int_equal(held[ids[i] / 64] >> ids[i] % 64 & 1, occurs(text, s));
		if (slice_eq(s, text))
			expected = ids[i];
	}
	assert_int_equal(is, expected);
}

static void automata(void **state)
{
	enum { WORDS = 30, ROUNDS = 300, TEXTS = 20 };
	struct buf words[WORDS], text;
	uint32_t ids[WORDS];

	(void)state;
	buf_init(&text, 1000);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct automaton *a;
		size_t octets = 0;

		seed = round;
		for (size_t i = 0; i < WORDS; i++) {
			buf_init(&words[i], 100);
			add_word(&words[i], round % 2 == 0 ? "ab" : "abc\xff", 6);
			octets += words[i].n;
		}
		a = automaton_new(octets);
		for (size_t i = 0; i < WORDS; i++)
			ids[i] = automaton_add(a, buf_slice(&words[i]));
		automaton_finish(a);
		for (unsigned i = 0; i < TEXTS; i++) {
			buf_clear(&text);
			add_word(&text, "abc\xff", 40);
			check_text(a, words, ids, WORDS, buf_slice(&text));
		}
		for (size_t i = 0; i < WORDS; i++)
			buf_free(&words[i]);
		automaton_free(&a);
	}
	buf_free(&text);
}

static void empty(void **state)
{
	struct automaton *a = automaton_new(0);
	uint64_t held = 0;

	(void)state;
	automaton_finish(a);
	assert_int_equal(automaton_count(a), 0);
	assert_int_equal(automaton_is(a, SLICE_LIT("")), AUTOMATON_NONE);
	automaton_held(a, SLICE_LIT("abc"), &held);
	assert_int_equal(held, 0);
	automaton_free(&a);
}

static void add_keys(struct buf *script, const char *letters, unsigned most)
{
	unsigned n = 1 + pick(3);

	(void)buf_add_str(script, "[");
	for (unsigned i = 0; i < n; i++) {
		(void)buf_add_str(script, i > 0 ? ", \"" : "\"");
		add_word(script, letters, most);
		(void)buf_add_str(script, "\"");
	}
	(void)buf_add_str(script, "]");
}

static void add_test(struct buf *script)
{
	static const char *const types[] = { ":is", ":contains", ":matches", "" };
	static const char *const names[] = { "\"subject\"", "\"x\"", "[\"x\", \"subject\"]", "[\"from\", \"x\"]" };
	static const char *const parts[] = { ":all", ":localpart", ":domain", "" };
	static const char *const comparators[] = { "", ":comparator \"i;octet\"", ":comparator \"i;ascii-casemap\"" };
	static const char *const more[] = { "", "", ":index 1", ":index 1 :last" };

	if (pick(2) == 0) {
		(void)buf_addf(script, "header %s %s %s %s ", types[pick(4)], comparators[pick(3)], more[pick(4)],
			       names[pick(4)]);
		add_keys(script, "aAb*?", 5);
	} else {
		(void)buf_addf(script, "address %s %s %s \"from\" ", types[pick(4)], comparators[pick(3)], parts[pick(4)]);
		add_keys(script, "aAb@.*", 6);
	}
}

static void make_script(struct buf *script)
{
	static const char *const before[] = { "", "not ", "anyof (true, ", "allof (true, " };

	(void)buf_add_str(script, "require [\"fileinto\", \"variables\", \"index\"];\n");
	for (unsigned i = 0; i < 20; i++) {
		unsigned how = pick(4);

		(void)buf_addf(script, "%s %s", i > 0 && pick(3) == 0 ? "elsif" : "if", before[how]);
		add_test(script);
		(void)buf_addf(script, "%s { fileinto \"%u ${1}.\"; }\n", how > 1 ? ")" : "", i);
	}
}

static void make_message(struct buf *message)
{
	for (unsigned i = 0; i < 4; i++) {
		static const char *const names[] = { "Subject", "X", "From", "Subject" };

		if (pick(4) == 0)
			continue;
		(void)buf_addf(message, "%s: ", names[i]);
		for (unsigned n = 1 + pick(3); i == 2 && n > 0; n--) {
			add_word(message, "aAb", 3);
			(void)buf_add_str(message, "a@b.");
			add_word(message, "aAb", 3);
			(void)buf_add_str(message, n > 1 ? "a, " : "a");
		}
		if (i != 2)
			add_word(message, "aAb @", 12);
		(void)buf_add_str(message, "\n");
	}
	(void)buf_add_str(message, "\nbody\n");
}

static void scripts(void **state)
{
	enum { ROUNDS = 400 };

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct buf script, message;
		char *at_once, *one_by_one;

		seed = 7000 + round;
		buf_init(&script, 64 * 1024);
		buf_init(&message, 64 * 1024);
		make_script(&script);
		make_message(&message);
		keyset_force(true, false);
		at_once = sieve_tools_run(&(struct sieve_case){ .script = buf_str(&script), .message = buf_str(&message) });
		keyset_force(false, true);
		one_by_one = sieve_tools_run(&(struct sieve_case){ .script = buf_str(&script), .message = buf_str(&message) });
		keyset_force(false, false);
		if (strcmp(at_once, one_by_one) != 0 || strstr(at_once, "compile error") != NULL)
			fail_msg("round %u:\n%s\n%s\nat once:    %s\none by one: %s", round, buf_str(&script),
				 buf_str(&message), at_once, one_by_one);
		free(at_once);
		free(one_by_one);
		buf_free(&script);
		buf_free(&message);
	}
}

/* More keys than an automaton takes are compared one by one. */
static void too_many(void **state)
{
	struct buf script;
	char *plan;

	(void)state;
	buf_init(&script, SIEVE_SCRIPT_MAX);
	(void)buf_add_str(&script, "if header :contains \"subject\" [\"x\"");
	for (unsigned i = 0; i < 400; i++)
		(void)buf_addf(&script, ", \"%01000u\"", i);
	(void)buf_add_str(&script, ", \"hello\"] { discard; }");
	plan = sieve_tools_run(&(struct sieve_case){ .script = buf_str(&script), .message = "Subject: say hello\n\n" });
	assert_string_equal(plan, "discard");
	free(plan);
	buf_free(&script);
}

/* A sender may write so many fields and addresses that looking at each for each rule is more than a run may do. */
static void many_values(void **state)
{
	static const struct {
		const char *field, *last; /* of the message: NFIELDS of the first */
		unsigned nfields;
		const char *rule; /* its number for "#" */
		unsigned nrules;
		const char *plan;
	} rows[] = {
		{ "Subject: some words\n", "Subject: key05999", 4000, "header :contains \"subject\" \"key#\"", 6000, "fileinto 5999" },
		{ "Subject: some words\n", "Subject: none", 4000, "header :contains \"subject\" \"key#\"", 6000, "implicit" },
		{ "Subject: some words\n", "Subject: a key05999.", 4000, "header :matches \"subject\" \"*key#?\"", 6000,
		  "fileinto 5999" },
		{ "Subject: some words\n", "Subject: KEY05999", 4000, "header :is [\"x\", \"subject\"] \"key#\"", 6000,
		  "fileinto 5999" },
		{ "Subject: some words\n", "Subject: key00007", 4000, "header :index 2 :contains \"subject\" \"key#\"", 6000,
		  "implicit" },
		{ "Subject: some words\n", "Subject: key00007", 4000, "header :index 1 :last :is \"subject\" \"key#\"", 6000,
		  "fileinto 7" },
		{ "To: a@b.example\n", "To: key08999@b.example", 4000, "address :contains \"to\" \"key#@\"", 9000,
		  "fileinto 8999" },
		{ "To: a@b.example\n", "To: key08999@b.example", 4000, "address :localpart \"to\" \"key#\"", 9000,
		  "fileinto 8999" },
		{ "To: a@b.example\n", "To: x@key08999", 4000, "address :domain :matches \"to\" \"key#*\"", 9000,
		  "fileinto 8999" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf script, message;
		char *plan;

		buf_init(&script, SIEVE_SCRIPT_MAX);
		buf_init(&message, 1024 * 1024);
		(void)buf_add_str(&script, "require [\"fileinto\", \"index\"];\n");
		for (unsigned n = 0; n < rows[i].nrules; n++) {
			size_t at = strcspn(rows[i].rule, "#");

			(void)buf_addf(&script, "if %.*s%05u%s { fileinto \"%u\"; stop; }\n", (int)at, rows[i].rule, n,
				       rows[i].rule + at + 1, n);
		}
		for (unsigned n = 0; n < rows[i].nfields; n++)
			(void)buf_add_str(&message, rows[i].field);
		(void)buf_addf(&message, "%s\n\nbody\n", rows[i].last);
		plan = sieve_tools_run(&(struct sieve_case){ .script = buf_str(&script), .message = buf_str(&message) });
		if (strcmp(plan, rows[i].plan) != 0)
			fail_msg("row %zu gave %.300s", i, plan);
		free(plan);
		buf_free(&script);
		buf_free(&message);
	}
}

/* One field of a thousand addresses, which hold what the rules look for, but nothing that matches. */
static void many_found(void **state)
{
	struct buf script, message;
	char *plan;

	(void)state;
	buf_init(&script, SIEVE_SCRIPT_MAX);
	buf_init(&message, 1024 * 1024);
	(void)buf_add_str(&script, "require \"fileinto\";\n");
	for (unsigned n = 0; n < 9000; n++)
		(void)buf_addf(&script, "if address :matches \"to\" \"key%05u@?\" { discard; }\n", n);
	(void)buf_add_str(&script, "fileinto \"Ok\";\n");
	(void)buf_add_str(&message, "To: ");
	for (unsigned n = 0; n < 1000; n++)
		(void)buf_addf(&message, "key%05u@%03u.example,\n ", n, n);
	(void)buf_add_str(&message, "last@example.com\n\nbody\n");
	plan = sieve_tools_run(&(struct sieve_case){ .script = buf_str(&script), .message = buf_str(&message) });
	assert_string_equal(plan, "fileinto Ok");
	free(plan);
	buf_free(&script);
	buf_free(&message);
}

/* What was found in a header is forgotten when that changes. */
static void changed(void **state)
{
	static const struct sieve_case rows[] = {
		{ "require [\"editheader\", \"fileinto\"];"
		  "if header \"x\" \"new\" { fileinto \"1\"; } addheader \"X\" \"new\";"
		  "if header \"x\" \"new\" { fileinto \"2\"; } deleteheader \"X\";"
		  "if header \"x\" \"new\" { fileinto \"3\"; } if header \"x\" \"old\" { fileinto \"4\"; }",
		  .message = "X: old\n\n", .plan = "fileinto 2" },
		{ "require [\"editheader\", \"fileinto\"];"
		  "if address :contains \"to\" \"new\" { fileinto \"1\"; } addheader :last \"To\" \"new@x.example\";"
		  "if address :contains \"to\" \"new\" { fileinto \"2\"; }"
		  "if address :localpart :contains \"to\" \"x\" { fileinto \"3\"; }"
		  "if address :domain :contains \"to\" \"x\" { fileinto \"4\"; }",
		  .message = "To: old@y.org\n\n", .plan = "fileinto 2; fileinto 4" },
	};

	(void)state;
	keyset_force(true, false);
	sieve_tools_check(rows, sizeof rows / sizeof rows[0]);
	keyset_force(false, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(automata),
		cmocka_unit_test(empty),
		cmocka_unit_test(scripts),
		cmocka_unit_test(too_many),
		cmocka_unit_test(many_values),
		cmocka_unit_test(many_found),
		cmocka_unit_test(changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
