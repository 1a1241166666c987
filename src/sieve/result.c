#include "sieve/result.h"

#include <stdlib.h>

#include "base/mem.h"

static bool is_refusal(enum plan_kind kind)
{
	return kind == PLAN_REJECT || kind == PLAN_EREJECT;
}

static bool is_filing(enum plan_kind kind)
{
	return kind == PLAN_KEEP || kind == PLAN_FILEINTO;
}

/* Where a filing action files to: "INBOX" has no case (RFC 3501, 5.1), and a keep goes there. */
static struct slice filing_target(enum plan_kind kind, struct slice mailbox)
{
	static const struct slice inbox = { "INBOX", 5 };

	return kind == PLAN_KEEP || slice_eq_nocase(mailbox, inbox) ? inbox : mailbox;
}

/* Domains have no case, local parts may have one (RFC 5321, 2.4). */
static bool same_address(struct slice a, struct slice b)
{
	size_t at = a.n;

	while (at > 0 && a.p[at - 1] != '@')
		at--;
	return a.n == b.n && slice_eq(slice_of(a.p, at), slice_of(b.p, at)) &&
	       slice_eq_nocase(slice_of(a.p + at, a.n - at), slice_of(b.p + at, b.n - at));
}

static bool does_the_same(const struct plan_action *a, const struct wish *w)
{
	if (is_filing(a->kind) && is_filing(w->kind))
		return slice_eq(filing_target(a->kind, slice_str(a->mailbox)), filing_target(w->kind, w->target));
	if (a->kind != w->kind)
		return false;
	return a->kind == PLAN_DISCARD || (a->kind == PLAN_REDIRECT && same_address(slice_str(a->address), w->target));
}

static int check_conflict(struct run *r, const struct plan_action *a, const struct wish *w)
{
	const char *is = plan_kind_name(w->kind), *was = plan_kind_name(a->kind);

	if (a->kind == PLAN_DISCARD || w->kind == PLAN_DISCARD || (!is_refusal(a->kind) && !is_refusal(w->kind)))
		return 0;
	if (is_refusal(a->kind) && is_refusal(w->kind))
		return run_error(r, "\"%s\" after \"%s\" in line %u: a message can be refused only once", is, was,
				 a->line);
	return run_error(r, "\"%s\" after \"%s\" in line %u: a message can't be both refused and delivered", is, was,
			 a->line);
}

static void free_flags(char **flags, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(flags[i]);
	free(flags);
}

static char **copy_flags(const struct flag_set *set)
{
	char **flags = NULL;

	if (set->n > 0)
		flags = mem_array(set->n, sizeof *flags);
	for (size_t i = 0; i < set->n; i++)
		flags[i] = slice_dup(set->all[i]);
	return flags;
}

static void set_flags(const struct run *r, const struct op *op, struct plan_action *a)
{
	const struct value *given = op_tag(op, "flags");
	struct flag_set set = { .n = 0 };

	if (given == NULL)
		set = r->flags;
	else
		for (size_t i = 0; i < given->n; i++)
			flags_add(&set, given->strings[i]);
	free_flags(a->flags, a->nflags);
	a->flags = copy_flags(&set);
	a->nflags = set.n;
}

static int check_limits(struct run *r, const struct wish *w)
{
	size_t redirects = 0;

	if (r->plan->n == SIEVE_ACTIONS_MAX)
		return run_error(r, "more than the %d actions that one message may take", SIEVE_ACTIONS_MAX);
	for (size_t i = 0; i < r->plan->n; i++)
		redirects += r->plan->actions[i].kind == PLAN_REDIRECT;
	if (w->kind == PLAN_REDIRECT && redirects == SIEVE_REDIRECTS_MAX)
		return run_error(r, "more than the %d redirects that one message may take", SIEVE_REDIRECTS_MAX);
	return 0;
}

static struct plan_action *append(struct run *r, const struct op *op, const struct wish *w)
{
	struct plan *p = r->plan;
	struct plan_action *a;

	p->actions = mem_resize(p->actions, p->n + 1, sizeof *p->actions);
	a = &p->actions[p->n++];
	*a = (struct plan_action){ .kind = w->kind, .copy = w->copy, .create = w->create, .line = op->pos.line };
	if (w->kind == PLAN_FILEINTO)
		a->mailbox = slice_dup(w->target);
	else if (w->kind == PLAN_REDIRECT)
		a->address = slice_dup(w->target);
	else if (is_refusal(w->kind))
		a->reason = slice_dup(w->target);
	return a;
}

/* The earlier action stays where it is; a keep and a fileinto into INBOX become a keep, which is what INBOX means. */
static void merge(struct plan_action *a, const struct wish *w)
{
	if (w->kind == PLAN_KEEP && a->kind == PLAN_FILEINTO) {
		a->kind = PLAN_KEEP;
		free(a->mailbox);
		a->mailbox = NULL;
	}
	a->copy = a->kind != PLAN_KEEP && a->copy && w->copy;
	a->create = a->kind != PLAN_KEEP && (a->create || w->create);
}

int result_add(struct run *r, const struct op *op, const struct wish *w)
{
	struct plan_action *same = NULL;

	for (size_t i = 0; i < r->plan->n; i++) {
		struct plan_action *a = &r->plan->actions[i];

		if (check_conflict(r, a, w) != 0)
			return -1;
		if (same == NULL && does_the_same(a, w))
			same = a;
	}
	if (same == NULL && check_limits(r, w) != 0)
		return -1;
	if (same == NULL)
		same = append(r, op, w);
	else
		merge(same, w);
	if (is_filing(w->kind))
		set_flags(r, op, same);
	if (!w->copy)
		r->plan->implicit_keep = false;
	return 0;
}

void result_finish(struct run *r, bool ok)
{
	struct plan *p = r->plan;

	if (!ok) {
		char *error = p->error;

		p->error = NULL;
		plan_free(p);
		*p = (struct plan){ .implicit_keep = true, .error = error };
		return;
	}
	if (p->implicit_keep) {
		p->keep_flags = copy_flags(&r->flags);
		p->nkeep_flags = r->flags.n;
	}
}
