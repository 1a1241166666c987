/* The actions that every Sieve has: keep, discard, redirect (RFC 5228, 4.2 to 4.4). */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/outbound.h"
#include "sieve/redirect.h"
#include "sieve/result.h"

static int run_keep(struct run *r, const struct op *op)
{
	return result_add(r, op, &(struct wish){ .kind = PLAN_KEEP });
}

static int run_discard(struct run *r, const struct op *op)
{
	return result_add(r, op, &(struct wish){ .kind = PLAN_DISCARD });
}

static int redirect_to(struct run *r, const struct op *op, struct slice address)
{
	struct wish w = { .kind = PLAN_REDIRECT, .copy = op_tag(op, "copy") != NULL };
	const size_t before = r->plan->n;

	outbound_check(&(struct maker){ .r = r, .at = op->pos }, &address);
	if (run_failed(r))
		return -1;
	w.target = address;
	if (result_add(r, op, &w) != 0)
		return -1;
	/* Of two to the same address the first one's questions count. */
	return r->plan->n > before ? redirect_ask(r, op, &r->plan->actions[before].dsn) : 0;
}

/* To all who are in the list (RFC 6134, 2.3), within the number of redirects that a message may take. */
static int redirect_to_list(struct run *r, const struct op *op, struct slice list)
{
	struct slice member;

	if (r->in->listed == NULL || r->in->list_member == NULL || !r->in->listed(r->in->arg, list, SLICE_NONE))
		return run_error(r, "there is no list %s", diag_word(list));
	for (size_t i = 0; r->in->list_member(r->in->arg, list, i, &member); i++)
		if (run_charge(r, 1 + member.n) != 0 || redirect_to(r, op, member) != 0)
			return -1;
	return 0;
}

static int run_redirect(struct run *r, const struct op *op)
{
	struct slice target = run_string(r, op, 0);

	if (run_failed(r))
		return -1;
	return op_tag(op, "list") != NULL ? redirect_to_list(r, op, target) : redirect_to(r, op, target);
}

/* An address that is constant is looked at now; the name of a list is none. */
static void check_redirect(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	const struct ast_arg *last = node->args;
	struct slice address = op->params[0].strings[0];

	while (last->next != NULL)
		last = last->next;
	if (op_tag(op, "list") == NULL && op->params[0].texts == NULL)
		outbound_check(&(struct maker){ .c = c, .at = last->pos }, &address);
	redirect_check(c, node, op);
}

static const struct sieve_param redirect_params[] = {
	{ "the address", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "keep", SIEVE_ACTION, .run = run_keep },
	{ "discard", SIEVE_ACTION, .run = run_discard },
	{ "redirect", SIEVE_ACTION, .outside = true, .params = redirect_params, .check = check_redirect,
	  .run = run_redirect },
	{ 0 },
};

const struct sieve_extension sieve_actions = { .commands = commands };
