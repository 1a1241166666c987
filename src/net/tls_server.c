#include "net/tls_server.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/chain.h"
#include "net/crypto.h"

enum {
	NAME_SIZE = 16, /* a ticket's key: its name, that of the cipher, that of the MAC */
	SECRET_SIZE = 32,
	TICKET_SECONDS = 12 * 3600,
	VERIFY_DEPTH = 4,
	SECURITY_LEVEL = 2
};
_Static_assert(NAME_SIZE + 2 * SECRET_SIZE == TLS_TICKET_KEY_SIZE, "a key is all of these");

/* What listeners of one kind have: a context for each certificate. */
struct profile {
	bool legacy;
	const char *client_ca; /* PEM, in the configuration; or NULL */
	SSL_CTX **contexts;
};

struct tls_server {
	const struct config *config;
	struct chain *chains; /* as many as the configuration has certificates */
	struct profile *profiles;
	size_t nprofiles;
	unsigned char keys[TLS_TICKET_KEYS_MAX][TLS_TICKET_KEY_SIZE];
	size_t nkeys;
	EVP_CIPHER *cipher; /* of tickets */
};

static const char *reason(void)
{
	return crypto_reason("no reason given");
}

/* ---- tickets (RFC 5077, 4) ---- */

void tls_server_tickets(struct tls_server *s, const void *keys, size_t n)
{
	s->nkeys = n < TLS_TICKET_KEYS_MAX ? n : TLS_TICKET_KEYS_MAX;
	mem_wipe(s->keys, sizeof s->keys);
	memcpy(s->keys, keys, s->nkeys * TLS_TICKET_KEY_SIZE);
}

/* The key called NAME, or -1. */
static int key_find(const struct tls_server *s, const unsigned char *name)
{
	for (size_t i = 0; i < s->nkeys; i++)
		if (memcmp(s->keys[i], name, NAME_SIZE) == 0)
			return (int)i;
	return -1;
}

static int key_use(const struct tls_server *s, int i, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	unsigned char *key = (unsigned char *)(uintptr_t)s->keys[i] + NAME_SIZE;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key + SECRET_SIZE, SECRET_SIZE),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1 && EVP_CipherInit_ex2(cipher, s->cipher, key, iv, seal, NULL) == 1;
}

/* 1: use it; 2: and give a newer one; 0: there is no such key; -1: something broke. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	struct tls_server *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	int i;

	if (seal) {
		if (s->nkeys == 0 || RAND_bytes(iv, EVP_CIPHER_get_iv_length(s->cipher)) != 1)
			return -1;
		memcpy(name, s->keys[0], NAME_SIZE);
		return key_use(s, 0, iv, cipher, mac, 1) ? 1 : -1;
	}
	i = key_find(s, name);
	if (i < 0)
		return 0;
	if (!key_use(s, i, iv, cipher, mac, 0))
		return -1;
	/* Who showed a certificate shows it again when the ticket is over: renewed ones would never end (RFC 8446, 4.6.1). */
	if ((SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0)
		return 1;
	/* A client of TLS 1.3 uses a ticket once (RFC 8446, C.4): without another, each second session would be a new one. */
	return i == 0 && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
}

/* ---- which certificate ---- */

static const struct profile *profile_of(const struct tls_server *s, const SSL_CTX *ctx)
{
	for (size_t i = 0; i < s->nprofiles; i++)
		for (size_t j = 0; j < s->config->ncertificates; j++)
			if (s->profiles[i].contexts[j] == ctx)
				return &s->profiles[i];
	return NULL;
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_server *s = arg;
	const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct profile *p = profile_of(s, SSL_get_SSL_CTX(ssl));
	enum chain_match best = CHAIN_OTHER;
	size_t at = 0;

	(void)alert;
	if (host == NULL || p == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	for (size_t i = 0; i < s->config->ncertificates; i++) {
		enum chain_match m = chain_match(&s->chains[i], host);

		if (m > best) {
			best = m;
			at = i;
		}
	}
	/* Many senders ask for a name of which the MX does not know: they get the first, and mostly don't care. */
	if (best == CHAIN_OTHER)
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_get_SSL_CTX(ssl) != p->contexts[at] && SSL_set_SSL_CTX(ssl, p->contexts[at]) == NULL)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

/* ---- contexts ---- */

/* A certificate that is not good is like none: what is wrong stays in the store's context for tls_server_facts. */
static int on_client(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static int clients_trust(SSL_CTX *ctx, const char *pem, struct err *e)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	X509 *cert;
	int n = 0;

	if (in == NULL)
		abort();
	while ((cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert) == 1 && SSL_CTX_add_client_CA(ctx, cert) == 1)
			n++;
		X509_free(cert);
	}
	BIO_free(in);
	ERR_clear_error();
	if (n == 0)
		return err_set(e, ERR_CONFIG, 0, "client_ca holds no certificate that OpenSSL can read (PEM)");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, on_client);
	SSL_CTX_set_verify_depth(ctx, VERIFY_DEPTH);
	return 0;
}

/* Sessions begun with other authorities are not resumed: who the client is was decided by those. */
static bool context_name(SSL_CTX *ctx, const struct profile *p)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	const char *text = p->client_ca == NULL ? "" : p->client_ca;

	return EVP_Digest(text, strlen(text), hash, &n, EVP_sha256(), NULL) == 1 &&
	       SSL_CTX_set_session_id_context(ctx, hash, n < SSL_MAX_SID_CTX_LENGTH ? n : SSL_MAX_SID_CTX_LENGTH) == 1;
}

static bool strength_set(SSL_CTX *ctx, bool legacy)
{
	static const char modern[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
	static const char old[] = "ECDHE+AESGCM:ECDHE+CHACHA20:ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0";

	if (legacy) {
		SSL_CTX_set_security_level(ctx, 0);
		(void)SSL_CTX_set_dh_auto(ctx, 1);
	} else if (SSL_CTX_get_security_level(ctx) < SECURITY_LEVEL) {
		SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	}
	return SSL_CTX_set_min_proto_version(ctx, legacy ? TLS1_VERSION : TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, 0) == 1 && SSL_CTX_set_cipher_list(ctx, legacy ? old : modern) == 1 &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1;
}

/* It idles for minutes, between a few octets: what it holds meanwhile is what counts. */
static void habits_set(struct tls_server *s, SSL_CTX *ctx)
{
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_LEGACY_SERVER_CONNECT |
					     SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	/* Head and body of a record by one system call. What lies behind it then waits in OpenSSL: transport_pending tells. */
	SSL_CTX_set_read_ahead(ctx, 1);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_timeout(ctx, TICKET_SECONDS);
	(void)SSL_CTX_set_num_tickets(ctx, 1);
	(void)SSL_CTX_set_max_early_data(ctx, 0);
	(void)SSL_CTX_set_recv_max_early_data(ctx, 0);
	(void)SSL_CTX_set_app_data(ctx, s);
	(void)SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
	(void)SSL_CTX_set_tlsext_servername_arg(ctx, s);
	(void)SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
}

static bool chain_use(SSL_CTX *ctx, const struct chain *c)
{
	return SSL_CTX_use_cert_and_key(ctx, c->leaf, c->key, c->rest, 1) == 1;
}

/* For certificate AT, with those of the same names beside it. NULL and E. */
static SSL_CTX *context_new(struct tls_server *s, const struct profile *p, size_t at, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL || !strength_set(ctx, p->legacy) || !context_name(ctx, p)) {
		(void)err_set(e, ERR_CONFIG, 0, "OpenSSL does not start: %s", reason());
		goto fail;
	}
	habits_set(s, ctx);
	for (size_t i = 0; i < s->config->ncertificates; i++) {
		if (i != at && !chain_is_twin(&s->chains[at], &s->chains[i]))
			continue;
		if (chain_use(ctx, &s->chains[i]))
			continue;
		(void)err_set(e, ERR_CONFIG, 0,
			      "certificates.%s can't be used: its key or its signature is too weak for OpenSSL (%s)",
			      s->config->certificates[i].name, reason());
		goto fail;
	}
	if (p->client_ca == NULL || clients_trust(ctx, p->client_ca, e) == 0)
		return ctx;
fail:
	SSL_CTX_free(ctx);
	return NULL;
}

static struct profile *profile_find(const struct tls_server *s, const struct config_listener *l)
{
	for (size_t i = 0; i < s->nprofiles; i++) {
		struct profile *p = &s->profiles[i];

		if (p->legacy == l->legacy_tls &&
		    strcmp(p->client_ca == NULL ? "" : p->client_ca, l->client_ca_pem == NULL ? "" : l->client_ca_pem) == 0)
			return p;
	}
	return NULL;
}

static int profiles_make(struct tls_server *s, struct err *e)
{
	s->profiles = mem_array(s->config->nlisteners + 1, sizeof *s->profiles);
	for (size_t i = 0; i < s->config->nlisteners; i++) {
		const struct config_listener *l = &s->config->listeners[i];
		struct profile *p;

		if (l->tls == CONFIG_OFFER_NONE || profile_find(s, l) != NULL)
			continue;
		p = &s->profiles[s->nprofiles++];
		*p = (struct profile){ .legacy = l->legacy_tls, .client_ca = l->client_ca_pem };
		p->contexts = mem_array(s->config->ncertificates, sizeof(SSL_CTX *));
		for (size_t j = 0; j < s->config->ncertificates; j++) {
			p->contexts[j] = context_new(s, p, j, e);
			if (p->contexts[j] == NULL)
				return -1;
		}
	}
	return 0;
}

struct tls_server *tls_server_new(const struct config *c, struct err *e)
{
	struct tls_server *s;

	err_clear(e);
	if (c->ncertificates == 0)
		return NULL;
	ERR_clear_error();
	s = mem_alloc(sizeof *s);
	s->config = c;
	s->chains = mem_array(c->ncertificates, sizeof *s->chains);
	s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (s->cipher == NULL) {
		(void)err_set(e, ERR_CONFIG, 0, "OpenSSL has no AES: %s", reason());
		goto fail;
	}
	for (size_t i = 0; i < c->ncertificates; i++)
		if (chain_read(&s->chains[i], &c->certificates[i], e) != 0) {
			(void)err_prefix(e, "certificates.%s", c->certificates[i].name);
			goto fail;
		}
	if (profiles_make(s, e) != 0)
		goto fail;
	return s;
fail:
	tls_server_free(&s);
	ERR_clear_error();
	return NULL;
}

void tls_server_free(struct tls_server **sp)
{
	struct tls_server *s = *sp;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->nprofiles; i++) {
		for (size_t j = 0; j < s->config->ncertificates; j++)
			SSL_CTX_free(s->profiles[i].contexts[j]);
		free(s->profiles[i].contexts);
	}
	for (size_t i = 0; i < s->config->ncertificates; i++)
		chain_free(&s->chains[i]);
	EVP_CIPHER_free(s->cipher);
	mem_wipe(s->keys, sizeof s->keys);
	free(s->profiles);
	free(s->chains);
	free(s);
	*sp = NULL;
}

/* ---- sessions ---- */

SSL *tls_server_session(struct tls_server *s, const struct config_listener *l)
{
	const struct profile *p = l->tls == CONFIG_OFFER_NONE ? NULL : profile_find(s, l);
	SSL *ssl = p == NULL ? NULL : SSL_new(p->contexts[0]);

	if (ssl != NULL && s->nkeys == 0) {
		(void)SSL_set_options(ssl, SSL_OP_NO_TICKET);
		(void)SSL_set_num_tickets(ssl, 0);
	}
	ERR_clear_error();
	return ssl;
}

void tls_server_drop(SSL **ssl)
{
	SSL_free(*ssl);
	*ssl = NULL;
}

/* Printable ASCII: a stranger may have written it. */
static void name_print(const X509_NAME *name, char *out, size_t size)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	long n;

	if (b == NULL)
		return;
	(void)X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253);
	n = BIO_get_mem_data(b, &p);
	for (size_t i = 0; i < (size_t)n && i + 1 < size; i++)
		out[i] = p[i] >= ' ' && p[i] < 0x7f ? p[i] : '?';
	BIO_free(b);
}

void tls_server_facts(SSL *ssl, struct tls_server_facts *out)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
	X509 *client = SSL_get0_peer_certificate(ssl);
	long code = SSL_get_verify_result(ssl);
	const char *name = cipher == NULL ? NULL : SSL_CIPHER_standard_name(cipher);

	*out = (struct tls_server_facts){ .version = SSL_get_version(ssl),
					  .cipher = name == NULL ? SSL_CIPHER_get_name(cipher) : name,
					  .bits = (unsigned)SSL_CIPHER_get_bits(cipher, NULL),
					  .resumed = SSL_session_reused(ssl) == 1,
					  .asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) };
	if (client == NULL)
		return;
	if (code != X509_V_OK) {
		(void)snprintf(out->distrust, sizeof out->distrust, "%s", X509_verify_cert_error_string(code));
		return;
	}
	name_print(X509_get_subject_name(client), out->subject, sizeof out->subject);
	name_print(X509_get_issuer_name(client), out->issuer, sizeof out->issuer);
}
