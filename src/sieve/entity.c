#include "sieve/entity.h"

#include "msg/compose.h"
#include "msg/header_write.h"
#include "msg/newline.h"

/* The octets of B in the run's memory. 0, or -1 after run_error, also where B was full. */
static int keep(struct run *r, struct buf *b, struct slice *out)
{
	if (buf_failed(b))
		return run_error(r, "a text that is to become part of the message is too long");
	if (run_charge(r, 1 + b->n / 64) != 0)
		return -1;
	*out = run_copy(r, buf_slice(b));
	return out->p != NULL ? 0 : -1;
}

/* Parts WHOLE at its empty line. */
static void split(struct slice whole, struct entity *out)
{
	struct slice rest = whole;
	struct header_field f;
	size_t head;

	while (header_next(&rest, &f))
		;
	head = whole.n - rest.n;
	out->body = rest;
	if (head >= 2 && whole.p[head - 1] == '\n' && whole.p[head - 2] == '\r' &&
	    (head == 2 || whole.p[head - 3] == '\n'))
		head -= 2;
	out->head = slice_of(whole.p, head);
}

int entity_of_text(struct run *r, struct slice text, struct entity *out)
{
	struct slice whole;
	struct buf b;
	int ret;

	buf_init(&b, ENTITY_MAX);
	compose_body(&b, text);
	/* The last line has an end only where the text has. */
	if (!buf_failed(&b) && text.n > 0 && text.p[text.n - 1] != '\n' && text.p[text.n - 1] != '\r')
		buf_truncate(&b, b.n - 2);
	ret = keep(r, &b, &whole);
	buf_free(&b);
	if (ret == 0)
		split(whole, out);
	return ret;
}

int entity_parse(struct run *r, struct slice text, struct entity *out)
{
	struct newline lines = { 0 };
	struct slice whole;
	struct buf b;
	int ret;

	buf_init(&b, ENTITY_MAX);
	(void)newline_feed(&lines, text, &b);
	(void)newline_finish(&lines, false, &b);
	ret = keep(r, &b, &whole);
	buf_free(&b);
	if (ret == 0)
		split(whole, out);
	return ret;
}

int entity_add_fields(struct run *r, struct content *c, struct slice head)
{
	struct slice rest = head;
	struct header_field f;

	while (rest.n > 0) {
		const char *from = rest.p;
		struct slice text;

		if (!header_next(&rest, &f))
			break;
		text = slice_of(from, (size_t)(rest.p - from));
		if (!slice_starts_nocase(f.name, SLICE_LIT("Content-")))
			continue;
		if (content_add_field(r, c, c->header.n, text) != 0)
			return -1;
	}
	return 0;
}

static int add_kept(struct run *r, struct content *c, struct buf *b)
{
	struct slice text;

	return keep(r, b, &text) == 0 ? content_add_field(r, c, c->header.n, text) : -1;
}

int entity_add_field(struct run *r, struct content *c, struct slice name, struct slice value)
{
	struct buf b;
	int ret;

	buf_init(&b, ENTITY_MAX);
	(void)header_write(name, value, &b);
	ret = add_kept(r, c, &b);
	buf_free(&b);
	return ret;
}

int entity_add_mailboxes(struct run *r, struct content *c, const char *name, struct slice mailboxes)
{
	bool foreign = false;
	struct buf b;
	int ret = 0;

	buf_init(&b, COMPOSE_MAX);
	if (compose_mailboxes(&b, name, mailboxes, &foreign) == 0)
		ret = add_kept(r, c, &b);
	buf_free(&b);
	return ret;
}

int entity_rename_original(struct run *r, struct content *c, struct slice name)
{
	static const char original[] = "Original-";
	size_t at = 0, field;
	int got;

	while ((got = view_find(r, &c->header, name, &at, &field)) > 0) {
		struct slice value = c->header.fields[field].value, text;
		struct buf b;

		buf_init(&b, HEADER_MAX_BYTES + 1024);
		(void)buf_addf(&b, "%s%.*s:", original, (int)name.n, name.p);
		(void)buf_add_slice(&b, value);
		(void)buf_add_str(&b, "\r\n");
		got = keep(r, &b, &text);
		buf_free(&b);
		if (got != 0 || content_delete_field(r, c, field) != 0 || content_add_field(r, c, field, text) != 0)
			return -1;
		c->header.fields[field].kept = true;
	}
	return got;
}
