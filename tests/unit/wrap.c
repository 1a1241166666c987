/* A message as the attachment of another: whatever is read of it, in whatever pieces, is the same, and holds it whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/mem.h"
#include "store/wrap.h"

static int read_from(void *arg, uint64_t at, char *p, size_t n, struct err *e)
{
	const struct buf *b = arg;

	(void)e;
	assert_true(at + n <= b->n);
	memcpy(p, b->p + at, n);
	return 0;
}

/* All of W, read in pieces of STEP octets. */
static char *read_all(const struct wrap *w, struct buf *original, size_t step)
{
	size_t size = (size_t)wrap_size(w), at = 0;
	char *all = mem_alloc(size + 1);
	struct err e;

	for (;;) {
		size_t most = step < size - at ? step : size - at;
		ssize_t n = wrap_read(w, at, all + at, most == 0 ? 1 : most, read_from, original, &e);

		assert_true(n >= 0);
		if (n == 0)
			break;
		at += (size_t)n;
	}
	assert_int_equal(at, size);
	return all;
}

/* The attachment in TEXT is ORIGINAL, and every line is one that no store can mind. */
static void check(const char *text, const struct buf *original)
{
	static const char head[] = "Content-Disposition: attachment; filename=\"message.eml\"\r\n\r\n";
	const char *at = strstr(text, head), *end;
	struct buf decoded, joined;
	size_t line = 0;

	for (const char *c = text; *c != '\0'; c++) {
		assert_true((*c >= ' ' && *c <= '~') || (*c == '\r' && c[1] == '\n') || (*c == '\n' && c[-1] == '\r'));
		line = *c == '\n' ? 0 : line + 1;
		assert_true(line < 999);
	}
	assert_non_null(at);
	at += sizeof head - 1;
	end = strstr(at, "\r\n--mailferry-d0123456789abcde--\r\n");
	assert_non_null(end);
	buf_init(&joined, 1 << 20);
	buf_init(&decoded, 1 << 20);
	for (; at < end; at++) {
		if (*at != '\r' && *at != '\n')
			(void)buf_add_char(&joined, *at);
	}
	assert_int_equal(base64_decode(buf_slice(&joined), &decoded), 0);
	assert_int_equal(decoded.n, original->n);
	assert_memory_equal(decoded.p, original->p, original->n);
	buf_free(&joined);
	buf_free(&decoded);
}

static struct wrap *wrap(struct buf *original)
{
	return wrap_new("Message contains \x01 bare newlines\xc3\xbc", buf_slice(original), original->n,
			"d0123456789abcde", 1790000000);
}

static void it_holds_the_original_whole(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 56, 57, 58, 113, 114, 115, 5000, 29183, 29184, 29185, 100000 };
	static const size_t steps[] = { 1, 7, 77, 78, 79, 4096, 65536, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct buf original;
		struct wrap *w;

		buf_init(&original, 1 << 20);
		for (size_t k = 0; k < sizes[i]; k++)
			(void)buf_add_char(&original, (char)(k * 31 + k / 251));
		w = wrap(&original);
		for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
			char *text;

			if (steps[k] == 1 && sizes[i] > 5000)
				continue;
			text = read_all(w, &original, steps[k]);
			check(text, &original);
			free(text);
		}
		wrap_free(&w);
		assert_null(w);
		buf_free(&original);
	}
}

static void its_fields_are_taken_over_where_they_do_no_harm(void **state)
{
	static const struct {
		const char *header, *holds, *not ;
	} rows[] = {
		{ "From: Scanner <scan@example.org>\r\nSubject: Page 1\r\nDate: Fri, 02 Jan 2026 03:04:05 +0000\r\n"
		  "Message-ID: <1@example.org>\r\n",
		  "From: Scanner <scan@example.org>\r\nDate: Fri, 02 Jan 2026 ", NULL },
		{ "Subject: Page 1\r\n", "Subject: Page 1\r\n", "Message-ID" },
		{ "Message-ID: <1@example.org>\r\n", "Message-ID: <1@example.org>\r\n", NULL },
		{ "Subject: Gr\xc3\xbc\xc3\x9f"
		  "e\r\n",
		  "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n", NULL },
		{ "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n", "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n", NULL },
		{ "Subject: \xff\xfe\r\n", "Subject: =?utf-8?b?", NULL },
		{ "From: Gr\xc3\xbc\xc3\x9f"
		  "e <a@example.org>\r\n",
		  "From: \"unknown sender\" <unknown@sender.invalid>\r\n", NULL },
		{ "From: a@example.org\r\n and a fold\r\n", "From: a@example.org and a fold\r\n", NULL },
		{ "no header at all", "Subject: (a message without a subject)\r\n", NULL },
		{ "", "    Message contains ? bare newlines??\r\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf original;
		struct wrap *w;
		char *text;

		buf_init(&original, 1 << 20);
		(void)buf_add_str(&original, rows[i].header);
		(void)buf_add_str(&original, "\r\nbody\r\n");
		w = wrap(&original);
		text = read_all(w, &original, 65536);
		check(text, &original);
		if (strstr(text, rows[i].holds) == NULL || (rows[i].not != NULL && strstr(text, rows[i].not ) != NULL))
			fail_msg("row %zu: %s", i, text);
		free(text);
		wrap_free(&w);
		buf_free(&original);
	}
}

static void long_fields_are_bounded(void **state)
{
	struct buf original;
	struct wrap *w;
	char *text;

	(void)state;
	buf_init(&original, 1 << 20);
	(void)buf_add_str(&original, "Subject: ");
	for (int i = 0; i < 30000; i++)
		(void)buf_add_str(&original, "\xc3\xbc");
	(void)buf_add_str(&original, "\r\nFrom: ");
	for (int i = 0; i < 30000; i++)
		(void)buf_add_char(&original, 'a');
	(void)buf_add_str(&original, "\r\n\r\n");
	w = wrap(&original);
	text = read_all(w, &original, 65536);
	check(text, &original);
	free(text);
	wrap_free(&w);
	buf_free(&original);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_holds_the_original_whole),
		cmocka_unit_test(its_fields_are_taken_over_where_they_do_no_harm),
		cmocka_unit_test(long_fields_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
