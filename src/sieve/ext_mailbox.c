/* "mailbox" (RFC 5490, 3.1 and 3.2). */
#include "sieve/extensions.h"
#include "sieve/mailbox_name.h"
#include "sieve/run.h"
#include "sieve/trace.h"

enum { EXISTS_COST = 50 };

static bool exists(const struct run *r, struct slice mailbox)
{
	if (r->in->mailbox_exists == NULL)
		return slice_eq_nocase(mailbox, SLICE_LIT("INBOX"));
	return r->in->mailbox_exists(r->in->arg, mailbox);
}

static int run_mailboxexists(struct run *r, const struct op *op)
{
	struct strings names = run_param(r, op, 0);

	for (size_t i = 0; i < names.n; i++) {
		if (run_charge(r, EXISTS_COST) != 0)
			return -1;
		if (!exists(r, names.all[i]))
			return trace_missing(r, names.all[i]);
	}
	return 1;
}

static const struct sieve_param params[] = {
	{ "the mailboxes", VALUE_STRINGS, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "mailboxexists", SIEVE_TEST, .params = params, .run = run_mailboxexists },
	{ 0 },
};

static const char *const on_fileinto[] = { "fileinto", "vacation", "notify", NULL };

static const struct sieve_tag tags[] = {
	{ "create", on_fileinto, NULL, VALUE_NONE, 0, NULL, NULL, NULL },
	{ 0 },
};

const struct sieve_extension sieve_mailbox = { "mailbox", .commands = commands, .tags = tags };
