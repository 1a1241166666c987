#include "sieve/diag.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "sieve/excerpt.h"

static bool same_place(struct pos a, struct pos b)
{
	return a.line == b.line && a.column == b.column;
}

void diag_add(struct diag *d, struct pos at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_vadd(d, at, fmt, ap);
	va_end(ap);
}

void diag_vadd(struct diag *d, struct pos at, const char *fmt, va_list ap)
{
	unsigned i;

	for (i = 0; i < d->n; i++)
		if (same_place(d->all[i].pos, at))
			return;
	if (diag_full(d)) {
		d->more += !same_place(d->last, at);
		d->last = at;
		return;
	}
	/* Parser and checker come by at different times: keep the list in order. */
	for (i = d->n; i > 0; i--) {
		struct pos before = d->all[i - 1].pos;

		if (before.line < at.line || (before.line == at.line && before.column < at.column))
			break;
		d->all[i] = d->all[i - 1];
	}
	d->n++;
	d->all[i].pos = at;
	(void)vsnprintf(d->all[i].text, DIAG_TEXT_MAX, fmt, ap);
	/* It may quote what the script has decoded. */
	for (char *c = d->all[i].text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

void diag_write(const struct diag *d, const char *name, const struct slice *script, struct buf *out)
{
	const char *level = d->warnings ? "warning" : "error";

	for (unsigned i = 0; i < d->n; i++) {
		(void)buf_addf(out, "%s:%u:%u: %s: %s\n", name, d->all[i].pos.line, d->all[i].pos.column, level,
			       d->all[i].text);
		if (script != NULL)
			excerpt_write(*script, d->all[i].pos, out);
	}
	if (d->more > 0)
		(void)buf_addf(out, "%s: and %lu more %s%s\n", name, d->more, level, d->more == 1 ? "" : "s");
}

const char *diag_word(struct slice word)
{
	enum { WORD_MAX = 60, WORDS = 4 };
	static char words[WORDS][WORD_MAX + 8];
	static unsigned next;
	char *out = words[next++ % WORDS];
	size_t n = 0;

	out[n++] = '"';
	while (word.n > 0 && n < WORD_MAX) {
		uint32_t cp = 0;
		size_t len = utf8_decode(word, &cp);

		if (len == 0 || utf8_hidden(cp)) {
			out[n++] = '?';
			len += len == 0;
		} else {
			memcpy(out + n, word.p, len);
			n += len;
		}
		word = slice_of(word.p + len, word.n - len);
	}
	if (word.n > 0) {
		memcpy(out + n, "…", sizeof "…" - 1);
		n += sizeof "…" - 1;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}
