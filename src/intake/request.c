/* From a complete message to the request for the spool, and from its answer to results. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "intake/internal.h"
#include "ipc/message.h"
#include "msg/received.h"
#include "msg/summary.h"

/* Octets that a request's deliveries may have: far below what the spool takes, and what nobody's rules need. */
enum { DELIVERIES_BYTES_MAX = 2 * 1024 * 1024 };

static bool refused(const struct intake_verdict *v)
{
	if (v->result == INTAKE_LOOPING || v->result == INTAKE_LARGE)
		return true;
	if (v->result != INTAKE_REJECTED)
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

static void judge_one(struct intake_message *m, const struct message *msg, size_t i)
{
	const struct intake_recipient *r = &m->env.recipients[i];
	struct intake_verdict *v = &m->verdicts[i];

	if (r->size_max == 0 || msg->size <= r->size_max) {
		if (m->env.fetched != NULL && intake_fetched_direct(m, msg, i, v))
			return;
		intake_judge(m->in, &m->env, r, msg, v);
		if (m->env.fetched != NULL && refused(v))
			intake_fetched_keep(m, v);
		return;
	}
	v->result = INTAKE_LARGE;
	v->text = mem_printf("refused: it has %llu octets, and the store takes %llu at most with what is added here",
			     (unsigned long long)msg->size, (unsigned long long)r->size_max);
}

static void judge(struct intake_message *m, const struct message *msg)
{
	const struct intake_envelope *env = &m->env;

	m->verdicts = mem_array(env->nrecipients, sizeof *m->verdicts);
	find_same(m);
	for (size_t i = 0; i < env->nrecipients; i++)
		if (m->verdicts[i].same_as == i)
			judge_one(m, msg, i);
}

/* Sets the result of every refused recipient. Without EACH a refusal counts only when all refuse. How many are left. */
static size_t settle_refusals(struct intake_message *m)
{
	size_t left = 0;

	for (size_t i = 0; i < m->env.nrecipients; i++)
		left += refused(&m->verdicts[m->verdicts[i].same_as]) ? 0 : 1;
	for (size_t i = 0; i < m->env.nrecipients; i++) {
		const struct intake_verdict *v = &m->verdicts[m->verdicts[i].same_as];
		struct intake_recipient *r = &m->env.recipients[i];

		free(r->reason);
		r->reason = NULL;
		r->result = INTAKE_ACCEPTED;
		if (!refused(v) || (left > 0 && !m->env.each))
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

/* With PLAIN everything goes to INBOX: for a message whose many deliveries do not fit into a request. */
static void plan_deliveries(struct intake_deliveries *d, const struct intake_message *m, bool plain)
{
	for (size_t i = 0; i < m->env.nrecipients; i++) {
		const struct intake_verdict *v = &m->verdicts[i];
		const struct intake_recipient *r = &m->env.recipients[i];

		if (v->same_as != i || r->result != INTAKE_ACCEPTED)
			continue;
		if (plain)
			intake_deliver_inbox(d, r->account, i, NULL, 0, NULL,
					     "kept here: too many folders for one message");
		else if (refused(v))
			deliver_refused(d, m, i);
		else if (v->folder != NULL)
			intake_deliver_folder(d, r->account, i, v->folder, v->note);
		else
			intake_deliver(d, r->account, i, v);
	}
}

static void fingerprint(const struct intake_message *m, const struct intake_recipient *r,
			unsigned char out[SPOOL_FINGERPRINT_SIZE])
{
	const struct slice content = m->env.once == NULL ? slice_of((const char *)m->digest, SPOOL_FINGERPRINT_SIZE)
							 : slice_of(m->env.once, strlen(m->env.once) + 1);
	EVP_MD_CTX *c;

	/* Two originals are two messages, however alike: their memory is the origin. */
	if (m->env.fetched != NULL) {
		memset(out, 0, SPOOL_FINGERPRINT_SIZE);
		memcpy(out, m->id, strlen(m->id));
		return;
	}
	c = EVP_MD_CTX_new();
	/* The NULs keep apart what could else be one address or another. */
	if (c == NULL || EVP_DigestInit_ex(c, m->in->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(c, content.p, content.n) != 1 ||
	    EVP_DigestUpdate(c, m->env.sender, strlen(m->env.sender) + 1) != 1 ||
	    EVP_DigestUpdate(c, r->address, strlen(r->address) + 1) != 1 || EVP_DigestFinal_ex(c, out, NULL) != 1)
		abort(); /* a small allocation failed */
	EVP_MD_CTX_free(c);
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

static void answered(void *arg, enum spool_answer answer, int64_t number)
{
	static const enum intake_result results[] = {
		[SPOOL_ACCEPTED] = INTAKE_ACCEPTED, [SPOOL_DUPLICATE] = INTAKE_ACCEPTED, [SPOOL_FULL] = INTAKE_FULL,
		[SPOOL_FAILED] = INTAKE_FAILED,	    [SPOOL_LOST] = INTAKE_LOST,
	};
	struct intake_message *m = arg;
	const enum intake_result result = results[answer];

	m->asked = 0;
	m->stage = INTAKE_DONE;
	if (result == INTAKE_ACCEPTED) {
		m->number = number;
		step("intake: the spool has answered");
	}
	log_event(result == INTAKE_ACCEPTED ? LOG_INFO : LOG_ERROR,
		  answer == SPOOL_ACCEPTED    ? "accepted"
		  : answer == SPOOL_DUPLICATE ? "accepted-before"
					      : "not-accepted",
		  (const struct log_field[]){ LOG_STR("session", m->env.session),
					      LOG_STR("message", m->id),
					      LOG_STR("from", m->env.sender),
					      LOG_STR("to", m->env.recipients[0].address),
					      LOG_NUM("recipients", m->env.nrecipients),
					      LOG_NUM("size", m->size),
					      LOG_STR("answer", answer == SPOOL_FULL	 ? "full"
								: answer == SPOOL_FAILED ? "failed"
								: answer == SPOOL_LOST	 ? "lost"
											 : NULL),
					      { 0 } });
	intake_set_results(m, result, true);
	if (m->env.fetched != NULL)
		intake_fetched_explain(m);
	m->events.done(m->arg);
}

static const char *or_null(const char *s)
{
	return s == NULL || *s == '\0' ? NULL : s;
}

/* What goes to the spool, gathered: everything in it is borrowed from the message, the summary and the deliveries. */
struct request {
	struct spool_message message;
	struct spool_recipient *recipients;
	struct spool_delivery *deliveries;
};

static void fill(struct request *q, const struct intake_message *m, const struct intake_deliveries *d,
		 const struct summary *sum, int64_t now)
{
	const struct intake_envelope *env = &m->env;
	struct spool_message *sm = &q->message;

	*sm = (struct spool_message){
		.id = m->id,
		.session = env->session,
		.protocol = env->protocol,
		.client = env->client,
		.helo = env->helo,
		.listener = env->listener,
		.auth = env->auth,
		.sender = env->sender,
		.message_id = or_null(sum->message_id),
		.from = or_null(sum->from),
		.subject = or_null(sum->subject),
		.received_ms = now,
		.internal_ms = env->fetched != NULL ? m->internal_ms : now,
		.origin = env->fetched != NULL ? env->fetched->origin : NULL,
		.size = m->size,
		.recipients = q->recipients,
		.deliveries = q->deliveries,
		.ndeliveries = d->n,
	};
	for (size_t i = 0; i < env->nrecipients; i++) {
		const struct intake_recipient *r = &env->recipients[i];
		struct spool_recipient *to = &q->recipients[sm->nrecipients];

		if (m->verdicts[i].same_as != i || r->result != INTAKE_ACCEPTED)
			continue;
		*to = (struct spool_recipient){ .address = r->address,
						.account = r->account->name,
						.verdict = m->verdicts[i].text };
		fingerprint(m, r, to->fingerprint);
		sm->nrecipients++;
	}
	for (size_t i = 0; i < d->n; i++) {
		struct intake_delivery *x = &d->all[i];

		q->deliveries[i] = (struct spool_delivery){
			.id = x->id,
			.account = x->account->name,
			.folder = x->folder,
			.flags = buf_str(&x->flags),
			.rule = buf_str(&x->rule),
			.note = or_null(buf_str(&x->note)),
			.create = x->create,
			.prefix = buf_slice(&x->prefix),
		};
	}
}

/* Plans and fills in the deliveries; -1 when they are too many. */
static int build(struct intake_deliveries *d, const struct intake_message *m, bool plain, int64_t now)
{
	size_t bytes = 0;

	plan_deliveries(d, m, plain);
	if (m->env.fetched != NULL)
		add_fetched(d, m);
	if (d->overflow || intake_deliveries_finish(d, m->in, &m->env, m->lines, now) != 0)
		return -1;
	for (size_t i = 0; i < d->n; i++)
		bytes += d->all[i].prefix.n + strlen(d->all[i].folder) + d->all[i].flags.n + d->all[i].rule.n +
			 d->all[i].note.n;
	return bytes > DELIVERIES_BYTES_MAX ? -1 : 0;
}

static void ask(struct intake_message *m, const struct message *msg, const struct intake_deliveries *d, int64_t now)
{
	struct request q = {
		.recipients = mem_array(m->env.nrecipients, sizeof *q.recipients),
		.deliveries = mem_array(d->n + 1, sizeof *q.deliveries),
	};
	struct summary sum;

	summary_init(&sum, &msg->header);
	fill(&q, m, d, &sum, now);
	if (d->n > 0 && m->fd < 0) {
		q.message.body = buf_slice(&m->data);
	} else if (d->n > 0) {
		q.message.upload = m->upload;
		m->upload = 0; /* the spool's, whatever becomes of the request */
	}
	step("intake: before the spool is asked");
	m->stage = INTAKE_ASKED;
	m->asked = m->in->functions->accept(m->in->spool, &q.message, answered, m);
	summary_free(&sum);
	free(q.deliveries);
	free(q.recipients);
}

/* Plans for the recipients that are left, and asks. -1: refused. */
static int submit(struct intake_message *m, const struct message *msg)
{
	const int64_t now = clock_wall_ms();
	struct intake_deliveries d = { 0 };
	int r = build(&d, m, false, now);

	if (r != 0) {
		log_warning("too-many-deliveries", LOG_STR("session", m->env.session), LOG_STR("message", m->id),
			    LOG_STR("effect", "all go to INBOX"));
		intake_deliveries_free(&d);
		r = build(&d, m, true, now);
	}
	if (r == 0 && m->in->lost)
		r = -1; /* it was not asked, so it is certain that nothing is kept */
	if (r == 0)
		ask(m, msg, &d, now);
	intake_deliveries_free(&d);
	return r;
}

static uint64_t whole_size(const struct intake_message *m)
{
	const struct intake_fetched *f = m->env.fetched;

	return f != NULL && f->head_only && f->origin != NULL && f->origin->size > m->size ? f->origin->size : m->size;
}

bool intake_submit(struct intake_message *m)
{
	struct message msg;
	bool over = true;

	message_init(&msg, buf_slice(&m->data), whole_size(m), m->fd);
	m->named =
	    header_count(&msg.header, SLICE_LIT("message-id")) > 0 || header_count(&msg.header, SLICE_LIT("date")) > 0;
	if (m->env.fetched != NULL)
		intake_fetched_envelope(m, &msg.header);
	if (m->env.fetched == NULL && received_loop(&msg.header, NULL) != RECEIVED_NO_LOOP) {
		intake_refuse(m, INTAKE_LOOPING);
	} else {
		judge(m, &msg);
		if (settle_refusals(m) == 0) {
			m->stage = INTAKE_DONE;
			m->outcome = m->env.recipients[0].result;
			if (m->env.fetched != NULL)
				intake_fetched_explain(m);
		} else if (submit(m, &msg) != 0) {
			intake_refuse(m, INTAKE_FAILED);
		} else {
			over = false;
		}
	}
	message_free(&msg);
	intake_release(m);
	return over;
}
