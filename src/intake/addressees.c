#include "intake/addressees.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "msg/date.h"
#include "msg/received.h"

enum { ADDRESS_TEXT_MAX = 1000 };

static void set_text(char **text, const struct address *a)
{
	struct buf b;

	if (*text != NULL)
		return;
	buf_init(&b, ADDRESS_TEXT_MAX);
	if (address_format(a, &b) == 0)
		*text = mem_strdup(buf_str(&b));
	buf_free(&b);
}

/* ---- recipients ---- */

struct search {
	struct addressees *out;
	const struct config *config;
	struct address mailbox; /* empty: not known */
	bool mailbox_counts;
	unsigned lookups;
};

static bool same(const struct address *a, const struct address *b)
{
	return a->local != NULL && b->local != NULL && slice_eq_nocase(slice_str(a->local), slice_str(b->local)) &&
	       slice_eq_nocase(slice_str(a->domain), slice_str(b->domain));
}

static bool is_known(const struct addressees *a, const struct address *address)
{
	for (size_t i = 0; i < a->n; i++)
		if (same(&a->all[i].address, address))
			return true;
	return false;
}

/* Takes A over, and leaves it empty, when it is somebody of ours. True then, also for one that was found before. */
static bool consider(struct search *s, struct address *a)
{
	struct addressees *out = s->out;
	struct route r;

	/* Without a domain it is no address of ours: the name of a user there. Longer ones than SMTP has no one bears.
	 */
	if (a->local == NULL || a->domain == NULL || a->domain[0] == '\0' || strlen(a->local) > ADDRESS_LOCAL_MAX ||
	    strlen(a->domain) > ADDRESS_DOMAIN_MAX || s->lookups >= ADDRESSEES_LOOKUPS_MAX)
		return false;
	s->lookups++;
	if (same(a, &s->mailbox) && !s->mailbox_counts)
		return false;
	r = config_route(s->config, a->local, a->domain);
	if (r.account == NULL) {
		set_text(&out->other, a);
		return false;
	}
	if (is_known(out, a))
		return true;
	if (out->n == ADDRESSEES_MAX) {
		out->many = true;
		return true;
	}
	out->all = mem_resize(out->all, out->n + 1, sizeof *out->all);
	out->all[out->n++] = (struct addressee){ *a, r.account };
	*a = (struct address){ 0 };
	return true;
}

static bool read_list(struct search *s, struct slice value)
{
	struct address_list list;
	bool found = false;

	address_list_parse(value, &list, NULL);
	for (size_t i = 0; i < list.n && !s->out->many; i++)
		found = consider(s, &list.all[i]) || found;
	address_list_free(&list);
	return found;
}

/* True when a field called NAME names one of ours. */
static bool read_fields(struct search *s, const struct header *h, const char *name)
{
	const bool trace = slice_eq_nocase(slice_str(name), SLICE_LIT("Received"));
	const struct header_field *f;
	bool found = false;
	size_t at = 0;

	for (unsigned i = 0; i < ADDRESSEES_FIELDS_MAX && !s->out->many; i++) {
		const size_t before = at;

		f = header_find(h, slice_str(name), &at);
		if (f == NULL || (found && at != before + 1))
			break;
		if (read_list(s, trace ? received_for(f->value) : f->value))
			found = true;
		if (found && trace)
			break;
	}
	return found;
}

void addressees_find(struct addressees *a, const struct config *c, const struct header *h, char *const *headers,
		     size_t n, const char *mailbox)
{
	struct search s = { .out = a, .config = c };

	*a = (struct addressees){ 0 };
	if (mailbox != NULL)
		(void)address_parse(slice_str(mailbox), true, &s.mailbox);
	for (unsigned pass = 0; pass < 2 && a->header == NULL; pass++) {
		s.mailbox_counts = pass == 1;
		for (size_t i = 0; i < n && a->header == NULL; i++)
			if (read_fields(&s, h, headers[i]))
				a->header = headers[i];
	}
	address_free(&s.mailbox);
}

void addressees_free(struct addressees *a)
{
	for (size_t i = 0; i < a->n; i++)
		address_free(&a->all[i].address);
	free(a->all);
	free(a->other);
	*a = (struct addressees){ 0 };
}

/* ---- the sender ---- */

/* A program that answers for a mail system; nobody must answer it (RFC 5321, 4.5.5). */
static bool is_mailer(const struct address *a)
{
	return slice_eq_nocase(slice_str(a->local), SLICE_LIT("mailer-daemon"));
}

/* The first address of the uppermost field called NAME; NULL when there is none. "" for a mailer's. */
static char *first_address(const struct header *h, struct slice name)
{
	const struct header_field *f;
	struct address_list list;
	char *text = NULL;
	size_t at = 0;

	f = header_find(h, name, &at);
	if (f == NULL)
		return NULL;
	address_list_parse(f->value, &list, NULL);
	if (list.n > 0 && is_mailer(&list.all[0]))
		text = mem_strdup("");
	else if (list.n > 0 && list.all[0].domain[0] != '\0')
		set_text(&text, &list.all[0]);
	address_list_free(&list);
	return text;
}

char *addressees_sender(const struct header *h)
{
	const struct header_field *f;
	char *text = NULL;
	size_t at = 0;

	f = header_find(h, SLICE_LIT("Return-Path"), &at);
	if (f != NULL && slice_find(f->value, '@') == f->value.n)
		return mem_strdup(""); /* "<>", or a mailer without a domain */
	text = f == NULL ? NULL : first_address(h, SLICE_LIT("Return-Path"));
	if (text == NULL)
		text = first_address(h, SLICE_LIT("Sender"));
	if (text == NULL)
		text = first_address(h, SLICE_LIT("From"));
	return text == NULL ? mem_strdup("") : text;
}

/* ---- the time ---- */

int64_t addressees_arrival(const struct header *h, int64_t now_ms)
{
	const struct header_field *f;
	time_t t = -1;
	size_t at = 0;

	f = header_find(h, SLICE_LIT("Received"), &at);
	if (f != NULL)
		t = received_time(f->value);
	at = 0;
	if (t <= 0 && (f = header_find(h, SLICE_LIT("Date"), &at)) != NULL)
		t = date_parse(f->value);
	return t <= 0 || t > now_ms / 1000 ? now_ms : (int64_t)t * 1000;
}
