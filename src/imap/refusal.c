#include "imap/refusal.h"

#include <stdio.h>
#include <string.h>

#include "imap/session_impl.h"

const char *refusal_words(const struct attempt *a, char out[REFUSAL_WORDS_SIZE])
{
	size_t size = REFUSAL_WORDS_SIZE;

	if (a->complaint[0] == '\0')
		(void)snprintf(out, size, "\"%.*s\"", REFUSAL_TEXT_MAX, a->reply.text);
	else
		(void)snprintf(out, size, "\"%.*s\" (%s)", REFUSAL_TEXT_MAX, a->reply.text, a->complaint);
	return out;
}

const char *refusal_login_name(const struct config_server *c)
{
	return c->login_as != NULL ? c->login_as : c->user;
}

int refusal_person(const struct attempt *a, int way, const char *advice, struct err *e)
{
	const struct config_server *c = a->session->server;
	char said[REFUSAL_WORDS_SIZE];
	const char *mechanism = way == SASL_NO_WAY ? "LOGIN" : sasl_name(way);

	(void)refusal_words(a, said);
	if (imap_reply_is(&a->reply, "AUTHORIZATIONFAILED") && c->login_as != NULL)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s knows %s but does not let it into the mailbox of %s: %s; give it access to that mailbox, "
		    "or correct user and login_as of %s %s",
		    c->host, c->login_as, c->user, said, config_kind(c), c->name);
	if (advice != NULL)
		return err_set(e, ERR_CONFIG, 0, "%s does not let %s log in: %s; %s", c->host, refusal_login_name(c),
			       said, advice);
	if (a->token != NULL)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s refuses the access token of %s, and a fresh one too: %s; see whether IMAP is switched on "
		    "for the mailbox and the application may use it, then run: mailferry login %s",
		    c->host, c->user, said, c->name);
	if (strcmp(mechanism, "EXTERNAL") == 0)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s does not take the client certificate for %s: %s; correct user, client_certificate and "
		    "client_key of %s %s, then send SIGHUP to mailferry",
		    c->host, c->user, said, config_kind(c), c->name);
	if (strcmp(mechanism, "PLAIN") != 0 && strcmp(mechanism, "LOGIN") != 0)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s refuses the password of %s: %s; correct user or password of %s %s in the "
		    "configuration, or, if they are right, try auth = \"PLAIN\" instead of %s; then send SIGHUP "
		    "to mailferry",
		    c->host, refusal_login_name(c), said, config_kind(c), c->name, mechanism);
	return err_set(e, ERR_CONFIG, 0,
		       "%s refuses the password of %s: %s; correct user or password of %s %s in the "
		       "configuration, then send SIGHUP to mailferry",
		       c->host, refusal_login_name(c), said, config_kind(c), c->name);
}

int refusal_relayed(const struct attempt *a, int way, struct err *e)
{
	const struct config_server *c = a->session->server;

	return err_set(
	    e, ERR_CONFIG, 0,
	    "%s says that the TLS connection which it has is not the one that we have (%s of %s); somebody may "
	    "stand between. If that is a TLS proxy of the provider's, set auth = \"SCRAM-SHA-256\" for %s %s",
	    c->host, a->complaint, sasl_name(way), config_kind(c), c->name);
}

int refusal_no_way(const struct attempt *a, struct err *e)
{
	const struct imap *s = a->session;
	const struct config_server *c = s->server;
	const char *offers = s->mechanisms[0] == '\0' ? "nothing" : s->mechanisms;
	char said[REFUSAL_WORDS_SIZE];

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
