/* "mailboxid" (RFC 9042): mailboxes by the id that stays when they are renamed (RFC 8474). What fileinto does with it,
 * ext_fileinto.c says. */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/run.h"
#include "sieve/trace.h"

enum { EXISTS_COST = 50, ID_MAX = 255 };

/* An objectid (RFC 8474, 7). */
static bool is_id(struct slice id)
{
	bool ok = id.n > 0 && id.n <= ID_MAX;

	for (size_t i = 0; ok && i < id.n; i++)
		ok = ascii_is_alpha(id.p[i]) || ascii_is_digit(id.p[i]) || id.p[i] == '_' || id.p[i] == '-';
	return ok;
}

/* What comes of variables may be none: no mailbox has it, and the name counts (RFC 9042, 4). */
static void check_id(struct maker *m, struct slice *id)
{
	if (is_id(*id))
		return;
	if (m->c == NULL)
		*id = SLICE_NONE;
	else
		maker_error(m, "%s is no id of a mailbox: expected letters, digits, \"_\" and \"-\"", diag_word(*id));
}

/* One that can't be is false, as mailboxexists is of a name that can't be (6). */
static int run_mailboxidexists(struct run *r, const struct op *op)
{
	struct strings ids = run_param(r, op, 0);

	for (size_t i = 0; i < ids.n; i++) {
		if (run_charge(r, EXISTS_COST) != 0)
			return -1;
		if (r->in->id_exists == NULL || !is_id(ids.all[i]) || !r->in->id_exists(r->in->arg, ids.all[i]))
			return trace_missing(r, ids.all[i]);
	}
	return 1;
}

static const struct sieve_param params[] = {
	{ "the ids of the mailboxes", VALUE_STRINGS, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "mailboxidexists", SIEVE_TEST, .params = params, .run = run_mailboxidexists },
	{ 0 },
};

static const char *const on_fileinto[] = { "fileinto", "vacation", "notify", NULL };

static const struct sieve_tag tags[] = {
	/* RFC 9042, 4.2: no :specialuse beside it. */
	{ "mailboxid", on_fileinto, "found by", VALUE_STRING, 0, "the id of the mailbox", check_id, NULL },
	{ 0 },
};

const struct sieve_extension sieve_mailboxid = { "mailboxid", .commands = commands, .tags = tags };
