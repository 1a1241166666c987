/* The end of a message and its dots: every case also cut at every byte, and checked against a plain slow reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "smtp/data.h"

static int collect(void *arg, struct slice piece)
{
	return buf_add_slice(arg, piece);
}

struct result {
	enum smtp_data_end end;
	size_t used;
	bool nul;
};

static struct result run(struct slice in, bool normalise, size_t first, size_t piece, struct buf *out)
{
	struct result r = { SMTP_DATA_MORE, 0, false };
	struct smtp_data d;

	buf_clear(out);
	smtp_data_init(&d, normalise);
	while (r.used < in.n && r.end == SMTP_DATA_MORE) {
		size_t n = r.used == 0 && first > 0 ? first : piece, used;

		if (n > in.n - r.used)
			n = in.n - r.used;
		r.end = smtp_data_feed(&d, slice_of(in.p + r.used, n), collect, out, &used);
		assert_true(used <= n && (used == n || r.end != SMTP_DATA_MORE));
		r.used += used;
	}
	r.nul = d.nul;
	return r;
}

struct row {
	struct slice in;
	enum smtp_data_end strict, lax; /* where bare line ends are refused, and where they are normalised */
	struct slice out;		/* the content, where it came to an end */
	size_t rest;			/* octets behind the end */
};
#define IN(s) SLICE_LIT(s)
#define NONE  SLICE_NONE

static const struct row rows[] = {
	{ IN(".\r\n"), SMTP_DATA_DONE, SMTP_DATA_DONE, NONE, 0 },
	{ IN("a\r\n.\r\n"), SMTP_DATA_DONE, SMTP_DATA_DONE, IN("a\r\n"), 0 },
	{ IN("a\r\n.\r\nMAIL"), SMTP_DATA_DONE, SMTP_DATA_DONE, IN("a\r\n"), 4 },
	{ IN("\r\n\r\n.\r\n"), SMTP_DATA_DONE, SMTP_DATA_DONE, IN("\r\n\r\n"), 0 },
	{ IN("..\r\n.\r\n"), SMTP_DATA_DONE, SMTP_DATA_DONE, IN(".\r\n"), 0 },
	{ IN(".a\r\n...\r\nx.\r\n.\r\n"), SMTP_DATA_DONE, SMTP_DATA_DONE, IN("a\r\n..\r\nx.\r\n"), 0 },
	{ IN("a\0b\r\n.\r\n"), SMTP_DATA_DONE, SMTP_DATA_DONE, IN("a\0b\r\n"), 0 },
	{ IN("a\r\n.\r\n\0"), SMTP_DATA_DONE, SMTP_DATA_DONE, IN("a\r\n"), 1 },
	{ IN("a\r\n."), SMTP_DATA_MORE, SMTP_DATA_MORE, NONE, 0 },
	{ IN("a\r\n.\r"), SMTP_DATA_MORE, SMTP_DATA_MORE, NONE, 0 },
	{ IN("a.\r\n"), SMTP_DATA_MORE, SMTP_DATA_MORE, NONE, 0 },
	/* none of these ends a message; a real end follows for the lax reader */
	{ IN("a\n.\nb\r\n.\r\n"), SMTP_DATA_BARE, SMTP_DATA_DONE, IN("a\r\n.\r\nb\r\n"), 0 },
	{ IN("a\n.\r\nb\r\n.\r\n"), SMTP_DATA_BARE, SMTP_DATA_DONE, IN("a\r\n.\r\nb\r\n"), 0 },
	{ IN("a\r\n.\nb\r\n.\r\n"), SMTP_DATA_BARE, SMTP_DATA_DONE, IN("a\r\n.\r\nb\r\n"), 0 },
	{ IN("a\r.\rb\r\n.\r\n"), SMTP_DATA_BARE, SMTP_DATA_DONE, IN("a\r\n.\r\nb\r\n"), 0 },
	{ IN("a\r.\r\nb\r\n.\r\n"), SMTP_DATA_BARE, SMTP_DATA_DONE, IN("a\r\n.\r\nb\r\n"), 0 },
	{ IN("a\n.\rb\r\n.\r\n"), SMTP_DATA_BARE, SMTP_DATA_DONE, IN("a\r\n.\r\nb\r\n"), 0 },
	{ IN("a\r.\nb\r\n.\r\n"), SMTP_DATA_BARE, SMTP_DATA_DONE, IN("a\r\n.\r\nb\r\n"), 0 },
	{ IN("a\r\n.\r\r\nb\r\n.\r\n"), SMTP_DATA_BARE, SMTP_DATA_DONE, IN("a\r\n.\r\nb\r\n"), 0 },
	{ IN("a\r\r\n.\r\r\nb\r\n.\r\n"), SMTP_DATA_BARE, SMTP_DATA_DONE, IN("a\r\n.\r\nb\r\n"), 0 },
	{ IN("a\r\n\0.\r\nb\r\n.\r\n"), SMTP_DATA_DONE, SMTP_DATA_DONE, IN("a\r\n\0.\r\nb\r\n"), 0 },
	/* dots behind line ends that are none: only a twin goes */
	{ IN("a\n..b\n.c\r\n.\r\n"), SMTP_DATA_BARE, SMTP_DATA_DONE, IN("a\r\n.b\r\n.c\r\n"), 0 },
	{ IN("a\n\nb\r\r\nc\r\n.\r\n"), SMTP_DATA_BARE, SMTP_DATA_DONE, IN("a\r\n\r\nb\r\nc\r\n"), 0 },
	{ IN("\n.\r\n.\r\n"), SMTP_DATA_BARE, SMTP_DATA_DONE, IN("\r\n.\r\n"), 0 },
};

static void rows_end_where_they_should(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100000);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (int lax = 0; lax < 2; lax++) {
			const struct row *row = &rows[i];
			enum smtp_data_end expected = lax ? row->lax : row->strict;

			for (size_t cut = 0; cut <= row->in.n; cut++) {
				struct result r = run(row->in, lax, cut, cut == 0 ? 1 : SIZE_MAX, &out);

				if (r.end != expected)
					print_error("row %zu, %s, cut at %zu\n", i, lax ? "lax" : "strict", cut);
				assert_int_equal(r.end, expected);
				if (expected != SMTP_DATA_DONE)
					continue;
				assert_true(slice_eq(buf_slice(&out), row->out));
				assert_int_equal(row->in.n - r.used, row->rest);
				assert_int_equal(r.nul,
						 memchr(row->out.p == NULL ? "x" : row->out.p, 0, row->out.n) != NULL);
			}
		}
	}
	buf_free(&out);
}

/* All strings of up to eight of the bytes that matter: however they are cut, the outcome is the same; only CR LF . CR
 * LF ends; and what is handed on holds no bare line end. */
static void all_short_strings_agree(void **state)
{
	static const char alphabet[] = { '\r', '\n', '.', 'x' };
	struct buf whole, parts;

	(void)state;
	buf_init(&whole, 1000);
	buf_init(&parts, 1000);
	for (unsigned n = 1; n <= 8; n++) {
		for (unsigned v = 0; v < 1u << (2 * n); v++) {
			char text[10] = "\r\n", *in = text + 2;
			const char *end;

			for (unsigned i = 0; i < n; i++)
				in[i] = alphabet[v >> (2 * i) & 3];
			end = memmem(text, n + 2, "\r\n.\r\n", 5);
			for (int lax = 0; lax < 2; lax++) {
				struct result a = run(slice_of(in, n), lax, 0, SIZE_MAX, &whole);
				struct result b = run(slice_of(in, n), lax, 0, 1, &parts);

				assert_int_equal(a.end, b.end);
				assert_int_equal(a.used, b.used);
				assert_true(slice_eq(buf_slice(&whole), buf_slice(&parts)));
				if (a.end == SMTP_DATA_DONE)
					assert_true(end != NULL && in + a.used == end + 5);
				else if (a.end == SMTP_DATA_MORE)
					assert_null(end);
				for (size_t i = 0; i < whole.n; i++) {
					if (whole.p[i] == '\n')
						assert_true(i > 0 && whole.p[i - 1] == '\r');
					if (whole.p[i] == '\r')
						assert_true(i + 1 < whole.n && whole.p[i + 1] == '\n');
				}
			}
		}
	}
	buf_free(&whole);
	buf_free(&parts);
}

static int stop(void *arg, struct slice piece)
{
	(void)buf_add_slice(arg, piece);
	return -1;
}

/* A sink that stops after each piece loses nothing. */
static void stopping_loses_nothing(void **state)
{
	const struct slice in = SLICE_LIT("a\r\n..b\r\n\r\nlong text\r\n.\r\n");
	struct smtp_data d;
	struct buf out;
	size_t at = 0, used;
	enum smtp_data_end end = SMTP_DATA_STOP;

	(void)state;
	buf_init(&out, 1000);
	smtp_data_init(&d, false);
	while (end == SMTP_DATA_STOP) {
		end = smtp_data_feed(&d, slice_of(in.p + at, in.n - at), stop, &out, &used);
		at += used;
	}
	assert_int_equal(end, SMTP_DATA_DONE);
	assert_true(slice_eq(buf_slice(&out), SLICE_LIT("a\r\n.b\r\n\r\nlong text\r\n")));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_end_where_they_should),
		cmocka_unit_test(all_short_strings_agree),
		cmocka_unit_test(stopping_loses_nothing),
	};

	return cmocka_run_group_tests_name("smtp_data", tests, NULL, NULL);
}
