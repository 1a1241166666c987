#include "msg/encoded_word.h"

#include "msg/charset.h"
#include "msg/transfer.h"

enum { CHARSET_MAX = 64 }; /* of charset and language together */

size_t encoded_word_parse(struct slice s, struct encoded_word *w)
{
	size_t n, end, room;

	if (s.n < 8 || s.p[0] != '=' || s.p[1] != '?')
		return 0;
	room = s.n - 2 < CHARSET_MAX ? s.n - 2 : (size_t)CHARSET_MAX;
	n = slice_find(slice_of(s.p + 2, room), '?');
	if (n == 0 || n == room)
		return 0;
	w->charset = slice_of(s.p + 2, n);
	w->charset.n = slice_find(w->charset, '*');
	n += 3;
	if (s.n - n < 4 || s.p[n + 1] != '?')
		return 0;
	w->encoding = ascii_lower(s.p[n]);
	if (w->encoding != 'b' && w->encoding != 'q')
		return 0;
	n += 2;
	end = n + slice_find(slice_skip(s, n), '?');
	if (s.n - end < 2 || s.p[end + 1] != '=')
		return 0;
	w->text = slice_of(s.p + n, end - n);
	return end + 2;
}

static int decode_q(struct slice in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i] == '_' ? ' ' : in.p[i];

		if (c == '=' && in.n - i > 2 && ascii_hex(in.p[i + 1]) >= 0 && ascii_hex(in.p[i + 2]) >= 0) {
			c = (char)(ascii_hex(in.p[i + 1]) << 4 | ascii_hex(in.p[i + 2]));
			i += 2;
		}
		if (buf_add_char(out, c) != 0)
			return -1;
	}
	return 0;
}

/* Adds the bytes of W, still in its charset. -1, and OUT as it was, when it is no word after all. */
static int decode_bytes(const struct encoded_word *w, struct buf *out)
{
	struct transfer t;
	size_t before = out->n;
	bool ok;

	if (w->encoding == 'q')
		return decode_q(w->text, out);
	transfer_init(&t, TRANSFER_BASE64);
	ok = transfer_feed(&t, w->text, out) == 0 && !t.odd && transfer_finish(&t, out) == 0;
	transfer_free(&t);
	if (!ok)
		buf_truncate(out, before);
	return ok ? 0 : -1;
}

static bool all_blank(struct slice s)
{
	return slice_trim(s).n == 0;
}

static int flush_run(const struct charset *c, struct buf *run, struct buf *out)
{
	int r = c == NULL ? 0 : charset_to_utf8(c, buf_slice(run), out);

	buf_clear(run);
	return r;
}

int encoded_words_decode(struct slice text, struct buf *out)
{
	const struct charset *open = NULL; /* of the words in RUN, not yet converted; NULL: none */
	size_t at = 0, done = 0;	   /* all before DONE is in OUT or in RUN */
	struct buf run;
	int r = 0;

	buf_init(&run, text.n);
	while (r == 0 && (at += slice_find(slice_skip(text, at), '=')) < text.n) {
		struct slice between = slice_of(text.p + done, at - done);
		const struct charset *c;
		struct encoded_word w;
		size_t n = encoded_word_parse(slice_skip(text, at), &w), kept = run.n;

		if (n == 0 || (c = charset_find(w.charset)) == NULL || decode_bytes(&w, &run) != 0) {
			at++;
			continue;
		}
		if (open != c || !all_blank(between)) {
			/* The word's bytes stand behind those of the run that ends here. */
			if (open != NULL)
				r = charset_to_utf8(open, slice_of(run.p, kept), out);
			if (r == 0 && (open == NULL || !all_blank(between)))
				r = charset_repair_utf8(between, out);
			buf_consume(&run, kept);
		}
		open = c;
		at += n;
		done = at;
	}
	if (r == 0)
		r = flush_run(open, &run, out);
	if (r == 0)
		r = charset_repair_utf8(slice_skip(text, done), out);
	buf_free(&run);
	return r;
}
