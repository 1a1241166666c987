/* A login that was refused, in words that say what to do. */
#include <errno.h>

#include "fetch/pop3_auth.h"
#include "fetch/pop3_refusal.h"

/* The server's words, with what it said within the mechanism. */
static const char *words(const struct pop3_attempt *a, char out[CREDENTIAL_SAID_SIZE])
{
	return credential_said(a->reply.text, a->complaint, out);
}

bool pop3_refused_for_now(const struct pop3_attempt *a, enum sasl_verdict verdict)
{
	return verdict == SASL_LATER || pop3_mean(&a->reply, true).class == ERR_TEMP;
}

int pop3_refused_login(const struct pop3_attempt *a, const char *how, enum sasl_verdict verdict, struct err *e)
{
	const struct config_server *c = a->session->server;
	struct pop3_meaning m = pop3_mean(&a->reply, true);
	char said[CREDENTIAL_SAID_SIZE];
	const struct credential_refusal r = { .server = c,
					      .protocol = "POP3",
					      .how = how,
					      .token = a->token.text != NULL,
					      .said = words(a, said),
					      .advice = m.advice };

	pop3_note_delay(a->session, &a->reply);
	if (pop3_refused_for_now(a, verdict))
		return err_set(e, ERR_TEMP, m.class == ERR_TEMP ? m.code : 0,
			       m.code == EBUSY ? "%s does not let %s log in while the mailbox is in use elsewhere: %s"
					       : "%s does not let %s log in now: %s",
			       c->host, credential_name(c), said);
	return credential_refused(&r, e);
}

int pop3_no_way(const struct pop3_attempt *a, struct err *e)
{
	const struct source_session *s = a->session;
	const struct config_server *c = s->server;
	const char *offers = s->mechanisms[0] != '\0'	       ? s->mechanisms
			     : (s->can & POP3_CAN_USER) != 0 ? "USER"
							       : "nothing";
	char said[CREDENTIAL_SAID_SIZE];

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
