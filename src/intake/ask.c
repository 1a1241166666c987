/* From what is planned to the request for the spool, and from its answer to results. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "intake/derived.h"
#include "msg/summary.h"

enum { ANEW_MAX = 5 }; /* so often somebody else may have been faster */

static void fingerprint(const struct intake_message *m, const struct intake_recipient *r,
			unsigned char out[SPOOL_FINGERPRINT_SIZE])
{
	const struct slice content = m->env.once == NULL ? slice_of((const char *)m->digest, SPOOL_FINGERPRINT_SIZE)
							 : slice_of(m->env.once, strlen(m->env.once) + 1);
	/* What a client sends again is told by what it sent, not by what milters made of it. */
	const char *sender = m->first_sender != NULL ? m->first_sender : m->env.sender;
	EVP_MD_CTX *c;

	/* Two originals are two messages, however alike: their memory is the origin. What is only told of is never one
	 * that somebody got. */
	if (m->env.fetched != NULL || m->told[0] != '\0') {
		const char *id = m->told[0] != '\0' ? m->told : m->id;

		memset(out, 0, SPOOL_FINGERPRINT_SIZE);
		memcpy(out, id, strlen(id));
		return;
	}
	c = EVP_MD_CTX_new();
	/* The NULs keep apart what could else be one address or another. */
	if (c == NULL || EVP_DigestInit_ex(c, m->in->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(c, content.p, content.n) != 1 ||
	    EVP_DigestUpdate(c, sender, strlen(sender) + 1) != 1 ||
	    EVP_DigestUpdate(c, r->address, strlen(r->address) + 1) != 1 || EVP_DigestFinal_ex(c, out, NULL) != 1)
		abort(); /* a small allocation failed */
	EVP_MD_CTX_free(c);
}

static const char *or_null(const char *s)
{
	return s == NULL || *s == '\0' ? NULL : s;
}

/* What goes to the spool, gathered: everything in it is borrowed from the message, the summary and the deliveries. */
struct request {
	struct spool_message message;
	size_t *places; /* of the message's recipients in the request */
	struct spool_recipient *recipients;
	struct spool_delivery *deliveries;
	struct spool_message *further;
	struct spool_memory *memory;
};

static struct request request_begin(const struct intake_message *m, size_t ndeliveries)
{
	return (struct request){
		.places = mem_array(m->env.nrecipients, sizeof(size_t)),
		.recipients = mem_array(m->env.nrecipients, sizeof(struct spool_recipient)),
		.deliveries = mem_array(ndeliveries + 1, sizeof(struct spool_delivery)),
	};
}

static void request_end(struct request *q)
{
	for (size_t i = 0; i < q->message.nfurther; i++) {
		free((void *)q->further[i].recipients);
		free((void *)q->further[i].deliveries);
	}
	free(q->further);
	free(q->memory);
	free(q->deliveries);
	free(q->recipients);
	free(q->places);
}

/* For each of several recipients their place in the request, so that the spool can leave out what they got before. */
static void fill_to(struct intake_delivery *x, const size_t *places, struct spool_delivery *out)
{
	x->wire = mem_array(x->nto, 2);
	for (size_t i = 0; i < x->nto; i++) {
		x->wire[2 * i] = (char)(places[x->to[i]] >> 8);
		x->wire[2 * i + 1] = (char)(places[x->to[i]] & 0xff);
	}
	out->to = slice_of(x->wire, 2 * x->nto);
}

static void fill_recipients(struct request *q, const struct intake_message *m)
{
	struct spool_message *sm = &q->message;

	for (size_t i = 0; i < m->env.nrecipients; i++) {
		const struct intake_recipient *r = &m->env.recipients[i];
		const struct intake_verdict *v = &m->verdicts[i];
		struct spool_recipient *to = &q->recipients[sm->nrecipients];

		if (m->told[0] != '\0' ? !intake_tells(m, i) : v->same_as != i || r->result != INTAKE_ACCEPTED)
			continue;
		*to = (struct spool_recipient){ .address = r->address,
						.account = intake_account_name(r->account),
						.verdict = v->known ? "it got this message before" : v->text,
						.known = v->known };
		fingerprint(m, r, to->fingerprint);
		q->places[i] = sm->nrecipients++;
	}
}

static void fill_deliveries(struct spool_delivery *out, struct intake_deliveries *d, const size_t *places, bool several)
{
	for (size_t i = 0; i < d->n; i++) {
		struct intake_delivery *x = &d->all[i];

		out[i] = (struct spool_delivery){
			.id = x->id,
			.account = intake_account_name(x->account),
			.folder = x->folder,
			.flags = buf_str(&x->flags),
			.rule = buf_str(&x->rule),
			.note = or_null(buf_str(&x->note)),
			.create = x->create,
			.prefix = buf_slice(&x->prefix),
		};
		if (several)
			fill_to(x, places, &out[i]);
	}
}

static void fill(struct request *q, const struct intake_message *m, const struct summary *sum)
{
	struct intake_deliveries *d = &m->sending->deliveries;
	const int64_t now = m->sending->wall_ms;
	const struct intake_envelope *env = &m->env;
	struct spool_message *sm = &q->message;

	*sm = (struct spool_message){
		.id = m->told[0] != '\0' ? m->told : m->id,
		.session = env->session,
		.protocol = env->protocol,
		.client = env->client,
		.helo = env->helo,
		.listener = env->listener,
		.auth = env->auth,
		.sender = env->sender,
		.relay_group = env->relay_for == NULL ? NULL : env->relay_for->name,
		.message_id = m->came == INTAKE_NAMELESS ? NULL : or_null(sum->message_id),
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
	fill_recipients(q, m);
	fill_deliveries(q->deliveries, d, q->places, sm->nrecipients > 1);
}

/* ---- further messages ---- */

/* Who gets it, for people: those outside; of what is only filed whoever has these rules. */
static void fill_further_recipients(struct spool_message *sm, const struct intake_message *m,
				    const struct intake_derived *x)
{
	struct spool_recipient *to = mem_array(x->deliveries.n + 1, sizeof *to);

	sm->recipients = to;
	for (size_t i = 0; i < x->deliveries.n && sm->nrecipients < SPOOL_FURTHER_TO_MAX; i++)
		if (x->deliveries.all[i].account == NULL)
			to[sm->nrecipients++] = (struct spool_recipient){ .address = x->deliveries.all[i].folder,
									  .account = intake_account_name(NULL),
									  .verdict = x->why };
	if (sm->nrecipients == 0)
		to[sm->nrecipients++] =
		    (struct spool_recipient){ .address = m->env.recipients[x->cause].address,
					      .account = intake_account_name(m->env.recipients[x->cause].account),
					      .verdict = x->why };
}

static void fill_further(struct request *q, const struct intake_message *m, struct intake_derivation *f)
{
	const struct spool_message *whole = &q->message;

	q->further = mem_array(f->n + 1, sizeof *q->further);
	for (size_t i = 0; i < f->n; i++) {
		struct intake_derived *x = f->all[i];
		struct spool_delivery *deliveries = mem_array(x->deliveries.n, sizeof *deliveries);
		struct spool_message *sm = &q->further[i];

		*sm = (struct spool_message){
			.id = x->id,
			.session = whole->session,
			.protocol = "rules",
			.sender = x->sender != NULL ? x->sender : whole->sender,
			.message_id = x->message_id != NULL || !x->copy ? x->message_id : whole->message_id,
			.from = x->from != NULL || !x->copy ? x->from : whole->from,
			.subject = x->subject != NULL || !x->copy ? x->subject : whole->subject,
			.received_ms = whole->received_ms,
			.internal_ms = x->copy ? whole->internal_ms : whole->received_ms,
			.size = x->content->size,
			.body = buf_slice(&x->body),
			.upload = x->upload,
			.deliveries = deliveries,
			.ndeliveries = x->deliveries.n,
			.apart = x->apart,
			.refused = x->refused,
		};
		x->upload = 0; /* the spool's, whatever becomes of the request */
		fill_deliveries(deliveries, &x->deliveries, q->places, whole->nrecipients > 1);
		fill_further_recipients(sm, m, x);
	}
	q->message.further = q->further;
	q->message.nfurther = f->n;
}

/* ---- asking ---- */

static void log_answer(const struct intake_message *m, enum spool_answer answer, const char *first)
{
	const bool taken = answer == SPOOL_ACCEPTED || answer == SPOOL_DUPLICATE;

	log_event(taken ? LOG_INFO : answer == SPOOL_LIMIT ? LOG_WARNING : LOG_ERROR,
		  answer == SPOOL_ACCEPTED    ? "accepted"
		  : answer == SPOOL_DUPLICATE ? "accepted-before"
					      : "not-accepted",
		  (const struct log_field[]){ LOG_STR("session", m->env.session),
					      LOG_STR("message", m->id),
					      LOG_STR("as", first),
					      LOG_STR("from", m->env.sender),
					      LOG_STR("to", m->env.recipients[0].address),
					      LOG_NUM("recipients", m->env.nrecipients),
					      LOG_NUM("size", m->size),
					      LOG_STR("answer", answer == SPOOL_FULL	 ? "full"
								: answer == SPOOL_LIMIT	 ? "daily count reached"
								: answer == SPOOL_FAILED ? "failed"
								: answer == SPOOL_LOST	 ? "lost"
											 : NULL),
					      { 0 } });
}

/* Somebody was faster, and has remembered what these rules wanted to remember once. True: results are there. */
static bool judge_anew(struct intake_message *m)
{
	if (m->lent != 0) /* else it was not handed over */
		m->upload = m->lent;
	m->lent = 0;
	for (size_t i = 0; i < m->env.nrecipients; i++)
		intake_verdict_free(&m->verdicts[i]);
	free(m->verdicts);
	m->verdicts = NULL;
	intake_recall_free(m);
	m->rounds = 0;
	if (++m->anew < ANEW_MAX)
		return intake_go_on(m, INTAKE_JUDGE);
	intake_refuse(m, INTAKE_FAILED);
	return true;
}

static void answered(void *arg, enum spool_answer answer, const struct spool_taken *taken)
{
	static const enum intake_result results[] = {
		[SPOOL_ACCEPTED] = INTAKE_ACCEPTED, [SPOOL_DUPLICATE] = INTAKE_ACCEPTED, [SPOOL_FULL] = INTAKE_FULL,
		[SPOOL_LIMIT] = INTAKE_LIMIT,	    [SPOOL_FAILED] = INTAKE_FAILED,	 [SPOOL_LOST] = INTAKE_LOST,
		[SPOOL_ANEW] = INTAKE_FAILED,
	};
	struct intake_message *m = arg;
	const enum intake_result result = results[answer];

	m->asked = 0;
	if (answer == SPOOL_ANEW && m->busy) {
		if (judge_anew(m))
			m->events.done(m->arg);
		return;
	}
	m->lent = 0;
	m->busy = false;
	intake_release(m);
	m->stage = INTAKE_DONE;
	if (intake_told(m, answer, taken))
		return;
	log_answer(m, answer, taken == NULL ? NULL : taken->id);
	if (result == INTAKE_LIMIT && taken != NULL)
		intake_set_relay_left(m->in, m->env.relay_for, (uint64_t)taken->number);
	if (result == INTAKE_ACCEPTED) {
		m->ticket = taken->ticket;
		if (taken->id != NULL && strlen(taken->id) < sizeof m->id)
			memcpy(m->id, taken->id, strlen(taken->id) + 1);
		step("intake: the spool has answered");
	}
	intake_set_results(m, result, true);
	if (m->env.fetched != NULL)
		intake_fetched_explain(m);
	m->events.done(m->arg);
}

static bool any_once(const struct spool_message *sm)
{
	for (size_t i = 0; i < sm->nmemory; i++)
		if (sm->memory[i].once)
			return true;
	return false;
}

void intake_ask(struct intake_message *m, const struct message *msg)
{
	struct intake_sending *s = m->sending;
	struct request q = request_begin(m, s->deliveries.n);
	struct summary sum;

	summary_init(&sum, &msg->header);
	m->named = m->came != INTAKE_NAMELESS && or_null(sum.message_id) != NULL;
	fill(&q, m, &sum);
	fill_further(&q, m, &s->further);
	/* What was not done is not remembered as done. */
	if (!s->plain && m->told[0] == '\0')
		q.memory = intake_remember(m, q.places, &q.message.nmemory);
	q.message.memory = q.memory;
	if (s->deliveries.n > 0 && m->fd < 0) {
		q.message.body = buf_slice(&m->data);
	} else if (s->deliveries.n > 0) {
		q.message.upload = m->upload;
		m->lent = m->upload;
		m->upload = 0; /* the spool's, whatever becomes of the request, unless it is to be judged anew */
	}
	/* Then the content may be wanted again. */
	m->busy = any_once(&q.message);
	step("intake: before the spool is asked");
	m->stage = INTAKE_ASKED;
	m->asked = m->in->functions->accept(m->in->spool, &q.message, answered, m);
	summary_free(&sum);
	request_end(&q);
	intake_deliveries_free(&s->deliveries);
	intake_derivation_free(&s->further, m);
	free(s);
	m->sending = NULL;
}

/* ---- who got it already ---- */

static void known_answered(void *arg, enum spool_answer answer, struct slice known)
{
	struct intake_message *m = arg;
	bool over = true;
	size_t n = 0;

	m->asked = 0;
	for (size_t i = 0; i < m->env.nrecipients && n < known.n; i++)
		if (m->verdicts[i].same_as == i)
			m->verdicts[i].known = known.p[n++] != 0;
	if (answer == SPOOL_ACCEPTED)
		over = intake_go_on(m, INTAKE_DECIDE);
	else
		intake_refuse(m, answer == SPOOL_LOST ? INTAKE_LOST : INTAKE_FAILED);
	if (over)
		m->events.done(m->arg);
}

void intake_ask_known(struct intake_message *m)
{
	struct request q = request_begin(m, 0);

	for (size_t i = 0; i < m->env.nrecipients; i++)
		m->env.recipients[i].result = INTAKE_ACCEPTED;
	fill_recipients(&q, m);
	q.message.recipients = q.recipients;
	m->stage = INTAKE_ASKED;
	m->busy = true;
	m->asked = m->in->functions->known(m->in->spool, &q.message, known_answered, m);
	request_end(&q);
}

bool intake_any_new(const struct intake_message *m)
{
	for (size_t i = 0; i < m->env.nrecipients; i++)
		if (m->env.recipients[i].result == INTAKE_ACCEPTED && !m->verdicts[m->verdicts[i].same_as].known)
			return true;
	return false;
}

bool intake_is_shown(const struct intake_message *m, size_t i)
{
	return m->env.recipients[i].account != NULL && !intake_is_refused(&m->verdicts[i]);
}
