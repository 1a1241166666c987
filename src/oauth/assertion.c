#include "oauth/assertion.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/encode.h"
#include "base/mem.h"
#include "net/pem.h"

enum { KEY_BITS_MIN = 2048, SIGNATURE_MAX = 4096, JWT_MAX = 64 * 1024, EARLIER_S = 60 /* clocks differ */ };

int base64url_encode(struct slice in, struct buf *out)
{
	struct buf plain;
	int ret;

	buf_init(&plain, in.n * 2 + 8);
	ret = base64_encode(in, &plain);
	for (size_t i = 0; ret == 0 && i < plain.n; i++) {
		char c = plain.p[i];

		if (c != '=')
			ret = buf_add_char(out, c == '+' ? '-' : c == '/' ? '_' : c);
	}
	mem_wipe(plain.p, plain.cap);
	buf_free(&plain);
	return ret;
}

/* ---- keys and certificates ---- */

static EVP_PKEY *key_read(const char *pem, const char *what, struct err *e)
{
	BIO *bio = pem_open(pem);
	EVP_PKEY *key = pem_key(bio);

	BIO_free(bio);
	ERR_clear_error();
	if (key == NULL) {
		(void)err_set(e, ERR_CONFIG, 0,
			      "%s holds no private key that can be used: it must be PEM (-----BEGIN PRIVATE KEY-----) "
			      "without a passphrase",
			      what);
	} else if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < KEY_BITS_MIN) {
		(void)err_set(e, ERR_CONFIG, 0, "%s: the key must be RSA of %d bits at least", what, KEY_BITS_MIN);
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static X509 *certificate_read(const char *pem, struct err *e)
{
	BIO *bio = pem_open(pem);
	X509 *x = pem_certificate(bio);

	BIO_free(bio);
	ERR_clear_error();
	if (x == NULL)
		(void)err_set(e, ERR_CONFIG, 0,
			      "certificate_file holds no certificate: it must be PEM (-----BEGIN CERTIFICATE-----)");
	return x;
}

static int64_t certificate_end(const X509 *x)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
		return INT64_MAX;
	return (int64_t)timegm(&tm) * 1000;
}

int assertion_check(const char *certificate, const char *key, int64_t now_ms, int64_t *expires, struct err *e)
{
	X509 *x = certificate_read(certificate, e);
	EVP_PKEY *k = x == NULL ? NULL : key_read(key, "key_file", e);
	int ret = k == NULL ? -1 : 0;

	*expires = x == NULL ? INT64_MAX : certificate_end(x);
	if (ret == 0 && X509_check_private_key(x, k) != 1)
		ret = err_set(e, ERR_CONFIG, 0, "key_file is not the key of the certificate in certificate_file");
	else if (ret == 0 && *expires <= now_ms)
		ret = err_set(e, ERR_CONFIG, 0,
			      "the certificate in certificate_file has expired: make a new one, upload it to the "
			      "provider, and name it here");
	ERR_clear_error();
	EVP_PKEY_free(k);
	X509_free(x);
	return ret;
}

/* ---- JWTs ---- */

/* Appends J as base64url, and frees it. */
static int part_add(json_t *j, struct buf *out)
{
	char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);
	int ret = text == NULL ? -1 : base64url_encode(slice_str(text), out);

	json_decref(j);
	free(text);
	return ret;
}

static int sign(EVP_PKEY *key, bool pss, struct slice text, struct buf *out)
{
	unsigned char signature[SIGNATURE_MAX];
	size_t n = sizeof signature;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;
	int ret = -1;

	if (ctx == NULL || EVP_DigestSignInit(ctx, &how, EVP_sha256(), NULL, key) != 1)
		goto done;
	if (pss && (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) != 1 ||
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) != 1))
		goto done;
	if (EVP_PKEY_get_size(key) > SIGNATURE_MAX ||
	    EVP_DigestSign(ctx, signature, &n, (const unsigned char *)text.p, text.n) != 1)
		goto done;
	ret = base64url_encode(slice_of((const char *)signature, n), out);
done:
	ERR_clear_error();
	EVP_MD_CTX_free(ctx);
	return ret;
}

/* Appends "HEADER.CLAIMS.SIGNATURE". Frees HEADER and CLAIMS. */
static int jwt_add(json_t *header, json_t *claims, EVP_PKEY *key, bool pss, struct buf *out, struct err *e)
{
	struct buf text;
	int ret;

	buf_init(&text, JWT_MAX);
	ret = part_add(header, &text);
	if (ret == 0)
		ret = buf_add_char(&text, '.');
	if (part_add(claims, &text) != 0 || ret != 0 || buf_add_slice(out, buf_slice(&text)) != 0 ||
	    buf_add_char(out, '.') != 0 || sign(key, pss, buf_slice(&text), out) != 0)
		ret = err_set(e, ERR_CONFIG, 0, "the key can't sign: it may be damaged");
	buf_free(&text);
	return ret;
}

static int thumbprint(const X509 *x, struct buf *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = sizeof digest;

	if (X509_digest(x, EVP_sha256(), digest, &n) != 1)
		return -1;
	return base64url_encode(slice_of((const char *)digest, n), out);
}

int assertion_client(const char *certificate, const char *key, const char *client_id, const char *audience,
		     int64_t now_ms, struct buf *out, struct err *e)
{
	X509 *x = certificate_read(certificate, e);
	EVP_PKEY *k = x == NULL ? NULL : key_read(key, "key_file", e);
	json_int_t now = now_ms / 1000;
	char id[RANDOM_ID_SIZE];
	struct buf print;
	int ret = -1;

	buf_init(&print, 100);
	random_id(id);
	if (k != NULL && thumbprint(x, &print) == 0)
		ret = jwt_add(json_pack("{s:s,s:s,s:s}", "alg", "PS256", "typ", "JWT", "x5t#S256", buf_str(&print)),
			      json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I}", "aud", audience, "iss", client_id, "sub",
					client_id, "jti", id, "iat", now, "nbf", now - EARLIER_S, "exp",
					now + ASSERTION_MS / 1000),
			      k, true, out, e);
	buf_free(&print);
	EVP_PKEY_free(k);
	X509_free(x);
	return ret;
}

/* ---- service accounts ---- */

struct service {
	json_t *root;
	const char *email, *key, *id; /* within root */
};

static void service_free(struct service *s)
{
	json_t *key = json_object_get(s->root, "private_key");

	if (json_is_string(key))
		mem_wipe((void *)(uintptr_t)json_string_value(key), json_string_length(key));
	json_decref(s->root);
}

static int service_read(const char *text, struct service *s, struct err *e)
{
	const char *type;

	*s = (struct service){ .root = json_loads(text, JSON_REJECT_DUPLICATES, NULL) };
	type = json_string_value(json_object_get(s->root, "type"));
	s->email = json_string_value(json_object_get(s->root, "client_email"));
	s->key = json_string_value(json_object_get(s->root, "private_key"));
	s->id = json_string_value(json_object_get(s->root, "private_key_id"));
	if (type != NULL && strcmp(type, "service_account") == 0 && s->email != NULL && s->key != NULL)
		return 0;
	return err_set(e, ERR_CONFIG, 0,
		       "service_account_file is not the JSON key file of a service account: it must hold type, "
		       "client_email and private_key as the provider's console wrote them");
}

int assertion_service_check(const char *service_account, struct err *e)
{
	struct service s;
	EVP_PKEY *k = NULL;

	if (service_read(service_account, &s, e) == 0)
		k = key_read(s.key, "private_key in service_account_file", e);
	service_free(&s);
	EVP_PKEY_free(k);
	return k == NULL ? -1 : 0;
}

int assertion_service(const char *service_account, const char *user, const char *scope, const char *audience,
		      int64_t now_ms, struct buf *out, struct err *e)
{
	json_int_t now = now_ms / 1000;
	struct service s;
	EVP_PKEY *k = NULL;
	json_t *header;
	int ret = -1;

	if (service_read(service_account, &s, e) == 0)
		k = key_read(s.key, "private_key in service_account_file", e);
	if (k != NULL) {
		header = json_pack("{s:s,s:s}", "alg", "RS256", "typ", "JWT");
		if (header != NULL && s.id != NULL)
			(void)json_object_set_new(header, "kid", json_string(s.id));
		/* Google refuses a time that lies ahead of its own. */
		ret = jwt_add(header,
			      json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "iss", s.email, "sub", user, "scope",
					scope == NULL ? "" : scope, "aud", audience, "iat", now - EARLIER_S, "exp",
					now + ASSERTION_MS / 1000),
			      k, false, out, e);
	}
	service_free(&s);
	EVP_PKEY_free(k);
	return ret;
}
