#include "smtp/milter_content.h"

#include <string.h>

#include "msg/header.h"
#include "smtp/internal.h"
#include "smtp/milter_apply.h"
#include "smtp/milter_header.h"

enum { NEW_PIECE = INTAKE_PIECE_MAX / 2 }; /* octets taken at once: each may become two */

/* The next field. False: there is none. */
static bool tell_field(struct milter_content *c, struct milter *m, struct smtp_session *s)
{
	const struct slice all = intake_header(s->t->message);
	struct slice rest = slice_skip(all, c->header_at);
	struct header_field f;

	while (header_next(&rest, &f)) {
		struct slice texts[2];
		struct buf value;

		c->header_at = all.n - rest.n;
		/* A line that is no field has no name to be told by. */
		if (f.name.n == 0)
			continue;
		buf_init(&value, MILTER_STRING_MAX);
		milter_value_print(f.value, (milter_terms(m)->protocol & MILTER_LEADING_SPACE) != 0, &value);
		texts[0] = f.name;
		texts[1] = buf_slice(&value);
		milter_tell(m, MILTER_AT_HEADER, texts, 2, NULL, NULL);
		buf_free(&value);
		return true;
	}
	return false;
}

/* The next piece of the body. False: there is none. */
static bool tell_body(struct milter_content *c, struct milter *m, struct smtp_session *s)
{
	static char piece[MILTER_BODY_MAX];
	const ssize_t n = intake_body_read(s->t->message, c->body_at, piece, sizeof piece);

	c->lost = n < 0;
	if (n <= 0)
		return c->lost;
	c->body_at += (uint64_t)n;
	milter_tell_body(m, slice_of(piece, (size_t)n));
	return true;
}

enum milter_stage milter_content_tell(struct milter_content *c, struct milter *m, struct smtp_session *s)
{
	const struct milter_terms *t = milter_terms(m);

	if (c->at == MILTER_TELLS_HEADER) {
		if (!milter_terms_skip(t, MILTER_AT_HEADER) && tell_field(c, m, s))
			return MILTER_AT_HEADER;
		c->at = MILTER_TELLS_EOH;
	}
	if (c->at == MILTER_TELLS_EOH) {
		c->at = MILTER_TELLS_BODY;
		milter_tell(m, MILTER_AT_EOH, NULL, 0, milter_fact, s);
		return MILTER_AT_EOH;
	}
	if (c->at == MILTER_TELLS_BODY) {
		if (!milter_terms_skip(t, MILTER_AT_BODY) && tell_body(c, m, s))
			return MILTER_AT_BODY;
		c->at = MILTER_TELLS_EOM;
	}
	milter_tell(m, MILTER_AT_EOM, NULL, 0, milter_fact, s);
	return MILTER_AT_EOM;
}

void milter_content_skip(struct milter_content *c)
{
	c->at = MILTER_TELLS_EOM;
}

static void new_body_begin(struct milter_content *c, struct smtp_session *s)
{
	if (!c->new_body)
		intake_body_begin(s->t->message);
	c->new_body = true;
}

bool milter_content_told(struct milter_content *c, struct milter *m, struct smtp_session *s)
{
	c->lost = !intake_seal(s->t->message);
	if (!c->lost && milter_edits(m)->new_body)
		new_body_begin(c, s);
	return !c->lost;
}

/* IN with line ends CRLF, whatever they were. -1: it holds a NUL. */
static int normalise(struct milter_content *c, struct slice in, struct buf *out)
{
	while (in.n > 0) {
		size_t n = 0;

		while (n < in.n && in.p[n] != '\r' && in.p[n] != '\n' && in.p[n] != '\0')
			n++;
		(void)buf_add(out, in.p, n);
		if (n > 0)
			c->cr = false;
		in = slice_skip(in, n);
		if (in.n == 0)
			break;
		if (in.p[0] == '\0')
			return -1;
		if (in.p[0] == '\r' || !c->cr)
			(void)buf_add_str(out, "\r\n");
		c->cr = in.p[0] == '\r';
		in = slice_skip(in, 1);
	}
	return 0;
}

enum intake_flow milter_content_body(struct milter_content *c, struct milter *m, struct smtp_session *s)
{
	struct buf *body = &milter_edits(m)->body, piece;
	struct slice in = buf_slice(body);
	enum intake_flow flow = INTAKE_STOP;

	in.n = in.n < NEW_PIECE ? in.n : (size_t)NEW_PIECE;
	new_body_begin(c, s);
	buf_init(&piece, INTAKE_PIECE_MAX);
	c->refused = normalise(c, in, &piece) != 0;
	c->new_size += piece.n;
	c->refused = c->refused || c->new_size > (uint64_t)s->service->config->limits.message_size;
	if (!c->refused) {
		flow = intake_body_add(s->t->message, buf_slice(&piece));
		c->lost = flow == INTAKE_STOP;
		c->waits = flow == INTAKE_WAIT;
		buf_consume(body, in.n);
	}
	buf_free(&piece);
	return flow;
}

void milter_content_end(struct milter_content *c)
{
	*c = (struct milter_content){ 0 };
}
