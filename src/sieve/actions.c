/* The actions that every Sieve has: keep, discard, redirect (RFC 5228, 4.2 to 4.4). */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/outbound.h"
#include "sieve/result.h"

static int run_keep(struct run *r, const struct op *op)
{
	return result_add(r, op, &(struct wish){ .kind = PLAN_KEEP });
}

static int run_discard(struct run *r, const struct op *op)
{
	return result_add(r, op, &(struct wish){ .kind = PLAN_DISCARD });
}

static int run_redirect(struct run *r, const struct op *op)
{
	struct wish w = { .kind = PLAN_REDIRECT,
			  .target = run_string(r, op, 0, 0),
			  .copy = op_tag(op, "copy") != NULL };

	return result_add(r, op, &w);
}

static const struct sieve_param redirect_params[] = {
	{ "the address", VALUE_STRING, 0, NULL, outbound_check },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "keep", SIEVE_ACTION, .run = run_keep },
	{ "discard", SIEVE_ACTION, .run = run_discard },
	{ "redirect", SIEVE_ACTION, .outside = true, .params = redirect_params, .run = run_redirect },
	{ 0 },
};

const struct sieve_extension sieve_actions = { .commands = commands };
