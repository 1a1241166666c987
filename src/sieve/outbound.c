#include "sieve/outbound.h"

#include "base/mem.h"
#include "msg/address.h"
#include "msg/compose.h"
#include "sieve/content.h"
#include "sieve/text.h"

size_t outbound_mailboxes(struct slice text)
{
	struct address_list list;
	bool foreign = false;
	struct buf field;
	size_t n = 0;

	/* Only what can be written into a header is one. */
	buf_init(&field, COMPOSE_MAX);
	address_list_parse(text, &list, NULL);
	if (compose_mailboxes(&field, "From", slice_trim(text), &foreign) == 0)
		n = list.n;
	address_list_free(&list);
	buf_free(&field);
	return n;
}

static bool has_route(struct slice text)
{
	const size_t open = header_until(text, '<');

	return open + 1 < text.n && text.p[open + 1] == '@';
}

void outbound_check(struct maker *m, struct slice *text)
{
	struct address_list list;
	struct buf out;

	buf_init(&out, 2 * text->n + 16);
	address_list_parse(*text, &list, NULL);
	if (outbound_mailboxes(*text) != 1 || has_route(*text) || address_format(&list.all[0], &out) != 0)
		maker_error(m, "%s is no address to send to: expected one such as \"user@example.org\"",
			      diag_word(*text));
	else if (maker_copy(m, buf_slice(&out), text) != 0)
		*text = SLICE_NONE;
	buf_free(&out);
	address_list_free(&list);
}

int outbound_header(struct run *r, struct header *h)
{
	const struct content *c = content_of(r);

	*h = (struct header){ .n = c == NULL ? 0 : c->header.n };
	if (c == NULL || run_charge(r, 1 + h->n) != 0)
		return -1;
	h->fields = run_alloc_now(r, h->n + 1, sizeof *h->fields);
	for (size_t i = 0; i < h->n && h->fields != NULL; i++)
		h->fields[i] = (struct header_field){ c->header.fields[i].name, c->header.fields[i].value };
	return h->fields == NULL ? -1 : 0;
}

/* The first field called NAME, decoded. 0, or -1 after run_error. */
static int see(struct run *r, const struct view_header *h, struct slice name, char **out)
{
	enum { SEEN_MAX = 1000 /* more of it nobody is told */, CHARGE = 64 };
	size_t at = 0, field;
	struct slice text;
	int got = view_find(r, h, name, &at, &field);

	if (got <= 0)
		return got;
	if (view_value(r, h, field, &text) != 0 || run_charge(r, 1 + text.n / CHARGE) != 0)
		return -1;
	*out = slice_dup(text_front(text, SEEN_MAX));
	return 0;
}

int outbound_see(struct run *r, struct plan_seen *out)
{
	const struct content *c = content_of(r);

	/* What is not changed need not be kept twice. */
	out->changed = c->exported != 0;
	if (!out->changed)
		return 0;
	return see(r, &c->header, SLICE_LIT("From"), &out->from) == 0 &&
			       see(r, &c->header, SLICE_LIT("Date"), &out->date) == 0 &&
			       see(r, &c->header, SLICE_LIT("Subject"), &out->subject) == 0
		   ? 0
		   : -1;
}
