#include "sieve/result.h"

#include <stdlib.h>

#include "base/mem.h"
#include "msg/address.h"
#include "sieve/content.h"
#include "sieve/mailbox_name.h"

static bool is_refusal(enum plan_kind kind)
{
	return kind == PLAN_REJECT || kind == PLAN_EREJECT;
}

static bool is_filing(enum plan_kind kind)
{
	return kind == PLAN_KEEP || kind == PLAN_FILEINTO;
}

/* RFC 5230, 4.7; RFC 5435, 3 */
static bool leaves_keep(enum plan_kind kind)
{
	return kind == PLAN_VACATION || kind == PLAN_NOTIFY;
}

/* Where a filing action files to: a keep goes to INBOX. */
static struct slice filing_target(enum plan_kind kind, struct slice mailbox)
{
	return kind == PLAN_KEEP ? SLICE_LIT("INBOX") : mailbox;
}

static bool does_the_same(const struct plan_action *a, const struct wish *w)
{
	if (is_filing(a->kind) && is_filing(w->kind))
		return mailbox_name_same(filing_target(a->kind, slice_str(a->mailbox)), filing_target(w->kind, w->target)) &&
		       slice_eq(slice_str(a->mailbox_id != NULL ? a->mailbox_id : ""), w->mailbox_id);
	if (a->kind != w->kind)
		return false;
	return a->kind == PLAN_DISCARD || (a->kind == PLAN_REDIRECT && address_same(slice_str(a->address), w->target));
}

static bool conflicts(const struct plan_action *a, const struct wish *w)
{
	/* RFC 5435 says nothing against a notification beside a refusal. */
	return a->kind != PLAN_DISCARD && w->kind != PLAN_DISCARD && a->kind != PLAN_NOTIFY && w->kind != PLAN_NOTIFY &&
	       (is_refusal(a->kind) || is_refusal(w->kind));
}

static int check_conflict(struct run *r, const struct plan_action *a, const struct wish *w)
{
	const char *is = plan_kind_name(w->kind), *was = plan_kind_name(a->kind);

	if (!conflicts(a, w))
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

static void set_flags(struct run *r, const struct op *op, struct plan_action *a)
{
	const struct value *given = op_tag(op, "flags");
	struct flag_set set = { .n = 0 };
	struct strings flags = { NULL, 0 };

	if (given == NULL)
		set = r->flags.set;
	else
		flags = run_strings(r, given);
	if (run_charge(r, flags.n) != 0)
		return;
	for (size_t i = 0; i < flags.n; i++)
		flags_add(&set, flags.all[i]);
	free_flags(a->flags, a->nflags);
	a->flags = copy_flags(&set);
	a->nflags = set.n;
}

static int check_limits(struct run *r, const struct wish *w)
{
	size_t redirects = 0, notifications = 0;

	if (r->plan->n >= r->limits.actions)
		return run_error(r, "more than the %zu actions that one message may take", r->limits.actions);
	for (size_t i = 0; i < r->plan->n; i++) {
		redirects += r->plan->actions[i].kind == PLAN_REDIRECT;
		notifications += r->plan->actions[i].kind == PLAN_NOTIFY;
	}
	if (w->kind == PLAN_REDIRECT && redirects >= r->limits.redirects)
		return run_error(r, "more than the %zu redirects that one message may take", r->limits.redirects);
	if (w->kind == PLAN_NOTIFY && notifications >= r->limits.notifications)
		return run_error(r, "more than the %zu notifications that one message may cause", r->limits.notifications);
	return 0;
}

/* A refusal is about the message as it came (RFC 5293, 7); a redirect leaves out what encloses it (RFC 5703, 6). */
static int set_content(struct run *r, struct plan_action *a)
{
	if (is_filing(a->kind))
		return content_export(r, false, &a->content);
	return a->kind == PLAN_REDIRECT ? content_export(r, true, &a->content) : 0;
}

static struct plan_action *append(struct run *r, const struct op *op, const struct wish *w)
{
	struct plan *p = r->plan;
	struct plan_action *a;

	p->actions = mem_resize(p->actions, p->n + 1, sizeof *p->actions);
	a = &p->actions[p->n++];
	*a = (struct plan_action){ .kind = w->kind, .copy = w->copy, .create = w->create, .line = op->pos.line };
	if (w->mailbox_id.n > 0)
		a->mailbox_id = slice_dup(w->mailbox_id);
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

	/* RFC 5230, 4.7; also when no answer was due. */
	if (is_refusal(w->kind) && r->vacation_line > 0 && r->vacation_at < r->executed)
		return 0;
	if (is_refusal(w->kind) && r->vacation_line > 0)
		return run_error(r, "\"%s\" after \"vacation\" in line %u: a message can't be both refused and answered",
				 plan_kind_name(w->kind), r->vacation_line);
	for (size_t i = 0; i < r->plan->n; i++) {
		struct plan_action *a = &r->plan->actions[i];

		if (i < r->executed && conflicts(a, w))
			return 0; /* what is done stays so */
		if (check_conflict(r, a, w) != 0)
			return -1;
		if (same == NULL && does_the_same(a, w))
			same = a;
	}
	if (same == NULL && check_limits(r, w) != 0)
		return -1;
	if (same == NULL) {
		same = append(r, op, w);
		if (set_content(r, same) != 0)
			return -1;
	} else if ((size_t)(same - r->plan->actions) >= r->executed) {
		merge(same, w);
	}
	if (is_filing(w->kind))
		set_flags(r, op, same);
	if (!w->copy && !leaves_keep(w->kind))
		r->plan->implicit_keep = false;
	return 0;
}

int result_finish(struct run *r, bool ok)
{
	struct plan *p = r->plan;

	if (ok && p->implicit_keep)
		ok = content_export(r, false, &p->keep_content) == 0;
	if (!ok) {
		/* With what it wanted to know, the run may end well. */
		struct plan left = { .implicit_keep = true, .error = p->error, .wanted = p->wanted, .nwanted = p->nwanted };

		p->error = NULL;
		p->wanted = NULL;
		p->nwanted = 0;
		plan_free(p);
		*p = left;
		return -1;
	}
	if (p->implicit_keep) {
		p->keep_flags = copy_flags(&r->flags.set);
		p->nkeep_flags = r->flags.set.n;
	}
	return 0;
}
