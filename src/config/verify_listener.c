/* Listeners, and the certificates that they show. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/build_impl.h"
#include "config/verify.h"

static void element_error(struct build *b, const struct group_lines *lines, enum key_group group, const char *path,
			  const char *key, const char *text)
{
	char whole[REPORT_PATH_SIZE];

	place_path(path, key, whole);
	report_error(b->report, build_line(lines, group, key), whole, "%s", text);
}

void listener_error(struct build *b, size_t i, const char *key, const char *fmt, ...)
{
	char path[REPORT_PATH_SIZE], text[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	place_path("listeners", b->config->listeners[i].name, path);
	element_error(b, &b->listeners[i], KEYS_LISTENER, path, key, text);
}

static void certificate_error(struct build *b, size_t i, const char *key, const char *text)
{
	char path[REPORT_PATH_SIZE];

	place_path("certificates", b->config->certificates[i].name, path);
	element_error(b, &b->certificates[i], KEYS_CERTIFICATE, path, key, text);
}

static bool is_unix(const struct config_listener *l)
{
	return l->address != NULL && strncmp(l->address, "unix:", 5) == 0;
}

void listeners_complete(struct build *b)
{
	struct config *c = b->config;

	for (size_t i = 0; i < c->nlisteners; i++) {
		struct config_listener *l = &c->listeners[i];

		if (!build_given(&b->listeners[i], KEYS_LISTENER, "tls") && c->ncertificates > 0 && !is_unix(l))
			l->tls = CONFIG_OFFER_STARTTLS;
		if (!build_given(&b->listeners[i], KEYS_LISTENER, "chunking"))
			l->chunking = !config_is_open(l);
	}
}

static void tls_verify(struct build *b, size_t i)
{
	const struct config_listener *l = &b->config->listeners[i];

	if (l->tls != CONFIG_OFFER_NONE && b->config->ncertificates == 0)
		listener_error(b, i, "tls", "there is no certificate to show: give the group certificates");
	if (l->tls == CONFIG_OFFER_NONE && l->client_ca != NULL)
		listener_error(b, i, "client_ca", "this listener has no TLS: certificates are a part of it");
	if (l->tls == CONFIG_OFFER_NONE && l->legacy_tls)
		listener_error(b, i, "legacy_tls", "this listener has no TLS");
	else if (l->legacy_tls && config_is_open(l))
		listener_error(b, i, "legacy_tls",
			       "everybody may connect here, and old TLS can be broken on the way: give networks, those "
			       "of the old devices alone, or let them have a listener of their own");
}

static void proxy_verify(struct build *b, size_t i)
{
	const struct config_listener *l = &b->config->listeners[i];

	for (size_t j = 0; j < l->nproxy; j++) {
		if (l->proxy[j].local != is_unix(l))
			listener_error(b, i, "proxy", "%s",
				       is_unix(l) ? "who comes by a UNIX socket has no address: write \"unix\""
						  : "\"unix\" is for a listener on a UNIX socket: write networks");
		else if (!l->proxy[j].local && l->proxy[j].bits == 0)
			listener_error(b, i, "proxy",
				       "that is everybody, and each could claim any address: name the proxies");
	}
}

void listeners_verify(struct build *b)
{
	struct config *c = b->config;

	for (size_t i = 0; i < c->nlisteners; i++) {
		struct config_listener *l = &c->listeners[i];
		struct buf where;

		if (l->address == NULL)
			continue;
		proxy_verify(b, i);
		if (l->nnetworks > 0 && is_unix(l) && l->nproxy == 0)
			listener_error(
			    b, i, "networks",
			    "a UNIX socket has no networks: who may connect is a matter of its directory's mode");
		tls_verify(b, i);
		for (size_t j = 0; j < i; j++) {
			size_t n = strlen(l->address);

			if (c->listeners[j].address == NULL || strcmp(c->listeners[j].address, l->address) != 0 ||
			    (n > 2 && strcmp(l->address + n - 2, ":0") == 0))
				continue;
			buf_init(&where, 5000);
			source_where(b->source, build_line(&b->listeners[j], KEYS_LISTENER, "address"), &where);
			listener_error(b, i, "address", "\"%.200s\" is taken by listener `%s' at %s", l->address,
				       c->listeners[j].name, buf_str(&where));
			buf_free(&where);
		}
	}
}

static void certificate_files(struct build *b, size_t i)
{
	struct config_certificate *c = &b->config->certificates[i];
	struct err e;

	if (c->certificate != NULL) {
		c->certificate_pem = pem_read(c->certificate, false, &e);
		if (c->certificate_pem == NULL)
			certificate_error(b, i, "certificate", e.text);
	}
	if (c->key != NULL && b->secrets) {
		c->key_pem = pem_read(c->key, true, &e);
		if (c->key_pem == NULL)
			certificate_error(b, i, "key", e.text);
	}
}

void listeners_files(struct build *b)
{
	struct config *c = b->config;
	struct err e;

	for (size_t i = 0; i < c->ncertificates; i++)
		certificate_files(b, i);
	for (size_t i = 0; i < c->nlisteners; i++) {
		struct config_listener *l = &c->listeners[i];

		if (l->client_ca == NULL)
			continue;
		l->client_ca_pem = pem_read(l->client_ca, false, &e);
		if (l->client_ca_pem == NULL)
			listener_error(b, i, "client_ca", "%s", e.text);
	}
}

void config_watched(const struct config *c, void (*fn)(void *arg, const char *path), void *arg)
{
	for (size_t i = 0; i < c->ncertificates; i++) {
		if (c->certificates[i].certificate != NULL)
			fn(arg, c->certificates[i].certificate);
		if (c->certificates[i].key != NULL)
			fn(arg, c->certificates[i].key);
	}
	for (size_t i = 0; i < c->nlisteners; i++)
		if (c->listeners[i].client_ca != NULL)
			fn(arg, c->listeners[i].client_ca);
	if (c->users != NULL)
		fn(arg, c->users);
}
