/* "envelope-dsn" (RFC 6009, 4): what the sender asked about notifications, as parts of the envelope. */
#include "sieve/extensions.h"
#include "sieve/run.h"

static int plain(struct slice value, size_t i, struct address_view *out)
{
	if (i > 0 || value.p == NULL)
		return 0;
	*out = (struct address_view){ .all = value };
	return 1;
}

/* Each condition is a value of its own, so that :count tells how many were asked for. */
static int get_notify(struct run *r, size_t i, struct address_view *out)
{
	if (i >= r->in->nnotify)
		return 0;
	*out = (struct address_view){ .all = r->in->notify[i] };
	return 1;
}

static int get_orcpt(struct run *r, size_t i, struct address_view *out)
{
	return plain(r->in->orcpt, i, out);
}

static int get_ret(struct run *r, size_t i, struct address_view *out)
{
	return plain(r->in->ret, i, out);
}

static int get_envid(struct run *r, size_t i, struct address_view *out)
{
	return plain(r->in->envid, i, out);
}

static const struct sieve_envelope_part parts[] = {
	{ "notify", false, get_notify },
	{ "orcpt", false, get_orcpt },
	{ "ret", false, get_ret },
	{ "envid", false, get_envid },
	{ 0 },
};

const struct sieve_extension sieve_envelope_dsn = { "envelope-dsn", .envelope_parts = parts };
