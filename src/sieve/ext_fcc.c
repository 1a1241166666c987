/* "fcc" (RFC 8580): a copy of what vacation and notify send is filed. The tags of fileinto that say how (:create, :flags,
 * :specialuse, :mailboxid) are those extensions'; they name these commands too. */
#include "base/mem.h"
#include "sieve/extensions.h"
#include "sieve/fcc.h"
#include "sieve/flags.h"
#include "sieve/mailbox_name.h"

void fcc_check(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	static const char *const needs[] = { "create", "flags", "specialuse", "mailboxid" };

	if (op_tag(op, "fcc") != NULL)
		return;
	for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
		if (op_tag(op, needs[i]) != NULL)
			compile_error(c, node->pos, "\":%s\" of \"%s\" says how a copy is filed: expected \":fcc\" beside it",
				      needs[i], op->spec->name);
}

int fcc_take(struct run *r, const struct op *op, struct plan_fcc *out)
{
	const struct value *given = op_tag(op, "flags");
	struct flag_set set = { .n = 0 };
	struct strings flags = { NULL, 0 };

	if (op_tag(op, "fcc") == NULL)
		return 0;
	out->mailbox = run_take(r, op, "fcc");
	out->special_use = run_take(r, op, "specialuse");
	out->mailbox_id = run_take(r, op, "mailboxid");
	out->create = op_tag(op, "create") != NULL;
	/* The internal variable of RFC 5232 is about the message that came. */
	if (given != NULL)
		flags = run_strings(r, given);
	if (run_charge(r, flags.n) != 0)
		return -1;
	for (size_t i = 0; i < flags.n; i++)
		flags_add(&set, flags.all[i]);
	if (set.n > 0)
		out->flags = mem_array(set.n, sizeof *out->flags);
	for (size_t i = 0; i < set.n; i++)
		out->flags[i] = slice_dup(set.all[i]);
	out->nflags = set.n;
	return run_failed(r) ? -1 : 0;
}

static const char *const on[] = { "vacation", "notify", NULL };

static const struct sieve_tag tags[] = {
	{ "fcc", on, NULL, VALUE_STRING, 0, "the mailbox", mailbox_name_check, NULL },
	{ 0 },
};

const struct sieve_extension sieve_fcc = { "fcc", .tags = tags };
