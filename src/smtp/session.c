#include "smtp/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/line.h"
#include "smtp/internal.h"

static const char *const names[] = {
	[SMTP_NEW] = "new",	      [SMTP_GREETED] = "greeted",   [SMTP_IDLE] = "idle",
	[SMTP_MAIL] = "mail",	      [SMTP_RCPT] = "rcpt",	    [SMTP_CONTENT] = "content",
	[SMTP_SECURING] = "securing", [SMTP_AUTH] = "auth",
	[SMTP_SKIPPING] = "skipping", [SMTP_CHUNKS] = "chunks",	    [SMTP_SWALLOWING] = "swallowing",
	[SMTP_DECIDING] = "deciding", [SMTP_ENDED] = "ended",
};

void smtp_enter(struct smtp_session *s, enum smtp_state to)
{
	static const unsigned legal[] = {
		[SMTP_NEW] = SMTP_IN(SMTP_GREETED) | SMTP_IN(SMTP_ENDED),
		[SMTP_GREETED] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_SWALLOWING) | SMTP_IN(SMTP_ENDED),
		[SMTP_IDLE] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_MAIL) | SMTP_IN(SMTP_SECURING) | SMTP_IN(SMTP_AUTH) |
			      SMTP_IN(SMTP_SWALLOWING) | SMTP_IN(SMTP_ENDED),
		[SMTP_AUTH] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_ENDED),
		[SMTP_SECURING] = SMTP_IN(SMTP_GREETED) | SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_ENDED),
		[SMTP_MAIL] =
		    SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_RCPT) | SMTP_IN(SMTP_SWALLOWING) | SMTP_IN(SMTP_ENDED),
		[SMTP_RCPT] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_CONTENT) | SMTP_IN(SMTP_CHUNKS) |
			      SMTP_IN(SMTP_SWALLOWING) | SMTP_IN(SMTP_ENDED),
		[SMTP_CONTENT] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_SKIPPING) | SMTP_IN(SMTP_CHUNKS) |
				 SMTP_IN(SMTP_DECIDING) | SMTP_IN(SMTP_ENDED),
		[SMTP_SKIPPING] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_CHUNKS) | SMTP_IN(SMTP_ENDED),
		[SMTP_CHUNKS] =
		    SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_CONTENT) | SMTP_IN(SMTP_SKIPPING) | SMTP_IN(SMTP_ENDED),
		[SMTP_SWALLOWING] = SMTP_IN(SMTP_GREETED) | SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_MAIL) |
				    SMTP_IN(SMTP_RCPT) | SMTP_IN(SMTP_ENDED),
		[SMTP_DECIDING] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_ENDED),
		[SMTP_ENDED] = 0,
	};

	if ((legal[s->state] & SMTP_IN(to)) == 0) {
		log_error("bug", LOG_STR("session", s->id), LOG_STR("from", names[s->state]), LOG_STR("to", names[to]));
		abort();
	}
	log_debug("state", LOG_STR("session", s->id), LOG_STR("state", names[to]));
	/* Nothing is waited for any more, and nobody slowed down. */
	if (to == SMTP_ENDED) {
		s->waiting = NULL;
		s->delay_ms = 0;
	}
	s->state = to;
	s->since_ms = s->service->now();
}

void smtp_say(struct smtp_session *s, int code, const char *enhanced, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	smtp_reply_put(&s->out, &(struct smtp_reply){ code, enhanced, text });
}

void smtp_end(struct smtp_session *s, int code, const char *enhanced, const char *text)
{
	log_warning("refused", LOG_STR("session", s->id), LOG_STR("client", s->client), LOG_NUM("code", code),
		    LOG_STR("text", text));
	if (!smtp_unspeakable(s))
		smtp_say(s, code, enhanced, "%s", text);
	s->abrupt = true;
	smtp_transaction_free(s);
	smtp_auth_free(s);
	smtp_enter(s, SMTP_ENDED);
}

const char *smtp_protocol(const struct smtp_session *s)
{
	static const char *const words[][2][2] = {
		{ { "ESMTP", "ESMTPA" }, { "ESMTPS", "ESMTPSA" } },
		{ { "LMTP", "LMTPA" }, { "LMTPS", "LMTPSA" } },
		/* RFC 6531, 4.3 */
		{ { "UTF8SMTP", "UTF8SMTPA" }, { "UTF8SMTPS", "UTF8SMTPSA" } },
		{ { "UTF8LMTP", "UTF8LMTPA" }, { "UTF8LMTPS", "UTF8LMTPSA" } },
	};
	const bool utf8 = s->t != NULL && s->t->utf8;

	if (!s->extended)
		return "SMTP";
	return words[(s->listener->protocol == CONFIG_LMTP ? 1 : 0) + (utf8 ? 2 : 0)][s->tls.on][s->user != NULL];
}

struct smtp_session *smtp_session_new(struct smtp_service *service, const struct smtp_origin *origin,
				      smtp_wake_fn *wake, void *arg)
{
	struct smtp_session *s = mem_alloc(sizeof *s);

	s->service = service;
	s->listener = origin->listener;
	s->source = origin->source;
	s->known = origin->known;
	s->proxied = origin->proxied;
	s->unnamed = origin->unnamed;
	s->client = mem_strdup(origin->client);
	s->ip = mem_strdup(origin->ip);
	s->wake = wake;
	s->arg = arg;
	s->since_ms = service->now();
	random_id(s->id);
	buf_init(&s->out, SMTP_OUTPUT_MAX);
	s->milters = milter_chain_new(s, service->wires);
	return s;
}

void smtp_session_free(struct smtp_session **s)
{
	if (*s == NULL)
		return;
	smtp_transaction_free(*s);
	smtp_unwanted_forget(*s);
	milter_chain_free(&(*s)->milters);
	receipts_free(&(*s)->receipts);
	free((*s)->client);
	free((*s)->ip);
	free((*s)->helo);
	free((*s)->subject);
	free((*s)->issuer);
	free((*s)->user);
	smtp_auth_free(*s);
	buf_free(&(*s)->out);
	free(*s);
	*s = NULL;
}

void smtp_session_early(struct smtp_session *s)
{
	smtp_end(s, 554, "5.5.0", "You must wait for the greeting before you speak");
}

static void greet(struct smtp_session *s)
{
	if (smtp_milters_unwelcome(s))
		return;
	smtp_say(s, 220, NULL, "%s %s mailferry", s->service->config->hostname,
		 s->listener->protocol == CONFIG_LMTP ? "LMTP" : "ESMTP");
	/* It is held back, as whoever does not wait for it is no mail server. */
	if (s->listener->greeting_delay > 0)
		s->delay_ms = s->service->now() + s->listener->greeting_delay;
	smtp_enter(s, SMTP_GREETED);
}

void smtp_session_greet(struct smtp_session *s, bool early)
{
	if (early)
		smtp_session_early(s);
	else
		smtp_milters_banner(s, greet);
}

/* A line that can't be a command at all. */
static bool is_foreign(struct smtp_session *s, struct slice in)
{
	/* The first byte of a TLS record (RFC 8446, 5.1): the client believes that this port speaks TLS at once. */
	if (in.p[0] == 0x16 && !s->tls.on) {
		smtp_end(s, 554, "5.5.1",
			 smtp_offers_tls(s) ? "This port speaks TLS only after STARTTLS"
					    : "This port does not speak TLS");
		return true;
	}
	return false;
}

static size_t skip_line(struct smtp_session *s, struct slice in)
{
	bool done;
	size_t used = line_skip(in, &done);

	s->skipped += used;
	/* Whether its end came in the same piece must not matter. */
	if (s->skipped > SMTP_SKIP_MAX) {
		smtp_end(s, 500, "5.5.2", "The line is far too long");
	} else if (done) {
		s->skip_line = false;
		s->since_ms = s->service->now();
		smtp_command_long(s, s->skip_auth);
	}
	return used;
}

static size_t take_line(struct smtp_session *s, struct slice in)
{
	const size_t most = smtp_line_max(s, in);
	struct slice line;
	size_t used;

	if (s->skip_line)
		return skip_line(s, in);
	if (is_foreign(s, in))
		return in.n;
	switch (line_read(in, most, &line, &used)) {
	case LINE_MORE:
		return 0;
	case LINE_LONG:
		if (s->state != SMTP_AUTH && smtp_command_opaque(s, in))
			return in.n;
		s->skip_line = true;
		s->skip_auth = most == SMTP_AUTH_MAX;
		s->skipped = 0;
		return skip_line(s, in);
	case LINE_LF:
		if (s->listener->bare_newlines == CONFIG_NEWLINES_REJECT) {
			smtp_end(s, 521, "5.5.2", "A line must end with CR LF, not with a bare LF");
			return used;
		}
		break;
	case LINE_CRLF:
		break;
	}
	receipts_heard(&s->receipts, s->service->intake, used);
	s->since_ms = s->service->now();
	smtp_command(s, line, used < in.n);
	if (s->service->stopping)
		smtp_session_stop(s, true);
	return used;
}

size_t smtp_session_input(struct smtp_session *s, struct slice in)
{
	size_t all = 0, used = 1;

	while (all < in.n && used > 0 && smtp_session_want(s) == SMTP_READ) {
		struct slice rest = slice_of(in.p + all, in.n - all);

		if (s->state == SMTP_CONTENT || s->state == SMTP_SKIPPING)
			used = smtp_content(s, rest);
		else if (s->state == SMTP_SWALLOWING)
			used = smtp_swallow(s, rest);
		else
			used = take_line(s, rest);
		all += used;
	}
	return s->state == SMTP_ENDED ? in.n : all;
}

void smtp_session_saying(struct smtp_session *s)
{
	receipts_saying(&s->receipts, s->service->intake);
}

void smtp_session_sent(struct smtp_session *s, size_t stale)
{
	receipts_sent(&s->receipts, stale, s->service->now());
}

void smtp_session_crossed(struct smtp_session *s, size_t n)
{
	receipts_crossed(&s->receipts, n);
}

void smtp_session_eof(struct smtp_session *s, bool acknowledged)
{
	receipts_closed(&s->receipts, s->service->intake, acknowledged, s->t != NULL);
	smtp_transaction_free(s);
	if (s->state != SMTP_ENDED)
		smtp_enter(s, SMTP_ENDED);
}

bool smtp_session_waits(const struct smtp_session *s)
{
	return receipts_wait(&s->receipts);
}

void smtp_session_look(struct smtp_session *s, bool acknowledged)
{
	receipts_look(&s->receipts, s->service->intake, acknowledged, s->service->now());
}

bool smtp_session_gone(struct smtp_session *s, bool acknowledged, bool reset)
{
	return receipts_gone(&s->receipts, s->service->intake, acknowledged, reset);
}

int64_t smtp_session_deadline(const struct smtp_session *s)
{
	const int64_t wait = s->service->config->limits.command_timeout;
	const int64_t idle = s->since_ms + (smtp_unspeakable(s) && wait > SMTP_HANDSHAKE_MS ? SMTP_HANDSHAKE_MS : wait);

	if (s->delay_ms != 0)
		return s->delay_ms;
	/* The spool answers or is lost; the client has no part in it. */
	if (s->state == SMTP_DECIDING || s->paused || s->waiting != NULL)
		return INT64_MAX;
	if (s->state == SMTP_SWALLOWING)
		return smtp_swallow_deadline(s);
	if (s->state == SMTP_CHUNKS) {
		const int64_t whole = s->t->started_ms + s->service->config->limits.message_timeout;

		return whole < idle ? whole : idle;
	}
	return s->state == SMTP_CONTENT || s->state == SMTP_SKIPPING ? smtp_content_deadline(s) : idle;
}

void smtp_session_timeout(struct smtp_session *s)
{
	if (s->state == SMTP_ENDED)
		return;
	if (s->delay_ms != 0) {
		s->delay_ms = 0;
		s->since_ms = s->service->now();
		return;
	}
	smtp_end(s, 421, "4.4.2",
		 smtp_unspeakable(s) ? "The TLS handshake took too long"
		 : s->state == SMTP_CONTENT || s->state == SMTP_SKIPPING ? "The message comes too slowly"
								       : "Waited too long for a command");
}

void smtp_session_stop(struct smtp_session *s, bool gently)
{
	const unsigned between = SMTP_IN(SMTP_NEW) | SMTP_IN(SMTP_GREETED) | SMTP_IN(SMTP_IDLE);

	if (s->state == SMTP_ENDED || s->state == SMTP_DECIDING || (gently && (between & SMTP_IN(s->state)) == 0))
		return;
	smtp_end(s, 421, "4.3.2", "The service is stopping, try again later");
}

enum smtp_want smtp_session_want(const struct smtp_session *s)
{
	if (s->delay_ms != 0)
		return SMTP_WAIT;
	if (s->state == SMTP_ENDED)
		return SMTP_CLOSE;
	if (s->state == SMTP_SECURING)
		return SMTP_TLS;
	if (s->paused || s->waiting != NULL || s->state == SMTP_DECIDING || s->state == SMTP_NEW || s->out.n > SMTP_OUTPUT_PAUSE)
		return SMTP_WAIT;
	return SMTP_READ;
}

struct buf *smtp_session_output(struct smtp_session *s)
{
	return &s->out;
}

bool smtp_session_held(const struct smtp_session *s)
{
	return s->delay_ms != 0;
}

bool smtp_session_lingers(const struct smtp_session *s)
{
	return s->abrupt || s->receipts.n > 0;
}

bool smtp_session_unconfirmed(const struct smtp_session *s)
{
	return s->receipts.n > 0;
}

const char *smtp_session_id(const struct smtp_session *s)
{
	return s->id;
}
