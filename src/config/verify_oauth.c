/* Accounts and sources with a provider or a group `oauth': presets, what belongs together, files. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "config/build_impl.h"
#include "config/provider.h"
#include "config/secret.h"
#include "config/url.h"
#include "config/value.h"
#include "config/verify.h"

enum { TENANT_BRACES = 8 /* octets of "{tenant}" */ };

__attribute__((format(printf, 3, 4))) static void oauth_error(const struct holder *h, const char *key, const char *fmt,
							      ...)
{
	bool given = build_given(h->lines, KEYS_OAUTH, key);
	char group[REPORT_PATH_SIZE], inner[REPORT_PATH_SIZE], path[REPORT_PATH_SIZE], text[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	holder_path(h, group);
	place_path(group, "oauth", inner);
	place_path(inner, key, path);
	report_error(h->b->report,
		     given ? build_line(h->lines, KEYS_OAUTH, key) : build_line(h->lines, h->group, "oauth"), path,
		     "%s", text);
}

/* ---- presets ---- */

static void text_fill(char **field, const char *preset)
{
	if (*field == NULL)
		*field = mem_strdup(preset);
}

static void tenant_fill(char **url, const char *tenant)
{
	char *at, *whole;

	if (tenant == NULL || *url == NULL)
		return;
	while ((at = strstr(*url, "{tenant}")) != NULL) {
		whole = mem_printf("%.*s%s%s", (int)(at - *url), *url, tenant, at + TENANT_BRACES);
		free(*url);
		*url = whole;
	}
}

/* It becomes a part of URLs. */
static bool tenant_good(const char *tenant)
{
	for (const char *c = tenant; *c != '\0'; c++) {
		if (!ascii_is_alpha(*c) && !ascii_is_digit(*c) && *c != '-' && *c != '.')
			return false;
	}
	return true;
}

/* SCOPE: for a person's sign-in. */
static void token_complete(struct config_oauth *o, const struct provider *p, const char *scope)
{
	if (p != NULL) {
		text_fill(&o->token_endpoint, p->token_endpoint);
		text_fill(&o->authorization_endpoint, p->authorization_endpoint);
		text_fill(&o->device_endpoint, p->device_endpoint);
		text_fill(&o->tenant, p->tenant);
		text_fill(&o->scope, o->grant == CONFIG_GRANT_APPLICATION ? p->app_scope : scope);
	}
	if (o->tenant == NULL || !tenant_good(o->tenant))
		return;
	tenant_fill(&o->token_endpoint, o->tenant);
	tenant_fill(&o->authorization_endpoint, o->tenant);
	tenant_fill(&o->device_endpoint, o->tenant);
}

void oauth_complete(const struct holder *h)
{
	struct config_server *a = h->server;
	const struct provider *p = a->provider == NULL ? NULL : provider_find(a->provider);
	bool pop3 = holder_speaks_pop3(h), relay = h->group == KEYS_RELAY;
	const char *scope = p == NULL ? NULL : p->scope;

	if (p != NULL && pop3 && p->pop3_scope != NULL)
		scope = p->pop3_scope;
	if (p != NULL && relay && p->smtp_scope != NULL)
		scope = p->smtp_scope;
	if (p != NULL && !relay) {
		text_fill(&a->host, pop3 ? p->pop3_host : p->host);
		if (!holder_given(h, "tls"))
			a->tls = p->tls;
		if (a->port == 0 && a->tls == p->tls && !pop3)
			a->port = p->port;
	}
	if (a->oauth)
		token_complete(&a->token, p, scope);
}

/* ---- what belongs together ---- */

static void client_verify(const struct holder *h)
{
	const struct config_oauth *o = &h->server->token;
	bool secret = o->client_secret != NULL || o->client_secret_file != NULL;
	bool certificate = o->certificate_file != NULL;

	if (o->grant == CONFIG_GRANT_SERVICE_ACCOUNT) {
		if (o->service_account_file == NULL)
			oauth_error(h, "service_account_file",
				    "missing: give the JSON key file of the service account");
		return;
	}
	if (o->service_account_file != NULL)
		oauth_error(h, "service_account_file", "it is for grant \"service-account\" only");
	if (o->client_id == NULL)
		oauth_error(h, "client_id",
			    "missing: give the id of the application that you registered; `mailferry "
			    "login %s' says how",
			    h->server->name);
	if (o->client_secret != NULL && o->client_secret_file != NULL)
		oauth_error(h, "client_secret_file", "client_secret is given too: give one of the two");
	if (certificate != (o->key_file != NULL))
		oauth_error(h, certificate ? "key_file" : "certificate_file",
			    "missing: certificate_file and key_file go together");
	if (secret && certificate)
		oauth_error(h, "certificate_file", "a client secret is given too: give one of the two");
	if (o->grant == CONFIG_GRANT_APPLICATION && !secret && !certificate && o->key_file == NULL)
		oauth_error(
		    h, "certificate_file",
		    "missing: grant \"application\" needs certificate_file and key_file, or client_secret_file");
}

static void endpoint_verify(const struct holder *h, const char *key, const char *url, bool needed)
{
	const struct config_server *a = h->server;

	if (needed && url == NULL && a->provider != NULL)
		oauth_error(h, key, "missing: provider \"%s\" is not known to have one", a->provider);
	else if (needed && url == NULL)
		oauth_error(h, key, "missing: give it, or provider");
	else if (needed && strstr(url, "{tenant}") != NULL && a->token.tenant == NULL &&
		 strcmp(key, "token_endpoint") == 0)
		oauth_error(h, "tenant", "missing: give the id or the domain of the organisation's directory");
}

static void grant_verify(const struct holder *h)
{
	const struct config_server *a = h->server;
	const struct config_oauth *o = &a->token;
	const struct provider *p = a->provider == NULL ? NULL : provider_find(a->provider);
	const struct key *k = key_find(KEYS_OAUTH, SLICE_LIT("grant"));

	/* Whoever gives an endpoint knows more than the table. */
	if (p != NULL && (p->grants & (1u << o->grant)) == 0 && !build_given(h->lines, KEYS_OAUTH, "token_endpoint"))
		oauth_error(h, "grant", "\"%s\" is not possible with provider \"%s\": %s", k->words[o->grant], p->name,
			    p->advice);
	else
		endpoint_verify(h, "token_endpoint", o->token_endpoint, true);
	endpoint_verify(h, "authorization_endpoint", o->authorization_endpoint, o->grant == CONFIG_GRANT_USER);
	endpoint_verify(h, "device_endpoint", o->device_endpoint, o->grant == CONFIG_GRANT_DEVICE);
}

static bool day_good(const char *text)
{
	static const char form[] = "0000-00-00";

	for (size_t i = 0; i < sizeof form; i++) {
		if (form[i] == '0' ? !ascii_is_digit(text[i]) : form[i] != text[i])
			return false;
	}
	return (text[5] == '0' ? text[6] > '0' : text[5] == '1' && text[6] <= '2') && text[8] <= '3' &&
	       (text[8] != '0' || text[9] != '0') && (text[8] != '3' || text[9] <= '1') && text[0] == '2';
}

void oauth_verify(const struct holder *h)
{
	const struct config_server *a = h->server;
	const struct config_oauth *o = &a->token;

	if (build_given(h->lines, KEYS_OAUTH, "grant"))
		grant_verify(h);
	client_verify(h);
	if (o->tenant != NULL && !tenant_good(o->tenant))
		oauth_error(h, "tenant", "expected an id or a domain: letters, digits, `-' and `.'");
	if (o->client_secret_expires != NULL && !day_good(o->client_secret_expires))
		oauth_error(h, "client_secret_expires", "expected a day such as \"2027-05-01\"");
}

/* ---- files ---- */

static void file_take(const struct holder *h, const char *key, const char *path, bool secret, char **field)
{
	struct err e;

	if (path == NULL)
		return;
	*field = secret_text(path, secret, &e);
	if (*field == NULL)
		oauth_error(h, key, "%s", e.text);
}

void oauth_files(const struct holder *h)
{
	struct config_oauth *o = &h->server->token;
	struct err e;

	if (o->client_secret_file != NULL && o->client_secret == NULL) {
		o->client_secret = secret_read(o->client_secret_file, &e);
		if (o->client_secret == NULL)
			oauth_error(h, "client_secret_file", "%s", e.text);
	}
	file_take(h, "certificate_file", o->certificate_file, false, &o->certificate);
	file_take(h, "key_file", o->key_file, true, &o->key);
	file_take(h, "service_account_file", o->service_account_file, true, &o->service_account);
	if (o->ca_file != NULL && access(o->ca_file, R_OK) != 0) {
		(void)file_unread(&e, errno, o->ca_file);
		oauth_error(h, "ca_file", "%s", e.text);
	}
}
