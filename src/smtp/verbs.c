/* The commands: one row each. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "msg/summary.h"
#include "smtp/internal.h"

enum { HELO_MAX = 255, ARGS_MANY = 1000 };
enum { SMTP = 1 << CONFIG_SMTP, LMTP = 1 << CONFIG_LMTP, BOTH = SMTP | LMTP };
#define WHEN_GREETED (SMTP_IN(SMTP_GREETED) | SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_MAIL) | SMTP_IN(SMTP_RCPT))
#define WHEN_KNOWN   (SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_MAIL) | SMTP_IN(SMTP_RCPT))

struct verb {
	const char *name;
	unsigned protocols; /* where it exists */
	unsigned states;    /* where it is in order; elsewhere 503 */
	unsigned min, max;  /* words behind it; else 501 */
	bool last;	    /* must be the last of a pipelined group (RFC 2920, 3.1) in a way that matters */
	void (*act)(struct smtp_session *s, struct slice args);
	struct smtp_reply reply; /* what it is answered with when it has no act */
};

/* Back to no transaction (RFC 5321, 4.1.1.5). */
static void reset(struct smtp_session *s)
{
	smtp_transaction_free(s);
	if (s->state == SMTP_MAIL || s->state == SMTP_RCPT)
		smtp_enter(s, SMTP_IDLE);
}

static void hello(struct smtp_session *s, struct slice name, bool extended)
{
	if (name.n > HELO_MAX) {
		smtp_say(s, 501, "5.5.4", "That name is too long");
		return;
	}
	free(s->helo);
	s->helo = summary_text(name, HELO_MAX);
	s->extended = extended;
	reset(s);
	if (s->state == SMTP_GREETED)
		smtp_enter(s, SMTP_IDLE);
}

static void do_helo(struct smtp_session *s, struct slice args)
{
	hello(s, args, false);
	if (s->state == SMTP_IDLE)
		smtp_say(s, 250, NULL, "%s", s->service->config->hostname);
}

static void do_ehlo(struct smtp_session *s, struct slice args)
{
	hello(s, args, true);
	if (s->state != SMTP_IDLE)
		return;
	(void)buf_addf(&s->out,
		       "250-%s\r\n250-PIPELINING\r\n250-SIZE %llu\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
		       s->service->config->hostname, (unsigned long long)intake_size_offer(s->service->intake));
}

static void do_data(struct smtp_session *s, struct slice args)
{
	(void)args;
	smtp_data_begin(s);
}

static void do_rset(struct smtp_session *s, struct slice args)
{
	(void)args;
	reset(s);
	smtp_say(s, 250, "2.0.0", "Ok");
}

static void do_quit(struct smtp_session *s, struct slice args)
{
	(void)args;
	smtp_transaction_free(s);
	smtp_say(s, 221, "2.0.0", "Bye");
	smtp_enter(s, SMTP_ENDED);
}

/* A browser, or a page that makes one talk to us: nothing it says may be taken for mail. */
static void do_http(struct smtp_session *s, struct slice args)
{
	(void)args;
	smtp_end(s, 502, "5.5.1", "This is a mail server; it does not speak HTTP");
}

static const struct verb verbs[] = {
	/* Devices greet with names like "Front desk scanner": a name of several words does no harm. */
	{ "EHLO", SMTP, WHEN_GREETED, 1, ARGS_MANY, false, do_ehlo, { 0 } },
	{ "HELO", SMTP, WHEN_GREETED, 1, ARGS_MANY, false, do_helo, { 0 } },
	{ "LHLO", LMTP, WHEN_GREETED, 1, ARGS_MANY, false, do_ehlo, { 0 } },
	{ "MAIL", BOTH, WHEN_KNOWN, 1, ARGS_MANY, false, smtp_mail, { 0 } },
	{ "RCPT", BOTH, WHEN_KNOWN, 1, ARGS_MANY, false, smtp_rcpt, { 0 } },
	{ "DATA", BOTH, WHEN_KNOWN, 0, 0, true, do_data, { 0 } },
	{ "RSET", BOTH, WHEN_GREETED, 0, 0, false, do_rset, { 0 } },
	{ "NOOP", BOTH, WHEN_GREETED, 0, ARGS_MANY, false, NULL, { 250, "2.0.0", "Ok" } },
	{ "QUIT", BOTH, WHEN_GREETED, 0, 0, false, do_quit, { 0 } },
	{ "VRFY",
	  BOTH,
	  WHEN_GREETED,
	  1,
	  ARGS_MANY,
	  false,
	  NULL,
	  { 252, "2.5.0", "Send the message and it will be seen" } },
	{ "EXPN", BOTH, WHEN_GREETED, 0, ARGS_MANY, false, NULL, { 502, "5.5.1", "EXPN is not available here" } },
	{ "HELP", BOTH, WHEN_GREETED, 0, ARGS_MANY, false, NULL, { 214, "2.0.0", "See RFC 5321" } },
	{ "TURN", BOTH, WHEN_GREETED, 0, ARGS_MANY, false, NULL, { 502, "5.5.1", "TURN is not available here" } },
	{ "ETRN", BOTH, WHEN_GREETED, 0, ARGS_MANY, false, NULL, { 502, "5.5.1", "ETRN is not available here" } },
	/* Not offered (yet): whoever tries them anyway is told so. */
	{ "STARTTLS", BOTH, WHEN_GREETED, 0, ARGS_MANY, false, NULL, { 502, "5.5.1", "STARTTLS is not offered here" } },
	{ "AUTH", BOTH, WHEN_GREETED, 0, ARGS_MANY, false, NULL, { 502, "5.5.1", "AUTH is not offered here" } },
	/* Its payload would be taken for commands, so the session can't go on (RFC 3030, 2). */
	{ "BDAT", BOTH, 0, 0, ARGS_MANY, false, NULL, { 502, "5.5.1", "BDAT is not offered here" } },
	{ "GET", BOTH, 0, 0, ARGS_MANY, false, do_http, { 0 } },
	{ "POST", BOTH, 0, 0, ARGS_MANY, false, do_http, { 0 } },
	{ "HEAD", BOTH, 0, 0, ARGS_MANY, false, do_http, { 0 } },
	{ "PUT", BOTH, 0, 0, ARGS_MANY, false, do_http, { 0 } },
	{ "OPTIONS", BOTH, 0, 0, ARGS_MANY, false, do_http, { 0 } },
	{ "CONNECT", BOTH, 0, 0, ARGS_MANY, false, do_http, { 0 } },
	{ "PRI", BOTH, 0, 0, ARGS_MANY, false, do_http, { 0 } },
};

static const struct verb *find_verb(struct slice name, enum config_protocol protocol)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (slice_eq_nocase(name, slice_str(verbs[i].name)))
			return (verbs[i].protocols & (1u << protocol)) != 0 ? &verbs[i] : NULL;
	return NULL;
}

static unsigned count_words(struct slice s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ' && s.p[i] != '\t' && (i == 0 || s.p[i - 1] == ' ' || s.p[i - 1] == '\t'))
			n++;
	return n;
}

/* Why a line can't be a command, or NULL. */
static const struct smtp_reply *bad_line(struct slice line)
{
	static const struct smtp_reply nul = { 501, "5.5.2", "A command can't hold a NUL" };
	static const struct smtp_reply utf8 = { 500, "5.5.2", "That is not valid UTF-8" };

	if (memchr(line.p, '\0', line.n) != NULL)
		return &nul;
	return utf8_valid(line) ? NULL : &utf8;
}

static void out_of_order(struct smtp_session *s, const struct verb *v)
{
	if (s->state == SMTP_GREETED)
		smtp_say(s, 503, "5.5.1", "Send %s first", s->listener->protocol == CONFIG_LMTP ? "LHLO" : "EHLO");
	else
		smtp_say(s, 503, "5.5.1", "%s is out of order", v->name);
}

void smtp_command(struct smtp_session *s, struct slice line, bool more)
{
	struct slice name = slice_of(line.p, slice_find(line, ' '));
	struct slice args = slice_trim(slice_of(line.p + name.n, line.n - name.n));
	const struct smtp_reply *bad = bad_line(line);
	const struct verb *v;
	unsigned words;

	log_debug("command", LOG_STR("session", s->id), LOG_SLICE("line", line));
	if (++s->commands > s->service->config->limits.commands) {
		smtp_end(s, 421, "4.7.0", "Too many commands without a message");
		return;
	}
	if (bad != NULL) {
		smtp_reply_put(&s->out, bad);
		return;
	}
	v = find_verb(slice_trim(name), s->listener->protocol);
	if (v == NULL) {
		smtp_say(s, 500, "5.5.1", "That command is not known here");
		return;
	}
	words = count_words(args);
	if (v->act == do_http) {
		do_http(s, args);
	} else if (strcmp(v->name, "BDAT") == 0) {
		smtp_end(s, v->reply.code, v->reply.enhanced, v->reply.text);
	} else if ((v->states & SMTP_IN(s->state)) == 0) {
		out_of_order(s, v);
	} else if (words < v->min || words > v->max) {
		smtp_say(s, 501, "5.5.4", "%s: %s", v->name,
			 words < v->min ? "an argument is missing" : "too many arguments");
	} else if (v->last && more && (s->state == SMTP_RCPT)) {
		smtp_end(s, 554, "5.5.0", "You must wait for the reply to DATA before you send the message");
	} else if (v->act != NULL) {
		v->act(s, args);
	} else {
		smtp_reply_put(&s->out, &v->reply);
	}
}
