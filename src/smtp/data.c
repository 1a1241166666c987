#include "smtp/data.h"

#include <stddef.h>

/*
 * A CR is held back until the next byte tells what it is, and so is a dot at the
 * front of a line. START is behind CR LF; SOFT is behind a line end that we
 * made of a bare CR or LF: there a lone dot is a dot, whatever follows it, and
 * only a doubled one loses its twin.
 */
enum { START, START_DOT, START_DOT_CR, SOFT, SOFT_DOT, TEXT, TEXT_CR };
enum { WINDOW = 1024 };

struct feed {
	smtp_data_fn *sink;
	void *arg;
};

void smtp_data_init(struct smtp_data *d, bool normalise)
{
	*d = (struct smtp_data){ .state = START, .normalise = normalise };
}

void smtp_data_init_literal(struct smtp_data *d, bool normalise)
{
	*d = (struct smtp_data){ .state = START, .normalise = normalise, .literal = true };
}

static int give(const struct feed *f, const char *p, size_t n)
{
	return n == 0 || f->sink == NULL ? 0 : f->sink(f->arg, slice_of(p, n));
}

/* Where plain lines end: the first byte from P on that is not part of text with proper line ends and no dot in front.
 * The state is then the one in front of that byte. */
static const char *skip_text(struct smtp_data *d, const char *p, const char *end)
{
	while (p < end) {
		/* The window keeps hostile line ends from making each look a long one. */
		size_t window = end - p > WINDOW ? WINDOW : (size_t)(end - p);
		const char *lf = memchr(p, '\n', window);
		const char *stop = lf == NULL ? p + window : lf;
		const char *cr = memchr(p, '\r', (size_t)(stop - p));

		if (cr != NULL)
			stop = cr;
		if (stop > p)
			d->state = TEXT;
		if (stop == lf)
			return stop;
		if (cr != NULL) {
			if (end - cr < 2 || cr[1] != '\n')
				return cr;
			d->state = START;
			stop = cr + 2;
		}
		p = stop;
		if (p < end && *p == '.' && d->state == START && !d->literal)
			return p;
	}
	return p;
}

/* One byte that is not plain text in the state in front of it: the new state, and in OUT what becomes content. Returns
 * false when the byte was not used: it is to be looked at again in the new state. */
static bool take(struct smtp_data *d, char c, struct slice *out, bool *done)
{
	*out = SLICE_NONE;
	switch (d->state) {
	case START_DOT:
		d->state = TEXT;
		if (c == '\r') {
			d->state = START_DOT_CR;
			return true;
		}
		/* Behind a bare LF the dot was the whole line: it stays. */
		if (c == '\n')
			*out = SLICE_LIT(".");
		return false;
	case START_DOT_CR:
		if (c == '\n') {
			d->state = START;
			*done = true;
			return true;
		}
		*out = SLICE_LIT(".");
		d->state = TEXT_CR;
		return false;
	case SOFT_DOT:
		*out = SLICE_LIT(".");
		d->state = TEXT;
		return c == '.';
	case TEXT_CR:
		if (c == '\n') {
			*out = SLICE_LIT("\r\n");
			d->state = START;
			return true;
		}
		d->bare = true;
		/* CR CR LF is what a program in text mode makes of CR LF: one line end. */
		if (c == '\r')
			return true;
		*out = SLICE_LIT("\r\n");
		d->state = SOFT;
		return false;
	default:
		break;
	}
	if (c == '\r') {
		d->state = TEXT_CR;
	} else if (c == '\n') {
		d->bare = true;
		*out = SLICE_LIT("\r\n");
		d->state = SOFT;
	} else { /* a dot at the front of a line */
		d->state = d->state == SOFT ? SOFT_DOT : START_DOT;
	}
	return true;
}

static bool is_plain(const struct smtp_data *d, char c)
{
	if (c == '\r' || c == '\n')
		return false;
	return d->state == TEXT || ((d->state == START || d->state == SOFT) && (c != '.' || d->literal));
}

enum smtp_data_end smtp_data_feed(struct smtp_data *d, struct slice in, smtp_data_fn *sink, void *arg, size_t *used)
{
	const struct feed f = { sink, arg };
	const char *p = in.p, *end = in.p + in.n;
	bool done = false;
	int stop = 0;

	while (p < end && !done && stop == 0 && (!d->bare || d->normalise)) {
		struct slice out;

		if (is_plain(d, *p)) {
			const char *from = p;

			p = skip_text(d, p, end);
			if (!d->nul && memchr(from, '\0', (size_t)(p - from)) != NULL)
				d->nul = true;
			stop = give(&f, from, (size_t)(p - from));
			continue;
		}
		if (take(d, *p, &out, &done))
			p++;
		if (!d->bare || d->normalise)
			stop = give(&f, out.p, out.n);
	}
	*used = (size_t)(p - in.p);
	if (d->bare && !d->normalise)
		return SMTP_DATA_BARE;
	if (stop != 0)
		return SMTP_DATA_STOP;
	return done ? SMTP_DATA_DONE : SMTP_DATA_MORE;
}

enum smtp_data_end smtp_data_finish(struct smtp_data *d, smtp_data_fn *sink, void *arg)
{
	const struct feed f = { sink, arg };

	if (d->state == TEXT_CR)
		d->bare = true;
	if (d->bare && !d->normalise)
		return SMTP_DATA_BARE;
	if (d->state != TEXT && d->state != TEXT_CR)
		return SMTP_DATA_DONE;
	d->state = START;
	return give(&f, "\r\n", 2) != 0 ? SMTP_DATA_STOP : SMTP_DATA_DONE;
}
