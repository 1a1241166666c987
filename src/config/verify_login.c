/* How an account or a source logs in: one source of its password, a certificate of ours, the mechanism; and reading
 * them. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/secret.h"
#include "config/verify.h"

enum {
	COMMAND_MS = 20 * 1000,	 /* for one command */
	COMMANDS_MS = 60 * 1000, /* for all of a configuration: the supervisor serves nobody meanwhile */
	SOURCES = 5
};

static const struct source_key {
	const char *name;
	size_t offset;
} sources[SOURCES] = {
	{ "password", offsetof(struct config_server, password) },
	{ "password_file", offsetof(struct config_server, password_file) },
	{ "password_command", offsetof(struct config_server, password_command) },
	{ "password_credential", offsetof(struct config_server, password_credential) },
	{ "password_env", offsetof(struct config_server, password_env) },
};

static const char *source_value(const struct config_server *a, const struct source_key *k)
{
	const char *value;

	memcpy(&value, (const char *)a + k->offset, sizeof value);
	return value;
}

static void password_verify(const struct holder *h)
{
	const struct config_server *a = h->server;
	bool nobody = h->group == KEYS_RELAY && a->user == NULL && !holder_given(h, "user");
	const char *first = NULL;
	bool given = false;

	for (size_t k = 0; k < SOURCES; k++) {
		/* One that is wrong is given, too. */
		given = given || holder_given(h, sources[k].name);
		if (source_value(a, &sources[k]) == NULL)
			continue;
		if (first != NULL)
			verify_error(h, sources[k].name, "%s is given too: give one of the two", first);
		else
			first = sources[k].name;
	}
	if (a->oauth && first != NULL)
		verify_error(h, "oauth", "%s is given too: give one of the two", first);
	if (nobody && (given || a->oauth))
		verify_error(h, "user", "missing: say who logs in at the relay");
	if (!a->oauth && !given && a->client_certificate == NULL && !nobody)
		verify_error(h, "password_file",
			     "missing: give password_file, or password, or another source of the password");
}

static void certificate_verify(const struct holder *h)
{
	const struct config_server *a = h->server;

	if (a->client_certificate != NULL && a->client_key == NULL)
		verify_error(
		    h, "client_key",
		    "missing: client_certificate needs its private key; if both are in one file, name it twice");
	if (a->client_key != NULL && a->client_certificate == NULL)
		verify_error(h, "client_certificate", "missing: client_key is of no use without it");
	if (a->client_certificate != NULL && a->tls == CONFIG_TLS_NONE)
		verify_error(h, "client_certificate", "tls is \"none\": certificates are a part of TLS");
}

static bool is_token_mechanism(const char *name)
{
	return strcmp(name, "OAUTHBEARER") == 0 || strcmp(name, "XOAUTH2") == 0;
}

/* RFC 1939, 7 */
static bool is_of_pop3(const char *name)
{
	return strcmp(name, "USER") == 0 || strcmp(name, "APOP") == 0;
}

static void mechanism_verify(const struct holder *h)
{
	const struct config_server *a = h->server;
	size_t n;

	if (a->auth == NULL)
		return;
	n = strlen(a->auth);
	if (is_token_mechanism(a->auth) != a->oauth)
		verify_error(h, "auth",
			     a->oauth ? "\"%s\" takes a password, and the %s has oauth: use OAUTHBEARER or XOAUTH2"
				      : "\"%s\" takes access tokens, and the %s has no oauth",
			     a->auth, config_kind(a));
	else if (is_of_pop3(a->auth) && !holder_speaks_pop3(h))
		verify_error(h, "auth", "\"%s\" is a login of POP3%s", a->auth,
			     h->group == KEYS_RELAY ? ""
			     : h->source == NULL    ? ", and the account's store speaks IMAP"
						    : ", and protocol is \"imap\"");
	else if (strcmp(a->auth, "EXTERNAL") == 0 && a->client_certificate == NULL)
		verify_error(h, "auth", "\"EXTERNAL\" needs client_certificate and client_key");
	else if (a->login_as != NULL && a->user != NULL && strcmp(a->login_as, a->user) != 0 &&
		 (strcmp(a->auth, "LOGIN") == 0 || strcmp(a->auth, "CRAM-MD5") == 0 || is_of_pop3(a->auth)))
		verify_error(h, "auth", "\"%s\" can't name both user and login_as", a->auth);
	else if (n > 5 && strcmp(a->auth + n - 5, "-PLUS") == 0 && a->tls == CONFIG_TLS_NONE)
		verify_error(h, "auth", "tls is \"none\": there is no channel that \"%s\" could be bound to", a->auth);
}

void login_verify(const struct holder *h)
{
	password_verify(h);
	certificate_verify(h);
	mechanism_verify(h);
}

/* ---- reading ---- */

char *pem_read(const char *path, bool private, struct err *e)
{
	char *text = secret_text(path, private, e);

	if (text == NULL)
		return NULL;
	if (strstr(text, "-----BEGIN ") == NULL)
		(void)err_set(e, ERR_CONFIG, 0, "%s is no PEM file: it has no line such as -----BEGIN %s-----", path,
			      private ? "PRIVATE KEY" : "CERTIFICATE");
	else if (private && strstr(text, "PRIVATE KEY-----") == NULL)
		(void)err_set(e, ERR_CONFIG, 0, "%s holds no private key", path);
	else if (private && strstr(text, "ENCRYPTED") != NULL)
		(void)err_set(e, ERR_CONFIG, 0,
			      "the key in %s has a passphrase, which nobody could type in: take it off "
			      "(openssl pkey -in %s -out NEW), and keep others from reading it",
			      path, path);
	else
		return text;
	mem_wipe_str(&text);
	return NULL;
}

static void pem_take(const struct holder *h, const char *key, const char *path, char **field)
{
	struct err e;

	if (path == NULL)
		return;
	*field = pem_read(path, strcmp(key, "client_key") == 0, &e);
	if (*field == NULL)
		verify_error(h, key, "%s", e.text);
}

static void password_take(const struct holder *h, const struct source_key *k, char *secret, const struct err *e)
{
	if (secret == NULL)
		verify_error(h, k->name, "%s", e->text);
	else
		h->server->password = secret;
}

static char *run_command(const char *command, int64_t until, struct err *e)
{
	int64_t left = until - clock_mono_ms();

	if (left > 0)
		return secret_command(command, left < COMMAND_MS ? left : COMMAND_MS, e);
	(void)err_set(e, ERR_CONFIG, 0, "it was not run: the commands of others took too long");
	return NULL;
}

void login_files(struct build *b)
{
	int64_t until;
	struct err e;

	for (size_t i = 0; i < config_servers(b->config); i++) {
		struct holder h = holder_at(b, i);
		struct config_server *a = h.server;

		pem_take(&h, "client_certificate", a->client_certificate, &a->client_certificate_pem);
		pem_take(&h, "client_key", a->client_key, &a->client_key_pem);
		if (a->password != NULL)
			continue;
		if (a->password_file != NULL)
			password_take(&h, &sources[1], secret_read(a->password_file, &e), &e);
		else if (a->password_credential != NULL)
			password_take(&h, &sources[3], secret_credential(a->password_credential, &e), &e);
		else if (a->password_env != NULL)
			password_take(&h, &sources[4], secret_env(a->password_env, &e), &e);
	}
	/* Behind all the variables, so that no command sees one; and not for nothing. */
	until = clock_mono_ms() + COMMANDS_MS;
	for (size_t i = 0; i < config_servers(b->config) && b->report->n == 0; i++) {
		struct holder h = holder_at(b, i);
		struct config_server *a = h.server;

		if (a->password == NULL && a->password_command != NULL)
			password_take(&h, &sources[2], run_command(a->password_command, until, &e), &e);
	}
}
