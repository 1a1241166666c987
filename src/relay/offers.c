#include "relay/offers.h"

#include <stdio.h>

#include "net/sasl.h"

static const struct {
	const char *name;
	unsigned bit;
} rows[] = {
	{ "PIPELINING", OFFERS_PIPELINING }, { "8BITMIME", OFFERS_8BITMIME }, { "SMTPUTF8", OFFERS_SMTPUTF8 },
	{ "DSN", OFFERS_DSN },		     { "STARTTLS", OFFERS_STARTTLS }, { "SIZE", OFFERS_SIZE },
	{ "AUTH", OFFERS_AUTH },	     { "DELIVERBY", OFFERS_DELIVERBY },
};

/* The next word of *REST; empty at the end. */
static struct slice word_next(struct slice *rest)
{
	struct slice word;

	*rest = slice_trim(*rest);
	word = slice_of(rest->p, slice_find(*rest, ' '));
	*rest = slice_skip(*rest, word.n);
	return word;
}

static void mechanisms_take(struct offers *o, struct slice rest)
{
	struct slice word;

	while ((word = word_next(&rest)).n > 0) {
		size_t n = strlen(o->mechanisms);

		o->sasl |= sasl_offered(word);
		if (ascii_is_alpha(word.p[0]) && word.n < 40 && n + word.n + 2 < sizeof o->mechanisms) {
			for (size_t i = 0; i < word.n; i++)
				if (word.p[i] <= ' ' || word.p[i] >= 0x7f)
					return;
			(void)snprintf(o->mechanisms + n, sizeof o->mechanisms - n, "%s%.*s", n > 0 ? " " : "",
				       (int)word.n, word.p);
		}
	}
}

/* RFC 9422, 4 */
static void limits_take(struct offers *o, struct slice rest)
{
	struct slice word;
	uint64_t n;

	while ((word = word_next(&rest)).n > 0) {
		struct slice name = slice_of(word.p, slice_find(word, '='));

		if (name.n == word.n || slice_number(slice_skip(word, name.n + 1), 1000000, &n) != 0 || n == 0)
			continue;
		if (slice_eq_nocase(name, SLICE_LIT("RCPTMAX")))
			o->recipients = (unsigned)n;
		else if (slice_eq_nocase(name, SLICE_LIT("MAILMAX")))
			o->messages = (unsigned)n;
	}
}

/* "240", or "240,more" (RFC 2852, 2) */
static void by_min_take(struct offers *o, struct slice word)
{
	uint64_t n;

	if (slice_number(slice_of(word.p, slice_find(word, ',')), 999999999, &n) == 0)
		o->by_min = (int64_t)n;
}

static void line_take(struct offers *o, struct slice line)
{
	struct slice rest = line, name = word_next(&rest);

	/* Old servers write "AUTH=LOGIN PLAIN". */
	if (slice_starts_nocase(name, SLICE_LIT("AUTH="))) {
		rest = slice_skip(line, 5);
		name = slice_of(name.p, 4);
	}
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (slice_eq_nocase(name, slice_str(rows[i].name)))
			o->what |= rows[i].bit;
	if (slice_eq_nocase(name, SLICE_LIT("SIZE")) && slice_number(word_next(&rest), INT64_MAX, &o->size) != 0)
		o->size = 0;
	if (slice_eq_nocase(name, SLICE_LIT("DELIVERBY")))
		by_min_take(o, word_next(&rest));
	if (slice_eq_nocase(name, SLICE_LIT("AUTH")))
		mechanisms_take(o, rest);
	if (slice_eq_nocase(name, SLICE_LIT("LIMITS")))
		limits_take(o, rest);
}

void offers_read(const struct relay_reply *r, struct offers *out)
{
	struct slice rest = buf_slice(&r->text);
	bool first = true;

	*out = (struct offers){ .what = OFFERS_EHLO };
	while (rest.n > 0) {
		size_t n = slice_find(rest, '\n');

		/* The first line is its name. */
		if (!first)
			line_take(out, slice_of(rest.p, n));
		first = false;
		rest = slice_skip(rest, n < rest.n ? n + 1 : n);
	}
}

void offers_print(const struct offers *o, struct buf *out)
{
	const char *separator = "";

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if ((o->what & rows[i].bit) == 0)
			continue;
		(void)buf_addf(out, "%s%s", separator, rows[i].name);
		if (rows[i].bit == OFFERS_SIZE && o->size > 0)
			(void)buf_addf(out, " %llu", (unsigned long long)o->size);
		if (rows[i].bit == OFFERS_AUTH)
			(void)buf_addf(out, " %s", o->mechanisms);
		separator = ", ";
	}
}
