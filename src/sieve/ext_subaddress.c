/*
 * "subaddress" (RFC 5233): the address parts :user and :detail. The first of
 * the separators that occurs in the local part, without its quotes, parts it.
 */
#include "sieve/extensions.h"
#include "sieve/run.h"

/* Where the separator stands in LOCAL; its length where there is none. */
static size_t separator_at(const struct run *r, struct slice local)
{
	struct slice separators = slice_str(r->in->separators != NULL ? r->in->separators : "+");
	size_t at = 0;

	while (at < local.n && slice_find(separators, local.p[at]) == separators.n)
		at++;
	return at;
}

static bool get_user(const struct run *r, const struct address_view *a, struct slice *out)
{
	*out = slice_of(a->local.p, separator_at(r, a->local));
	return true;
}

static bool get_detail(const struct run *r, const struct address_view *a, struct slice *out)
{
	size_t at = separator_at(r, a->local);

	if (at == a->local.n)
		return false;
	*out = slice_skip(a->local, at + 1);
	return true;
}

static const struct sieve_address_part parts[] = {
	{ "user", get_user },
	{ "detail", get_detail },
	{ 0 },
};

const struct sieve_extension sieve_subaddress = { "subaddress", .address_parts = parts };
