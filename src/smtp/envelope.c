/* MAIL and RCPT (RFC 5321, 4.1.1.2 and 4.1.1.3). */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "msg/address.h"
#include "msg/alabel.h"
#include "smtp/internal.h"

enum { UNKNOWN_DELAY_MS = 1000, RECIPIENT_COST = 20, PARAMETERS_MAX = 20 };

/* ---- parameters ---- */
struct parameters {
	bool eightbit;
	uint64_t size;
};

/* False when it was answered already. */
static bool mail_parameter(struct smtp_session *s, struct slice name, struct slice value, struct parameters *p)
{
	if (slice_eq_nocase(name, SLICE_LIT("SIZE"))) { /* RFC 1870, 6 */
		bool digits = value.n > 0 && value.n <= 100;

		for (size_t i = 0; i < value.n; i++)
			digits = digits && ascii_is_digit(value.p[i]);
		if (!digits) {
			smtp_say(s, 501, "5.5.4", "SIZE must be a number");
			return false;
		}
		if (slice_number(value, UINT64_MAX, &p->size) != 0 ||
		    p->size > intake_size_offer(s->service->intake)) {
			smtp_say(s, 552, "5.3.4", "A message may have %llu octets at most",
				 (unsigned long long)intake_size_offer(s->service->intake));
			return false;
		}
		return true;
	}
	if (slice_eq_nocase(name, SLICE_LIT("BODY"))) { /* RFC 6152, 2 */
		if (slice_eq_nocase(value, SLICE_LIT("8BITMIME"))) {
			p->eightbit = true;
		} else if (!slice_eq_nocase(value, SLICE_LIT("7BIT"))) {
			smtp_say(s, 501, "5.5.4", "BODY must be 7BIT or 8BITMIME");
			return false;
		}
		return true;
	}
	smtp_say(s, 555, "5.5.4", "That parameter is not known here: %.*s", (int)(name.n > 40 ? 40 : name.n), name.p);
	return false;
}

/* Reads the parameters in REST (RFC 5321, 4.1.2: esmtp-param); P is NULL for RCPT, which has none yet. */
static bool read_parameters(struct smtp_session *s, struct slice rest, struct parameters *p)
{
	struct slice seen[PARAMETERS_MAX];
	size_t n = 0;

	for (;;) {
		struct slice word, name, value;

		rest = slice_trim(rest);
		if (rest.n == 0)
			return true;
		word = slice_of(rest.p, slice_find(rest, ' '));
		rest = slice_of(rest.p + word.n, rest.n - word.n);
		name = slice_of(word.p, slice_find(word, '='));
		value = name.n < word.n ? slice_of(word.p + name.n + 1, word.n - name.n - 1) : SLICE_NONE;
		for (size_t i = 0; i < n; i++) {
			if (slice_eq_nocase(seen[i], name)) {
				smtp_say(s, 501, "5.5.4", "A parameter may be given only once");
				return false;
			}
		}
		if (n == PARAMETERS_MAX) {
			smtp_say(s, 501, "5.5.4", "Too many parameters");
			return false;
		}
		seen[n++] = name;
		if (p == NULL || !s->extended) {
			smtp_say(s, 555, "5.5.4", "Parameters are not known here");
			return false;
		}
		if (!mail_parameter(s, name, value, p))
			return false;
	}
}

/* ---- paths ---- */
/* The path behind "FROM:" or "TO:", with blanks in front of it forgiven, as many devices send them. */
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
	switch (address_parse_path(text, false, null_ok, out, &used)) {
	case ADDRESS_OK:
		if (alabel_domain_valid(slice_str(out->domain)))
			break;
		address_free(out);
		smtp_say(s, 501, syntax, "The domain holds a label that begins with xn-- and is none");
		return false;
	case ADDRESS_TOO_LONG:
		smtp_say(s, 501, syntax, "The address is too long");
		return false;
	case ADDRESS_SOURCE_ROUTE:
		smtp_say(s, 550, "5.7.1", "Source routes are not taken");
		return false;
	case ADDRESS_NEEDS_UTF8:
		smtp_say(s, 553, "5.6.7", "Addresses must be ASCII here");
		return false;
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

	return s->service->unaccepted < (uint64_t)c->limits.unaccepted &&
	       (s->source == NULL || s->source->unaccepted < (uint64_t)c->limits.unaccepted_per_address);
}

void smtp_mail(struct smtp_session *s, struct slice args)
{
	struct parameters p = { 0 };
	struct address from;

	if (s->state != SMTP_IDLE) {
		smtp_say(s, 503, "5.5.1", "A message is begun already");
		return;
	}
	if (s->messages >= s->service->config->limits.messages) {
		smtp_end(s, 421, "4.7.0", "Too many messages in one session, connect again");
		return;
	}
	if (!read_path(s, &args, "FROM:", true, &from))
		return;
	if (read_parameters(s, args, &p)) {
		if (!has_room(s)) {
			smtp_say(s, 452, "4.3.1", "Too much mail is on its way, try again later");
		} else {
			s->t = mem_alloc(sizeof *s->t);
			s->t->sender = format(&from);
			s->t->eightbit = p.eightbit;
			s->t->declared = p.size;
			s->t->envelope_size = strlen(s->t->sender);
			smtp_enter(s, SMTP_MAIL);
			smtp_say(s, 250, "2.1.0", "Ok");
		}
	}
	address_free(&from);
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
	else
		smtp_say(s, 550, "5.7.1", "<%.300s>: mail is not relayed here", text);
	if (s->unknown > SMTP_UNKNOWN_SLOW)
		s->delay_ms = s->service->now() + UNKNOWN_DELAY_MS;
}

static bool asks_for_relay(const struct route *r, const struct address *to)
{
	return r->match != ROUTE_EXACT && strpbrk(to->local, "%!@") != NULL;
}

/* Octets that a message for ACCOUNT may have, when TO is added to its recipients. */
static uint64_t size_max(const struct smtp_session *s, const struct config_account *account, const char *to)
{
	const struct smtp_transaction *t = s->t;
	size_t cost = intake_envelope_cost(t->sender, to);

	for (size_t i = 0; i < t->nrecipients; i++)
		if (t->recipients[i].account == account)
			cost += intake_envelope_cost("", t->recipients[i].address);
	return intake_size_max(s->service->intake, account, cost);
}

static void add_recipient(struct smtp_session *s, struct address *to, char *text, const struct config_account *account)
{
	struct smtp_transaction *t = s->t;

	const uint64_t most = size_max(s, account, text);

	t->recipients = mem_resize(t->recipients, t->nrecipients + 1, sizeof *t->recipients);
	t->recipients[t->nrecipients++] =
	    (struct intake_recipient){ .address = text, .local = to->local, .domain = to->domain, .account = account };
	/* They may share a folder, and with it the lines of all of them. */
	for (size_t i = 0; i < t->nrecipients; i++)
		if (t->recipients[i].account == account)
			t->recipients[i].size_max = most;
	*to = (struct address){ 0 };
	if (s->state == SMTP_MAIL)
		smtp_enter(s, SMTP_RCPT);
	smtp_say(s, 250, "2.1.5", "Ok");
}

void smtp_rcpt(struct smtp_session *s, struct slice args)
{
	const struct config *c = s->service->config;
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
	cost = strlen(text) + RECIPIENT_COST;
	if (!read_parameters(s, args, NULL)) {
		s->t->refused++;
	} else if (r.account == NULL || asks_for_relay(&r, &to)) {
		refuse_unknown(s, &to, text);
	} else if (s->t->nrecipients >= c->limits.recipients || s->t->nrecipients >= SPOOL_RECIPIENTS_MAX ||
		   s->t->envelope_size + cost > SMTP_ENVELOPE_MAX) {
		s->t->refused++;
		smtp_say(s, 452, "4.5.3", "Too many recipients, send to the others in another message");
	} else if (s->t->declared > size_max(s, r.account, text)) {
		s->t->refused++;
		smtp_say(s, 552, "5.3.4", "<%.300s>: a message for this mailbox may have %llu octets at most", text,
			 (unsigned long long)size_max(s, r.account, text));
	} else {
		s->t->envelope_size += cost;
		add_recipient(s, &to, text, r.account);
		text = NULL;
	}
	free(text);
	address_free(&to);
}
