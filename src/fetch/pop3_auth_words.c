/* A login that was refused, in words that say what to do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fetch/pop3_auth.h"
#include "fetch/pop3_refusal.h"

enum { WORDS_MAX = 200, WORDS_SIZE = WORDS_MAX + SASL_COMPLAINT_MAX + 20 };

/* The server's words, with what it said within the mechanism; short enough that the advice behind them stays whole. */
static const char *words(const struct pop3_attempt *a, char out[WORDS_SIZE])
{
	if (a->complaint[0] == '\0')
		(void)snprintf(out, WORDS_SIZE, "\"%.*s\"", WORDS_MAX, a->reply.text);
	else
		(void)snprintf(out, WORDS_SIZE, "\"%.*s\" (%s)", WORDS_MAX, a->reply.text, a->complaint);
	return out;
}

static const char *login_name(const struct config_server *c)
{
	return c->login_as != NULL ? c->login_as : c->user;
}

bool pop3_refused_for_now(const struct pop3_attempt *a, enum sasl_verdict verdict)
{
	return verdict == SASL_LATER || pop3_mean(&a->reply, true).class == ERR_TEMP;
}

int pop3_refused_login(const struct pop3_attempt *a, const char *how, enum sasl_verdict verdict, struct err *e)
{
	const struct config_server *c = a->session->server;
	struct pop3_meaning m = pop3_mean(&a->reply, true);
	char said[WORDS_SIZE];

	(void)words(a, said);
	pop3_note_delay(a->session, &a->reply);
	if (pop3_refused_for_now(a, verdict))
		return err_set(e, ERR_TEMP, m.class == ERR_TEMP ? m.code : 0,
			       m.code == EBUSY ? "%s does not let %s log in while the mailbox is in use elsewhere: %s"
					       : "%s does not let %s log in now: %s",
			       c->host, login_name(c), said);
	if (m.advice != NULL)
		return err_set(e, ERR_CONFIG, 0, "%s does not let %s log in: %s; %s", c->host, login_name(c), said,
			       m.advice);
	if (a->token != NULL)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s refuses the access token of %s, and a fresh one too: %s; see whether POP3 is switched on for "
		    "the mailbox and the application may use it, then run: mailferry login %s",
		    c->host, c->user, said, c->name);
	if (strcmp(how, "EXTERNAL") == 0)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s does not take the client certificate for %s: %s; correct user, client_certificate and "
		    "client_key of source %s, then send SIGHUP to mailferry",
		    c->host, c->user, said, c->name);
	if (strncmp(how, "SCRAM", 5) == 0 || strcmp(how, "CRAM-MD5") == 0)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s refuses the password of %s: %s; correct user or password of source %s in the "
		    "configuration, or, if they are right, try auth = \"PLAIN\" instead of %s; then send SIGHUP "
		    "to mailferry",
		    c->host, login_name(c), said, c->name, how);
	return err_set(e, ERR_CONFIG, 0,
		       "%s refuses the password of %s: %s; correct user or password of source %s in the "
		       "configuration, then send SIGHUP to mailferry",
		       c->host, login_name(c), said, c->name);
}

int pop3_refused_binding(const struct pop3_attempt *a, const char *how, struct err *e)
{
	const struct config_server *c = a->session->server;

	return err_set(
	    e, ERR_CONFIG, 0,
	    "%s says that the TLS connection which it has is not the one that we have (%s of %s); somebody may "
	    "stand between. If that is a TLS proxy of the provider's, set auth = \"SCRAM-SHA-256\" for source %s",
	    c->host, a->complaint, how, c->name);
}

int pop3_no_way(const struct pop3_attempt *a, struct err *e)
{
	const struct source_session *s = a->session;
	const struct config_server *c = s->server;
	const char *offers = s->mechanisms[0] != '\0'	       ? s->mechanisms
			     : (s->can & POP3_CAN_USER) != 0 ? "USER"
							       : "nothing";
	char said[WORDS_SIZE];

	if (a->setup.excluded != 0)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s takes none of the ways to log in that it offers (%s); the last answer was %s. Ask whoever "
		    "runs it, or set auth of source %s",
		    c->host, offers, words(a, said), c->name);
	if (c->password == NULL && !c->oauth)
		return err_set(
		    e, ERR_CONFIG, 0,
		    c->client_certificate_pem == NULL
			? "the source has no password; set password_file"
			: "%s does not take client certificates (EXTERNAL), and the source has no password; it "
			  "offers: %s",
		    c->host, offers);
	if (c->auth != NULL)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s does not offer %s, which auth of source %s demands, or it can't be used with this source; "
		    "the server offers: %s",
		    c->host, c->auth, c->name, offers);
	if (c->oauth)
		return err_set(e, ERR_CONFIG, 0, "%s does not take access tokens (OAUTHBEARER, XOAUTH2); it offers: %s",
			       c->host, offers);
	return err_set(e, ERR_CONFIG, 0, "%s offers no way to log in with a password%s (it offers: %s)", c->host,
		       c->login_as != NULL ? " in which login_as can stand beside user" : "", offers);
}
