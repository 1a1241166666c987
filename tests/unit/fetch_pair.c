/* Pairing as a multiset, and heads that stay the same whatever servers write into them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/head.h"
#include "fetch/pair.h"

/* Ends as text: a letter is the key, a digit behind it the size, `!' behind that: exact. */
static size_t ends_of(const char *text, struct pair_end *out)
{
	size_t n = 0;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c == ' ')
			continue;
		out[n] = (struct pair_end){ slice_of(c, 1), (uint64_t)(c[1] - '0'), (uint32_t)n, c[2] == '!', 0 };
		n++;
		c += c[2] == '!' ? 2 : 1;
	}
	return n;
}

static const struct {
	const char *a, *b;
	const char *joined; /* for each of A: the index in B, or - */
} pairs[] = {
	{ "", "", "" },
	{ "a1", "", "-" },
	{ "a1", "a1", "0" },
	{ "a1 b1", "b1 a1", "10" },
	{ "a1", "a2", "0" },
	{ "a1!", "a2", "-" },
	{ "a1 a2", "a2", "-0" },
	{ "a1 a2", "a2 a1", "10" },
	{ "a1 a1 a1", "a1 a1", "01-" },
	{ "a1 a1", "a1 a1 a1", "01" },
	{ "a5 a1", "a1 a7", "10" },
	{ "a1! a2", "a3 a3", "-0" },
	{ "b1 a1 c1", "c1 c1 a1", "-20" },
};

static void pairs_by_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct pair_end a[16], b[16];
		const size_t n = ends_of(pairs[i].a, a), m = ends_of(pairs[i].b, b);
		char got[17] = "";

		pair_up(a, n, b, m);
		for (size_t k = 0; k < n; k++)
			got[a[k].index] = a[k].with == PAIR_NONE ? '-' : (char)('0' + a[k].with);
		if (strcmp(got, pairs[i].joined) != 0)
			fail_msg("%s with %s: %s instead of %s", pairs[i].a, pairs[i].b, got, pairs[i].joined);
	}
}

/* Whatever comes, as many are joined as can be, none twice, and equal sizes first. */
static void pairs_are_sound(void **state)
{
	unsigned dice = 1;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct pair_end a[12], b[12];
		size_t count[2][3][3] = { 0 }, n[2], joined = 0, equal = 0, most = 0, most_equal = 0;
		bool seen[12] = { false };

		for (unsigned side = 0; side < 2; side++) {
			dice = dice * 1103515245U + 12345;
			n[side] = dice >> 16 & 7;
			for (size_t i = 0; i < n[side]; i++) {
				const unsigned key = (dice = dice * 1103515245U + 12345) >> 16 & 1, size = dice >> 20 & 1;

				(side == 0 ? a : b)[i] =
				    (struct pair_end){ slice_of("xy" + key, 1), size, (uint32_t)i, false, 0 };
				count[side][key][size]++;
			}
		}
		pair_up(a, n[0], b, n[1]);
		for (size_t i = 0; i < n[0]; i++) {
			if (a[i].with == PAIR_NONE)
				continue;
			assert_false(seen[a[i].with]);
			seen[a[i].with] = true;
			joined++;
			for (size_t k = 0; k < n[1]; k++)
				if (b[k].index == a[i].with) {
					assert_true(slice_eq(a[i].key, b[k].key));
					assert_int_equal(b[k].with, a[i].index);
					equal += a[i].size == b[k].size;
				}
		}
		for (unsigned key = 0; key < 2; key++) {
			size_t of_a = count[0][key][0] + count[0][key][1], of_b = count[1][key][0] + count[1][key][1];

			most += of_a < of_b ? of_a : of_b;
			for (unsigned size = 0; size < 2; size++)
				most_equal += count[0][key][size] < count[1][key][size] ? count[0][key][size]
											 : count[1][key][size];
		}
		assert_int_equal(joined, most);
		assert_int_equal(equal, most_equal);
	}
}

#define HEAD "From: a@example.org\r\nSubject: one\r\n two\r\nMessage-ID: <1@x>\r\n"
static const struct {
	const char *name, *a, *b;
	bool same;
} heads[] = {
	{ "with and without the empty line", HEAD "\r\n", HEAD, true },
	{ "line ends", HEAD "\r\n", "From: a@example.org\nSubject: one\n two\nMessage-ID: <1@x>\n\n", true },
	{ "status lines", HEAD, "Status: RO\r\nX-UIDL: 1\r\n" HEAD "x-keywords: a\r\nCONTENT-LENGTH: 5\r\nLines: 1\r\n\r\n", true },
	{ "a status line with a fold", HEAD, HEAD "X-IMAP: 1\r\n 2 3\r\n\r\n", true },
	{ "an mbox's line", HEAD, "From a@example.org Thu Jan  1 00:00:00 2026\r\n" HEAD, true },
	{ "the white space of folds", HEAD, "From: a@example.org\r\nSubject:  one \r\n\ttwo\r\nMessage-ID: <1@x>\r\n", true },
	{ "names in capitals", HEAD, "FROM: a@example.org\r\nSubject: one\r\n two\r\nMessage-ID: <1@x>\r\n", true },
	{ "a body does not count", HEAD "\r\n", HEAD "\r\nbody", true },
	{ "another field", HEAD, HEAD "X: 1\r\n", false },
	{ "another order", "A: 1\r\nB: 2\r\n", "B: 2\r\nA: 1\r\n", false },
	{ "a field is no fold", "A: 1\r\n B: 2\r\n", "A: 1\r\nB: 2\r\n", false },
	{ "name and value", "Ab: c\r\n", "A: bc\r\n", false },
	{ "capitals of a value", "A: b\r\n", "A: B\r\n", false },
	{ "an empty value", "A: b\r\n", "A:\r\n", false },
};

static void heads_are_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct head a, b;

		head_read(slice_str(heads[i].a), &a);
		head_read(slice_str(heads[i].b), &b);
		assert_true(head_is_known(a.hash));
		if ((memcmp(a.hash, b.hash, sizeof a.hash) == 0) != heads[i].same)
			fail_msg("%s", heads[i].name);
	}
}

static void heads_say_more(void **state)
{
	struct head h;

	(void)state;
	head_read(SLICE_LIT(HEAD "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\n"), &h);
	assert_true(h.named);
	assert_int_equal(h.date_ms, 1767225600000);
	head_read(SLICE_LIT("Message-ID: <>\r\nDate: soon\r\n"), &h);
	assert_false(h.named);
	assert_int_equal(h.date_ms, 0);
	head_read(SLICE_NONE, &h);
	assert_true(head_is_known(h.hash));
}

static const struct {
	const char *message;
	size_t head;
} gathered[] = {
	{ "A: 1\r\n\r\nbody\r\n\r\n", 8 }, { "A: 1\n\nbody", 6 },	   { "\r\nbody", 2 }, { "\nbody", 1 },
	{ "A: 1\r\n\nbody", 7 },	     { "A: 1\r\nB: 2\r\n", 12 }, { "A: 1\r\n\r\r\n\r\nx", 11 },
};

static void gathers_from_any_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof gathered / sizeof gathered[0]; i++)
		for (size_t step = 1; step < 12; step++) {
			const struct slice all = slice_str(gathered[i].message);
			struct head_gather g;
			size_t left = 0;

			head_gather_init(&g);
			for (size_t at = 0; at < all.n; at += step) {
				struct slice piece = slice_of(all.p + at, all.n - at < step ? all.n - at : step);

				assert_int_equal(head_gather_add(&g, &piece), 0);
				assert_true(g.done || piece.n == 0);
				left += piece.n;
			}
			if (g.block.n != gathered[i].head || g.block.n + left != all.n)
				fail_msg("row %zu in pieces of %zu: %zu", i, step, g.block.n);
			head_gather_free(&g);
		}
}

/* One without end is not waited for. */
static void gathers_no_more_than_a_header_may_have(void **state)
{
	static char line[1000];
	struct head_gather g;
	size_t n = 0;

	(void)state;
	memset(line, 'x', sizeof line);
	line[998] = '\r';
	line[999] = '\n';
	head_gather_init(&g);
	while (!g.done && n < 10000000) {
		struct slice piece = slice_of(line, sizeof line);

		assert_int_equal(head_gather_add(&g, &piece), 0);
		n += sizeof line;
	}
	assert_true(g.done && n < HEADER_MAX_BYTES + 2000);
	head_gather_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_by_table),
		cmocka_unit_test(pairs_are_sound),
		cmocka_unit_test(heads_are_the_same),
		cmocka_unit_test(heads_say_more),
		cmocka_unit_test(gathers_from_any_pieces),
		cmocka_unit_test(gathers_no_more_than_a_header_may_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
