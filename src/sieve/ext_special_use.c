/* "special-use" (RFC 8579): folders by what they are for. */
#include <string.h>

#include "msg/special_use.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/run.h"
#include "sieve/trace.h"

enum { EXISTS_MAILBOX, EXISTS_USES, EXISTS_COST = 50 };

/* An attribute: "\" and an atom (RFC 6154, 6; RFC 3501, 9). One that nobody knows is one that no folder has. */
static void check_use(struct maker *m, struct slice *use)
{
	bool ok = use->n > 1 && use->p[0] == '\\';

	for (size_t i = 1; ok && i < use->n; i++)
		ok = use->p[i] > ' ' && use->p[i] < 0x7f && strchr("(){%*\"\\]", use->p[i]) == NULL;
	if (!ok)
		maker_error(m, "%s is no special use: expected one such as \"\\\\Junk\"", diag_word(*use));
}

/* What variables make an attribute of, and can't be one, is one that no folder has. */
static void check_asked(struct maker *m, struct slice *use)
{
	if (m->c != NULL)
		check_use(m, use);
}

static int run_specialuse_exists(struct run *r, const struct op *op)
{
	struct slice mailbox = run_string(r, op, EXISTS_MAILBOX);
	struct strings uses = run_param(r, op, EXISTS_USES);

	/* A mailbox without a name is none, as mailboxexists has it (3). */
	if (op->params[EXISTS_MAILBOX].n > 0 && mailbox.n == 0)
		return 0;
	for (size_t i = 0; i < uses.n; i++) {
		if (run_charge(r, EXISTS_COST) != 0)
			return -1;
		if (r->in->use_exists == NULL ||
		    !r->in->use_exists(r->in->arg, mailbox, uses.all[i]))
			return trace_missing(r, uses.all[i]);
	}
	return 1;
}

static const struct sieve_param params[] = {
	{ "the mailbox", VALUE_STRING, PARAM_OPTIONAL, NULL, NULL },
	{ "the special uses", VALUE_STRINGS, 0, NULL, check_asked },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "specialuse_exists", SIEVE_TEST, .params = params, .run = run_specialuse_exists },
	{ 0 },
};

static const char *const on_fileinto[] = { "fileinto", "vacation", "notify", NULL };

static const struct sieve_tag tags[] = {
	{ "specialuse", on_fileinto, "found by", VALUE_STRING, 0, "the special use", check_use, NULL },
	{ 0 },
};

const struct sieve_extension sieve_special_use = { "special-use", .commands = commands, .tags = tags };
