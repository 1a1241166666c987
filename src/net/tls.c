#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/authorities.h"
#include "net/crypto.h"
#include "net/identity.h"

enum {
	SESSIONS_MAX = 8,  /* a few connections of one account; servers give two tickets to each */
	SECURITY_LEVEL = 2 /* OpenSSL's: RSA of 2,048 bits, SHA-2 and the like at least */
};

/* A session that may be resumed with the host that gave it. */
struct ticket {
	SSL_SESSION *session;
	char *host;
};

struct tls_client {
	SSL_CTX *ctx;
	char **pins;
	size_t npins;
	bool chain;			     /* the certificate must be good, besides any pin */
	struct ticket tickets[SESSIONS_MAX]; /* the newest last */
	size_t ntickets;
};

/* ---- sessions ---- */

static void ticket_drop(struct tls_client *t, size_t i)
{
	SSL_SESSION_free(t->tickets[i].session);
	free(t->tickets[i].host);
	t->ntickets--;
	memmove(&t->tickets[i], &t->tickets[i + 1], (t->ntickets - i) * sizeof t->tickets[0]);
}

/* OpenSSL calls this for every ticket that arrives, during the handshake or behind it. 1: we keep SESSION. */
static int ticket_keep(SSL *ssl, SSL_SESSION *session)
{
	struct tls_client *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const struct tls_verdict *v = SSL_get_app_data(ssl);

	if (!SSL_SESSION_is_resumable(session))
		return 0;
	if (t->ntickets == SESSIONS_MAX)
		ticket_drop(t, 0);
	t->tickets[t->ntickets++] = (struct ticket){ session, mem_strdup(v->host) };
	return 1;
}

void tls_forget(struct tls_client *t)
{
	while (t->ntickets > 0)
		ticket_drop(t, t->ntickets - 1);
}

static void ticket_use(struct tls_client *t, SSL *ssl, const char *host)
{
	for (size_t i = t->ntickets; i > 0; i--) {
		SSL_SESSION *session = t->tickets[i - 1].session;

		if (strcmp(t->tickets[i - 1].host, host) != 0)
			continue;
		if (SSL_SESSION_is_resumable(session))
			(void)SSL_set_session(ssl, session);
		/* Used twice, a ticket would let a listener tell that two connections are of one client (RFC 8446,
		 * C.4).
		 */
		if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION || !SSL_SESSION_is_resumable(session))
			ticket_drop(t, i - 1);
		return;
	}
}

/* ---- trust ---- */

static bool pin_fits(const struct tls_client *t, const struct cert *leaf)
{
	for (size_t i = 0; i < t->npins; i++) {
		if (strcmp(t->pins[i], leaf->pin) == 0)
			return true;
	}
	return false;
}

static struct tls_verdict *verdict_of(X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

	return SSL_get_app_data(ssl);
}

/* In place of OpenSSL's own verification. 1: trusted. */
static int verify(X509_STORE_CTX *store, void *arg)
{
	const struct tls_client *t = arg;
	struct tls_verdict *v = verdict_of(store);
	X509 *leaf = X509_STORE_CTX_get0_cert(store);

	if (leaf == NULL)
		return 0;
	cert_read(leaf, &v->leaf);
	v->seen = true;
	if (t->npins > 0 && !pin_fits(t, &v->leaf)) {
		v->code = X509_V_ERR_APPLICATION_VERIFICATION;
		X509_STORE_CTX_set_error(store, v->code);
		return 0;
	}
	if (t->chain)
		return X509_verify_cert(store) == 1;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

/* X509_verify_cert tells of each fault here; the first is what we report. */
static int note_fault(int ok, X509_STORE_CTX *store)
{
	struct tls_verdict *v = verdict_of(store);
	X509 *bad = X509_STORE_CTX_get_current_cert(store);

	if (ok || v->code != X509_V_OK)
		return ok;
	v->code = X509_STORE_CTX_get_error(store);
	if (bad != NULL)
		cert_read(bad, &v->bad);
	else
		v->bad = v->leaf;
	return 0;
}

/* ---- the client ---- */

static int authorities_read(struct tls_client *t, const char *file, struct err *e)
{
	if (file == NULL)
		return authorities_load(t->ctx, e);
	if (SSL_CTX_load_verify_file(t->ctx, file) == 1)
		return 0;
	return err_set(e, ERR_CONFIG, 0,
		       "can't read certificates of authorities from %s: %s; ca_file must name a PEM file",
		       file, crypto_reason("no certificate in it"));
}

struct tls_client *tls_client_new(const struct tls_policy *policy, struct err *e)
{
	struct tls_client *t = mem_alloc(sizeof *t);

	ERR_clear_error();
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (t->ctx == NULL || SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1) {
		(void)err_set(e, ERR_TEMP, 0, "OpenSSL does not start: %s", crypto_reason("unknown error"));
		goto fail;
	}
	if (SSL_CTX_get_security_level(t->ctx) < SECURITY_LEVEL)
		SSL_CTX_set_security_level(t->ctx, SECURITY_LEVEL);
	(void)SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Many servers close without close_notify; the protocol above says whether that was too early. Compression
	 * below encryption gives secrets away (RFC 7525, 3.3). */
	(void)SSL_CTX_set_options(t->ctx,
				  SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	(void)SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(t->ctx, ticket_keep);
	SSL_CTX_set_cert_verify_callback(t->ctx, verify, t);
	(void)SSL_CTX_set_app_data(t->ctx, t);
	t->chain = policy->npins == 0 || policy->ca_file != NULL;
	t->npins = policy->npins;
	t->pins = mem_array(t->npins + 1, sizeof *t->pins);
	for (size_t i = 0; i < t->npins; i++)
		t->pins[i] = mem_strdup(policy->pins[i]);
	if (t->chain && authorities_read(t, policy->ca_file, e) != 0)
		goto fail;
	return t;
fail:
	tls_client_free(&t);
	return NULL;
}

struct tls_client *tls_client_of(const struct config_server *server, struct err *e)
{
	struct tls_policy policy = { server->ca_file, (const char *const *)server->pins, server->npins };
	struct tls_client *t = tls_client_new(&policy, e);

	if (t != NULL && server->client_certificate_pem != NULL &&
	    identity_use(t->ctx, server->client_certificate_pem, server->client_key_pem, e) != 0)
		tls_client_free(&t);
	return t;
}

void tls_client_free(struct tls_client **tp)
{
	struct tls_client *t = *tp;

	if (t == NULL)
		return;
	tls_forget(t);
	SSL_CTX_free(t->ctx);
	for (size_t i = 0; i < t->npins; i++)
		free(t->pins[i]);
	free(t->pins);
	free(t);
	*tp = NULL;
}

static bool is_address(const char *host)
{
	unsigned char raw[16];

	return inet_pton(AF_INET, host, raw) == 1 || inet_pton(AF_INET6, host, raw) == 1;
}

SSL *tls_session_new(struct tls_client *t, const char *host, struct tls_verdict *v, struct err *e)
{
	SSL *ssl;
	int ok;

	ERR_clear_error();
	*v = (struct tls_verdict){ .host = host, .code = X509_V_OK };
	ssl = SSL_new(t->ctx);
	if (ssl == NULL)
		goto fail;
	SSL_set_verify(ssl, SSL_VERIFY_PEER, note_fault);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_address(host))
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	else /* SNI is for names only (RFC 6066, 3). */
		ok = SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
	if (ok != 1 || SSL_set_app_data(ssl, v) != 1)
		goto fail;
	ticket_use(t, ssl, host);
	return ssl;
fail:
	SSL_free(ssl);
	(void)err_set(e, ERR_TEMP, 0, "can't set up TLS for %s: %s", host, crypto_reason("out of memory"));
	return NULL;
}

void tls_describe(SSL *ssl, struct tls_facts *out)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	const char *cipher = SSL_get_cipher_name(ssl);

	*out = (struct tls_facts){ .resumed = SSL_session_reused(ssl) == 1 };
	(void)snprintf(out->version, sizeof out->version, "%s", SSL_get_version(ssl));
	(void)snprintf(out->cipher, sizeof out->cipher, "%s", cipher == NULL ? "" : cipher);
	if (leaf != NULL)
		cert_read(leaf, &out->cert);
}
