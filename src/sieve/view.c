#include "sieve/view.h"

#include "msg/address.h"
#include "msg/header_write.h"
#include "sieve/content.h"
#include "sieve/parts.h"
#include "sieve/view_index.h"

enum { VIEW_CHARGE = 64 /* octets looked at, a step */ };

struct field_view {
	bool decoded;
	bool parsed; /* and the addresses are kept */
	struct slice text;
	struct known *known; /* of TEXT */
	struct address_view *addresses;
	size_t naddresses;
};

bool view_is_name(struct slice name)
{
	return header_name_valid(name);
}

int view_find(struct run *r, const struct view_header *h, struct slice name, size_t *at, size_t *field)
{
	enum { FIELDS_A_STEP = 16 };
	size_t i = *at, looked;

	if (!view_is_name(name))
		return 0;
	if (h->index != NULL) {
		i = view_index_find(h->index, h, name, i, &looked);
	} else {
		while (i < h->n && !slice_eq_nocase(h->fields[i].name, name))
			i++;
		looked = i - *at;
	}
	if (run_charge(r, 1 + looked / FIELDS_A_STEP) != 0)
		return -1;
	*field = i;
	*at = i < h->n ? i + 1 : i;
	r->field_name = i < h->n ? h->fields[i].name : r->field_name;
	return i < h->n;
}

static struct field_view *field_view(struct run *r, const struct view_header *h, size_t field)
{
	struct view_field *f = &h->fields[field];

	if (f->seen == NULL)
		f->seen = run_alloc_in(r, h->arena, 1, sizeof *f->seen);
	return f->seen;
}

static int keep_bytes(struct run *r, struct arena *a, struct slice s, struct slice *out)
{
	char *p = run_alloc_in(r, a, s.n, 1);

	if (p == NULL)
		return -1;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	*out = slice_of(p, s.n);
	return 0;
}

/* A value too long for HEADER_TEXT_MAX is compared as far as it goes. */
static int decode(struct run *r, struct arena *a, struct slice value, struct slice *out)
{
	struct buf text;
	int ret = run_charge(r, 1 + value.n / VIEW_CHARGE);

	if (ret != 0)
		return -1;
	buf_init(&text, HEADER_TEXT_MAX);
	(void)header_decode(value, &text);
	ret = keep_bytes(r, a, slice_trim(buf_slice(&text)), out);
	buf_free(&text);
	return ret;
}

int view_value(struct run *r, const struct view_header *h, size_t field, struct slice *text)
{
	struct field_view *v = field_view(r, h, field);

	if (v == NULL)
		return -1;
	if (!v->decoded) {
		if (decode(r, h->arena, h->fields[field].value, &v->text) != 0)
			return -1;
		v->decoded = true;
	}
	*text = v->text;
	return 0;
}

struct known **view_known(const struct view_header *h, size_t field)
{
	return h->fields[field].seen != NULL ? &h->fields[field].seen->known : NULL;
}

/* The parts of one that needs no quotes lie within the whole: a field may hold many. */
static int keep_parts(struct run *r, struct arena *arena, struct slice local, struct slice domain,
		      struct address_view *out)
{
	if (out->all.n == local.n + 1 + domain.n) {
		out->local = slice_of(out->all.p, local.n);
		out->domain = slice_of(out->all.p + local.n + 1, domain.n);
		return 0;
	}
	return keep_bytes(r, arena, local, &out->local) == 0 && keep_bytes(r, arena, domain, &out->domain) == 0 ? 0
														: -1;
}

static int keep_address(struct run *r, struct arena *arena, const struct address *a, struct address_view *out)
{
	struct slice local = slice_str(a->local), domain = slice_str(a->domain);
	struct buf all;
	int ret = -1;

	/* Quotes and backslashes at most double it. */
	buf_init(&all, 2 * (local.n + domain.n) + 16);
	if (address_format(a, &all) == 0)
		ret = keep_bytes(r, arena, buf_slice(&all), &out->all);
	buf_free(&all);
	out->valid = true;
	return ret == 0 ? keep_parts(r, arena, local, domain, out) : -1;
}

/* Where N addresses of a field of OCTETS go: to what is seen of the header, or, once they would fill too much of that, to
 * where they stay until another field is looked at. A sender may write more of them than a run has memory for. */
static struct arena *place_for(struct run *r, struct arena *a, size_t n, size_t octets)
{
	enum { SHARE = 4, EACH = 160 /* with all that is rounded up */, COPIES = 3 };

	if (a->used < a->max / SHARE && n * EACH + COPIES * octets < a->max / SHARE - a->used)
		return a;
	arena_free(&r->passing);
	return &r->passing;
}

static int parse_addresses(struct run *r, const struct view_header *h, size_t field, struct field_view *v)
{
	struct slice value = h->fields[field].value;
	struct address_list list;
	struct known **known;
	struct arena *arena;
	size_t bad = 0;
	int ret = run_charge(r, 1 + value.n / VIEW_CHARGE);

	if (ret != 0)
		return -1;
	address_list_parse(value, &list, &bad);
	arena = place_for(r, h->arena, list.n + 1, value.n);
	v->addresses = run_alloc_in(r, arena, list.n + 1, sizeof *v->addresses);
	known = run_alloc_in(r, arena, list.n + 1, sizeof *known);
	ret = v->addresses != NULL && known != NULL ? 0 : -1;
	for (size_t i = 0; i < list.n && ret == 0; i++) {
		ret = keep_address(r, arena, &list.all[i], &v->addresses[i]);
		v->addresses[i].known = arena == h->arena ? &known[i] : NULL;
	}
	v->naddresses = list.n;
	v->parsed = arena == h->arena;
	if (ret == 0 && list.n == 0 && bad > 0) {
		ret = view_value(r, h, field, &v->addresses[0].all);
		v->naddresses = 1;
	}
	address_list_free(&list);
	return ret;
}

int view_list(struct run *r, const struct view_header *h, size_t field, const struct address_view **all, size_t *n)
{
	struct field_view *v = field_view(r, h, field);

	if (v == NULL)
		return -1;
	if (!v->parsed && parse_addresses(r, h, field, v) != 0)
		return -1;
	*all = v->addresses;
	*n = v->naddresses;
	return 0;
}

const struct view_header *view_message(struct run *r)
{
	const struct view_header *h;
	size_t subject = parts_subject(r);

	if (subject == 0)
		return &content_of(r)->header;
	return parts_of(r) != NULL && parts_header(r, subject, &h) == 0 ? h : NULL;
}

int view_next(struct run *r, struct slice name, size_t *at, size_t *field)
{
	const struct view_header *h = view_message(r);

	return h != NULL ? view_find(r, h, name, at, field) : -1;
}

int view_text(struct run *r, size_t field, struct slice *text)
{
	const struct view_header *h = view_message(r);

	return h != NULL ? view_value(r, h, field, text) : -1;
}

int view_addresses(struct run *r, size_t field, const struct address_view **all, size_t *n)
{
	const struct view_header *h = view_message(r);

	return h != NULL ? view_list(r, h, field, all, n) : -1;
}

/* "@a,@b:c@d" without the route (RFC 5228, 5.4). */
static struct slice without_route(struct slice text)
{
	size_t colon = slice_find(text, ':');

	if (text.n == 0 || text.p[0] != '@' || colon == text.n)
		return text;
	return slice_of(text.p + colon + 1, text.n - colon - 1);
}

/* As a header has it: with a local part that is longer than SMTP takes, as mail that is fetched may have one. */
static int keep_lenient(struct run *r, struct slice text, struct address_view *out)
{
	struct address_list list;
	size_t bad = 0;
	int ret = 0;

	address_list_parse(text, &list, &bad);
	if (bad == 0 && list.n == 1)
		ret = keep_address(r, &r->arena, &list.all[0], out);
	address_list_free(&list);
	return ret;
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
		ret = keep_address(r, &r->arena, &a, out);
		address_free(&a);
		return ret;
	}
	/* A bare "postmaster" has no domain. */
	if (slice_find(text, '@') < text.n)
		return keep_lenient(r, out->all, out);
	out->local = text;
	out->valid = true;
	return 0;
}
