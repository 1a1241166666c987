/* The address test and the address parts of the base language (RFC 5228, 5.1, 2.7.4). */
#include "sieve/address_match.h"

#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/registry.h"
#include "sieve/view.h"

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

static void check_field(struct compiler *c, struct slice *name, struct pos at)
{
	for (size_t i = 0; i < sizeof address_fields / sizeof address_fields[0]; i++)
		if (slice_eq_nocase(*name, slice_str(address_fields[i])))
			return;
	/* Not to be an error (2.4.2.2). */
	if (!view_is_name(*name))
		return;
	compile_error(c, at, "the field %s holds no addresses: expected one such as \"From\", or the test \"header\"",
		      diag_word(*name));
}

int address_match(struct matcher *m, const struct op *op, const struct address_view *a)
{
	struct slice part;

	if (a->null)
		return match_value(m, SLICE_LIT(""));
	if (a->valid)
		return op->address->get(a, &part) ? match_value(m, part) : 0;
	return strcmp(op->address->name, "all") == 0 ? match_value(m, a->all) : 0;
}

static int match_field(struct run *r, const struct op *op, struct matcher *m, size_t field)
{
	const struct address_view *all;
	size_t n;
	int got = view_addresses(r, field, &all, &n);

	for (size_t i = 0; i < n && got == 0; i++)
		got = address_match(m, op, &all[i]);
	return got;
}

static int run_address(struct run *r, const struct op *op)
{
	struct matcher m = { r, op->match, 0 };
	int got = 0;

	for (size_t i = 0; i < run_count(op, ADDRESS_NAMES) && got == 0; i++) {
		size_t at = 0, field;

		while (got == 0 && (got = view_next(r, run_string(r, op, ADDRESS_NAMES, i), &at, &field)) > 0)
			got = match_field(r, op, &m, field);
	}
	return got != 0 ? got : match_end(&m);
}

static bool get_all(const struct address_view *a, struct slice *out)
{
	*out = a->all;
	return true;
}

static bool get_local(const struct address_view *a, struct slice *out)
{
	*out = a->local;
	return true;
}

static bool get_domain(const struct address_view *a, struct slice *out)
{
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
	{ "address", SIEVE_TEST, .matches = true, .addresses = true, .params = params, .run = run_address },
	{ 0 },
};

const struct sieve_extension sieve_addresses = { .commands = commands, .address_parts = parts };
