#include "fetch/dry.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fetch/run_impl.h"
#include "msg/summary.h"

struct run_dry {
	struct run_line where;
	void (*line)(void *arg, const struct run_line *l);
	void *arg;
	spool_answer_fn *asked;
	void *asked_arg;
};

struct run_dry *run_dry_new(void)
{
	return mem_alloc(sizeof(struct run_dry));
}

void run_dry_free(struct run_dry **d)
{
	free(*d);
	*d = NULL;
}

static void tell(struct run_dry *d, const struct spool_message *m, const struct spool_recipient *r,
		 const struct spool_delivery *x)
{
	struct run_line l = d->where;

	l.to = r == NULL ? NULL : r->address;
	l.account = x != NULL ? x->account : r == NULL ? NULL : r->account;
	l.into = x == NULL ? NULL : x->folder;
	l.rule = x == NULL || *x->rule == '\0' ? NULL : x->rule;
	l.why = x != NULL && x->note != NULL ? x->note : r == NULL ? NULL : r->verdict;
	l.from = m->from;
	l.subject = m->subject;
	l.message_id = m->message_id;
	d->line(d->arg, &l);
}

/* One of the recipients that the delivery is for. */
static const struct spool_recipient *recipient_of(const struct spool_message *m, const char *account)
{
	for (size_t i = 0; i < m->nrecipients; i++)
		if (slice_eq(slice_str(m->recipients[i].account), slice_str(account)))
			return &m->recipients[i];
	return m->nrecipients == 0 ? NULL : &m->recipients[0];
}

static uint64_t dry_accept(void *spool, const struct spool_message *m, spool_answer_fn *fn, void *arg)
{
	struct run_dry *d = spool;
	bool told = false;

	if (d->line != NULL) {
		for (size_t i = 0; i < m->ndeliveries; i++)
			tell(d, m, recipient_of(m, m->deliveries[i].account), &m->deliveries[i]);
		/* In other words, or for others: what is but an answer is none of what was asked. */
		for (size_t i = 0; i < m->nfurther; i++)
			for (size_t k = 0; k < m->further[i].ndeliveries && !m->further[i].apart; k++, told = true)
				tell(d, m, &m->further[i].recipients[0], &m->further[i].deliveries[k]);
		if (m->ndeliveries == 0 && !told)
			tell(d, m, m->nrecipients == 0 ? NULL : &m->recipients[0], NULL);
	}
	d->asked = fn;
	d->asked_arg = arg;
	return 1;
}

static void dry_cancel(void *spool, uint64_t handle)
{
	struct run_dry *d = spool;

	(void)handle;
	d->asked = NULL;
}

static uint64_t dry_upload_open(void *spool, spool_upload_fn *fn, void *arg)
{
	(void)spool;
	(void)fn;
	(void)arg;
	return 0; /* heads stay in memory: what is larger gets no answer, and is told as it is */
}

static void dry_upload_drop(void *spool, uint64_t upload)
{
	(void)spool;
	(void)upload;
}

/* These three are asked of mail that is handed in; nothing is fetched that way. */
static uint64_t dry_known(void *spool, const struct spool_message *m, spool_known_fn *fn, void *arg)
{
	(void)spool;
	(void)m;
	(void)fn;
	(void)arg;
	abort();
}

static void dry_confirm(void *spool, int64_t ticket, enum spool_reply what)
{
	(void)spool;
	(void)ticket;
	(void)what;
}

static void dry_unanswered(void *spool, const char *id)
{
	(void)spool;
	(void)id;
}

const struct intake_spool run_dry_spool = {
	.accept = dry_accept,
	.cancel = dry_cancel,
	.upload_open = dry_upload_open,
	.upload_drop = dry_upload_drop,
	.known = dry_known,
	.confirm = dry_confirm,
	.unanswered = dry_unanswered,
};

void dry_expect(struct run_dry *d, const struct run_line *l, void (*line)(void *arg, const struct run_line *l),
		void *arg)
{
	d->where = *l;
	d->line = line;
	d->arg = arg;
	d->asked = NULL;
}

void dry_answer(struct run_dry *d)
{
	spool_answer_fn *fn = d->asked;

	d->asked = NULL;
	if (fn != NULL)
		fn(d->asked_arg, SPOOL_ACCEPTED, &(const struct spool_taken){ 0 });
}

/* ---- the messages of a folder ---- */
static void nothing(void *arg)
{
	(void)arg;
}

/* 0: told. -1: it does not fit. */
static int judge(struct visit *v, struct item *item, struct slice block, const struct head *head, const char **why)
{
	static const struct intake_events events = { .resume = nothing, .done = nothing };
	const struct run_setup *setup = v->run->setup;
	struct spool_origin origin = visit_origin(v, item, ORIGIN_TAKEN);
	const struct intake_fetched fetched = { .origin = &origin,
						.flags = listing_flags(&v->list, item),
						.internal_ms = item->internal_ms,
						.source = &v->run->source,
						.folder = v->into,
						.account = v->account,
						.head_only = true };
	const struct intake_envelope env = { .session = v->run->source.name, .fetched = &fetched };
	struct intake_message *m = intake_begin(setup->intake, &env, &events, NULL);
	enum intake_flow flow = INTAKE_GO;
	enum intake_result result;

	(void)head;
	while (block.n > 0 && flow == INTAKE_GO) {
		const size_t n = block.n < INTAKE_PIECE_MAX ? block.n : INTAKE_PIECE_MAX;

		flow = intake_add(m, slice_of(block.p, n));
		block = slice_skip(block, n);
	}
	*why = NULL;
	if (flow == INTAKE_GO && !intake_finish(m))
		dry_answer(setup->dry);
	result = flow == INTAKE_WAIT ? INTAKE_HEADER : intake_outcome(m, why);
	if (*why != NULL)
		visit_line(v, item, SLICE_NONE, *why);
	intake_end(&m);
	return result == INTAKE_ACCEPTED ? 0 : -1;
}

static int look(struct visit *v, struct item *item, struct slice block, bool got)
{
	const struct run_setup *setup = v->run->setup;
	struct run_progress *p = &v->run->result->done;
	struct run_line where = { .folder = v->folder->name, .name = listing_name(&v->list, item), .size = item->size };
	char uid[16], reason[200];
	const char *why;
	struct head head;
	int r;

	if (!got) {
		visit_line(v, item, SLICE_NONE, "the server does not show its header");
		return 0;
	}
	head_read(block, &head);
	if (item->row == PAIR_NONE && (r = match_one(v, item, &head)) != 0)
		return r < 0 ? -1 : 0;
	if (v->run->same_mailbox && item->head == PAIR_NONE && (r = visit_own(v, block)) != 0)
		return r < 0 ? -1 : visit_add_own(v, item, &head);
	if (item->internal_ms == 0 && skip_by_age(v->run, head.date_ms, reason))
		return skip_tell(v, item, block, reason);
	(void)snprintf(uid, sizeof uid, "%u", item->number);
	if (*where.name == '\0')
		where.name = uid;
	dry_expect(setup->dry, &where, setup->line, setup->arg);
	if (judge(v, item, block, &head, &why) != 0 && why == NULL)
		visit_line(v, item, block, "its header is too large to see what the rules would do");
	item->need = ITEM_DONE;
	p->messages++;
	p->octets += item->size;
	run_progress(v->run);
	return 0;
}

/* A copy has no rules: its folders are told, and how much is in them. */
static void tell_folder(struct visit *v, size_t n, uint64_t octets)
{
	const struct run_setup *setup = v->run->setup;
	char why[100];
	struct run_line l = { .folder = v->folder->name,
			      .name = "",
			      .size = octets,
			      .account = setup->copy_to,
			      .into = v->into,
			      .why = why };

	(void)snprintf(why, sizeof why, "%zu messages to be copied, %llu octets", n, (unsigned long long)octets);
	if (setup->line != NULL)
		setup->line(setup->arg, &l);
	v->run->result->done.messages += n;
	v->run->result->done.octets += octets;
	run_progress(v->run);
}

int visit_dry(struct visit *v)
{
	struct run_progress *p = &v->run->result->done;
	const uint64_t before = p->octets_all;
	uint32_t *which = malloc((v->list.n + 1) * sizeof *which);
	size_t n = 0;
	int r = 0;

	if (which == NULL)
		return run_stop(v->run, RUN_REFUSED, "there is no memory to look at so many messages");
	for (size_t i = 0; i < v->list.n; i++) {
		if (v->list.all[i].need != ITEM_TAKE)
			continue;
		which[n++] = (uint32_t)i;
		p->octets_all += v->list.all[i].size;
	}
	p->messages_all += n;
	p->folder = v->folder->name;
	if (v->run->copy)
		tell_folder(v, n, p->octets_all - before);
	else if (n > 0)
		r = visit_heads(v, which, n, look);
	free(which);
	return r;
}
