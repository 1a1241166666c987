/* From a complete message to what the spool is asked: rules, refusals, deliveries. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "intake/derived.h"
#include "msg/received.h"
#include "msg/summary.h"

/* Octets that a request's deliveries may have: far below what the spool takes, and what nobody's rules need. */
enum { DELIVERIES_BYTES_MAX = 2 * 1024 * 1024 };
enum { FURTHER_MORE = 1024 * 1024 }; /* octets by which a message may grow in the hands of rules */

bool intake_is_refused(const struct intake_verdict *v)
{
	if (v->result == INTAKE_LOOPING || v->result == INTAKE_LARGE)
		return true;
	if (v->result != INTAKE_REJECTED || v->by_mail)
		return false;
	/* A script that rejects and files keeps what it filed. */
	for (size_t i = 0; i < v->plan.n; i++)
		if (v->plan.actions[i].kind == PLAN_KEEP || v->plan.actions[i].kind == PLAN_FILEINTO)
			return false;
	return !v->plan.implicit_keep;
}

static int by_address(const void *a, const void *b, void *arg)
{
	const size_t *x = a, *y = b;
	const struct intake_recipient *all = arg;
	int r = strcmp(all[*x].address, all[*y].address);

	if (r != 0)
		return r;
	return *x < *y ? -1 : *x > *y;
}

/* A recipient that was named twice is judged once: SAME_AS is the first of its name. */
static void find_same(struct intake_message *m)
{
	const size_t n = m->env.nrecipients;
	size_t *order = mem_array(n, sizeof *order);

	for (size_t i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof *order, by_address, m->env.recipients);
	for (size_t i = 0; i < n; i++) {
		const size_t before = i == 0 ? 0 : order[i - 1], at = order[i];
		const bool same =
		    i > 0 && strcmp(m->env.recipients[before].address, m->env.recipients[at].address) == 0;

		m->verdicts[at].same_as = same ? m->verdicts[before].same_as : at;
	}
	free(order);
}

static void run_rules(const struct intake_message *m, const struct message *msg, size_t i, struct intake_verdict *v)
{
	struct intake_judged what = { .message = msg, .memory_off = m->memory_off };
	struct sieve_memory *memory = intake_recall(m, i, &what.nmemory);

	what.memory = memory;
	intake_judge(m->in, &m->env, &m->env.recipients[i], &what, v);
	free(memory);
}

static void judge_one(struct intake_message *m, const struct message *msg, size_t i)
{
	const struct intake_recipient *r = &m->env.recipients[i];
	struct intake_verdict *v = &m->verdicts[i];

	if (m->discard != NULL && intake_edit_direct(m, msg, i, v))
		return;
	if (r->account == NULL && (r->size_max == 0 || msg->size <= r->size_max)) {
		v->result = INTAKE_ACCEPTED;
		v->text = mem_printf("sent on (relay_for %.100s)", m->env.relay_for->name);
		return;
	}
	if (r->size_max == 0 || msg->size <= r->size_max) {
		if (m->env.fetched != NULL && intake_fetched_direct(m, msg, i, v))
			return;
		if (intake_edit_direct(m, msg, i, v))
			return;
		run_rules(m, msg, i, v);
		if (m->env.fetched != NULL && intake_is_refused(v))
			intake_fetched_keep(m, v);
		return;
	}
	v->result = INTAKE_LARGE;
	v->text = mem_printf("refused: it has %llu octets, and the %s takes %llu at most with what is added here",
			     (unsigned long long)msg->size, r->account == NULL ? "relay" : "store",
			     (unsigned long long)r->size_max);
}

/* The verdict of recipient I, in the first round. */
static void judge_new(struct intake_message *m, const struct message *msg, size_t i)
{
	if (m->verdicts[i].same_as != i)
		return;
	if (m->refused)
		m->verdicts[i].result = INTAKE_REJECTED;
	else
		judge_one(m, msg, i);
	intake_plain_bound(m, i);
}

/* The same where its rules wanted to know something, with what is known by now. */
static void judge_again(struct intake_message *m, const struct message *msg, size_t i)
{
	struct intake_verdict *v = &m->verdicts[i];

	if (v->same_as != i || v->plan.nwanted == 0)
		return;
	intake_plain_unbound(m, i);
	intake_verdict_free(v);
	v->same_as = i;
	judge_one(m, msg, i);
	intake_plain_bound(m, i);
	intake_recall_note(m, i);
}

static void judge_begin(struct intake_message *m)
{
	m->verdicts = mem_array(m->env.nrecipients, sizeof *m->verdicts);
	m->planned = 0;
	m->judged = 0;
	m->judged_once = false;
	find_same(m);
}

/* A round over the recipients. False: it goes on in another turn of the event loop, as rules may take their time, and a
 * sender name many recipients. */
static bool judge(struct intake_message *m, const struct message *msg)
{
	const int64_t until = clock_cpu_ms() + m->in->turn_ms;

	if (m->verdicts == NULL)
		judge_begin(m);
	while (m->judged < m->env.nrecipients) {
		const size_t i = m->judged++;

		if (m->judged_once)
			judge_again(m, msg, i);
		else
			judge_new(m, msg, i);
		if (m->in->ask_turn == NULL || m->judged == m->env.nrecipients || clock_cpu_ms() < until)
			continue;
		m->judging = true;
		m->stage = INTAKE_ASKED;
		m->busy = true;
		intake_copying_add(m);
		return false;
	}
	intake_copying_end(m);
	m->judged = 0;
	m->judged_once = true;
	return true;
}

bool intake_judge_turn(struct intake_message *m)
{
	m->judging = false;
	return intake_go_on(m, INTAKE_JUDGE);
}

static bool any_refused(const struct intake_message *m)
{
	for (size_t i = 0; i < m->env.nrecipients; i++)
		if (m->verdicts[i].same_as == i && intake_is_refused(&m->verdicts[i]))
			return true;
	return false;
}

static bool is_refused(const struct intake_verdict *v)
{
	return !v->known && intake_is_refused(v);
}

/* Sets the result of every refused recipient. Without EACH a refusal counts only when all refuse. How many are left. */
static size_t settle_refusals(struct intake_message *m)
{
	size_t left = 0;

	for (size_t i = 0; i < m->env.nrecipients; i++)
		left += is_refused(&m->verdicts[m->verdicts[i].same_as]) ? 0 : 1;
	/* The one word that all get is the caller's. */
	if (m->refused && !m->env.each && left < m->env.nrecipients)
		left = 0;
	for (size_t i = 0; i < m->env.nrecipients; i++) {
		const struct intake_verdict *v = &m->verdicts[m->verdicts[i].same_as];
		struct intake_recipient *r = &m->env.recipients[i];

		free(r->reason);
		r->reason = NULL;
		r->result = INTAKE_ACCEPTED;
		/* With nothing left, V may still be known: then the caller's word for the others goes for it too. */
		if (left > 0 && (!m->env.each || !is_refused(v)))
			continue;
		r->result = v->result;
		r->reason = mem_strdup(v->reason);
	}
	return left;
}

/* A recipient who refuses among others who do not: the sender can't be told, so the message is kept where it is seen.
 */
static void deliver_refused(struct intake_deliveries *d, const struct intake_message *m, size_t to)
{
	const struct intake_verdict *v = &m->verdicts[to];
	const struct intake_recipient *r = &m->env.recipients[to];
	char *reason = v->reason != NULL	   ? summary_text(slice_str(v->reason), 200)
		       : v->result == INTAKE_LARGE ? mem_strdup("it is larger than the store takes")
						   : mem_strdup("it was delivered there before");
	char *note =
	    mem_printf("refused for %.200s (%s), but accepted as other recipients of it took it", r->address, reason);

	intake_deliver_inbox(d, r->account, to, NULL, 0, NULL, note);
	free(note);
	free(reason);
}

/* What the rules of recipient I want filed and sent. */
static void plan_one(struct intake_sending *s, const struct intake_message *m, const struct message *msg, size_t i)
{
	const struct intake_verdict *v = &m->verdicts[i];
	const struct config_account *account = m->env.recipients[i].account;

	if (intake_is_refused(v)) {
		deliver_refused(&s->deliveries, m, i);
	} else if (v->folder != NULL) {
		intake_deliver_folder(&s->deliveries, account, i, v->folder, v->note);
	} else {
		intake_deliver(&s->deliveries, account, i, v, 0);
		intake_derive_plan(&s->further, m, i);
	}
	intake_outward_plan(s, m, msg, i);
}

static void deliver_plain(struct intake_deliveries *d, const struct intake_message *m, size_t i)
{
	char *note = intake_plain_note(&m->verdicts[i], "rules want too much of one message");

	intake_deliver_inbox(d, m->env.recipients[i].account, i, NULL, 0, NULL, note);
	free(note);
}

/* With PLAIN everything goes to INBOX: for a message whose many deliveries do not fit into a request. */
static void plan_deliveries(struct intake_sending *s, struct intake_message *m, const struct message *msg, bool plain)
{
	struct intake_deliveries *d = &s->deliveries;
	const bool news = intake_any_new(m);

	for (size_t i = 0; i < m->env.nrecipients; i++) {
		const struct intake_verdict *v = &m->verdicts[i];
		const struct intake_recipient *r = &m->env.recipients[i];

		if (!plain)
			intake_tell_besides(m, msg, i);
		if (v->same_as != i || r->result != INTAKE_ACCEPTED || m->discard != NULL ||
		    (v->known && !(news && intake_is_shown(m, i))))
			continue;
		if (r->account == NULL)
			intake_deliver_relayed(d, m, i);
		else if (plain)
			deliver_plain(d, m, i);
		else
			plan_one(s, m, msg, i);
	}
}

/* What concerns all deliveries of fetched mail. */
static void add_fetched(struct intake_deliveries *d, const struct intake_message *m)
{
	char *note;

	intake_deliveries_flags(d, m->env.fetched->flags == NULL ? "" : m->env.fetched->flags);
	if (m->nuls > 0) {
		note = mem_printf("%llu NULs in it, which no store takes, became octets 0x80",
				  (unsigned long long)m->nuls);
		intake_deliveries_note(d, note);
		free(note);
	}
	if (m->cut && m->env.fetched->folder == NULL)
		intake_deliveries_note(d, "its header is so long that rules saw only the front of it");
}

/* Plans and fills in the deliveries; -1 when they are too many. */
static int build(struct intake_message *m, const struct message *msg, bool plain)
{
	const struct header *h = &msg->header;
	struct intake_sending *s = m->sending;
	struct intake_deliveries *d = &s->deliveries;
	const struct intake_outward outward = {
		.message = m->id,
		.without_date = header_count(h, SLICE_LIT("Date")) == 0,
		.without_id = header_count(h, SLICE_LIT("Message-ID")) == 0,
		.bare = h->n == 0 && m->size > 0 && m->data.p[0] != '\r',
	};

	s->further.largest = (uint64_t)m->in->config->limits.message_size + FURTHER_MORE;
	s->further.most = (uint64_t)m->in->config->limits.unaccepted_per_address + FURTHER_MORE;
	plan_deliveries(s, m, msg, plain);
	if (m->env.fetched != NULL) {
		add_fetched(d, m);
		for (size_t i = 0; i < s->further.n; i++)
			if (s->further.all[i]->copy)
				add_fetched(&s->further.all[i]->deliveries, m);
	}
	if (d->overflow || intake_deliveries_finish(d, m->in, &m->env, m->lines, &outward, s->wall_ms) != 0 ||
	    intake_derivation_finish(&s->further, m, s->wall_ms) != 0)
		return -1;
	if (d->n + intake_derivation_deliveries(&s->further) > SPOOL_DELIVERIES_MAX)
		return -1;
	return intake_deliveries_octets(d) + intake_derivation_octets(&s->further) > DELIVERIES_BYTES_MAX ? -1 : 0;
}

static void drop_plan(struct intake_message *m)
{
	intake_deliveries_free(&m->sending->deliveries);
	intake_derivation_free(&m->sending->further, m);
}

/* Plans for the recipients that are left. -1: nothing can be asked. */
static int plan(struct intake_message *m, const struct message *msg)
{
	int r;

	m->sending = mem_alloc(sizeof *m->sending);
	m->sending->wall_ms = clock_wall_ms();
	r = build(m, msg, false);
	if (r != 0) {
		log_warning("too-many-deliveries", LOG_STR("session", m->env.session), LOG_STR("message", m->id),
			    LOG_STR("effect", "all go to INBOX"));
		drop_plan(m);
		m->sending->plain = true;
		r = build(m, msg, true);
	}
	return r != 0 || m->in->lost ? -1 : 0; /* lost: it was not asked, so it is certain that nothing is kept */
}

static uint64_t whole_size(const struct intake_message *m)
{
	const struct intake_fetched *f = m->env.fetched;

	return f != NULL && f->head_only && f->origin != NULL && f->origin->size > m->size ? f->origin->size : m->size;
}

/* True: results are there, as nobody takes it. */
static bool decide(struct intake_message *m, const struct message *msg)
{
	if (settle_refusals(m) == 0) {
		if (intake_tell_only(m, msg))
			return false;
		m->stage = INTAKE_DONE;
		m->outcome = m->env.recipients[0].result;
		if (m->env.fetched != NULL)
			intake_fetched_explain(m);
		return true;
	}
	if (plan(m, msg) == 0)
		return false;
	intake_refuse(m, INTAKE_FAILED);
	return true;
}

/* True: results are there. Else the spool is asked, now or when the bodies of further messages are there. */
static bool send(struct intake_message *m, const struct message *msg)
{
	const int r = intake_derive_bodies(m);
	bool ready;

	if (r < 0)
		return true;
	ready = r > 0 && (m->sending->deliveries.n == 0 || intake_make_room(m));
	m->stage = INTAKE_ASKED;
	m->busy = !ready;
	if (ready)
		intake_ask(m, msg);
	return false;
}

/* A refusal of what was accepted before, and whose 250 the client missed, would be a lie: rules may have changed since, or
 * a milter has learnt. So the spool is asked first. */
static bool needs_known(const struct intake_message *m)
{
	return m->env.fetched == NULL && !m->in->lost && any_refused(m);
}

static bool step_by_step(struct intake_message *m, const struct message *msg, enum intake_from from)
{
	if (from == INTAKE_JUDGE) {
		if (!judge(m, msg) || intake_recall_ask(m))
			return false;
		if (m->memory_off && !judge(m, msg))
			return false;
		if (needs_known(m)) {
			intake_ask_known(m);
			return false;
		}
	}
	return (from != INTAKE_SEND && decide(m, msg)) || send(m, msg);
}

bool intake_go_on(struct intake_message *m, enum intake_from from)
{
	struct message msg;
	bool over;

	m->busy = false;
	message_init(&msg, buf_slice(&m->data), whole_size(m), m->fd);
	over = step_by_step(m, &msg, from);
	message_free(&msg);
	if (!m->busy)
		intake_release(m);
	return over;
}

bool intake_submit(struct intake_message *m)
{
	struct message msg;
	bool loops;

	message_init(&msg, buf_slice(&m->data), whole_size(m), m->fd);
	if (m->env.fetched != NULL)
		intake_fetched_envelope(m, &msg.header);
	loops = m->env.fetched == NULL && !m->refused && received_loop(&msg.header, NULL) != RECEIVED_NO_LOOP;
	message_free(&msg);
	if (!loops)
		return intake_go_on(m, INTAKE_JUDGE);
	intake_refuse(m, INTAKE_LOOPING);
	return true;
}
