#include "net/credential.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

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

int credential_token_take(struct credential_token *t, const struct config_server *c, bool fresh,
			  struct sasl_setup *setup, struct err *e)
{
	mem_wipe_str(&t->text);
	setup->token = NULL;
	if (t->get == NULL)
		return err_set(e, ERR_CONFIG, 0, "%s %s logs in with access tokens, and there is nobody who gets them",
			       config_kind(c), c->name);
	t->text = t->get(t->arg, fresh, e);
	setup->token = t->text;
	t->fresh = fresh;
	return t->text == NULL ? -1 : 0;
}

void credential_token_free(struct credential_token *t)
{
	mem_wipe_str(&t->text);
}

bool credential_unsupported(const struct sasl *x, const char *text)
{
	static const char *const words[] = { "unsupported", "not supported", "mechanism", "not implemented" };

	if (sasl_verdict(x) != SASL_UNSAID)
		return sasl_verdict(x) == SASL_UNSUPPORTED;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasestr(text, words[i]) != NULL)
			return true;
	return !sasl_committed(x);
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

int credential_relayed(const struct config_server *c, const char *how, const char *complaint, struct err *e)
{
	return err_set(
	    e, ERR_CONFIG, 0,
	    "%s says that the TLS connection which it has is not the one that we have (%s of %s); somebody may "
	    "stand between. If that is a TLS proxy of the provider's, set auth = \"SCRAM-SHA-256\" for %s %s",
	    c->host, complaint, how, config_kind(c), c->name);
}

void credential_hung_up(const struct config_server *c, const struct sasl *x, struct credential_token *t,
			struct sasl_setup *setup, struct err *e)
{
	const bool fresh = t->fresh; /* credential_token_take sets it */

	if (t->text == NULL || e == NULL || e->class == ERR_PROTOCOL || sasl_verdict(x) != SASL_DENIED)
		return;
	if (fresh)
		(void)err_set(e, ERR_CONFIG, 0,
			      "%s refuses the access token of %s, and a fresh one too (%s), and hangs up; run: mailferry "
			      "login %s",
			      c->host, c->user, sasl_complaint(x), c->name);
	else if (credential_token_take(t, c, true, setup, e) == 0)
		(void)err_set(e, ERR_TEMP, 0,
			      "%s refused the access token of %s (%s) and hung up; there is a fresh one for the next "
			      "connection",
			      c->host, c->user, sasl_complaint(x));
}
