#include "config/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "config/source.h"
#include "msg/address.h"
#include "msg/alabel.h"

struct entry {
	char *key; /* local@domain in lower case, the domain in ASCII and without a final dot; "@domain" */
	const char *address;
	size_t account;
	unsigned line;
};

struct home {		    /* a domain that somebody has an address in */
	const char *domain; /* in the key of an entry */
	size_t account;	    /* the first of them by name */
};

struct routes {
	struct entry *all;
	size_t n, cap;
	struct home *homes;
	size_t nhomes;
	size_t first, flagged; /* accounts: the first by name, the one with postmaster = true; NONE without one */
};

/* Letters may become longer in lower case. */
enum { KEY_SIZE_MAX = 2 * ADDRESS_LOCAL_MAX + 1 + ADDRESS_DOMAIN_MAX + 1 };
#define NONE ((size_t)-1)

struct routes *routes_new(void)
{
	struct routes *r = mem_alloc(sizeof(*r));

	r->first = r->flagged = NONE;
	return r;
}

void routes_free(struct routes **r)
{
	if (*r == NULL)
		return;
	for (size_t i = 0; i < (*r)->n; i++)
		free((*r)->all[i].key);
	free((*r)->all);
	free((*r)->homes);
	free(*r);
	*r = NULL;
}

/* The same for what is not all ASCII. */
static int key_make_utf8(struct slice local, struct slice domain, char out[KEY_SIZE_MAX])
{
	struct buf key;
	int failed;

	buf_init(&key, KEY_SIZE_MAX);
	failed = utf8_fold(local, &key) != 0 || key.n > 2 * ADDRESS_LOCAL_MAX || buf_add_char(&key, '@') != 0 ||
		 alabel_domain(domain, &key) != 0 || key.n >= KEY_SIZE_MAX;
	if (!failed)
		memcpy(out, buf_str(&key), key.n + 1);
	buf_free(&key);
	return failed ? -1 : 0;
}

/* The form in which addresses are compared; -1 when it is too long to be one. */
static int key_make(struct slice local, struct slice domain, char out[KEY_SIZE_MAX])
{
	size_t at = 0;

	if (domain.n > 0 && domain.p[domain.n - 1] == '.')
		domain.n--;
	if (local.n > ADDRESS_LOCAL_MAX || domain.n > ADDRESS_DOMAIN_MAX)
		return -1;
	if (!ascii_only(local) || !ascii_only(domain))
		return key_make_utf8(local, domain, out);
	for (size_t i = 0; i < local.n; i++)
		out[at++] = ascii_lower(local.p[i]);
	out[at++] = '@';
	for (size_t i = 0; i < domain.n; i++)
		out[at++] = ascii_lower(domain.p[i]);
	out[at] = '\0';
	return 0;
}

void routes_add(struct routes *r, size_t account, const char *address, const char *local, const char *domain,
		unsigned line)
{
	char key[KEY_SIZE_MAX];

	if (key_make(slice_str(local), slice_str(domain), key) != 0)
		return;
	if (r->n == r->cap) {
		r->cap = r->cap == 0 ? 16 : r->cap * 2;
		r->all = mem_resize(r->all, r->cap, sizeof(*r->all));
	}
	r->all[r->n++] = (struct entry){ mem_strdup(key), address, account, line };
}

static int entry_cmp(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int by = strcmp(x->key, y->key);

	return by != 0 ? by : x->line < y->line ? -1 : x->line > y->line;
}

static int home_cmp(const void *a, const void *b)
{
	return strcmp(((const struct home *)a)->domain, ((const struct home *)b)->domain);
}

static size_t by_name(const struct config *c, size_t a, size_t b)
{
	if (a == NONE || b == NONE)
		return a == NONE ? b : a;
	return strcmp(c->accounts[a].name, c->accounts[b].name) <= 0 ? a : b;
}

static void homes_make(const struct config *c, struct routes *r)
{
	size_t n = 0;

	r->homes = mem_array(r->n, sizeof(*r->homes));
	for (size_t i = 0; i < r->n; i++)
		r->homes[i] = (struct home){ strrchr(r->all[i].key, '@') + 1, r->all[i].account };
	if (r->n > 0)
		qsort(r->homes, r->n, sizeof(*r->homes), home_cmp);
	for (size_t i = 0; i < r->n; i++) {
		if (n > 0 && strcmp(r->homes[n - 1].domain, r->homes[i].domain) == 0)
			r->homes[n - 1].account = by_name(c, r->homes[n - 1].account, r->homes[i].account);
		else
			r->homes[n++] = r->homes[i];
	}
	r->nhomes = n;
}

static void twice_report(const struct config *c, const struct entry *a, const struct entry *b, struct report *report)
{
	struct buf text, path;

	buf_init(&text, 5000);
	buf_init(&path, 200);
	(void)buf_addf(&path, "accounts.%s.addresses", c->accounts[b->account].name);
	(void)buf_addf(&text, "account `%s' has it at ", c->accounts[a->account].name);
	source_where(report->source, a->line, &text);
	report_error(report, b->line, buf_str(&path), "\"%s\" stands twice: %s; remove one", b->address,
		     buf_str(&text));
	buf_free(&text);
	buf_free(&path);
}

void routes_finish(struct config *c, struct report *report)
{
	struct routes *r = c->routes;

	if (r->n > 0)
		qsort(r->all, r->n, sizeof(*r->all), entry_cmp);
	for (size_t i = 1; i < r->n; i++) {
		if (strcmp(r->all[i - 1].key, r->all[i].key) == 0)
			twice_report(c, &r->all[i - 1], &r->all[i], report);
	}
	homes_make(c, r);
	for (size_t i = 0; i < c->naccounts; i++) {
		r->first = by_name(c, r->first, i);
		if (c->accounts[i].postmaster)
			r->flagged = i;
	}
}

static const struct entry *entry_find(const struct routes *r, struct slice local, struct slice domain)
{
	char key[KEY_SIZE_MAX];
	struct entry wanted = { .key = key };

	if (r->n == 0 || key_make(local, domain, key) != 0)
		return NULL;
	/* Keys differ in an index without errors, so the line plays no part. */
	for (size_t low = 0, high = r->n; low < high;) {
		size_t mid = low + (high - low) / 2;
		int by = strcmp(wanted.key, r->all[mid].key);

		if (by == 0)
			return &r->all[mid];
		if (by < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static struct route route_to(const struct config *c, const struct entry *e, enum route_match match)
{
	return (struct route){ &c->accounts[e->account], match, e->address };
}

static bool asks_for_relay(struct slice local)
{
	return slice_find(local, '%') < local.n || slice_find(local, '!') < local.n || slice_find(local, '@') < local.n;
}

/* The entry of LOCAL's front, up to where its account parts user and detail. */
static const struct entry *entry_of_user(const struct config *c, struct slice local, struct slice domain)
{
	for (size_t i = 1; i < local.n && i <= ADDRESS_LOCAL_MAX; i++) {
		const struct entry *e = entry_find(c->routes, slice_of(local.p, i), domain);
		struct slice delimiter;
		size_t first = 0;

		if (e == NULL)
			continue;
		delimiter = slice_str(c->accounts[e->account].recipient_delimiter);
		while (first < i && slice_find(delimiter, local.p[first]) == delimiter.n)
			first++;
		if (first == i && slice_find(delimiter, local.p[i]) < delimiter.n)
			return e;
	}
	return NULL;
}

static struct route route_plain(const struct config *c, struct slice local, struct slice domain)
{
	const struct entry *e;

	e = entry_find(c->routes, local, domain);
	if (e != NULL)
		return route_to(c, e, ROUTE_EXACT);
	if (asks_for_relay(local))
		return (struct route){ NULL, ROUTE_NONE, NULL };
	e = entry_of_user(c, local, domain);
	if (e != NULL)
		return route_to(c, e, ROUTE_DETAIL);
	e = entry_find(c->routes, SLICE_NONE, domain);
	if (e != NULL)
		return route_to(c, e, ROUTE_DOMAIN);
	return (struct route){ NULL, ROUTE_NONE, NULL };
}

static const struct home *home_find(const struct routes *r, struct slice domain)
{
	char key[KEY_SIZE_MAX];
	struct home wanted = { key + 1, 0 };

	if (r->nhomes == 0 || key_make(SLICE_NONE, domain, key) != 0)
		return NULL;
	return bsearch(&wanted, r->homes, r->nhomes, sizeof(*r->homes), home_cmp);
}

bool config_has_domain(const struct config *c, const char *domain)
{
	return home_find(c->routes, slice_str(domain)) != NULL;
}

/* Who takes the postmaster's mail of DOMAIN that no address takes (RFC 5321, 4.5.1). */
static struct route route_postmaster(const struct config *c, struct slice domain)
{
	const struct routes *r = c->routes;
	const struct home *home = home_find(r, domain);
	size_t account;

	if (domain.n > 0 && domain.p[domain.n - 1] == '.')
		domain.n--;
	if (home == NULL && !slice_eq_nocase(domain, slice_str(c->hostname)))
		return (struct route){ NULL, ROUTE_NONE, NULL };
	account = r->flagged != NONE ? r->flagged : home != NULL ? home->account : r->first;
	if (account == NONE)
		return (struct route){ NULL, ROUTE_NONE, NULL };
	return (struct route){ &c->accounts[account], ROUTE_POSTMASTER, NULL };
}

struct route config_route(const struct config *c, const char *local, const char *domain)
{
	static const struct slice postmaster = SLICE_LIT("postmaster");
	struct slice l = slice_str(local), d = slice_str(domain);
	struct route found;

	if (l.n == 0)
		return (struct route){ NULL, ROUTE_NONE, NULL };
	/* <postmaster> without a domain is ours. */
	if (d.n == 0) {
		if (!slice_eq_nocase(l, postmaster))
			return (struct route){ NULL, ROUTE_NONE, NULL };
		d = slice_str(c->hostname);
	}
	found = route_plain(c, l, d);
	if (found.account == NULL && slice_eq_nocase(l, postmaster))
		found = route_postmaster(c, d);
	return found;
}

int route_explain(const struct route *r, struct buf *out)
{
	switch (r->match) {
	case ROUTE_NONE:
		return buf_add_str(out, "no account has this address or its domain");
	case ROUTE_EXACT:
		return buf_addf(out, "%s in account %s", r->address, r->account->name);
	case ROUTE_DETAIL:
		return buf_addf(out, "(`+detail' ignored) %s in account %s", r->address, r->account->name);
	case ROUTE_DOMAIN:
		return buf_addf(out, "(whole domain) %s in account %s", r->address, r->account->name);
	case ROUTE_POSTMASTER:
		return buf_addf(out, "(postmaster, whom no address names) account %s%s", r->account->name,
				r->account->postmaster ? ", which says postmaster = true" : ", the first by name");
	}
	return -1;
}
