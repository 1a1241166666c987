#include "net/credential.h"

#include <stdio.h>
#include <string.h>

int credential_setup(const struct config_server *c, const struct stream *stream, unsigned offered,
		     struct binding bindings[BINDING_TYPES], struct sasl_setup *setup, struct err *e)
{
	if (!stream_encrypted(stream) && c->tls != CONFIG_TLS_NONE)
		return err_set(e, ERR_PROTOCOL, 0, "the connection to %s is not encrypted", c->host);
	*setup = (struct sasl_setup){ .host = c->host,
				      .port = c->port,
				      .user = c->user,
				      .login_as = c->login_as,
				      .password = c->oauth ? NULL : c->password,
				      .only = c->auth,
				      .offered = offered };
	if (stream_bindings(stream, bindings)) {
		setup->bindings = bindings;
		setup->certificate = c->client_certificate_pem != NULL;
	}
	return 0;
}

const char *credential_name(const struct config_server *c)
{
	return c->login_as != NULL ? c->login_as : c->user;
}

const char *credential_said(const char *text, const char *complaint, char out[CREDENTIAL_SAID_SIZE])
{
	size_t size = CREDENTIAL_SAID_SIZE;

	if (complaint[0] == '\0')
		(void)snprintf(out, size, "\"%.*s\"", CREDENTIAL_TEXT_MAX, text);
	else
		(void)snprintf(out, size, "\"%.*s\" (%s)", CREDENTIAL_TEXT_MAX, text, complaint);
	return out;
}

int credential_refused(const struct credential_refusal *r, struct err *e)
{
	const struct config_server *c = r->server;

	if (r->advice != NULL)
		return err_set(e, ERR_CONFIG, 0, "%s does not let %s log in: %s; %s", c->host, credential_name(c),
			       r->said, r->advice);
	if (r->token)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s refuses the access token of %s, and a fresh one too: %s; see whether %s is switched on "
		    "for the mailbox and the application may use it, then run: mailferry login %s",
		    c->host, c->user, r->said, r->protocol, c->name);
	if (strcmp(r->how, "EXTERNAL") == 0)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s does not take the client certificate for %s: %s; correct user, client_certificate and "
		    "client_key of %s %s, then send SIGHUP to mailferry",
		    c->host, c->user, r->said, config_kind(c), c->name);
	if (strncmp(r->how, "SCRAM", 5) == 0 || strcmp(r->how, "CRAM-MD5") == 0)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s refuses the password of %s: %s; correct user or password of %s %s in the "
		    "configuration, or, if they are right, try auth = \"PLAIN\" instead of %s; then send SIGHUP "
		    "to mailferry",
		    c->host, credential_name(c), r->said, config_kind(c), c->name, r->how);
	return err_set(e, ERR_CONFIG, 0,
		       "%s refuses the password of %s: %s; correct user or password of %s %s in the "
		       "configuration, then send SIGHUP to mailferry",
		       c->host, credential_name(c), r->said, config_kind(c), c->name);
}

int credential_hung_up(const struct config_server *c, bool fresh, const char *complaint, struct err *e)
{
	if (fresh)
		return err_set(e, ERR_CONFIG, 0,
			       "%s refuses the access token of %s, and a fresh one too (%s), and hangs up; run: mailferry "
			       "login %s",
			       c->host, c->user, complaint, c->name);
	return err_set(e, ERR_TEMP, 0,
		       "%s refused the access token of %s (%s) and hung up; there is a fresh one for the next connection",
		       c->host, c->user, complaint);
}

int credential_relayed(const struct config_server *c, const char *how, const char *complaint, struct err *e)
{
	return err_set(
	    e, ERR_CONFIG, 0,
	    "%s says that the TLS connection which it has is not the one that we have (%s of %s); somebody may "
	    "stand between. If that is a TLS proxy of the provider's, set auth = \"SCRAM-SHA-256\" for %s %s",
	    c->host, complaint, how, config_kind(c), c->name);
}
