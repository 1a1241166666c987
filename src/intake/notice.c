#include "intake/notice.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "intake/internal.h"
#include "msg/address.h"
#include "msg/summary.h"

enum { TEXT_MAX = 16 * 1024, LINE_WIDTH = 72, SAMENESS_MAX = 600, NAME_MAX_BYTES = 255 };

struct intake_notice {
	struct intake_notice *next;
	struct intake *in;
	char *account, *once;
	struct address address;
	struct intake_recipient to;
	struct intake_message *message;
};

/* ---- the text ---- */

/* A paragraph of words, broken at blanks; a word that is longer than a line has one of its own. */
static void wrap(struct buf *out, const char *text)
{
	struct slice rest = slice_str(text);
	size_t column = 0;

	while (rest.n > 0) {
		size_t n = slice_find(rest, ' ');

		if (column > 0 && column + 1 + n > LINE_WIDTH) {
			(void)buf_add_str(out, "\r\n");
			column = 0;
		}
		if (n > 0) {
			if (column > 0)
				(void)buf_add_char(out, ' ');
			column += (column > 0) + n;
			(void)buf_add(out, rest.p, n);
		}
		rest = slice_skip(rest, n < rest.n ? n + 1 : n);
	}
	(void)buf_add_str(out, "\r\n");
}

/* A word may be a server's, and no line may be longer than RFC 5322 has it. */
static void paragraph(struct buf *out, const char *text)
{
	char *printable = summary_text(slice_str(text), NOTICE_REASON_MAX);
	struct slice rest = slice_str(printable);
	struct buf broken;

	buf_init(&broken, TEXT_MAX);
	while (rest.n > 0) {
		size_t n = slice_find(rest, ' ');
		char *piece = summary_text(slice_of(rest.p, n), 900);

		(void)buf_addf(&broken, "%s%s", broken.n == 0 ? "" : " ", piece);
		free(piece);
		rest = slice_skip(rest, n < rest.n ? n + 1 : n);
	}
	wrap(out, buf_str(&broken));
	buf_free(&broken);
	free(printable);
}

static const struct {
	const char *of, *subject;
	bool weekly;
} words[NOTICE_KINDS] = {
	[NOTICE_HELD] = { "account", "takes no mail until you act", false },
	[NOTICE_EXPIRES] = { "account", "soon loses its access", true },
	[NOTICE_SOURCE] = { "source", "gives no mail until you act", false },
	[NOTICE_CERTIFICATE] = { "certificate", "soon expires", true },
	[NOTICE_EXPIRED] = { "certificate", "is not valid", false },
	[NOTICE_RELAY_HELD] = { "the", "takes no mail until you act", false },
	[NOTICE_RELAY_WAITS] = { "mail for the", "waits for your decision", false },
	[NOTICE_FILES] = { "file", "has changed and can't be used", false },
};

static char *opening(const struct notice *n)
{
	switch (n->kind) {
	case NOTICE_SOURCE:
		return mem_printf("mailferry on %s cannot fetch the mail of source %s, and a person must mend it:",
				  n->hostname, n->account);
	case NOTICE_HELD:
		return mem_printf("mailferry on %s cannot file mail into account %s, and a person must mend it:",
				  n->hostname, n->account);
	case NOTICE_CERTIFICATE:
	case NOTICE_EXPIRED:
		return mem_printf("Certificate %s, which mailferry on %s shows to those who bring mail:", n->account,
				  n->hostname);
	case NOTICE_FILES:
		return mem_printf("mailferry on %s found that the file %s has changed, and could not take it up:",
				  n->hostname, n->account);
	default:
		return mem_printf("Account %s of mailferry on %s will soon be shut out of its mailbox:", n->account,
				  n->hostname);
	}
}

static void header_write(const struct notice *n, struct buf *out)
{
	char date[CLOCK_RFC5322_SIZE];

	clock_rfc5322((time_t)(n->wall_ms / 1000), date);
	(void)buf_addf(out, "From: mailferry <postmaster@%s>\r\nTo: <%s>\r\n", n->hostname, n->to);
	(void)buf_addf(out, "Subject: mailferry: %s %s %s\r\n", words[n->kind].of, n->account, words[n->kind].subject);
	(void)buf_addf(out, "Date: %s\r\nMessage-ID: <%s.notice@%s>\r\n", date, n->id, n->hostname);
	/* So that no vacation reply answers it (RFC 3834, 5). */
	(void)buf_add_str(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
			       "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
}

/* About mail that goes out. */
static void relay_write(const struct notice *n, struct buf *out)
{
	const bool held = n->kind == NOTICE_RELAY_HELD;
	char *text = mem_printf(held ? "mailferry on %s cannot send mail to others through the relay, and a person must mend it:"
				     : "mailferry on %s has mail to others that waits for you: the relay does not take it, nobody "
				       "knows whether it was sent, or rules have sent as many messages today as they may. The "
				       "last of it:",
				n->hostname);

	paragraph(out, text);
	free(text);
	(void)buf_add_str(out, "\r\n");
	paragraph(out, n->reason);
	(void)buf_add_str(out, "\r\n");
	if (held) {
		paragraph(out, "Mail is still taken in and waits in the queue. When the cause is mended, mailferry sends it; "
			       "after a change of the configuration reload it (systemctl reload mailferry), or try at once "
			       "with:");
		(void)buf_add_str(out, "\r\n    mailferry queue retry --account relay\r\n\r\n");
	} else {
		paragraph(out, "Nobody else hears of it: whoever sent it was told that it was accepted. What waits, and why:");
		(void)buf_add_str(out, "\r\n    mailferry queue list --account relay\r\n\r\n");
		paragraph(out, "Send it again (mailferry queue retry ID, with --again where it may have been sent), let go what "
			       "is held (mailferry queue release ID), or drop it (mailferry queue delete ID).");
		(void)buf_add_str(out, "\r\n");
	}
	paragraph(out, "You get such a message at most once a day.");
}

void notice_write(const struct notice *n, struct buf *out)
{
	char *text;

	header_write(n, out);
	if (n->kind == NOTICE_RELAY_HELD || n->kind == NOTICE_RELAY_WAITS) {
		relay_write(n, out);
		return;
	}
	text = opening(n);
	paragraph(out, text);
	free(text);
	(void)buf_add_str(out, "\r\n");
	paragraph(out, n->reason);
	(void)buf_add_str(out, "\r\n");
	if (n->kind == NOTICE_SOURCE) {
		paragraph(out,
			  "Nothing is lost: its mail stays where it is, unless its server throws it away, and mailferry tries "
			  "again, but seldom, as servers shut out who comes too often. When the cause is mended, reload the "
			  "configuration if you have changed it (systemctl reload mailferry), or fetch at once with:");
		(void)buf_addf(out, "\r\n    mailferry sync %s\r\n\r\n", n->account);
		paragraph(out, "You get such a message at most once a day for a source.");
	} else if (n->kind == NOTICE_HELD) {
		paragraph(out,
			  "Nothing is lost: mail for this account is still taken in and waits in the queue. When the "
			  "cause is mended, mailferry files it; after a change of the configuration reload it "
			  "(systemctl reload mailferry), or try at once with:");
		(void)buf_addf(out,
			       "\r\n    mailferry queue retry --account %s\r\n\r\nWhat waits, and why:\r\n\r\n"
			       "    mailferry queue list --account %s\r\n\r\n",
			       n->account, n->account);
		paragraph(out, "You get such a message at most once a day for an account.");
	} else if (n->kind == NOTICE_FILES) {
		paragraph(out, "Until it can, mailferry goes on as before, with what it had read. It looks again when one of the "
			       "files changes, or at a reload (systemctl reload mailferry); what is wrong is told by:");
		(void)buf_add_str(out, "\r\n    mailferry check\r\n\r\n");
		paragraph(out, "You get such a message at most once a day for a file.");
	} else if (n->kind == NOTICE_EXPIRED) {
		paragraph(out, "Mail is still taken in. You get such a message once a day.");
	} else {
		paragraph(out, "Until then all goes on as before. You get such a message once a week.");
	}
}

void notice_sameness(const struct notice *n, struct buf *out)
{
	time_t t = (time_t)(n->wall_ms / 1000);
	char day[32] = "";
	struct tm tm;

	/* The year and number of an ISO week, or the day, as the operator's calendar has them. */
	if (localtime_r(&t, &tm) != NULL)
		(void)strftime(day, sizeof day, words[n->kind].weekly ? "%G-W%V" : "%Y-%m-%d", &tm);
	(void)buf_addf(out, "notice %d %s %s", (int)n->kind, day, n->account);
}

/* ---- the way in ---- */

static void notice_free(struct intake_notice *n)
{
	struct intake_notice **p = &n->in->notices;

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	intake_end(&n->message);
	address_free(&n->address);
	free(n->to.reason);
	free(n->account);
	free(n->once);
	free(n);
}

void intake_notices_end(struct intake *in)
{
	while (in->notices != NULL)
		notice_free(in->notices);
}

/* What the spool answered stands in intake's own log line; only what the rules or a full disk did is news here. */
static void notice_done(void *arg)
{
	struct intake_notice *n = arg;

	if (n->to.result != INTAKE_ACCEPTED)
		log_error("notice-not-taken", LOG_STR("account", n->account), LOG_STR("to", n->to.address),
			  LOG_STR("what", n->to.result == INTAKE_REJECTED ? "the operator's rules refuse it"
					  : n->to.result == INTAKE_FULL	  ? "the spool is full"
									  : "the spool could not take it"));
	notice_free(n);
}

static void notice_resume(void *arg)
{
	(void)arg; /* a notice is never so large that it had to wait */
}

static const struct intake_events events = { .resume = notice_resume, .done = notice_done };

/* The operator's address, and who takes it. 0, or -1: `mailferry check' has the same rule, so this is no one's doing.
 */
static int find_operator(struct intake_notice *n)
{
	const struct config *c = n->in->config;

	if (address_parse(slice_str(c->operator), false, &n->address) != ADDRESS_OK)
		return -1;
	n->to =
	    (struct intake_recipient){ .address = c->operator, .local = n->address.local, .domain = n->address.domain };
	n->to.account = config_route(c, n->to.local, n->to.domain).account;
	return n->to.account == NULL ? -1 : 0;
}

static void submit(struct intake_notice *n, const struct notice *what)
{
	struct intake_envelope env = { .protocol = "notice", .sender = "", .recipients = &n->to, .nrecipients = 1 };
	struct notice named = *what;
	struct buf text;

	env.once = n->once;
	env.helo = n->in->config->hostname; /* our own program hands it in */
	buf_init(&text, TEXT_MAX);
	n->message = intake_begin(n->in, &env, &events, n);
	named.id = intake_id(n->message);
	notice_write(&named, &text);
	if (buf_failed(&text))
		abort(); /* its parts are bounded */
	if (intake_add(n->message, buf_slice(&text)) == INTAKE_STOP || intake_finish(n->message))
		notice_done(n);
	buf_free(&text);
}

void intake_notice(struct intake *in, enum notice_kind kind, const char *account, const char *reason)
{
	struct notice what = { .kind = kind, .hostname = in->config->hostname, .wall_ms = clock_wall_ms() };
	char *name, *why;
	struct intake_notice *n;
	struct buf once;

	if (in->config->operator== NULL)
		return;
	n = mem_alloc(sizeof *n);
	n->in = in;
	n->next = in->notices;
	in->notices = n;
	name = summary_text(slice_str(account), NAME_MAX_BYTES);
	why = summary_text(slice_str(reason), NOTICE_REASON_MAX);
	what.account = n->account = name;
	what.reason = why;
	what.to = in->config->operator;
	buf_init(&once, SAMENESS_MAX);
	notice_sameness(&what, &once);
	n->once = mem_strdup(buf_str(&once));
	buf_free(&once);
	if (find_operator(n) == 0) {
		submit(n, &what);
	} else {
		log_error("notice-not-taken", LOG_STR("account", account), LOG_STR("to", in->config->operator),
			  LOG_STR("what", "no account takes the operator's address"));
		notice_free(n);
	}
	free(why);
}
