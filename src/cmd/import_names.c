/* What the groups of the configuration are called. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/import.h"

enum { NAME_MAX_OCTETS = 40 };

/* TEXT in the letters that a name may have. */
static void name_add(struct buf *out, const char *text)
{
	if (out->n == 0 && !ascii_is_alpha(text[0]))
		(void)buf_add_char(out, 'm');
	for (; *text != '\0' && out->n < NAME_MAX_OCTETS; text++) {
		bool good = ascii_is_alpha(*text) || ascii_is_digit(*text) || *text == '_';

		if (good)
			(void)buf_add_char(out, *text);
		else if (out->p[out->n - 1] != '-')
			(void)buf_add_char(out, '-');
	}
	while (out->n > 1 && out->p[out->n - 1] == '-')
		buf_truncate(out, out->n - 1);
}

static bool is_taken(const struct import *imp, const char *name)
{
	for (size_t i = 0; i < imp->naccounts; i++)
		if (imp->accounts[i].name != NULL && strcmp(imp->accounts[i].name, name) == 0)
			return true;
	for (size_t i = 0; i < imp->nsources; i++)
		if (imp->sources[i].name != NULL && strcmp(imp->sources[i].name, name) == 0)
			return true;
	return false;
}

/* A name of TEXT that nobody has; of TEXT and MORE (may be NULL) where somebody has it; else with a number from N on.
 */
static const char *name_make(struct import *imp, const char *text, const char *more, size_t n)
{
	struct buf name;
	const char *ret;
	size_t bare;

	buf_init(&name, 4 * NAME_MAX_OCTETS);
	name_add(&name, text);
	if (is_taken(imp, buf_str(&name)) && more != NULL) {
		(void)buf_add_char(&name, '-');
		name_add(&name, more);
	}
	for (bare = name.n; is_taken(imp, buf_str(&name)); n++) {
		buf_truncate(&name, bare);
		(void)buf_addf(&name, "-%zu", n);
	}
	ret = import_keep(imp, buf_slice(&name));
	buf_free(&name);
	return ret;
}

/* The account of the person LOCAL, who is known by the part in front of the @. */
static size_t account_of(struct import *imp, const char *local)
{
	size_t n = slice_find(slice_str(local), '@');
	const char *bare = import_keep(imp, slice_of(local, n));
	size_t i;

	for (i = 0; i < imp->naccounts; i++)
		if (strcmp(imp->accounts[i].local, bare) == 0)
			return i;
	if (i == IMPORT_ACCOUNTS_MAX)
		return i - 1;
	imp->accounts[imp->naccounts++] = (struct import_account){ .local = bare };
	imp->accounts[i].name = name_make(imp, bare[0] == '\0' ? "mailbox" : bare, NULL, 2);
	return i;
}

/* The first account to which an address is given keeps it. */
static bool is_free(const struct import *imp, struct slice address)
{
	for (size_t i = 0; i < imp->naddresses; i++)
		if (slice_eq_nocase(slice_str(imp->addresses[i]), address))
			return false;
	return imp->naddresses < IMPORT_ADDRESSES_MAX;
}

static void address_add(struct import *imp, struct import_account *a, const char *local, const char *domain)
{
	struct slice name = slice_str(local);
	struct buf address;

	buf_init(&address, 4 * IMPORT_TEXT_MAX);
	(void)buf_add_slice(&address, name);
	if (slice_find(name, '@') == name.n)
		(void)buf_addf(&address, "@%s", domain);
	if (!buf_failed(&address) && a->addresses.n < IMPORT_LIST_MAX && is_free(imp, buf_slice(&address))) {
		const char *kept = import_keep(imp, buf_slice(&address));

		a->addresses.at[a->addresses.n++] = kept;
		imp->addresses[imp->naddresses++] = kept;
	}
	buf_free(&address);
}

static void domains_add(struct import *imp, struct import_account *a, const struct import_list *domains)
{
	for (size_t i = 0; i < domains->n; i++)
		address_add(imp, a, "", domains->at[i]);
}

/* A mailbox for many: whose addresses it has. */
static void locals_name(struct import *imp, struct import_source *s)
{
	const char *domain = s->domains.n > 0 ? s->domains.at[0] : s->hosts.n > 0 ? s->hosts.at[0] : "";

	for (size_t i = 0; i < s->locals.n; i++) {
		const char *local = s->locals.at[i], *equal = strchr(local, '=');
		size_t account;

		if (strcmp(local, "*") == 0) {
			domains_add(imp, &imp->accounts[s->account], &s->hosts);
			continue;
		}
		account = account_of(imp, equal == NULL ? local : equal + 1);
		if (equal != NULL)
			local = import_keep(imp, slice_of(local, (size_t)(equal - local)));
		address_add(imp, &imp->accounts[account], local, domain);
	}
	domains_add(imp, &imp->accounts[s->account], &s->domains);
}

void import_names(struct import *imp)
{
	imp->accounts = mem_array(IMPORT_ACCOUNTS_MAX, sizeof *imp->accounts);
	imp->addresses = mem_array(IMPORT_ADDRESSES_MAX, sizeof *imp->addresses);
	for (size_t i = 0; i < imp->nsources; i++) {
		struct import_source *s = &imp->sources[i];
		const char *first = s->locals.n == 0 ? "mailbox" : s->locals.at[0], *equal = strchr(first, '=');

		if (s->none)
			continue;
		first = equal == NULL ? first : equal + 1;
		s->account = account_of(imp, strcmp(first, "*") == 0 ? "mailbox" : first);
		if (s->multidrop)
			locals_name(imp, s);
	}
	for (size_t i = 0; i < imp->nsources; i++) {
		struct import_source *s = &imp->sources[i];

		if (!s->none)
			s->name = name_make(imp, s->label == NULL || s->label[0] == '\0' ? "source" : s->label, s->user,
					    i + 2);
	}
}
