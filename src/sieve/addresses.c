/* The address test and the address parts of the base language (RFC 5228, 5.1, 2.7.4). */
#include "sieve/address_match.h"

#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/fields.h"
#include "sieve/registry.h"
#include "sieve/view.h"

enum { ADDRESSES_A_STEP = 16 };
enum { ADDRESS_NAMES };

/* Fields that hold addresses: those of RFC 5322 and what is met with in mail besides. The test is an error on others
 * (5.1). */
static const char *const address_fields[] = {
	"from",
	"to",
	"cc",
	"bcc",
	"sender",
	"reply-to",
	"resent-from",
	"resent-to",
	"resent-cc",
	"resent-bcc",
	"resent-sender",
	"resent-reply-to",
	"return-path",
	"delivered-to",
	"envelope-to",
	"x-envelope-to",
	"x-envelope-from",
	"x-original-to",
	"x-original-from",
	"x-delivered-to",
	"x-forwarded-to",
	"x-beenthere",
	"apparently-to",
	"errors-to",
	"mail-followup-to",
	"mail-reply-to",
	"disposition-notification-to",
	"return-receipt-to",
	"return-receipt-requested",
	"read-receipt-to",
	"x-confirm-reading-to",
	"for-approval",
	"for-handling",
	"for-comment",
	"x-admin",
	"abuse-reports-to",
	"x-complaints-to",
	"x-report-abuse-to",
	"registered-mail-reply-requested-by",
	"original-recipient",
	"x-sender",
	"x-apparently-to",
	"list-post",
};

static void check_field(struct maker *m, struct slice *name)
{
	for (size_t i = 0; i < sizeof address_fields / sizeof address_fields[0]; i++)
		if (slice_eq_nocase(*name, slice_str(address_fields[i])))
			return;
	/* Not to be an error (2.4.2.2). Fields of parts may hold addresses (RFC 5703, 4.2). */
	if (!view_is_name(*name) || slice_starts_nocase(*name, SLICE_LIT("content-")))
		return;
	maker_error(m, "the field %s holds no addresses: expected one such as \"From\", or the test \"header\"",
		      diag_word(*name));
}

static bool lies_in(struct slice part, struct slice whole)
{
	return part.p != NULL && whole.p != NULL && part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

int address_match(struct matcher *m, const struct op *op, const struct address_view *a)
{
	struct slice part;
	int got = 0;

	/* What is counted are addresses, whatever part of them is compared (RFC 5231, 4.2). */
	if (a->valid && op->address->get(m->run, a, &part)) {
		/* A part that was made for this operation does not live as long as the address. */
		if (lies_in(part, a->all) || lies_in(part, a->local) || lies_in(part, a->domain))
			m->known = a->known;
		got = match_value(m, part);
		m->known = NULL;
		return got;
	}
	if (a->valid) {
		m->values++;
		return 0;
	}
	if (a->null || strcmp(op->address->name, "all") == 0) {
		got = match_value(m, a->null ? SLICE_LIT("") : a->all);
		m->values--;
	}
	return got;
}

static int match_field(struct matcher *m, const struct op *op, const struct view_header *h, size_t field)
{
	const struct address_view *all;
	size_t n;
	int got = view_list(m->run, h, field, &all, &n);

	if (got == 0 && run_charge(m->run, n / ADDRESSES_A_STEP) != 0)
		return -1;

	for (size_t i = 0; i < n && got == 0; i++)
		got = address_match(m, op, &all[i]);
	return got;
}

static int run_address(struct run *r, const struct op *op)
{
	return fields_match(r, op, run_param(r, op, ADDRESS_NAMES), match_field);
}

static bool get_all(const struct run *r, const struct address_view *a, struct slice *out)
{
	(void)r;
	*out = a->all;
	return true;
}

static bool get_local(const struct run *r, const struct address_view *a, struct slice *out)
{
	(void)r;
	*out = a->local;
	return true;
}

static bool get_domain(const struct run *r, const struct address_view *a, struct slice *out)
{
	(void)r;
	*out = a->domain;
	return true;
}

static const struct sieve_address_part parts[] = {
	{ "all", get_all },
	{ "localpart", get_local },
	{ "domain", get_domain },
	{ 0 },
};

static const struct sieve_param params[] = {
	{ "the header names", VALUE_STRINGS, 0, NULL, check_field },
	{ "the keys", VALUE_STRINGS, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "address", SIEVE_TEST, .matches = true, .addresses = true, .params = params, .check = fields_check,
	  .run = run_address },
	{ 0 },
};

const struct sieve_extension sieve_addresses = { .commands = commands, .address_parts = parts };
