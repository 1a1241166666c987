/* The command line's own: back-off, texts for a terminal, spans of time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/backoff.h"
#include "cmd/text.h"

static void backoff_doubles_and_forgets(void **state)
{
	static const struct {
		int64_t lived, wait;
	} rows[] = {
		{ 0, 100 },   { 0, 200 },   { 59999, 400 }, { 0, 800 },	  { 0, 1600 },	  { 0, 3200 }, { 0, 6400 },
		{ 0, 12800 }, { 0, 25600 }, { 0, 30000 },   { 0, 30000 }, { 60000, 100 }, { 0, 200 },
	};
	struct backoff b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(backoff_next(&b, rows[i].lived), rows[i].wait);
}

static void text_is_harmless_on_a_terminal(void **state)
{
	static const struct {
		const char *in;
		size_t columns;
		const char *out;
		size_t width;
	} rows[] = {
		{ NULL, 0, "", 0 },
		{ "", 5, "", 0 },
		{ "plain", 0, "plain", 5 },
		{ "plain", 5, "plain", 5 },
		{ "plainer", 5, "plai\xe2\x80\xa6", 5 },
		{ "  two\r\n\twords ", 0, "two words", 9 },
		{ "\x1b[31mred\x07", 0, "?[31mred?", 9 },
		{ "\xff\xc3", 0, "??", 2 },
		{ "\xc3\xa4\xc3\xb6", 0, "\xc3\xa4\xc3\xb6", 2 },
		{ "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 5, "\xe6\x97\xa5\xe6\x9c\xac\xe2\x80\xa6", 5 },
		{ "a\xe2\x80\xae"
		  "b",
		  0, "a?b", 3 },
		{ "\xc2\x9b", 0, "?", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b;

		buf_init(&b, 1000);
		assert_int_equal(text_clean(&b, rows[i].in, rows[i].columns), rows[i].width);
		assert_string_equal(buf_str(&b), rows[i].out);
		buf_free(&b);
	}
}

static void spans_are_short(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ -5, "0s" },	     { 999, "0s" },	{ 119999, "119s" },	  { 120000, "2m" },
		{ 7199000, "119m" }, { 7200000, "2h" }, { 48LL * 3600000, "2d" }, { INT64_MAX, "106751991167d" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char out[TEXT_SPAN_SIZE];

		text_span(rows[i].ms, out);
		assert_string_equal(out, rows[i].text);
	}
}

static void bytes_become_utf8(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	text_utf8(&b, "a\xff\x01\xc3\xa4");
	assert_string_equal(buf_str(&b), "a\xef\xbf\xbd\x01\xc3\xa4");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backoff_doubles_and_forgets),
		cmocka_unit_test(text_is_harmless_on_a_terminal),
		cmocka_unit_test(spans_are_short),
		cmocka_unit_test(bytes_become_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
