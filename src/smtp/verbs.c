/* The commands: one row each. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "msg/summary.h"
#include "smtp/gate.h"
#include "smtp/internal.h"

enum { HELO_MAX = 255, ARGS_MANY = 1000, ERROR_DELAY_MS = 1000, SURPLUS_MAX = 10000, FORGIVEN_MAX = 10 };
enum { SMTP = 1 << CONFIG_SMTP, LMTP = 1 << CONFIG_LMTP, BOTH = SMTP | LMTP };
#define WHEN_GREETED                                                                                                   \
	(SMTP_IN(SMTP_GREETED) | SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_MAIL) | SMTP_IN(SMTP_RCPT) | SMTP_IN(SMTP_CHUNKS))
#define WHEN_NEW     SMTP_IN(SMTP_GREETED)
#define WHEN_KNOWN   (SMTP_IN(SMTP_IDLE) | SMTP_IN(SMTP_MAIL) | SMTP_IN(SMTP_RCPT))

static const char hasty_data[] = "You must wait for the reply to DATA before you send the message";

struct verb {
	const char *name;
	unsigned protocols; /* where it exists */
	unsigned states;    /* where it is in order; elsewhere 503 */
	unsigned min, max;  /* words behind it; else 501 */
	unsigned last;	    /* states in which nothing may be pipelined behind it (RFC 2920, 3.1) */
	void (*act)(struct smtp_session *s, struct slice args);
	struct smtp_reply reply; /* what it is answered with when it has no act */
};

/* Back to no transaction (RFC 5321, 4.1.1.5). */
static void reset(struct smtp_session *s)
{
	smtp_transaction_free(s);
	smtp_unwanted_forget(s);
	if (s->state == SMTP_MAIL || s->state == SMTP_RCPT || s->state == SMTP_CHUNKS)
		smtp_enter(s, SMTP_IDLE);
}

static void greeted(struct smtp_session *s)
{
	if (smtp_milters_refused(s))
		return;
	if (s->state == SMTP_GREETED)
		smtp_enter(s, SMTP_IDLE);
	if (s->extended)
		smtp_offer(s);
	else
		smtp_say(s, 250, NULL, "%s", s->service->config->hostname);
}

static void hello(struct smtp_session *s, struct slice name, bool extended)
{
	struct slice told;

	if (name.n > HELO_MAX) {
		smtp_say(s, 501, "5.5.4", "That name is too long");
		return;
	}
	free(s->helo);
	s->helo = summary_text(name, HELO_MAX);
	s->extended = extended;
	reset(s);
	told = slice_str(s->helo);
	smtp_milters_ask(s, MILTER_AT_HELO, &told, 1, greeted);
}

static void do_helo(struct smtp_session *s, struct slice args)
{
	hello(s, args, false);
}

static void do_ehlo(struct smtp_session *s, struct slice args)
{
	hello(s, args, true);
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

/* RFC 3207, 4 */
static void do_starttls(struct smtp_session *s, struct slice args)
{
	if (s->tls.on)
		smtp_say(s, 503, "5.5.1", "This session is encrypted already");
	else if (!smtp_offers_tls(s))
		smtp_say(s, 502, "5.5.1", "STARTTLS is not offered here");
	else if (args.n > 0)
		smtp_say(s, 501, "5.5.4", "STARTTLS takes no argument");
	else if (s->state != SMTP_IDLE)
		smtp_say(s, 503, "5.5.1", s->state == SMTP_GREETED ? "Greet first" : "Not inside a transaction");
	else
		smtp_enter(s, SMTP_SECURING);
}

/* A browser, or a page that makes one talk to us: nothing it says may be taken for mail. */
static void do_http(struct smtp_session *s, struct slice args)
{
	(void)args;
	smtp_end(s, 502, "5.5.1", "This is a mail server; it does not speak HTTP");
}

static void do_proxy(struct smtp_session *s, struct slice args)
{
	(void)args;
	smtp_end(s, 554, "5.5.1", "A PROXY header is not taken from this address");
}

static const struct verb verbs[] = {
	/* Devices greet with names like "Front desk scanner": a name of several words does no harm. */
	{ "EHLO", SMTP, WHEN_GREETED, 1, ARGS_MANY, WHEN_NEW, do_ehlo, { 0 } },
	{ "HELO", SMTP, WHEN_GREETED, 1, ARGS_MANY, WHEN_NEW, do_helo, { 0 } },
	{ "LHLO", LMTP, WHEN_GREETED, 1, ARGS_MANY, 0, do_ehlo, { 0 } },
	{ "MAIL", BOTH, WHEN_KNOWN, 1, ARGS_MANY, 0, smtp_mail, { 0 } },
	{ "RCPT", BOTH, WHEN_KNOWN, 1, ARGS_MANY, 0, smtp_rcpt, { 0 } },
	{ "DATA", BOTH, WHEN_KNOWN, 0, 0, SMTP_IN(SMTP_RCPT), do_data, { 0 } },
	{ "RSET", BOTH, WHEN_GREETED, 0, 0, 0, do_rset, { 0 } },
	{ "NOOP", BOTH, WHEN_GREETED, 0, ARGS_MANY, 0, NULL, { 250, "2.0.0", "Ok" } },
	{ "QUIT", BOTH, WHEN_GREETED, 0, 0, 0, do_quit, { 0 } },
	{ "VRFY",
	  BOTH,
	  WHEN_GREETED,
	  1,
	  ARGS_MANY,
	  0,
	  NULL,
	  { 252, "2.5.0", "Send the message and it will be seen" } },
	{ "EXPN", BOTH, WHEN_GREETED, 0, ARGS_MANY, 0, NULL, { 502, "5.5.1", "EXPN is not available here" } },
	{ "HELP", BOTH, WHEN_GREETED, 0, ARGS_MANY, 0, NULL, { 214, "2.0.0", "See RFC 5321" } },
	{ "TURN", BOTH, WHEN_GREETED, 0, ARGS_MANY, 0, NULL, { 502, "5.5.1", "TURN is not available here" } },
	{ "ETRN", BOTH, WHEN_GREETED, 0, ARGS_MANY, 0, NULL, { 502, "5.5.1", "ETRN is not available here" } },
	{ "STARTTLS", BOTH, WHEN_GREETED, 0, ARGS_MANY, 0, do_starttls, { 0 } },
	{ "AUTH", BOTH, WHEN_GREETED, 0, ARGS_MANY, 0, smtp_auth, { 0 } },
	/* Looks at states and arguments itself: whatever is wrong, its payload must not be taken for commands. */
	{ "BDAT", BOTH, 0, 0, ARGS_MANY, 0, smtp_bdat, { 0 } },
	/* Only the proxies that the listener names may speak so, and theirs never gets here. */
	{ "PROXY", BOTH, 0, 0, ARGS_MANY, 0, do_proxy, { 0 } },
	{ "GET", BOTH, 0, 0, ARGS_MANY, 0, do_http, { 0 } },
	{ "POST", BOTH, 0, 0, ARGS_MANY, 0, do_http, { 0 } },
	{ "HEAD", BOTH, 0, 0, ARGS_MANY, 0, do_http, { 0 } },
	{ "PUT", BOTH, 0, 0, ARGS_MANY, 0, do_http, { 0 } },
	{ "PATCH", BOTH, 0, 0, ARGS_MANY, 0, do_http, { 0 } },
	{ "DELETE", BOTH, 0, 0, ARGS_MANY, 0, do_http, { 0 } },
	{ "OPTIONS", BOTH, 0, 0, ARGS_MANY, 0, do_http, { 0 } },
	{ "CONNECT", BOTH, 0, 0, ARGS_MANY, 0, do_http, { 0 } },
	{ "PRI", BOTH, 0, 0, ARGS_MANY, 0, do_http, { 0 } },
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

/* RFC 3207, 4; those with another answer of their own are among them. V may be NULL. */
static bool is_before_tls(const struct verb *v)
{
	static const char *const names[] = { "EHLO", "LHLO", "HELO", "NOOP", "QUIT", "RSET", "STARTTLS", "AUTH", "BDAT" };

	for (size_t i = 0; v != NULL && i < sizeof names / sizeof names[0]; i++)
		if (strcmp(v->name, names[i]) == 0)
			return true;
	return v != NULL && (v->act == do_http || v->act == do_proxy);
}

static void out_of_order(struct smtp_session *s, const struct verb *v)
{
	if (s->state == SMTP_GREETED)
		smtp_say(s, 503, "5.5.1", "Send %s first", s->listener->protocol == CONFIG_LMTP ? "LHLO" : "EHLO");
	else
		smtp_say(s, 503, "5.5.1", "%s is out of order", v->name);
}

/* Who talks on without having heard what is offered here may not listen at all. */
static bool may_hurry(const struct smtp_session *s, const struct verb *v)
{
	if (v->act == do_data || s->listener->haste == CONFIG_HASTE_REJECT)
		return false;
	log_info("hasty", LOG_STR("session", s->id), LOG_STR("client", s->client));
	return true;
}

static void unknown(struct smtp_session *s)
{
	if (!smtp_milters_refused(s))
		smtp_say(s, 500, "5.5.1", "That command is not known here");
}

bool smtp_command_opaque(struct smtp_session *s, struct slice line)
{
	/* Behind BDAT, or what its client means by that, come octets of which nobody knows how many. */
	if (slice_starts_nocase(line, SLICE_LIT("BDAT")))
		smtp_end(s, 521, "5.5.4", "BDAT takes a number of octets, and LAST");
	/* Who has heard that DATA was refused gives a command. Anything else is the message of one who does not wait for
	 * replies, and its text must not become commands, however it was cut on its way. */
	else if (s->refused_data)
		smtp_end(s, 554, "5.5.0", hasty_data);
	return s->state == SMTP_ENDED;
}

/* Recipients that were taken do not count as long as they may get a message: LIMITS says how many there may be. Nor do those
 * beyond: who names thousands is to hear it of each, and go on with the others (RFC 5321, 4.5.3.1.10). */
static size_t free_commands(const struct smtp_transaction *t)
{
	return t == NULL ? 0 : t->nanswers + (t->surplus < SURPLUS_MAX ? t->surplus : SURPLUS_MAX);
}

void smtp_commands_forgive(struct smtp_session *s)
{
	const size_t n = free_commands(s->t);

	if (n == 0 || s->forgiven >= FORGIVEN_MAX)
		return;
	s->forgiven++;
	s->commands -= n < s->commands ? (unsigned)n : s->commands;
}

static bool is_one_too_many(struct smtp_session *s)
{
	if (++s->commands <= s->service->config->limits.commands + free_commands(s->t))
		return false;
	smtp_end(s, 421, "4.7.0", "Too many commands without a message");
	return true;
}

/* What stands behind AUTH may be a password; so may what is no command, of a device that went on when AUTH was refused. */
static void log_line(const struct smtp_session *s, const struct verb *v, struct slice line)
{
	if (v == NULL)
		log_debug("command", LOG_STR("session", s->id), LOG_NUM("unknown-octets", line.n));
	else
		log_debug("command", LOG_STR("session", s->id),
			  LOG_SLICE("line", v->act == smtp_auth ? slice_str(v->name) : line));
}

static void command(struct smtp_session *s, struct slice line, bool more)
{
	struct slice name = slice_of(line.p, slice_find(line, ' '));
	struct slice args = slice_trim(slice_of(line.p + name.n, line.n - name.n));
	const struct smtp_reply *bad = bad_line(line);
	const struct verb *v = bad != NULL ? NULL : find_verb(slice_trim(name), s->listener->protocol);
	unsigned words;

	if (s->state == SMTP_AUTH) {
		smtp_auth_answer(s, line, more);
		return;
	}
	log_line(s, v, line);
	if (is_one_too_many(s))
		return;
	if (v == NULL && smtp_command_opaque(s, line))
		return;
	/* Until its message begins. */
	s->refused_data = v != NULL && v->act == do_data;
	/* What the signature of a binary PROXY header looks like as lines. */
	if (slice_eq(line, slice_of("", 1)) && !s->extended) {
		do_proxy(s, SLICE_NONE);
		return;
	}
	if (bad != NULL) {
		smtp_reply_put(&s->out, bad);
		return;
	}
	if (smtp_needs_tls(s) && !is_before_tls(v)) {
		smtp_say(s, 530, "5.7.0", "Give STARTTLS first: nothing is taken here unencrypted");
		return;
	}
	if (v == NULL) {
		smtp_milters_ask(s, MILTER_AT_UNKNOWN, &line, 1, unknown);
		return;
	}
	words = count_words(args);
	if (v->states == 0) {
		v->act(s, args);
	} else if ((v->states & SMTP_IN(s->state)) == 0) {
		out_of_order(s, v);
	} else if (words < v->min || words > v->max) {
		smtp_say(s, 501, "5.5.4", "%s: %s", v->name,
			 words < v->min ? "an argument is missing" : "too many arguments");
	} else if (more && v->act == smtp_auth) {
		smtp_auth_hasty(s);
	} else if (more && (v->last & SMTP_IN(s->state)) != 0 && !may_hurry(s, v)) {
		smtp_end(s, 554, "5.5.0",
			 s->state == SMTP_RCPT ? hasty_data
					       : "You must wait for the reply to EHLO before you send commands");
	} else if (v->act != NULL) {
		v->act(s, args);
	} else {
		smtp_reply_put(&s->out, &v->reply);
	}
}

/* Whoever errs on and on is slowed down, then ended; and remembered. What we can't do just now (4yz) is no error of the
 * client. */
static void count_error(struct smtp_session *s)
{
	const unsigned most = s->service->config->limits.errors;

	s->errors++;
	gate_error(s->service, &s->known);
	if (s->state == SMTP_ENDED)
		return;
	if (s->errors > most)
		smtp_end(s, 421, "4.7.0", "Too many errors");
	else if (s->errors > most / 2 && s->delay_ms == 0)
		s->delay_ms = s->service->now() + ERROR_DELAY_MS;
}

void smtp_command_answered(struct smtp_session *s, size_t before)
{
	if (s->out.n > before && s->out.p[before] == '5')
		count_error(s);
}

void smtp_command(struct smtp_session *s, struct slice line, bool more)
{
	const size_t before = s->out.n;

	command(s, line, more);
	smtp_command_answered(s, before);
}

void smtp_command_long(struct smtp_session *s, bool auth)
{
	/* What answers a challenge is no command. */
	if (s->state != SMTP_AUTH && is_one_too_many(s))
		return;
	if (auth)
		smtp_auth_long(s);
	else
		smtp_say(s, 500, "5.5.2", "The line is too long");
	count_error(s);
}
