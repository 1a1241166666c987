/*
 * What a POP3 server says, taken apart. The first octet chooses: lines (as
 * replies, of LIST, of UIDL), or a body, which is fed cut at the places that the
 * second octet spaces, and held against a decoder of another make that looks at
 * one octet after the other.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "fetch/pop3_body.h"
#include "fetch/pop3_list.h"
#include "fetch/pop3_refusal.h"
#include "fetch/pop3_reply.h"
#include "fetch/source.h"
#include "intake/intake.h"
#include "net/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check(bool good)
{
	if (!good)
		abort();
}

/* ---- bodies ---- */

/* The same by the book, line by line. */
static int by_the_book(struct slice in, uint64_t announced, bool lf_ends, struct buf *out, size_t *used)
{
	bool bare = false;

	*used = 0;
	while (*used < in.n) {
		struct slice rest = slice_skip(in, *used), line;
		size_t lf = slice_find(rest, '\n');
		bool crlf = lf < rest.n && lf > 0 && rest.p[lf - 1] == '\r';

		line = slice_of(rest.p, lf < rest.n ? lf + 1 : rest.n);
		if (lf < rest.n && (slice_eq(line, SLICE_LIT(".\r\n")) || slice_eq(line, SLICE_LIT(".\n"))) &&
		    (!bare || (announced > 0 && out->n == announced))) {
			*used += line.n;
			return 1;
		}
		*used += line.n;
		/* A dot, or a dot and CR, may still become the end. */
		if (lf == rest.n && (slice_eq(line, SLICE_LIT(".")) || slice_eq(line, SLICE_LIT(".\r"))))
			return 0;
		if (line.p[0] == '.' && !bare)
			line = slice_skip(line, 1);
		(void)buf_add_slice(out, line);
		bare = !crlf && !lf_ends;
	}
	return 0;
}

static int gather(void *arg, struct slice bytes)
{
	check(bytes.n > 0 && bytes.n <= INTAKE_PIECE_MAX);
	return buf_add_slice(arg, bytes);
}

static void body(struct slice in, unsigned step, uint64_t announced, bool lf)
{
	struct buf got, want;
	struct pop3_body b;
	size_t at = 0, used = 0, want_used;
	int ret = 0, want_ret;

	buf_init(&got, in.n + 1);
	buf_init(&want, in.n + 1);
	pop3_body_begin(&b, announced, lf);
	while (ret == 0 && at < in.n) {
		size_t part = in.n - at < step ? in.n - at : step;

		ret = pop3_body_feed(&b, slice_of(in.p + at, part), &used, gather, &got);
		check(ret >= 0 && used <= part && (ret == 1 || used == part));
		at += used;
	}
	want_ret = by_the_book(in, announced, lf, &want, &want_used);
	check(ret == want_ret && at == want_used);
	check(slice_eq(buf_slice(&got), buf_slice(&want)));
	check(b.octets == got.n);
	(void)pop3_body_unended(&b);
	buf_free(&got);
	buf_free(&want);
}

/* ---- lines ---- */

static void reply(struct slice line)
{
	struct pop3_reply r;
	struct pop3_meaning m;

	pop3_reply_read(line, &r);
	check(strlen(r.text) <= POP3_TEXT_MAX && utf8_valid(slice_str(r.text)));
	check(strlen(r.code) <= POP3_CODE_MAX && ascii_only(slice_str(r.code)));
	check(r.status != POP3_CONTINUE || r.text[0] == '\0');
	for (const char *c = r.text; *c != '\0'; c++)
		check((unsigned char)*c >= ' ' && *c != 0x7f);
	m = pop3_mean(&r, true);
	check(m.class == ERR_CONFIG || m.class == ERR_TEMP);
	if (r.status == POP3_CONTINUE)
		check(pop3_challenge(line).n <= line.n);
	sasl_hide(r.text, "pencil");
	check(strstr(r.text, "pencil") == NULL);
}

static void lines(struct slice in)
{
	struct pop3_listing l = { 0 };
	uint32_t number;
	uint64_t size;
	size_t i = 0;

	buf_init(&l.names, POP3_NAMES_MAX);
	(void)buf_add_char(&l.names, '\0');
	for (struct slice rest = in; rest.n > 0; i++) {
		size_t end = slice_find(rest, '\n');
		struct slice line = slice_of(rest.p, end);

		reply(line);
		(void)pop3_read_stat(line, &l.stat);
		if (pop3_read_list(line, &number, &size) == 0) {
			check(number > 0 && size <= INT64_MAX);
			check(pop3_listing_add(&l, number, size) == 0);
		}
		rest = slice_skip(rest, end < rest.n ? end + 1 : end);
	}
	pop3_listing_sort(&l);
	i = 0;
	for (struct slice rest = in; rest.n > 0; i++) {
		size_t end = slice_find(rest, '\n');

		check(pop3_listing_name(&l, slice_of(rest.p, end), i) == 0);
		rest = slice_skip(rest, end < rest.n ? end + 1 : end);
	}
	pop3_listing_judge(&l, true);
	for (i = 0; i < l.n; i++) {
		const char *name = pop3_listing_name_of(&l, &l.all[i]);

		check(i == 0 || l.all[i - 1].number < l.all[i].number);
		check(strlen(name) <= SOURCE_NAME_MAX);
		for (; *name != '\0'; name++)
			check(*name >= ' ' && *name < 0x7f);
		check(pop3_listing_find(&l, l.all[i].number, 7) == &l.all[i]);
		check(!l.complete || l.all[i].number == i + 1);
	}
	pop3_listing_free(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of((const char *)p + 2, n - 2);

	if (n < 2)
		return 0;
	if (p[0] == 'l')
		lines(in);
	else
		body(in, p[1] % 16 + 1, p[0] % 32, (p[0] & 32) != 0);
	return 0;
}
