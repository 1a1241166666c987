/*
 * "extlists" (RFC 6134): lists that are kept outside of the script. A list that
 * is not there is an error of the run: "not in the list" of a misspelt list would
 * be true of all mail.
 */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/match.h"
#include "sieve/run.h"
#include "sieve/trace.h"

enum { LOOKUP_COST = 50 };

static bool exists(const struct run *r, struct slice list)
{
	return r->in->listed != NULL && r->in->listed(r->in->arg, list, SLICE_NONE);
}

/* The keys are names of lists (2.2); how a value is compared is the list's own matter. */
static int match_list(struct matcher *m, const struct match_key *key, struct slice value)
{
	struct run *r = m->run;
	struct span whole = { 0, value.n };

	if (run_charge(r, LOOKUP_COST + value.n / 16) != 0)
		return -1;
	if (!exists(r, key->text))
		return run_error(r, "there is no list %s", diag_word(key->text));
	if (!r->in->listed(r->in->arg, key->text, value))
		return 0;
	return match_variables_wanted(r) ? match_spans(m, &whole, 1) : 1;
}

/* All of them (2.7). */
static int run_valid_ext_list(struct run *r, const struct op *op)
{
	struct strings lists = run_param(r, op, 0);

	for (size_t i = 0; i < lists.n; i++) {
		if (run_charge(r, LOOKUP_COST) != 0)
			return -1;
		if (!exists(r, lists.all[i]))
			return trace_missing(r, lists.all[i]);
	}
	return 1;
}

static const struct sieve_match_type match_types[] = {
	{ "list", 0, .value = match_list, .plain = true },
	{ 0 },
};

static const struct sieve_param params[] = {
	{ "the names of the lists", VALUE_STRINGS, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "valid_ext_list", SIEVE_TEST, .params = params, .run = run_valid_ext_list },
	{ 0 },
};

static const char *const on_redirect[] = { "redirect", NULL };

/* 2.3: what stands for the address is the name of a list; actions.c */
static const struct sieve_tag tags[] = {
	{ "list", on_redirect, NULL, VALUE_NONE, 0, NULL, NULL, NULL },
	{ 0 },
};

const struct sieve_extension sieve_extlists = {
	"extlists", .commands = commands, .match_types = match_types, .tags = tags
};
