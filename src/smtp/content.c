/* DATA: the message goes to intake, and the verdict becomes a reply. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/step.h"
#include "smtp/internal.h"
#include "smtp/sources.h"

/* What a result is answered with; INTAKE_ACCEPTED, _REJECTED and _LOST have answers of their own. */
static const struct smtp_reply result_replies[] = {
	[INTAKE_LOOPING] = { 554, "5.4.6", "The message is going round in circles" },
	[INTAKE_MALFORMED] = { 554, "5.6.0", "A message can't hold a NUL" },
	[INTAKE_HEADER] = { 552, "5.3.4", "The header of the message is too large" },
	[INTAKE_LIMIT] = { 450, "4.7.1", "No more mail may be sent to others today, try again tomorrow" },
	[INTAKE_LARGE] = { 552, "5.3.4", "The message is too large for this mailbox" },
	[INTAKE_FULL] = { 452, "4.3.1", "There is no room just now, try again later" },
	[INTAKE_FAILED] = { 451, "4.3.0", "The message can't be taken just now, try again later" },
	[INTAKE_LOST] = { 0 },
};

static const struct smtp_reply too_large = { 552, "5.3.4", "The message is too large" };
static const struct smtp_reply too_much = { 452, "4.3.1", "Too much mail is on its way, try again later" };

static void count(struct smtp_session *s, size_t n)
{
	s->t->counted += n;
	source_count(s->service, s->source, (int64_t)n);
}

static void uncount(struct smtp_session *s)
{
	source_count(s->service, s->source, -(int64_t)s->t->counted);
	s->t->counted = 0;
}

static void skip_rest(struct smtp_session *s)
{
	s->paused = false;
	uncount(s);
	smtp_enter(s, SMTP_SKIPPING);
}

void smtp_transaction_free(struct smtp_session *s)
{
	struct smtp_transaction *t = s->t;

	if (t == NULL)
		return;
	smtp_commands_forgive(s);
	if (s->milters != NULL)
		milter_chain_forget(s->milters);
	uncount(s);
	intake_end(&t->message);
	for (size_t i = 0; i < t->nrecipients; i++) {
		free(t->recipients[i].address);
		free(t->recipients[i].local);
		free(t->recipients[i].domain);
		free(t->recipients[i].reason);
		free(t->recipients[i].orcpt);
	}
	free(t->recipients);
	free(t->told);
	free(t->discard);
	free(t->refused_by.text);
	free(t->sender);
	free(t->envid);
	free(t->envid_xtext);
	free(t);
	s->t = NULL;
	s->paused = false;
}

static void log_refusal(const struct smtp_session *s, const char *to, int code, const char *text)
{
	log_info("message-refused", LOG_STR("session", s->id), LOG_STR("client", s->client),
		 LOG_STR("from", s->t->sender), LOG_STR("to", to), LOG_NUM("size", s->t->size), LOG_NUM("code", code),
		 LOG_STR("text", text));
}

static void answer_recipient(struct smtp_session *s, const struct intake_recipient *r, const char *id)
{
	const bool each = s->listener->protocol == CONFIG_LMTP;

	switch (r->result) {
	case INTAKE_ACCEPTED:
		if (each)
			smtp_say(s, 250, "2.0.0", "<%.300s> Ok: queued as %s", r->address, id);
		else
			smtp_say(s, 250, "2.0.0", "Ok: queued as %s", id);
		break;
	case INTAKE_REJECTED:
		if (s->t->refused_by.code != 0) {
			log_refusal(s, r->address, s->t->refused_by.code, s->t->refused_by.text);
			smtp_milter_quote(s, &s->t->refused_by);
			break;
		}
		log_refusal(s, r->address, 550, r->reason);
		if (r->reason == NULL || *r->reason == '\0' || s->out.n > SMTP_REASONS_MAX)
			smtp_say(s, 550, "5.7.1", "The recipient refuses the message");
		else
			smtp_reply_lines(&s->out, 550, "5.7.1", slice_str(r->reason));
		break;
	default:
		log_refusal(s, r->address, result_replies[r->result].code, result_replies[r->result].text);
		smtp_reply_put(&s->out, &result_replies[r->result]);
		break;
	}
}

/* The recipient whose result is the answer to RCPT number ANSWER. One that a milter took away shares the fate of the rest.
 */
static const struct intake_recipient *answer_of(const struct smtp_transaction *t, size_t answer)
{
	for (size_t i = 0; i < t->nrecipients; i++)
		if (t->recipients[i].answer == answer)
			return &t->recipients[i];
	return &t->recipients[0];
}

/* One reply, or with LMTP one for each recipient, in order (RFC 2033, 4.2). */
static void answer(struct smtp_session *s)
{
	struct smtp_transaction *t = s->t;
	const size_t n = s->listener->protocol == CONFIG_LMTP ? t->nanswers : 1;
	const struct intake_recipient *lead = &t->recipients[0];

	/* Without LMTP the recipients' results differ only when all are refused: the first to reject speaks for them.
	 */
	for (size_t i = 0; n == 1 && lead->result == INTAKE_LOOPING && i < t->nrecipients; i++)
		if (t->recipients[i].result == INTAKE_REJECTED)
			lead = &t->recipients[i];
	if (t->refusal.code == 0 && t->message != NULL && intake_ticket(t->message) != 0) {
		step("receiver: accepted, 250 not yet said");
		receipts_add(&s->receipts, intake_ticket(t->message), intake_is_named(t->message));
		log_debug("reply-said", LOG_STR("session", smtp_session_id(s)),
			  LOG_NUM("ticket", intake_ticket(t->message)));
	}
	for (size_t i = 0; i < n; i++) {
		const struct intake_recipient *r = n == 1 ? lead : answer_of(t, i + 1);

		if (t->refusal.code != 0 && i == 0)
			log_refusal(s, t->recipients[0].address, t->refusal.code, t->refusal.text);
		if (t->refusal.code != 0)
			smtp_reply_put(&s->out, &t->refusal);
		else
			answer_recipient(s, r, intake_id(t->message));
	}
}

static void finished(struct smtp_session *s)
{
	bool lost = false, hang_up;

	for (size_t i = 0; s->t->refusal.code == 0 && i < s->t->nrecipients; i++)
		lost = lost || s->t->recipients[i].result == INTAKE_LOST;
	if (lost) {
		/* Nobody knows whether it is stored: no reply, so that the client sends it again and the spool sorts it
		 * out. */
		log_error("no-answer", LOG_STR("session", s->id), LOG_STR("client", s->client),
			  LOG_STR("reason", "the spool went away while it decided"));
		intake_unanswered(s->t->message);
		smtp_transaction_free(s);
		smtp_enter(s, SMTP_ENDED);
		return;
	}
	answer(s);
	hang_up = s->t->refused_by.code == 421;
	smtp_transaction_free(s);
	s->messages++;
	s->commands = s->forgiven = 0;
	smtp_enter(s, hang_up ? SMTP_ENDED : SMTP_IDLE);
	s->abrupt = s->abrupt || hang_up;
	if (s->service->stopping && !hang_up)
		smtp_session_stop(s, true);
}

static void resume(void *arg)
{
	struct smtp_session *s = arg;

	if (milter_chain_resumed(s->milters))
		return;
	s->paused = false;
	s->t->heard_ms = s->service->now();
	if (s->t->chunked && s->t->left == 0 && s->state != SMTP_DECIDING)
		smtp_chunk_end(s);
	s->wake(s->arg);
}

static void done(void *arg)
{
	struct smtp_session *s = arg;

	finished(s);
	s->wake(s->arg);
}

/* With one reply for all, all must be able to take it; with LMTP, whoever can does. */
static uint64_t size_max(const struct smtp_transaction *t, bool each)
{
	uint64_t most = t->recipients[0].size_max;

	for (size_t i = 1; i < t->nrecipients; i++) {
		uint64_t one = t->recipients[i].size_max;

		most = (each ? one > most : one < most) ? one : most;
	}
	return most;
}

void smtp_content_begin(struct smtp_session *s, bool chunked)
{
	static const struct intake_events events = { .resume = resume, .done = done };
	struct smtp_transaction *t = s->t;
	const bool lmtp = s->listener->protocol == CONFIG_LMTP, normalise = s->listener->bare_newlines == CONFIG_NEWLINES_ACCEPT;
	struct intake_envelope env;

	env = (struct intake_envelope){
		.session = s->id,
		.protocol = smtp_protocol(s),
		.client = s->client,
		.ip = s->ip,
		.helo = s->helo,
		.listener = s->listener->name,
		.auth = s->user,
		.tls_version = s->tls.version,
		.tls_cipher = s->tls.cipher,
		.tls_bits = s->tls.bits,
		.sender = t->sender,
		.id = s->milters != NULL ? t->id : NULL,
		.relay_for = t->relay_for,
		.utf8 = t->utf8,
		.ret = t->ret,
		.envid = t->envid,
		.envid_xtext = t->envid_xtext,
		.recipients = t->recipients,
		.nrecipients = t->nrecipients,
		.each = lmtp,
		/* Whoever has logged in is no stranger. */
		.remove = s->listener->remove_headers,
		.nremove = s->user == NULL ? s->listener->nremove_headers : 0,
		.outside = s->user == NULL && config_is_open(s->listener),
	};
	t->size_max = size_max(t, lmtp);
	t->message = intake_begin(s->service->intake, &env, &events, s);
	t->chunked = chunked;
	if (chunked)
		smtp_data_init_literal(&t->data, normalise);
	else
		smtp_data_init(&t->data, normalise);
	t->started_ms = t->heard_ms = s->service->now();
	s->refused_data = false;
	smtp_enter(s, chunked ? SMTP_CHUNKS : SMTP_CONTENT);
}

static void data_taken(struct smtp_session *s)
{
	if (smtp_milters_refused(s)) {
		smtp_transaction_free(s);
		if (s->state != SMTP_ENDED)
			smtp_enter(s, SMTP_IDLE);
		return;
	}
	smtp_say(s, 354, NULL, "End the message with a line that holds only a dot");
	smtp_content_begin(s, false);
}

void smtp_data_begin(struct smtp_session *s)
{
	if (s->state != SMTP_RCPT) {
		if (s->state == SMTP_MAIL && s->t->refused > 0 && s->listener->protocol != CONFIG_LMTP)
			smtp_say(s, 554, "5.5.1", "No recipient was taken");
		else
			smtp_say(s, 503, "5.5.1", s->state == SMTP_MAIL ? "Send RCPT first" : "Send MAIL first");
		return;
	}
	if (intake_lost(s->service->intake)) {
		smtp_say(s, 451, "4.3.0", "The queue is not available just now, try again later");
		return;
	}
	smtp_milters_ask(s, MILTER_AT_DATA, NULL, 0, data_taken);
}

void smtp_content_refuse(struct smtp_session *s, const struct smtp_reply *with)
{
	s->t->refusal = *with;
	intake_refuse(s->t->message, INTAKE_FAILED);
	skip_rest(s);
}

const struct smtp_reply *smtp_content_refusal(const struct smtp_session *s)
{
	return s->t->refusal.code != 0 ? &s->t->refusal : &result_replies[s->t->recipients[0].result];
}

int smtp_content_take(void *session, struct slice piece)
{
	struct smtp_session *s = session;
	struct smtp_transaction *t = s->t;

	t->size += piece.n;
	if (t->size > t->size_max) {
		smtp_content_refuse(s, &too_large);
		return -1;
	}
	switch (intake_add(t->message, piece)) {
	case INTAKE_GO:
		return 0;
	case INTAKE_WAIT:
		s->paused = true;
		return -1;
	case INTAKE_STOP:
	default:
		skip_rest(s);
		return -1;
	}
}

/* Milters have seen it, or there are none. */
static void decided(struct smtp_session *s)
{
	bool over = true;

	switch (smtp_milters_decided(s)) {
	case SMTP_MILTERS_GONE:
		return;
	case SMTP_MILTERS_OVER:
		break;
	case SMTP_MILTERS_REFUSE:
		over = intake_finish_refused(s->t->message);
		break;
	case SMTP_MILTERS_SUBMIT:
		over = intake_finish(s->t->message);
		break;
	}
	if (over)
		finished(s);
}

void smtp_content_complete(struct smtp_session *s)
{
	if (s->state == SMTP_SKIPPING) {
		finished(s);
		return;
	}
	if (s->t->data.nul)
		intake_refuse(s->t->message, INTAKE_MALFORMED);
	smtp_enter(s, SMTP_DECIDING);
	if (s->milters != NULL && intake_seal(s->t->message))
		smtp_milters_ask(s, MILTER_AT_EOM, NULL, 0, decided);
	else if (intake_finish(s->t->message))
		finished(s);
}

/* True when there is more on its way than may be. */
static bool is_too_much(const struct smtp_session *s)
{
	const struct config *c = s->service->config;

	return source_all(s->service) > (uint64_t)c->limits.unaccepted ||
	       source_sum(s->service, s->source).octets > (uint64_t)c->limits.unaccepted_per_address;
}

size_t smtp_content(struct smtp_session *s, struct slice in)
{
	struct smtp_transaction *t = s->t;
	enum smtp_data_end end = SMTP_DATA_MORE;
	size_t used;

	if (in.n > INTAKE_PIECE_MAX)
		in.n = INTAKE_PIECE_MAX;
	if (t->chunked && in.n > t->left)
		in.n = (size_t)t->left;
	used = in.n;
	/* The end of a chunk that is refused is known without a look at it. */
	if (s->state == SMTP_CONTENT || !t->chunked)
		end = smtp_data_feed(&t->data, in, s->state == SMTP_CONTENT ? smtp_content_take : NULL, s, &used);
	receipts_heard(&s->receipts, s->service->intake, used);
	t->heard_ms = s->service->now();
	if (end == SMTP_DATA_BARE) {
		smtp_end(s, 521, "5.5.2", "Lines of a message must end with CR LF; a bare CR or LF is not taken");
		return in.n;
	}
	t->received += used;
	if (s->state == SMTP_CONTENT)
		count(s, used);
	if (end == SMTP_DATA_DONE) {
		smtp_content_complete(s);
		return used;
	}
	if (s->state == SMTP_CONTENT && is_too_much(s))
		smtp_content_refuse(s, &too_much);
	if (t->chunked) {
		t->left -= used;
		if (t->left == 0 && !s->paused)
			smtp_chunk_end(s);
	}
	return used;
}

int64_t smtp_content_deadline(const struct smtp_session *s)
{
	const struct smtp_transaction *t = s->t;
	const int64_t silence = s->service->config->limits.data_timeout;
	/* Neither silence nor a trickle may hold a session: what comes slower than the rate runs out of credit. */
	const int64_t rate = t->started_ms + silence + (int64_t)(t->received * 1000 / SMTP_BYTE_RATE);
	const int64_t whole = t->started_ms + s->service->config->limits.message_timeout;
	int64_t first = t->heard_ms + silence;

	first = rate < first ? rate : first;
	return whole < first ? whole : first;
}
