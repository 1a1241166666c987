/* The questions that a session asks its milters, and what becomes of their answers. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "smtp/internal.h"

void smtp_milters_ask(struct smtp_session *s, enum milter_stage stage, const struct slice *texts, size_t n,
		      smtp_then_fn *then)
{
	/* What is thrown away is not asked about any more. */
	if (s->milters == NULL || (s->t != NULL && s->t->discard != NULL && stage != MILTER_AT_HELO))
		then(s);
	else if (milter_chain_tell(s->milters, stage, texts, n))
		then(s);
	else
		smtp_wait(s, then);
}

void smtp_milter_quote(struct smtp_session *s, const struct milter_reply *r)
{
	struct slice text = slice_str(r->text);

	/* LMTP has it once for each of a thousand recipients. */
	if (s->out.n > SMTP_REASONS_MAX)
		text.n = slice_find(text, '\n');
	smtp_reply_lines(&s->out, r->code, r->enhanced, text);
}

void smtp_milter_say(struct smtp_session *s, const struct milter_reply *r)
{
	smtp_milter_quote(s, r);
	if (r->code != 421)
		return;
	s->abrupt = true;
	smtp_transaction_free(s);
	smtp_enter(s, SMTP_ENDED);
}

static void log_decision(const struct smtp_session *s, const char *what, const struct milter_reply *r)
{
	log_info("milter-decided", LOG_STR("session", s->id), LOG_STR("client", s->client),
		 LOG_STR("milter", milter_chain_by(s->milters)), LOG_STR("decision", what),
		 LOG_STR("from", s->t == NULL ? NULL : s->t->sender), LOG_NUM("code", r == NULL ? 0 : r->code),
		 LOG_STR("text", r == NULL ? NULL : r->text));
}

bool smtp_milters_refused(struct smtp_session *s)
{
	if (s->milters == NULL)
		return false;
	switch (milter_chain_verdict(s->milters)) {
	case MILTER_REFUSE:
		log_decision(s, "refuse", milter_chain_reply(s->milters));
		smtp_milter_say(s, milter_chain_reply(s->milters));
		return true;
	case MILTER_HANG_UP:
		log_decision(s, "hang up", NULL);
		smtp_end(s, 421, "4.7.1", "The service is not available for you, try again later");
		return true;
	case MILTER_DISCARD:
		if (s->t != NULL && s->t->discard == NULL) {
			log_decision(s, "discard", NULL);
			s->t->discard = mem_printf("by milter %s", milter_chain_by(s->milters));
		}
		return false;
	default:
		return false;
	}
}

void smtp_milters_banner(struct smtp_session *s, smtp_then_fn *then)
{
	smtp_milters_ask(s, MILTER_AT_CONNECT, NULL, 0, then);
}

/* RFC 5321, 3.1 and 4.2: 220, 421 and 554 are all that may stand there. */
bool smtp_milters_unwelcome(struct smtp_session *s)
{
	const struct milter_reply *r;
	struct milter_reply banner;

	if (s->milters == NULL || milter_chain_verdict(s->milters) != MILTER_REFUSE)
		return smtp_milters_refused(s);
	r = milter_chain_reply(s->milters);
	log_decision(s, "refuse", r);
	banner = *r;
	banner.code = r->code < 500 ? 421 : 554;
	smtp_reply_lines(&s->out, banner.code, banner.enhanced, slice_str(banner.text));
	s->abrupt = true;
	smtp_enter(s, SMTP_ENDED);
	return true;
}

static void parameter_add(char **texts, size_t *n, char *text)
{
	texts[(*n)++] = text;
}

void smtp_milters_mail(struct smtp_session *s, smtp_then_fn *then)
{
	const struct smtp_transaction *t = s->t;
	char *texts[4];
	struct slice views[4];
	size_t n = 0;

	if (s->milters == NULL) {
		then(s);
		return;
	}
	timed_id(s->t->id);
	parameter_add(texts, &n, mem_printf("<%s>", t->sender));
	if (t->declared > 0)
		parameter_add(texts, &n, mem_printf("SIZE=%llu", (unsigned long long)t->declared));
	if (t->eightbit)
		parameter_add(texts, &n, mem_strdup("BODY=8BITMIME"));
	for (size_t i = 0; i < n; i++)
		views[i] = slice_str(texts[i]);
	smtp_milters_ask(s, MILTER_AT_MAIL, views, n, then);
	for (size_t i = 0; i < n; i++)
		free(texts[i]); /* the chain has copies */
}

/* THEN may end the transaction. */
static void ask_rcpt(struct smtp_session *s, const char *address, const char *refusal, smtp_then_fn *then)
{
	char *text = mem_printf("<%s>", address);
	const struct slice view = slice_str(text);

	free(s->t->told);
	s->t->told = mem_strdup(address);
	s->t->told_refusal = refusal;
	smtp_milters_ask(s, MILTER_AT_RCPT, &view, 1, then);
	free(text);
}

void smtp_milters_rcpt(struct smtp_session *s, const char *address, smtp_then_fn *then)
{
	if (s->milters == NULL)
		then(s);
	else
		ask_rcpt(s, address, NULL, then);
}

static void nothing(struct smtp_session *s)
{
	(void)s;
}

void smtp_milters_rcpt_refused(struct smtp_session *s, const char *address)
{
	if (s->milters != NULL && s->state != SMTP_ENDED && milter_chain_takes_refused(s->milters))
		ask_rcpt(s, address, "550 5.1.1 refused", nothing);
}

/* ---- the end of a message ---- */

static void keep_reply(struct smtp_session *s)
{
	const struct milter_reply *r = milter_chain_reply(s->milters);

	log_decision(s, "refuse", r);
	s->t->refused_by = *r;
	s->t->refused_by.text = mem_strdup(r->text);
}

/* Mail that is sent on has no mailbox here in which somebody could look at it. */
static bool held_outward(const struct smtp_session *s)
{
	for (size_t i = 0; s->t->held && i < s->t->nrecipients; i++)
		if (s->t->recipients[i].account == NULL)
			return true;
	return false;
}

enum smtp_milters_end smtp_milters_decided(struct smtp_session *s)
{
	switch (s->milters == NULL || s->t->discard != NULL ? MILTER_CONTINUE : milter_chain_verdict(s->milters)) {
	case MILTER_NONE:
		return SMTP_MILTERS_OVER;
	case MILTER_REFUSE:
		keep_reply(s);
		return SMTP_MILTERS_REFUSE;
	case MILTER_HANG_UP:
		(void)smtp_milters_refused(s);
		return SMTP_MILTERS_GONE;
	case MILTER_DISCARD:
		(void)smtp_milters_refused(s);
		break;
	default:
		break;
	}
	if (s->t->discard != NULL) {
		intake_discard(s->t->message, s->t->discard);
	} else if (held_outward(s)) {
		s->t->refused_by = (struct milter_reply){
			.code = 550,
			.enhanced = "5.7.1",
			.text = mem_strdup("A filter wants this held back, and mail that is sent on can't be"),
		};
		return SMTP_MILTERS_REFUSE;
	}
	return SMTP_MILTERS_SUBMIT;
}
