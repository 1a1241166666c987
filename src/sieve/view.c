#include "sieve/view.h"

#include "msg/address.h"

enum { VIEW_CHARGE = 64 /* octets looked at, a step */ };

struct field_view {
	bool decoded, parsed;
	struct slice text;
	struct address_view *addresses;
	size_t naddresses;
};

bool view_is_name(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f || name.p[i] == ':')
			return false;
	return name.n > 0;
}

int view_next(struct run *r, struct slice name, size_t *at, size_t *field)
{
	enum { FIELDS_A_STEP = 16 };
	const struct header *h = &r->in->message->header;
	size_t from = *at;
	const struct header_field *f;

	if (!view_is_name(name))
		return 0;
	f = header_find(h, name, at);
	if (run_charge(r, 1 + (f != NULL ? *at - from : h->n - from) / FIELDS_A_STEP) != 0)
		return -1;
	if (f == NULL)
		return 0;
	*field = (size_t)(f - h->fields);
	return 1;
}

static struct field_view *field_view(struct run *r, size_t field)
{
	if (r->fields == NULL)
		r->fields = run_alloc(r, r->in->message->header.n, sizeof *r->fields);
	return r->fields != NULL ? &r->fields[field] : NULL;
}

static int keep_bytes(struct run *r, struct slice s, struct slice *out)
{
	char *p = run_alloc(r, s.n, 1);

	if (p == NULL)
		return -1;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	*out = slice_of(p, s.n);
	return 0;
}

/* A value too long for HEADER_TEXT_MAX is compared as far as it goes. */
static int decode(struct run *r, struct slice value, struct slice *out)
{
	struct buf text;
	int ret = run_charge(r, 1 + value.n / VIEW_CHARGE);

	if (ret != 0)
		return -1;
	buf_init(&text, HEADER_TEXT_MAX);
	(void)header_decode(value, &text);
	ret = keep_bytes(r, slice_trim(buf_slice(&text)), out);
	buf_free(&text);
	return ret;
}

int view_text(struct run *r, size_t field, struct slice *text)
{
	struct field_view *v = field_view(r, field);

	if (v == NULL)
		return -1;
	if (!v->decoded) {
		if (decode(r, r->in->message->header.fields[field].value, &v->text) != 0)
			return -1;
		v->decoded = true;
	}
	*text = v->text;
	return 0;
}

/* The parts of one that needs no quotes lie within the whole: a field may hold many. */
static int keep_parts(struct run *r, struct slice local, struct slice domain, struct address_view *out)
{
	if (out->all.n == local.n + 1 + domain.n) {
		out->local = slice_of(out->all.p, local.n);
		out->domain = slice_of(out->all.p + local.n + 1, domain.n);
		return 0;
	}
	return keep_bytes(r, local, &out->local) == 0 && keep_bytes(r, domain, &out->domain) == 0 ? 0 : -1;
}

static int keep_address(struct run *r, const struct address *a, struct address_view *out)
{
	struct slice local = slice_str(a->local), domain = slice_str(a->domain);
	struct buf all;
	int ret = -1;

	/* Quotes and backslashes at most double it. */
	buf_init(&all, 2 * (local.n + domain.n) + 16);
	if (address_format(a, &all) == 0)
		ret = keep_bytes(r, buf_slice(&all), &out->all);
	buf_free(&all);
	out->valid = true;
	return ret == 0 ? keep_parts(r, local, domain, out) : -1;
}

static int parse_addresses(struct run *r, size_t field, struct field_view *v)
{
	struct slice value = r->in->message->header.fields[field].value;
	struct address_list list;
	size_t bad = 0;
	int ret = run_charge(r, 1 + value.n / VIEW_CHARGE);

	if (ret != 0)
		return -1;
	address_list_parse(value, &list, &bad);
	v->addresses = run_alloc(r, list.n + 1, sizeof *v->addresses);
	ret = v->addresses != NULL ? 0 : -1;
	for (size_t i = 0; i < list.n && ret == 0; i++)
		ret = keep_address(r, &list.all[i], &v->addresses[i]);
	v->naddresses = list.n;
	if (ret == 0 && list.n == 0 && bad > 0) {
		ret = view_text(r, field, &v->addresses[0].all);
		v->naddresses = 1;
	}
	address_list_free(&list);
	return ret;
}

int view_addresses(struct run *r, size_t field, const struct address_view **all, size_t *n)
{
	struct field_view *v = field_view(r, field);

	if (v == NULL)
		return -1;
	if (!v->parsed) {
		if (parse_addresses(r, field, v) != 0)
			return -1;
		v->parsed = true;
	}
	*all = v->addresses;
	*n = v->naddresses;
	return 0;
}

/* "@a,@b:c@d" without the route (RFC 5228, 5.4). */
static struct slice without_route(struct slice text)
{
	size_t colon = slice_find(text, ':');

	if (text.n == 0 || text.p[0] != '@' || colon == text.n)
		return text;
	return slice_of(text.p + colon + 1, text.n - colon - 1);
}

int view_address(struct run *r, struct slice text, struct address_view *out)
{
	struct address a = { NULL, NULL };
	int ret;

	*out = (struct address_view){ .all = without_route(text) };
	if (text.n == 0) {
		out->null = true;
		return 0;
	}
	if (address_parse(out->all, true, &a) == ADDRESS_OK) {
		ret = keep_address(r, &a, out);
		address_free(&a);
		return ret;
	}
	/* A bare "postmaster" has no domain. */
	if (slice_find(text, '@') == text.n) {
		out->local = text;
		out->valid = true;
	}
	return 0;
}
