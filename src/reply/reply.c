#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "msg/summary.h"
#include "msg/compose.h"
#include "reply/reply_impl.h"

/* ---- pieces ---- */

static struct plan_piece *add_piece(struct reply *r)
{
	struct plan_content *c = &r->content;

	c->pieces = mem_resize(c->pieces, c->n + 1, sizeof *c->pieces);
	c->pieces[c->n] = (struct plan_piece){ NULL, 0, 0 };
	return &c->pieces[c->n++];
}

void reply_add_text(struct reply *r, struct buf *text)
{
	struct plan_piece *p;
	size_t n;

	if (text->n == 0)
		return;
	p = add_piece(r);
	p->text = buf_take(text, &n);
	p->n = n;
	r->content.size += n;
}

void reply_add_range(struct reply *r, uint64_t at, uint64_t n)
{
	struct plan_piece *p;

	if (n == 0)
		return;
	p = add_piece(r);
	p->at = at;
	p->n = n;
	r->content.size += n;
}

void reply_add_content(struct reply *r, const struct plan_content *c, const struct message *whole)
{
	if (c == NULL) {
		reply_add_range(r, 0, whole->size);
		return;
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct plan_piece *from = &c->pieces[i];
		struct plan_piece *p;

		if (from->text == NULL) {
			reply_add_range(r, from->at, from->n);
			continue;
		}
		p = add_piece(r);
		p->text = slice_dup(slice_of(from->text, (size_t)from->n));
		p->n = from->n;
		r->content.size += from->n;
	}
}

void reply_free(struct reply *r)
{
	for (size_t i = 0; i < r->content.n; i++)
		free(r->content.pieces[i].text);
	free(r->content.pieces);
	for (size_t i = 0; i < r->nto; i++)
		free(r->to[i]);
	free(r->sender);
	free(r->dsn.notify);
	free(r->dsn.ret);
	free(r->message_id);
	free(r->from);
	free(r->subject);
	*r = (struct reply){ 0 };
}

int reply_finish(struct reply *r, struct buf *text, int failed, struct err *e)
{
	if (failed == 0 && buf_failed(text))
		failed = err_set(e, ERR_LIMIT, 0, "it would be larger than %d octets", COMPOSE_MAX);
	buf_free(text);
	if (failed != 0)
		reply_free(r);
	return failed;
}

/* ---- envelope ---- */

int reply_address(struct slice text, struct address *a, struct err *e)
{
	if (address_parse(text, true, a) == ADDRESS_OK)
		return 0;
	return err_set(e, ERR_INPUT, 0, "\"%.*s\" is no address that can be written to",
		       (int)(text.n < 200 ? text.n : 200), text.p == NULL ? "" : text.p);
}

int reply_own(const struct reply_frame *f, struct address *a, struct err *e)
{
	return reply_address(f->from.n > 0 ? f->from : f->recipient, a, e);
}

int reply_add_to(struct reply *r, const struct address *a, struct err *e)
{
	char *text;

	if (r->nto == REPLY_RECIPIENTS_MAX)
		return err_set(e, ERR_LIMIT, 0, "it would have more than %d recipients", REPLY_RECIPIENTS_MAX);
	text = compose_address(a, &r->utf8);
	for (size_t i = 0; i < r->nto; i++)
		if (address_same(slice_str(r->to[i]), slice_str(text))) {
			free(text);
			return 0;
		}
	r->to[r->nto++] = text;
	return 0;
}

/* ---- fields ---- */

int reply_from(const struct reply_frame *f, struct slice wanted, struct buf *out, struct reply *r, struct err *e)
{
	struct address own = { 0 };
	int ret = reply_own(f, &own, e);

	if (ret == 0) {
		free(r->from);
		r->from = compose_address(&own, &r->utf8);
		if (wanted.n > 0 && f->from.n == 0 && compose_mailboxes(out, "From", wanted, &r->utf8) == 0) {
			free(r->from);
			r->from = summary_text(wanted, SUMMARY_TEXT_MAX);
		} else {
			compose_addresses(out, "From", &own, 1, &r->utf8);
			if (wanted.n > 0 && f->from.n > 0)
				(void)compose_mailboxes(out, "Reply-To", wanted, &r->utf8);
		}
	}
	address_free(&own);
	return ret;
}

void reply_common(const struct reply_frame *f, struct buf *out, struct reply *r)
{
	char date[CLOCK_RFC5322_SIZE];

	clock_rfc5322((time_t)(f->now_ms / 1000), date);
	free(r->message_id);
	r->message_id = mem_printf("<%s@%s>", f->id, f->hostname);
	compose_plain(out, "Date", date);
	compose_plain(out, "Message-ID", r->message_id);
	compose_plain(out, "MIME-Version", "1.0");
}

/* The field as the script left it; NULL where it left none. */
static char *seen_field(const struct plan_seen *s, struct slice name, size_t max)
{
	const struct {
		const char *name, *value;
	} all[] = { { "From", s->from }, { "Date", s->date }, { "Subject", s->subject } };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (slice_eq_nocase(name, slice_str(all[i].name)))
			return all[i].value != NULL ? summary_text(slice_str(all[i].value), max) : NULL;
	return NULL;
}

char *reply_field(const struct reply_frame *f, struct slice name, size_t max)
{
	enum { LOOKED_AT = 16 * 1024 };
	size_t at = 0;
	const struct header_field *field = header_find(&f->message->header, name, &at);
	struct slice value;
	struct buf text;
	char *line;

	if (f->seen != NULL && f->seen->changed)
		return seen_field(f->seen, name, max);
	if (field == NULL)
		return NULL;
	value = slice_trim(field->value);
	value.n = value.n < LOOKED_AT ? value.n : (size_t)LOOKED_AT;
	buf_init(&text, HEADER_TEXT_MAX);
	(void)header_decode(value, &text);
	line = summary_text(slice_trim(buf_slice(&text)), max);
	buf_free(&text);
	return line;
}

void reply_subject(struct buf *out, struct reply *r, struct slice subject)
{
	free(r->subject);
	r->subject = summary_text(subject, SUMMARY_TEXT_MAX);
	compose_text(out, "Subject", subject);
}

void reply_subject_of(const struct reply_frame *f, struct buf *out, struct reply *r, const char *prefix, const char *otherwise)
{
	enum { SUBJECT_MAX = 900 }; /* octets that are repeated of a stranger's subject */
	char *subject = reply_field(f, SLICE_LIT("Subject"), SUBJECT_MAX), *text;

	if (subject == NULL || subject[0] == '\0')
		text = mem_strdup(otherwise);
	else
		text = mem_printf("%s%s", prefix, subject);
	reply_subject(out, r, slice_str(text));
	free(text);
	free(subject);
}
