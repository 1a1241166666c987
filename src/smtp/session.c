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
	[SMTP_SKIPPING] = "skipping", [SMTP_DECIDING] = "deciding", [SMTP_ENDED] = "ended",
};

void smtp_enter(struct smtp_session *s, enum smtp_state to)
{
	static const unsigned legal[] = {
		[SMTP_NEW] = SMTP_IN(SMTP_GREETED) | SMTP_IN(SMTP_ENDED),
		[SMTP_GREETED] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_ENDED),
		[SMTP_IDLE] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_MAIL) | SMTP_IN(SMTP_ENDED),
		[SMTP_MAIL] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_RCPT) | SMTP_IN(SMTP_ENDED),
		[SMTP_RCPT] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_CONTENT) | SMTP_IN(SMTP_ENDED),
		[SMTP_CONTENT] =
		    SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_SKIPPING) | SMTP_IN(SMTP_DECIDING) | SMTP_IN(SMTP_ENDED),
		[SMTP_SKIPPING] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_ENDED),
		[SMTP_DECIDING] = SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_ENDED),
		[SMTP_ENDED] = 0,
	};

	if ((legal[s->state] & SMTP_IN(to)) == 0) {
		log_error("bug", LOG_STR("session", s->id), LOG_STR("from", names[s->state]), LOG_STR("to", names[to]));
		abort();
	}
	log_debug("state", LOG_STR("session", s->id), LOG_STR("state", names[to]));
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
	smtp_say(s, code, enhanced, "%s", text);
	s->abrupt = true;
	smtp_transaction_free(s);
	smtp_enter(s, SMTP_ENDED);
}

struct smtp_session *smtp_session_new(struct smtp_service *service, const struct smtp_origin *origin,
				      smtp_wake_fn *wake, void *arg)
{
	struct smtp_session *s = mem_alloc(sizeof *s);

	s->service = service;
	s->listener = origin->listener;
	s->source = origin->source;
	s->client = mem_strdup(origin->client);
	s->ip = mem_strdup(origin->ip);
	s->wake = wake;
	s->arg = arg;
	s->since_ms = service->now();
	random_id(s->id);
	buf_init(&s->out, SMTP_OUTPUT_MAX);
	return s;
}

void smtp_session_free(struct smtp_session **s)
{
	if (*s == NULL)
		return;
	smtp_transaction_free(*s);
	free((*s)->client);
	free((*s)->ip);
	free((*s)->helo);
	buf_free(&(*s)->out);
	free(*s);
	*s = NULL;
}

void smtp_session_early(struct smtp_session *s)
{
	smtp_end(s, 554, "5.5.0", "You must wait for the greeting before you speak");
}

void smtp_session_greet(struct smtp_session *s, bool early)
{
	if (early) {
		smtp_session_early(s);
		return;
	}
	smtp_say(s, 220, NULL, "%s %s mailferry", s->service->config->hostname,
		 s->listener->protocol == CONFIG_LMTP ? "LMTP" : "ESMTP");
	smtp_enter(s, SMTP_GREETED);
}

void smtp_heard(struct smtp_session *s, size_t used)
{
	if (s->unconfirmed == 0 || !s->sent || used == 0)
		return;
	/* A line of which only the end is new was not written after the 250 was read. */
	if (s->stale > 0) {
		if (s->stale != SIZE_MAX)
			s->stale -= s->stale < used ? s->stale : used;
		return;
	}
	intake_confirm(s->service->intake, s->unconfirmed);
	s->unconfirmed = 0;
}

/* A line that can't be a command at all. */
static bool is_foreign(struct smtp_session *s, struct slice in)
{
	/* The first byte of a TLS record (RFC 8446, 5.1): the client believes that this port speaks TLS at once. */
	if (in.p[0] == 0x16 && s->commands == 0) {
		smtp_end(s, 554, "5.5.1", "This port does not speak TLS");
		return true;
	}
	return false;
}

static size_t skip_line(struct smtp_session *s, struct slice in)
{
	bool done;
	size_t used = line_skip(in, &done);

	s->skipped += used;
	if (done) {
		s->skip_line = false;
		smtp_say(s, 500, "5.5.2", "The line is too long");
		s->since_ms = s->service->now();
	} else if (s->skipped > SMTP_SKIP_MAX) {
		smtp_end(s, 500, "5.5.2", "The line is far too long");
	}
	return used;
}

static size_t take_line(struct smtp_session *s, struct slice in)
{
	struct slice line;
	size_t used;

	if (s->skip_line)
		return skip_line(s, in);
	if (is_foreign(s, in))
		return in.n;
	switch (line_read(in, SMTP_COMMAND_MAX, &line, &used)) {
	case LINE_MORE:
		return 0;
	case LINE_LONG:
		s->skip_line = true;
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
	smtp_heard(s, used);
	s->since_ms = s->service->now();
	smtp_command(s, line, used < in.n);
	return used;
}

size_t smtp_session_input(struct smtp_session *s, struct slice in)
{
	size_t all = 0, used = 1;

	while (all < in.n && used > 0 && smtp_session_want(s) == SMTP_READ) {
		struct slice rest = slice_of(in.p + all, in.n - all);

		if (s->state == SMTP_CONTENT || s->state == SMTP_SKIPPING)
			used = smtp_content(s, rest);
		else
			used = take_line(s, rest);
		all += used;
	}
	return s->state == SMTP_ENDED ? in.n : all;
}

void smtp_session_sent(struct smtp_session *s, size_t stale)
{
	if (s->unconfirmed == 0 || s->sent)
		return;
	s->sent = true;
	s->last = stale == SIZE_MAX;
	s->stale = stale;
}

void smtp_session_crossed(struct smtp_session *s, size_t n)
{
	if (s->unconfirmed != 0 && s->sent && s->stale != SIZE_MAX)
		s->stale += n;
}

void smtp_session_eof(struct smtp_session *s, bool acknowledged)
{
	/* In the middle of a transaction the client, or a proxy on the way, has broken off: it may have read nothing.
	 */
	if (s->unconfirmed != 0 && s->sent && !s->last && acknowledged && s->t == NULL) {
		/* An alarm may come in the same words a minute later: it must not be taken for the first. */
		if (s->named)
			later_add(&s->service->later, s->service->intake, s->unconfirmed, s->service->now());
		else
			intake_confirm(s->service->intake, s->unconfirmed);
		s->unconfirmed = 0;
	}
	smtp_transaction_free(s);
	if (s->state != SMTP_ENDED)
		smtp_enter(s, SMTP_ENDED);
}

int64_t smtp_session_deadline(const struct smtp_session *s)
{
	const int64_t idle = s->since_ms + s->service->config->limits.command_timeout;

	if (s->delay_ms != 0)
		return s->delay_ms;
	/* The spool answers or is lost; the client has no part in it. */
	if (s->state == SMTP_DECIDING || s->paused)
		return INT64_MAX;
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
		 s->state == SMTP_CONTENT || s->state == SMTP_SKIPPING ? "The message comes too slowly"
								       : "Waited too long for a command");
}

void smtp_session_stop(struct smtp_session *s)
{
	if (s->state == SMTP_ENDED || s->state == SMTP_DECIDING)
		return;
	smtp_end(s, 421, "4.3.2", "The service is stopping, try again later");
}

enum smtp_want smtp_session_want(const struct smtp_session *s)
{
	if (s->delay_ms != 0)
		return SMTP_WAIT;
	if (s->state == SMTP_ENDED)
		return SMTP_CLOSE;
	if (s->paused || s->state == SMTP_DECIDING || s->state == SMTP_NEW || s->out.n > SMTP_OUTPUT_PAUSE)
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
	return s->abrupt || s->unconfirmed != 0;
}

bool smtp_session_unconfirmed(const struct smtp_session *s)
{
	return s->unconfirmed != 0;
}

const char *smtp_session_id(const struct smtp_session *s)
{
	return s->id;
}
