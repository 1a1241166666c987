#include "fetch/pop3_body.h"

#include <string.h>

#include "intake/intake.h"

enum {
	LINE,  /* at the front of a line */
	TEXT,  /* within one */
	DOT,   /* behind a dot at the front, which is held back */
	DOT_CR /* behind such a dot and a CR, which are held back */
};

void pop3_body_begin(struct pop3_body *b, uint64_t announced, bool lf)
{
	*b = (struct pop3_body){ .announced = announced, .lf = lf, .state = LINE };
}

static int emit(struct pop3_body *b, struct slice bytes, pop3_body_fn *fn, void *arg)
{
	while (bytes.n > 0) {
		size_t n = bytes.n < INTAKE_PIECE_MAX ? bytes.n : INTAKE_PIECE_MAX;

		b->octets += n;
		if (fn(arg, slice_of(bytes.p, n)) != 0)
			return -1;
		bytes = slice_skip(bytes, n);
	}
	return 0;
}

/* Behind a line feed; LAST is the octet before it. */
static void next_line(struct pop3_body *b, char last)
{
	b->state = LINE;
	b->bare = last != '\r' && !b->lf;
}

/* The line that is held back is a dot and nothing else. */
static bool is_end(const struct pop3_body *b)
{
	return !b->bare || (b->announced > 0 && b->octets == b->announced);
}

/* It is not the end: what was held back is content, less the dot that the server has put before it. */
static int let_go(struct pop3_body *b, pop3_body_fn *fn, void *arg)
{
	struct slice held = b->state == DOT_CR ? SLICE_LIT(".\r") : SLICE_LIT(".");

	b->last = held.p[held.n - 1];
	b->state = TEXT;
	return emit(b, b->bare ? held : slice_skip(held, 1), fn, arg);
}

/* The last octets of what is given out. */
static void remember(struct pop3_body *b, struct slice in)
{
	size_t n = in.n < sizeof b->tail ? in.n : sizeof b->tail;

	if (n == 0)
		return;
	memmove(b->tail, b->tail + n, sizeof b->tail - n);
	memcpy(b->tail + sizeof b->tail - n, in.p + in.n - n, n);
	b->last = in.p[in.n - 1];
}

int pop3_body_feed(struct pop3_body *b, struct slice in, size_t *used, pop3_body_fn *fn, void *arg)
{
	size_t at = 0, run = 0; /* what is before RUN has been given out */
	const char *lf;

	*used = 0;
	if (in.n == 0)
		return 0;
	while (at < in.n) {
		switch (b->state) {
		case LINE:
			if (in.p[at] != '.') {
				b->state = TEXT;
				break;
			}
			b->state = DOT;
			if (emit(b, slice_of(in.p + run, at - run), fn, arg) != 0)
				goto stopped;
			run = ++at;
			break;
		case TEXT:
			lf = memchr(in.p + at, '\n', in.n - at);
			at = lf == NULL ? in.n : (size_t)(lf - in.p) + 1;
			if (lf != NULL)
				next_line(b, at > 1 ? in.p[at - 2] : b->last);
			break;
		case DOT:
		case DOT_CR:
			if (in.p[at] == '\n' && is_end(b)) {
				*used = at + 1;
				return 1;
			}
			if (b->state == DOT && in.p[at] == '\r') {
				b->state = DOT_CR;
				run = ++at;
			} else if (let_go(b, fn, arg) != 0) {
				goto stopped;
			}
			break;
		}
	}
	remember(b, slice_skip(in, run));
	if (emit(b, slice_of(in.p + run, in.n - run), fn, arg) != 0)
		goto stopped;
	*used = in.n;
	return 0;
stopped:
	*used = at;
	return -1;
}

bool pop3_body_unended(const struct pop3_body *b)
{
	return memcmp(b->tail, ".\r\n", sizeof b->tail) == 0;
}
