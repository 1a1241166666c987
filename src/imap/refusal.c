#include "imap/refusal.h"

#include "imap/session_impl.h"

const char *refusal_words(const struct attempt *a, char out[CREDENTIAL_SAID_SIZE])
{
	return credential_said(a->reply.text, a->complaint, out);
}

int refusal_person(const struct attempt *a, int way, const char *advice, struct err *e)
{
	const struct config_server *c = a->session->server;
	char said[CREDENTIAL_SAID_SIZE];
	const struct credential_refusal r = { .server = c,
					      .protocol = "IMAP",
					      .how = way == SASL_NO_WAY ? "LOGIN" : sasl_name(way),
					      .token = a->token.text != NULL,
					      .said = refusal_words(a, said),
					      .advice = advice };

	if (imap_reply_is(&a->reply, "AUTHORIZATIONFAILED") && c->login_as != NULL)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s knows %s but does not let it into the mailbox of %s: %s; give it access to that mailbox, "
		    "or correct user and login_as of %s %s",
		    c->host, c->login_as, c->user, said, config_kind(c), c->name);
	return credential_refused(&r, e);
}

int refusal_no_way(const struct attempt *a, struct err *e)
{
	const struct imap *s = a->session;
	const struct config_server *c = s->server;
	const char *offers = s->mechanisms[0] == '\0' ? "nothing" : s->mechanisms;
	char said[CREDENTIAL_SAID_SIZE];

	if (a->setup.excluded != 0)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s takes none of the ways to log in that it offers (%s); the last answer was %s. Ask whoever "
		    "runs it, or set auth of %s %s",
		    c->host, offers, refusal_words(a, said), config_kind(c), c->name);
	if (c->auth != NULL)
		return err_set(e, ERR_CONFIG, 0,
			       "%s does not offer %s, which auth of %s %s demands, or it can't be used here; "
			       "the server offers: %s",
			       c->host, c->auth, config_kind(c), c->name, offers);
	if (c->oauth)
		return err_set(e, ERR_CONFIG, 0, "%s does not take access tokens (OAUTHBEARER, XOAUTH2); it offers: %s",
			       c->host, offers);
	if (c->password == NULL)
		return err_set(e, ERR_CONFIG, 0,
			       c->client_certificate_pem == NULL
				   ? "there is no password; set password_file"
				   : "%s does not take client certificates (EXTERNAL), and there is no password; it "
				     "offers: %s",
			       c->host, offers);
	return err_set(e, ERR_CONFIG, 0, "%s offers no way to log in with a password%s (it offers: %s)", c->host,
		       c->tls == CONFIG_TLS_NONE
			   ? " on an unencrypted connection; set tls to \"implicit\" or \"starttls\""
		       : c->login_as != NULL ? " in which login_as can stand beside user"
					     : "",
		       offers);
}
