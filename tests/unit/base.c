/* The base layer: buffers, slices, encodings, files, clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"
#include "base/utf8.h"

static void buffer_stops_at_its_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	assert_int_equal(buf_add_str(&b, "abc"), 0);
	assert_int_equal(buf_add_str(&b, "de"), 0);
	assert_int_equal(buf_add_str(&b, "f"), -1);
	assert_true(buf_failed(&b));
	assert_int_equal(b.n, 5);
	assert_string_equal(buf_str(&b), "abcde");
	buf_clear(&b);
	assert_int_equal(buf_addf(&b, "%d", 12345), 0);
	buf_consume(&b, 2);
	assert_string_equal(buf_str(&b), "345");
	buf_free(&b);
}

static void numbers_are_strict(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int ret;
		uint64_t value;
	} rows[] = {
		{ "0", 10, 0, 0 },
		{ "007", 10, 0, 7 },
		{ "11", 10, -1, 0 },
		{ "", 10, -1, 0 },
		{ "+1", 10, -1, 0 },
		{ " 1", 10, -1, 0 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -1, 0 },
		{ "99999999999999999999", UINT64_MAX, -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t v = 0;

		assert_int_equal(slice_number(slice_str(rows[i].text), rows[i].max, &v), rows[i].ret);
		if (rows[i].ret == 0)
			assert_true(v == rows[i].value);
	}
}

static void base64_both_ways(void **state)
{
	/* RFC 4648, section 10, and texts that must not decode. */
	static const struct {
		const char *plain, *coded;
	} good[] = { { "", "" },	   { "f", "Zg==" },	    { "fo", "Zm8=" },	    { "foo", "Zm9v" },
		     { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
	static const char *const bad[] = { "Z", "Zg=", "Zg", "Zg==Zg==", "Z===", "Zh==", "Zm9=", "Zm 9v", "=AAA", "Zm9v\n" };
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		buf_clear(&b);
		assert_int_equal(base64_encode(slice_str(good[i].plain), &b), 0);
		assert_string_equal(buf_str(&b), good[i].coded);
		buf_clear(&b);
		assert_int_equal(base64_decode(slice_str(good[i].coded), &b), 0);
		assert_string_equal(buf_str(&b), good[i].plain);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		buf_clear(&b);
		assert_int_equal(base64_decode(slice_str(bad[i]), &b), -1);
	}
	buf_free(&b);
}

static void ids_are_their_own(void **state)
{
	enum { MANY = 1000 };
	static char ids[MANY + 1][RANDOM_ID_SIZE];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		timed_id(ids[i]);
		assert_true(random_id_like(slice_str(ids[i])));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(ids[k], ids[i]);
	}
	/* Those of later stand behind. */
	(void)usleep(100 * 1000);
	timed_id(ids[MANY]);
	for (int i = 0; i < MANY; i++)
		assert_true(strcmp(ids[i], ids[MANY]) < 0);
	random_id(ids[0]);
	random_id(ids[1]);
	assert_true(memcmp(ids[0], ids[1], 5) != 0);
}

static void utf8_refuses_what_rfc3629_refuses(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ "abc", true },	      { "\xc3\xa9", true },	    { "\xe2\x82\xac", true },
		{ "\xf0\x9f\x98\x80", true }, { "\xc0\xaf", false },	    { "\xe0\x80\xaf", false },
		{ "\xed\xa0\x80", false },    { "\xf4\x90\x80\x80", false }, { "\xc3", false },
		{ "\xff", false },	      { "a\x80", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(utf8_valid(slice_str(rows[i].text)), rows[i].ok);
	for (uint32_t cp = 0; cp <= 0x110000; cp++) {
		char out[4];
		size_t n = utf8_encode(cp, out);
		uint32_t back = 0;

		if (n == 0) {
			assert_true((cp >= 0xd800 && cp <= 0xdfff) || cp > 0x10ffff);
			continue;
		}
		assert_int_equal(utf8_decode(slice_of(out, n), &back), n);
		assert_int_equal(back, cp);
	}
}

static void dates_have_their_formats(void **state)
{
	char stamp[CLOCK_STAMP_SIZE], rfc[CLOCK_RFC5322_SIZE], imap[CLOCK_IMAP_SIZE];

	(void)state;
	setenv("TZ", "UTC0", 1);
	tzset();
	clock_stamp(1767323045678, stamp);
	assert_string_equal(stamp, "2026-01-02T03:04:05.678Z");
	clock_rfc5322(1767323045, rfc);
	assert_string_equal(rfc, "Fri, 02 Jan 2026 03:04:05 +0000");
	clock_imap(1767323045, imap);
	assert_string_equal(imap, " 2-Jan-2026 03:04:05 +0000");
	setenv("TZ", "XXX3:30", 1);
	tzset();
	clock_rfc5322(1767323045, rfc);
	assert_string_equal(rfc, "Thu, 01 Jan 2026 23:34:05 -0330");
	clock_imap(INT64_MAX, imap);
	assert_string_equal(imap, "31-Dec-9999 23:59:59 +0000");
}

static void files_are_replaced_whole(void **state)
{
	char dir[] = "/tmp/mailferry-base-XXXXXX";
	struct err e = { 0 };
	struct stat st;
	struct buf b;
	char *path;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = file_relative_to(dir, "ignored");
	free(path);
	path = calloc(1, 100);
	(void)snprintf(path, 100, "%s/file", dir);
	assert_int_equal(file_replace(path, 0600, "one", 3, &e), 0);
	assert_int_equal(file_replace(path, 0600, "two!", 4, &e), 0);
	buf_init(&b, 4);
	assert_int_equal(file_read(path, &b, &e), 0);
	assert_string_equal(buf_str(&b), "two!");
	buf_free(&b);
	buf_init(&b, 3);
	assert_int_equal(file_read(path, &b, &e), -1);
	assert_int_equal(e.class, ERR_LIMIT);
	buf_free(&b);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(file_replace(path, 0600, "x", 1, &e), -1);
	assert_non_null(strstr(e.text, "No such file"));
	free(path);
}

/* Nothing that a client says moves the cursor, hides, or turns the direction of what stands behind it. */
static void log_lines_are_what_they_seem(void **state)
{
	char line[5000] = "";
	int ends[2], old = dup(STDERR_FILENO);
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	log_info("x", LOG_STR("a", "\x1b[2J\n\x7f"), LOG_STR("b", "\xc2\x9b" "1m"), LOG_STR("c", "joe\xe2\x80\xaeolleh"),
		 LOG_STR("d", "\xe2\x81\xa6\xef\xbb\xbf\xd8\x9c"), LOG_STR("e", "j\xc3\xb6rg \"\\"), LOG_STR("f", "\xff"));
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	n = read(ends[0], line, sizeof line - 1);
	assert_true(n > 0);
	assert_non_null(strstr(line, " a=\"\\x1b[2J\\x0a\\x7f\" b=\"\\xc2\\x9b1m\" c=\"joe\\xe2\\x80\\xaeolleh\""
				     " d=\"\\xe2\\x81\\xa6\\xef\\xbb\\xbf\\xd8\\x9c\" e=\"j\xc3\xb6rg \\\"\\\\\""
				     " f=\"\\xff\"\n"));
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)close(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffer_stops_at_its_maximum),	  cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(base64_both_ways),		  cmocka_unit_test(utf8_refuses_what_rfc3629_refuses),
		cmocka_unit_test(dates_have_their_formats),	  cmocka_unit_test(files_are_replaced_whole),
		cmocka_unit_test(log_lines_are_what_they_seem),
		cmocka_unit_test(ids_are_their_own),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
