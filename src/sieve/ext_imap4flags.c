/* "imap4flags" (RFC 5232): the internal variable is struct run's; result.c puts it on keep and fileinto. */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/match.h"
#include "sieve/run.h"

enum { FLAGS_VARIABLE, FLAGS_LIST };

static int run_addflag(struct run *r, const struct op *op)
{
	for (size_t i = 0; i < run_count(op, FLAGS_LIST); i++) {
		if (run_charge(r, 1) != 0)
			return -1;
		flags_add(&r->flags, run_string(r, op, FLAGS_LIST, i));
	}
	return 0;
}

static int run_setflag(struct run *r, const struct op *op)
{
	r->flags.n = 0;
	return run_addflag(r, op);
}

static int run_removeflag(struct run *r, const struct op *op)
{
	for (size_t i = 0; i < run_count(op, FLAGS_LIST); i++) {
		if (run_charge(r, 1) != 0)
			return -1;
		flags_remove(&r->flags, run_string(r, op, FLAGS_LIST, i));
	}
	return 0;
}

static int run_hasflag(struct run *r, const struct op *op)
{
	struct matcher m = { r, op->match, 0 };
	int got = 0;

	for (size_t i = 0; i < r->flags.n && got == 0; i++)
		got = match_value(&m, r->flags.all[i]);
	return got != 0 ? got : match_end(&m);
}

static const struct sieve_param action_params[] = {
	{ "the variable name", VALUE_STRING, PARAM_OPTIONAL, "variables", NULL },
	{ "the list of flags", VALUE_STRINGS, PARAM_WORDS, NULL, NULL },
	{ 0 },
};

static const struct sieve_param test_params[] = {
	{ "the variable list", VALUE_STRINGS, PARAM_OPTIONAL, "variables", NULL },
	{ "the list of flags", VALUE_STRINGS, PARAM_WORDS | PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "setflag", SIEVE_ACTION, .params = action_params, .run = run_setflag },
	{ "addflag", SIEVE_ACTION, .params = action_params, .run = run_addflag },
	{ "removeflag", SIEVE_ACTION, .params = action_params, .run = run_removeflag },
	{ "hasflag", SIEVE_TEST, .matches = true, .params = test_params, .run = run_hasflag },
	{ 0 },
};

static const char *const on_filing[] = { "keep", "fileinto", NULL };

static const struct sieve_tag tags[] = {
	{ "flags", on_filing, NULL, VALUE_STRINGS, PARAM_WORDS, "the list of flags", NULL },
	{ 0 },
};

const struct sieve_extension sieve_imap4flags = { "imap4flags", .commands = commands, .tags = tags };
