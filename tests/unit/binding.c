/* Channel bindings: both ends of a connection have the same, and two connections never; and certificates of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/binding.h"
#include "net/identity.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- certificates ---- */

struct pair {
	X509 *cert;
	EVP_PKEY *key;
};

/* HASH NULL: the key's own (Ed25519). */
static struct pair pair_make(const char *type, const char *hash)
{
	struct pair p = { X509_new(), NULL };
	X509_NAME *name;

	p.key = strcmp(type, "RSA") == 0  ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
		: strcmp(type, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
					  : EVP_PKEY_Q_keygen(NULL, NULL, type);
	assert_non_null(p.key);
	assert_int_equal(X509_set_version(p.cert, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(p.cert), 1), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(p.cert), -3600));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(p.cert), 3600));
	name = X509_get_subject_name(p.cert);
	assert_int_equal(
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"imap.example.net", -1, -1, 0),
	    1);
	assert_int_equal(X509_set_issuer_name(p.cert, name), 1);
	assert_int_equal(X509_set_pubkey(p.cert, p.key), 1);
	assert_true(X509_sign(p.cert, p.key, hash == NULL ? NULL : EVP_get_digestbyname(hash)) > 0);
	return p;
}

static void pair_free(struct pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
}

static char *pem_of(const struct pair *p, bool key)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *text = NULL, *copy;
	long n;

	if (key)
		assert_int_equal(PEM_write_bio_PrivateKey(b, p->key, NULL, NULL, 0, NULL, NULL), 1);
	else
		assert_int_equal(PEM_write_bio_X509(b, p->cert), 1);
	n = BIO_get_mem_data(b, &text);
	copy = strndup(text, (size_t)n);
	BIO_free(b);
	return copy;
}

/* ---- connections within this process ---- */

struct ends {
	SSL_CTX *client_ctx, *server_ctx;
	SSL *client, *server;
};

static void shake(struct ends *x)
{
	for (int i = 0; i < 20; i++) {
		char c;

		(void)SSL_do_handshake(x->client);
		(void)SSL_do_handshake(x->server);
		/* The tickets that come behind the handshake. */
		(void)SSL_read(x->client, &c, 1);
		(void)SSL_read(x->server, &c, 1);
	}
	assert_true(SSL_is_init_finished(x->client) && SSL_is_init_finished(x->server));
}

static void ends_connect(struct ends *x, SSL_SESSION *old)
{
	BIO *a, *b;

	assert_int_equal(BIO_new_bio_pair(&a, 64 * 1024, &b, 64 * 1024), 1);
	x->client = SSL_new(x->client_ctx);
	x->server = SSL_new(x->server_ctx);
	SSL_set_bio(x->client, a, a);
	SSL_set_bio(x->server, b, b);
	SSL_set_connect_state(x->client);
	SSL_set_accept_state(x->server);
	if (old != NULL)
		assert_int_equal(SSL_set_session(x->client, old), 1);
	shake(x);
}

static void ends_close(struct ends *x)
{
	(void)SSL_shutdown(x->client);
	SSL_free(x->client);
	SSL_free(x->server);
}

static struct ends ends_make(const struct pair *p, int version)
{
	struct ends x = { SSL_CTX_new(TLS_client_method()), SSL_CTX_new(TLS_server_method()), NULL, NULL };

	SSL_CTX_set_security_level(x.client_ctx, 0); /* for the certificate by SHA-1 */
	SSL_CTX_set_security_level(x.server_ctx, 0);
	assert_int_equal(SSL_CTX_use_certificate(x.server_ctx, p->cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(x.server_ctx, p->key), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(x.server_ctx, version), 1);
	(void)SSL_CTX_set_session_id_context(x.server_ctx, (const unsigned char *)"t", 1);
	return x;
}

static void ends_free(struct ends *x)
{
	SSL_CTX_free(x->client_ctx);
	SSL_CTX_free(x->server_ctx);
}

/* What the server's end must have, worked out another way than binding.c does. */
static void compare(struct ends *x, const struct binding b[BINDING_TYPES], bool resumed)
{
	struct binding ours[BINDING_TYPES];
	unsigned char other[64];
	size_t n;

	binding_read(x->server, ours);
	for (int i = 0; i < BINDING_TYPES; i++) {
		assert_int_equal(ours[i].n, b[i].n);
		assert_memory_equal(ours[i].p, b[i].p, b[i].n);
	}
	if (SSL_version(x->client) == TLS1_3_VERSION) {
		static const char label[] = "EXPORTER-Channel-Binding";

		assert_int_equal(b[BINDING_UNIQUE].n, 0);
		assert_int_equal(b[BINDING_EXPORTER].n, 32);
		/* RFC 9266, 2: with a context of no octets. */
		assert_int_equal(SSL_export_keying_material(x->server, other, 32, label, strlen(label),
							    (const unsigned char *)"", 0, 1),
				 1);
		assert_memory_equal(b[BINDING_EXPORTER].p, other, 32);
		return;
	}
	assert_int_equal(b[BINDING_EXPORTER].n, 0);
	assert_true(b[BINDING_UNIQUE].n >= 12);
	n = resumed ? SSL_get_finished(x->server, other, sizeof other)
		    : SSL_get_peer_finished(x->server, other, sizeof other);
	assert_int_equal(n, b[BINDING_UNIQUE].n);
	assert_memory_equal(b[BINDING_UNIQUE].p, other, n);
}

static void both_ends_have_the_same(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct pair p = pair_make("EC", "SHA256");

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct ends x = ends_make(&p, versions[i]);
		struct binding first[BINDING_TYPES], second[BINDING_TYPES];
		SSL_SESSION *session;
		int type = versions[i] == TLS1_3_VERSION ? BINDING_EXPORTER : BINDING_UNIQUE;

		ends_connect(&x, NULL);
		binding_read(x.client, first);
		compare(&x, first, false);
		session = SSL_get1_session(x.client);
		ends_close(&x);

		ends_connect(&x, session);
		assert_int_equal(SSL_session_reused(x.client), 1);
		binding_read(x.client, second);
		compare(&x, second, true);
		assert_memory_not_equal(first[type].p, second[type].p, 12);
		/* The server is the same. */
		assert_int_equal(first[BINDING_END_POINT].n, 32);
		assert_int_equal(second[BINDING_END_POINT].n, 32);
		assert_memory_equal(first[BINDING_END_POINT].p, second[BINDING_END_POINT].p, 32);
		ends_close(&x);
		SSL_SESSION_free(session);
		ends_free(&x);
	}
	pair_free(&p);
}

/* RFC 7627: without the extended master secret tls-unique is worth nothing. */
static void unique_needs_the_extended_secret(void **state)
{
	struct pair p = pair_make("EC", "SHA256");
	struct ends x = ends_make(&p, TLS1_2_VERSION);
	struct binding b[BINDING_TYPES];

	(void)state;
	(void)SSL_CTX_set_options(x.server_ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	ends_connect(&x, NULL);
	binding_read(x.client, b);
	assert_int_equal(b[BINDING_UNIQUE].n, 0);
	assert_int_equal(b[BINDING_EXPORTER].n, 0);
	assert_int_equal(b[BINDING_END_POINT].n, 32);
	ends_close(&x);
	ends_free(&x);
	pair_free(&p);
}

/* RFC 5929, 4.1: the hash of the certificate's signature, SHA-256 for weak ones, none where there is none. */
static void the_certificate_says_which_hash(void **state)
{
	static const struct {
		const char *type, *hash, *expected;
	} rows[] = {
		{ "RSA", "SHA1", "SHA256" },   { "RSA", "SHA256", "SHA256" }, { "RSA", "SHA384", "SHA384" },
		{ "RSA", "SHA512", "SHA512" }, { "EC", "SHA384", "SHA384" },  { "ED25519", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pair p = pair_make(rows[i].type, rows[i].hash);
		struct ends x = ends_make(&p, TLS1_3_VERSION);
		struct binding b[BINDING_TYPES];
		unsigned char hash[EVP_MAX_MD_SIZE];
		unsigned n = 0;

		ends_connect(&x, NULL);
		binding_read(x.client, b);
		if (rows[i].expected != NULL)
			assert_int_equal(X509_digest(p.cert, EVP_get_digestbyname(rows[i].expected), hash, &n), 1);
		assert_int_equal(b[BINDING_END_POINT].n, n);
		assert_memory_equal(b[BINDING_END_POINT].p, hash, n);
		ends_close(&x);
		ends_free(&x);
		pair_free(&p);
	}
}

/* ---- certificates of ours ---- */

static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static void the_server_sees_our_certificate(void **state)
{
	struct pair p = pair_make("EC", "SHA256"), ours = pair_make("RSA", "SHA256");
	struct ends x = ends_make(&p, TLS1_3_VERSION);
	char *cert = pem_of(&ours, false), *key = pem_of(&ours, true), *above = pem_of(&p, false), chain[8000];
	X509 *seen;
	struct err e = { 0 };

	(void)state;
	(void)snprintf(chain, sizeof chain, "%s%s", cert, above);
	assert_int_equal(identity_use(x.client_ctx, chain, key, &e), 0);
	SSL_CTX_set_verify(x.server_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
	ends_connect(&x, NULL);
	seen = SSL_get0_peer_certificate(x.server);
	assert_non_null(seen);
	assert_int_equal(X509_cmp(seen, ours.cert), 0);
	assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(x.server)), 1); /* a server's list is without the leaf */
	ends_close(&x);
	ends_free(&x);
	pair_free(&p);
	pair_free(&ours);
	free(cert);
	free(key);
	free(above);
}

static void bad_certificates_say_why(void **state)
{
	struct pair a = pair_make("EC", "SHA256"), b = pair_make("EC", "SHA256");
	char *cert = pem_of(&a, false), *key = pem_of(&a, true), *other = pem_of(&b, true), *locked, *text = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	long n;

	(void)state;
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, a.key, EVP_aes_128_cbc(), "x", 1, NULL, NULL), 1);
	n = BIO_get_mem_data(bio, &text);
	locked = strndup(text, (size_t)n);
	BIO_free(bio);
	{
		const struct {
			const char *cert, *key, *why;
		} rows[] = {
			{ cert, other, "is not the key of the certificate" },
			{ cert, locked, "no private key that OpenSSL can read" },
			{ cert, cert, "no private key" },
			{ key, key, "no certificate" },
			{ "", key, "no certificate" },
			{ cert, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key" },
			{ cert, key, NULL },
		};

		for (size_t i = 0; i < COUNT(rows); i++) {
			SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
			struct err e = { 0 };

			assert_int_equal(identity_use(ctx, rows[i].cert, rows[i].key, &e),
					 rows[i].why == NULL ? 0 : -1);
			if (rows[i].why != NULL && (e.class != ERR_CONFIG || strstr(e.text, rows[i].why) == NULL))
				fail_msg("row %zu: %s", i, e.text);
			assert_int_equal(ERR_peek_error(), 0);
			SSL_CTX_free(ctx);
		}
	}
	pair_free(&a);
	pair_free(&b);
	free(cert);
	free(key);
	free(other);
	free(locked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_have_the_same),	   cmocka_unit_test(unique_needs_the_extended_secret),
		cmocka_unit_test(the_certificate_says_which_hash), cmocka_unit_test(the_server_sees_our_certificate),
		cmocka_unit_test(bad_certificates_say_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
