/* Header fields and bodies of our own: what is written comes back, in lines of the right length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "base/utf8.h"
#include "msg/compose.h"
#include "msg/header.h"
#include "msg/mime.h"

static void fields_are_sound(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"a",
		"word word word word word word word word word word word word word word word word word word",
		"\xc3\xa4",
		"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0"
		"\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
		"plain and caf\xc3\xa9 = _ ? \" ( ) < > @ , ; : . [ ] words and more words and more words and more "
		"words and more",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct buf out, back;
		struct slice rest;

		buf_init(&out, COMPOSE_MAX);
		buf_init(&back, COMPOSE_MAX);
		compose_text(&out, "Subject", slice_str(texts[i]));
		assert_true(ascii_only(buf_slice(&out)));
		assert_int_equal(header_decode(slice_of(out.p + 8, out.n - 8), &back), 0);
		if (!slice_eq(slice_trim(buf_slice(&back)), slice_trim(slice_str(texts[i]))))
			fail_msg("\"%s\" comes back as \"%s\"", texts[i], buf_str(&back));
		/* RFC 2047, 2: lines of 76 octets. */
		for (rest = buf_slice(&out); rest.n > 0; rest = slice_skip(rest, slice_find(rest, '\n') + 1))
			assert_true(slice_find(rest, '\r') <= 78);
		buf_free(&out);
		buf_free(&back);
	}
}

static void long_words_are_cut_to_lines(void **state)
{
	char text[5000];
	struct buf out;

	(void)state;
	memset(text, 'a', sizeof text);
	buf_init(&out, COMPOSE_MAX);
	compose_text(&out, "Subject", slice_of(text, sizeof text));
	assert_true(out.n < COMPOSE_TEXT_MAX * 2);
	for (struct slice rest = buf_slice(&out); rest.n > 0; rest = slice_skip(rest, slice_find(rest, '\n') + 1))
		assert_true(slice_find(rest, '\n') < 900);
	buf_free(&out);
}

static void bodies_come_back(void **state)
{
	char blanks[300], any[256];
	struct slice texts[] = { SLICE_LIT(""),	     SLICE_LIT("a"),	 SLICE_LIT("a\r\n"), SLICE_LIT("a \r\n"),
				 SLICE_LIT("=\n"),   SLICE_LIT("\t\n."), SLICE_LIT("a\rb"),  { blanks, sizeof blanks },
				 { any, sizeof any } };

	(void)state;
	memset(blanks, ' ', sizeof blanks);
	for (size_t i = 0; i < sizeof any; i++)
		any[i] = i == '\r' || i == '\n' || i >= 0x80 ? 'x' : (char)i;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct buf out, back;
		struct mime m;
		struct slice want = texts[i];

		buf_init(&out, COMPOSE_MAX);
		buf_init(&back, COMPOSE_MAX);
		compose_body(&out, texts[i]);
		assert_true(ascii_only(buf_slice(&out)));
		mime_parse(&m, buf_slice(&out));
		assert_int_equal(mime_part_decode(&m.parts[0], &back), 0);
		while (want.n > 0 && (want.p[want.n - 1] == '\n' || want.p[want.n - 1] == '\r'))
			want.n--;
		if (i != 5 && i != 6)
			assert_true(back.n == want.n + (texts[i].n > 0 ? 2 : 0) && memcmp(back.p, want.p, want.n) == 0);
		mime_free(&m);
		buf_free(&out);
		buf_free(&back);
	}
}

/* Names become words on lines of their own where they are long, also behind the name of the field. */
static void names_are_sound(void **state)
{
	static const char *const names[] = {
		"Anna",
		"J\xc3\xb6rg",
		"a \"b\" (c) d",
		"\xc3\xa4 \xc3\xb6 \xc3\xbc a name of many words, none of which is encoded alone \xc3\x9f",
		"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0"
		"\x9f\x98\x80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct buf list, out, back;
		bool foreign = false;

		buf_init(&list, COMPOSE_MAX);
		buf_init(&out, COMPOSE_MAX);
		buf_init(&back, COMPOSE_MAX);
		for (size_t k = 0; k < 2; k++) {
			(void)buf_add_str(&list, k == 0 ? "\"" : ", \"");
			for (const char *c = names[i]; *c != '\0'; c++)
				(void)buf_addf(&list, *c == '"' ? "\\%c" : "%c", *c);
			(void)buf_add_str(&list, "\" <a@example.net>");
		}
		assert_int_equal(compose_mailboxes(&out, "Reply-To", buf_slice(&list), &foreign), 0);
		assert_true(ascii_only(buf_slice(&out)) && !foreign);
		for (struct slice rest = buf_slice(&out); rest.n > 0;
		     rest = slice_skip(rest, slice_find(rest, '\n') + 1))
			if (slice_find(rest, '\r') > 76)
				fail_msg("a long line in %s", buf_str(&out));
		assert_int_equal(header_decode(slice_of(out.p + 9, out.n - 9), &back), 0);
		if (ascii_only(slice_str(names[i])) == false && strstr(buf_str(&back), names[i]) == NULL)
			fail_msg("\"%s\" comes back as \"%s\"", names[i], buf_str(&back));
		buf_free(&list);
		buf_free(&out);
		buf_free(&back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_sound),
		cmocka_unit_test(long_words_are_cut_to_lines),
		cmocka_unit_test(names_are_sound),
		cmocka_unit_test(bodies_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
