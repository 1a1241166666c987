/* MAIL and RCPT (RFC 5321, 4.1.1.2 and 4.1.1.3). */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "msg/address.h"
#include "msg/alabel.h"
#include "smtp/gate.h"
#include "smtp/internal.h"
#include "smtp/sources.h"

enum { UNKNOWN_DELAY_MS = 1000, RECIPIENT_COST = 20 };

/* ---- paths ---- */

/* Has it the ASCII form that mail is routed by (RFC 5890)? */
static bool domain_good(const char *domain)
{
	struct buf ascii;
	bool good;

	buf_init(&ascii, ADDRESS_DOMAIN_MAX);
	good = alabel_domain_valid(slice_str(domain)) && alabel_domain(slice_str(domain), &ascii) == 0;
	buf_free(&ascii);
	return good;
}

/* The path behind "FROM:" or "TO:", with blanks in front of it forgiven, as many devices send them. Beyond ASCII it may
 * be, as SMTPUTF8 may stand behind it. */
static bool read_path(struct smtp_session *s, struct slice *args, const char *word, bool null_ok, struct address *out)
{
	const struct slice keyword = slice_str(word);
	const char *syntax = null_ok ? "5.1.7" : "5.1.3";
	struct slice text;
	size_t used = 0;

	if (!slice_starts_nocase(*args, keyword)) {
		smtp_say(s, 501, "5.5.4", "%s is missing", word);
		return false;
	}
	text = slice_trim(slice_of(args->p + keyword.n, args->n - keyword.n));
	switch (address_parse_path(text, true, null_ok, out, &used)) {
	case ADDRESS_OK:
		if (out->domain[0] == '[' || domain_good(out->domain))
			break;
		address_free(out);
		smtp_say(s, 501, syntax, "The domain holds a label that is none");
		return false;
	case ADDRESS_TOO_LONG:
		smtp_say(s, 501, syntax, "The address is too long");
		return false;
	case ADDRESS_SOURCE_ROUTE:
		smtp_say(s, 550, "5.7.1", "Source routes are not taken");
		return false;
	case ADDRESS_NEEDS_UTF8:
	case ADDRESS_SYNTAX:
	default:
		/* A UUCP path has no @ at all, and it asks to be relayed. */
		if (!null_ok && slice_find(text, '!') < text.n && slice_find(text, '@') == text.n)
			smtp_say(s, 550, "5.7.1", "Mail is not relayed here");
		else
			smtp_say(s, 501, syntax, "That is not an address in angle brackets");
		return false;
	}
	*args = slice_of(text.p + used, text.n - used);
	if (args->n > 0 && args->p[0] != ' ') {
		address_free(out);
		smtp_say(s, 501, "5.5.4", "A blank is missing behind the address");
		return false;
	}
	return true;
}

bool smtp_utf8_offered(const struct smtp_session *s)
{
	return s->listener->smtputf8 && intake_utf8_offer(s->service->intake);
}

/* RFC 6531, 3.5 */
static bool utf8_allowed(struct smtp_session *s, const struct address *a, bool utf8)
{
	if (utf8 || (ascii_only(slice_str(a->local)) && ascii_only(slice_str(a->domain))))
		return true;
	smtp_say(s, 553, "5.6.7",
		 smtp_utf8_offered(s) ? "An address beyond ASCII needs SMTPUTF8" : "Addresses must be ASCII here");
	return false;
}

static char *format(const struct address *a)
{
	struct buf b;
	char *text;

	buf_init(&b, 4096);
	(void)address_format(a, &b);
	text = slice_dup(buf_slice(&b));
	buf_free(&b);
	return text;
}

/* ---- MAIL ---- */
static bool has_room(const struct smtp_session *s)
{
	const struct config *c = s->service->config;

	return source_all(s->service) < (uint64_t)c->limits.unaccepted &&
	       source_sum(s->service, s->source).octets < (uint64_t)c->limits.unaccepted_per_address;
}

static void mail_taken(struct smtp_session *s)
{
	if (smtp_milters_refused(s)) {
		smtp_transaction_free(s);
		return;
	}
	smtp_enter(s, SMTP_MAIL);
	smtp_say(s, 250, "2.1.0", "Ok");
}

void smtp_mail(struct smtp_session *s, struct slice args)
{
	struct smtp_parameters p = { 0 };
	struct address from;

	if (s->state != SMTP_IDLE) {
		smtp_say(s, 503, "5.5.1", "A message is begun already");
		return;
	}
	if (smtp_needs_auth(s)) {
		smtp_say(s, 530, "5.7.0", "Authentication is required");
		return;
	}
	if (s->messages >= s->service->config->limits.messages) {
		smtp_end(s, 421, "4.7.0", "Too many messages in one session, connect again");
		return;
	}
	if (!gate_message(s->service, &s->known)) {
		smtp_say(s, 450, "4.7.1", "Too many messages from your address, try again later");
		return;
	}
	if (!read_path(s, &args, "FROM:", true, &from))
		return;
	if (smtp_parameters(s, SMTP_PARAMETER_MAIL, args, &p) && utf8_allowed(s, &from, p.utf8)) {
		if (!has_room(s)) {
			smtp_say(s, 452, "4.3.1", "Too much mail is on its way, try again later");
		} else {
			smtp_unwanted_forget(s);
			s->t = mem_alloc(sizeof *s->t);
			s->t->sender = format(&from);
			s->t->eightbit = p.eightbit;
			s->t->utf8 = p.utf8;
			s->t->ret = p.ret;
			s->t->envid = p.envid;
			s->t->envid_xtext = p.envid_xtext;
			p.envid = p.envid_xtext = NULL;
			s->t->declared = p.size;
			s->t->envelope_size = strlen(s->t->sender);
			smtp_milters_mail(s, mail_taken);
		}
	}
	smtp_parameters_free(&p);
	address_free(&from);
}

/* By which a network of relay_for knows the client; NULL: not at all. */
static const char *relay_address(const struct smtp_session *s)
{
	return s->unnamed ? NULL : s->ip;
}

/* ---- RCPT ---- */
static void refuse_unknown(struct smtp_session *s, const struct address *to, const char *text)
{
	const bool ours = config_has_domain(s->service->config, to->domain);

	s->t->refused++;
	s->unknown++;
	log_info("unknown-recipient", LOG_STR("session", s->id), LOG_STR("client", s->client),
		 LOG_STR("from", s->t->sender), LOG_STR("to", text), LOG_NUM("count", s->unknown));
	if (s->unknown > SMTP_UNKNOWN_MAX) {
		smtp_end(s, 421, "4.7.0", "Too many unknown recipients");
		return;
	}
	if (ours)
		smtp_say(s, 550, "5.1.1", "<%.300s>: nobody here has that address", text);
	else if (config_relay_client(s->service->config, relay_address(s), s->user))
		smtp_say(s, 550, "5.7.1", "<%.300s>: mail from <%.300s> is not relayed here", text, s->t->sender);
	else
		smtp_say(s, 550, "5.7.1", "<%.300s>: mail is not relayed here", text);
	if (s->unknown > SMTP_UNKNOWN_SLOW)
		s->delay_ms = s->service->now() + UNKNOWN_DELAY_MS;
	smtp_milters_rcpt_refused(s, text);
}

static bool asks_for_relay(const struct route *r, const struct address *to)
{
	return r->match != ROUTE_EXACT && strpbrk(to->local, "%!@") != NULL;
}

/* The group that lets mail of this transaction out to TO, a recipient of nobody here; NULL: it stays. */
static const struct config_relay_for *goes_out(const struct smtp_session *s, const struct address *to)
{
	const struct config *c = s->service->config;
	const struct slice domain = slice_str(to->domain);

	/* A name of our own is no one else's; one without a dot, or an address, is no one's on the Internet. */
	if (c->relay == NULL || s->listener->protocol != CONFIG_SMTP || strpbrk(to->local, "%!@") != NULL ||
	    config_has_domain(c, to->domain) || slice_eq_nocase(domain, slice_str(c->hostname)) ||
	    slice_find(domain, '.') == domain.n || domain.p[0] == '[')
		return NULL;
	return config_relay_group(c, relay_address(s), s->user, s->t->sender);
}

/* Octets that a message for ACCOUNT may have, when TO is added to its recipients. */
static uint64_t size_max(const struct smtp_session *s, const struct config_account *account, const char *to)
{
	const struct smtp_transaction *t = s->t;
	size_t cost = intake_envelope_cost(t->sender, to);

	if (account == NULL)
		return intake_relay_size_max(s->service->intake);
	for (size_t i = 0; i < t->nrecipients; i++)
		if (t->recipients[i].account == account)
			cost += intake_envelope_cost("", t->recipients[i].address);
	return intake_size_max(s->service->intake, account, cost);
}

/* RFC 6531, 3.2: said now, not once it is too late for the sender to hear of it. Without ACCOUNT it goes to the relay. */
static bool takes_utf8(const struct smtp_session *s, const struct config_account *account)
{
	return account != NULL && intake_utf8_of(s->service->intake, account) != INTAKE_UTF8_NO;
}

static void add_recipient(struct smtp_session *s, struct address *to, char *text, const struct config_account *account,
			  struct smtp_parameters *p)
{
	struct smtp_transaction *t = s->t;
	const uint64_t most = size_max(s, account, text);

	t->recipients = mem_resize(t->recipients, t->nrecipients + 1, sizeof *t->recipients);
	t->recipients[t->nrecipients++] =
	    (struct intake_recipient){ .address = text,
				       .local = to->local,
				       .domain = to->domain,
				       .account = account,
				       .notify = p->notify,
				       .orcpt = p->orcpt };
	p->orcpt = NULL;
	/* They may share a folder, and with it the lines of all of them. */
	for (size_t i = 0; i < t->nrecipients; i++)
		if (t->recipients[i].account == account)
			t->recipients[i].size_max = most;
	t->outward += account == NULL;
	*to = (struct address){ 0 };
}

static void remove_recipient(struct smtp_transaction *t, size_t at)
{
	struct intake_recipient *r = &t->recipients[at];

	t->outward -= r->account == NULL;
	free(r->address);
	free(r->local);
	free(r->domain);
	free(r->reason);
	free(r->orcpt);
	memmove(r, r + 1, (t->nrecipients - at - 1) * sizeof *r);
	t->nrecipients--;
}

/* The last recipient stands in the list, and milters have said what they think. */
static void rcpt_taken(struct smtp_session *s)
{
	if (smtp_milters_refused(s)) {
		if (s->t == NULL)
			return;
		s->t->refused++;
		remove_recipient(s->t, s->t->nrecipients - 1);
		return;
	}
	s->t->recipients[s->t->nrecipients - 1].answer = ++s->t->nanswers;
	if (s->state == SMTP_MAIL)
		smtp_enter(s, SMTP_RCPT);
	smtp_say(s, 250, "2.1.5", "Ok");
}

void smtp_rcpt(struct smtp_session *s, struct slice args)
{
	const struct config *c = s->service->config;
	const struct config_relay_for *out = NULL;
	struct smtp_parameters p = { 0 };
	struct address to;
	struct route r;
	size_t cost;
	char *text;

	if (s->state == SMTP_IDLE) {
		smtp_say(s, 503, "5.5.1", "Send MAIL first");
		return;
	}
	if (!read_path(s, &args, "TO:", false, &to)) {
		s->t->refused++;
		return;
	}
	text = format(&to);
	r = config_route(c, to.local, to.domain);
	if (r.account == NULL)
		out = goes_out(s, &to);
	cost = strlen(text) + RECIPIENT_COST;
	if (!smtp_parameters(s, SMTP_PARAMETER_RCPT, args, &p) || !utf8_allowed(s, &to, s->t->utf8)) {
		s->t->refused++;
	} else if (out == NULL && (r.account == NULL || asks_for_relay(&r, &to))) {
		refuse_unknown(s, &to, text);
	} else if (s->t->utf8 && !takes_utf8(s, r.account)) {
		s->t->refused++;
		smtp_say(s, 550, "5.6.7", "<%.300s>: SMTPUTF8 mail can't be sent there", text);
	} else if (s->t->nrecipients >= c->limits.recipients || s->t->nrecipients >= SPOOL_RECIPIENTS_MAX ||
		   s->t->envelope_size + cost > SMTP_ENVELOPE_MAX) {
		s->t->refused++;
		s->t->surplus++;
		smtp_say(s, 452, "4.5.3", "Too many recipients, send to the others in another message");
	} else if (out != NULL && s->t->outward >= intake_relay_left(s->service->intake, out)) {
		s->t->refused++;
		log_warning("daily-reached", LOG_STR("session", s->id), LOG_STR("client", s->client),
			    LOG_STR("group", out->name), LOG_STR("from", s->t->sender), LOG_STR("to", text));
		smtp_say(s, 452, "4.5.3", "No more mail may be sent to others today, try again tomorrow");
	} else if (s->t->declared > size_max(s, r.account, text)) {
		s->t->refused++;
		smtp_say(s, 552, "5.3.4", "<%.300s>: a message for this mailbox may have %llu octets at most", text,
			 (unsigned long long)size_max(s, r.account, text));
	} else {
		s->t->envelope_size += cost;
		if (out != NULL)
			s->t->relay_for = out;
		add_recipient(s, &to, text, r.account, &p);
		smtp_milters_rcpt(s, text, rcpt_taken);
		text = NULL;
	}
	smtp_parameters_free(&p);
	free(text);
	address_free(&to);
}

/* ---- what milters change ---- */
char *smtp_milter_address(const char *text, bool null_ok, struct address *out)
{
	char *path = text[0] == '<' ? mem_strdup(text) : mem_printf("<%s>", text);
	struct address a;
	size_t used = 0;
	char *plain = NULL;

	if (address_parse_path(slice_str(path), false, null_ok, &a, &used) == ADDRESS_OK) {
		if (path[used] == '\0' && alabel_domain_valid(slice_str(a.domain)))
			plain = format(&a);
		if (plain != NULL && out != NULL)
			*out = a;
		else
			address_free(&a);
	}
	free(path);
	return plain;
}

const char *smtp_milter_recipient(struct smtp_session *s, struct address *a, char *text)
{
	const struct route r = config_route(s->service->config, a->local, a->domain);

	/* What a milter says must not lead outside, whoever has taken it over. */
	if (r.account == NULL || asks_for_relay(&r, a))
		return "that is nobody's address here, and mail is not sent on for milters";
	if (s->t->nrecipients >= SPOOL_RECIPIENTS_MAX || s->t->nrecipients >= s->service->config->limits.recipients)
		return "the message has as many recipients as one may have";
	add_recipient(s, a, text, r.account, &(struct smtp_parameters){ 0 });
	return NULL;
}

void smtp_milter_remove(struct smtp_session *s, size_t at)
{
	remove_recipient(s->t, at);
}
