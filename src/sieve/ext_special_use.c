/* "special-use" (RFC 8579): folders by what they are for. */
#include "msg/special_use.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/mailbox_name.h"
#include "sieve/run.h"

enum { EXISTS_MAILBOX, EXISTS_USES, EXISTS_COST = 50 };

/* An attribute: "\" and an atom (RFC 6154, 6). One that nobody knows is one that no folder has. */
static void check_use(struct compiler *c, struct slice *use, struct pos at)
{
	bool ok = use->n > 1 && use->p[0] == '\\';

	for (size_t i = 1; ok && i < use->n; i++)
		ok = ascii_is_alpha(use->p[i]) || ascii_is_digit(use->p[i]) || use->p[i] == '-' || use->p[i] == '_';
	if (!ok)
		compile_error(c, at, "%s is no special use: expected one such as \"\\\\Junk\"", diag_word(*use));
}

static int run_specialuse_exists(struct run *r, const struct op *op)
{
	struct slice mailbox = SLICE_NONE;

	if (run_count(op, EXISTS_MAILBOX) > 0)
		mailbox = run_string(r, op, EXISTS_MAILBOX, 0);
	for (size_t i = 0; i < run_count(op, EXISTS_USES); i++) {
		if (run_charge(r, EXISTS_COST) != 0)
			return -1;
		if (r->in->use_exists == NULL ||
		    !r->in->use_exists(r->in->arg, mailbox, run_string(r, op, EXISTS_USES, i)))
			return 0;
	}
	return 1;
}

static const struct sieve_param params[] = {
	{ "the mailbox", VALUE_STRING, PARAM_OPTIONAL, NULL, mailbox_name_check },
	{ "the special uses", VALUE_STRINGS, 0, NULL, check_use },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "specialuse_exists", SIEVE_TEST, .params = params, .run = run_specialuse_exists },
	{ 0 },
};

static const char *const on_fileinto[] = { "fileinto", NULL };

static const struct sieve_tag tags[] = {
	{ "specialuse", on_fileinto, NULL, VALUE_STRING, 0, "the special use", check_use },
	{ 0 },
};

const struct sieve_extension sieve_special_use = { "special-use", .commands = commands, .tags = tags };
