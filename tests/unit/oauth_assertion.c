/* The proofs that go with what is asked of token endpoints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "config/provider.h"
#include "oauth/assertion.h"
#include "oauth/grant.h"
#include "oauth_tools.h"

static char *pem_take(BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);
	char *out = slice_dup(slice_of(p, (size_t)n));

	BIO_free(bio);
	return out;
}

/* A key of BITS and its certificate, valid for DAYS. */
static EVP_PKEY *pair_make(unsigned bits, int days, char **key, char **certificate)
{
	EVP_PKEY *k = EVP_RSA_gen(bits);
	X509 *x = X509_new();
	BIO *bio;

	assert_non_null(k);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), (long)days * 86400);
	(void)X509_set_pubkey(x, k);
	(void)X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"m", -1,
					 -1, 0);
	(void)X509_set_issuer_name(x, X509_get_subject_name(x));
	assert_true(X509_sign(x, k, EVP_sha256()) > 0);
	bio = BIO_new(BIO_s_mem());
	(void)PEM_write_bio_PrivateKey(bio, k, NULL, NULL, 0, NULL, NULL);
	*key = pem_take(bio);
	bio = BIO_new(BIO_s_mem());
	(void)PEM_write_bio_X509(bio, x);
	*certificate = pem_take(bio);
	X509_free(x);
	return k;
}

static void url_decode(struct slice in, struct buf *out)
{
	struct buf plain;

	buf_init(&plain, 100000);
	for (size_t i = 0; i < in.n; i++)
		(void)buf_add_char(&plain, in.p[i] == '-' ? '+' : in.p[i] == '_' ? '/' : in.p[i]);
	while (plain.n % 4 != 0)
		(void)buf_add_char(&plain, '=');
	assert_int_equal(base64_decode(buf_slice(&plain), out), 0);
	buf_free(&plain);
}

static json_t *part_read(struct slice part)
{
	struct buf text;
	json_t *j;

	buf_init(&text, 100000);
	url_decode(part, &text);
	j = json_loadb(text.p, text.n, 0, NULL);
	assert_non_null(j);
	buf_free(&text);
	return j;
}

/* Checks the signature as the provider would, and returns the parts. */
static void jwt_check(const char *jwt, EVP_PKEY *key, bool pss, json_t **header, json_t **claims)
{
	struct slice s = slice_str(jwt), head, body, mark;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	struct buf signature;
	size_t n = slice_find(s, '.');

	head = slice_of(s.p, n);
	body = slice_skip(s, n + 1);
	n = slice_find(body, '.');
	mark = slice_skip(body, n + 1);
	body.n = n;
	*header = part_read(head);
	*claims = part_read(body);
	buf_init(&signature, 10000);
	url_decode(mark, &signature);
	assert_int_equal(EVP_DigestVerifyInit(ctx, &how, EVP_sha256(), NULL, key), 1);
	if (pss) {
		(void)EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
		(void)EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_int_equal(EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
					  (const unsigned char *)s.p, (size_t)(body.p + body.n - s.p)),
			 1);
	EVP_MD_CTX_free(ctx);
	buf_free(&signature);
}

static const char *text_of(json_t *j, const char *name)
{
	const char *text = json_string_value(json_object_get(j, name));

	return text == NULL ? "" : text;
}

static void a_certificate_proves_who_the_client_is(void **state)
{
	struct config_server *a =
	    account_of(ACCOUNT("grant = \"application\"; certificate_file = \"/c\"; key_file = \"/k\";"));
	json_t *header, *claims;
	char *key, *certificate, *other_key, *other, *jwt;
	EVP_PKEY *k = pair_make(2048, 20, &key, &certificate), *k2 = pair_make(2048, 20, &other_key, &other);
	int64_t now = 1800000000000, expires;
	const char *what;
	struct buf form;
	struct err e;

	(void)state;
	a->token.certificate = mem_strdup(certificate);
	a->token.key = mem_strdup(key);
	buf_init(&form, 100000);
	assert_int_equal(grant_form(a, &(struct grant_request){ .step = GRANT_APPLICATION, .now = now }, &form, &e), 0);
	assert_non_null(strstr(buf_str(&form), "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
					       "client-assertion-type%3Ajwt-bearer"));
	assert_null(strstr(buf_str(&form), "client_secret"));
	jwt = form_get(buf_slice(&form), "client_assertion");
	jwt_check(jwt, k, true, &header, &claims);
	assert_string_equal(text_of(header, "alg"), "PS256");
	assert_int_equal(strlen(text_of(header, "x5t#S256")), 43);
	assert_string_equal(text_of(claims, "iss"), "id 1");
	assert_string_equal(text_of(claims, "sub"), "id 1");
	assert_string_equal(text_of(claims, "aud"), a->token.token_endpoint);
	assert_int_equal(json_integer_value(json_object_get(claims, "exp")), now / 1000 + 300);
	json_decref(header);
	json_decref(claims);
	free(jwt);
	buf_free(&form);

	assert_int_equal(grant_check(a, &e), 0);
	expires = grant_expires(a, &what);
	assert_string_equal(what, "certificate");
	assert_true(expires > 0 && expires < INT64_MAX);
	assert_int_equal(assertion_check(certificate, other_key, 0, &expires, &e), -1);
	assert_non_null(strstr(e.text, "not the key of the certificate"));
	assert_int_equal(assertion_check("nonsense", key, 0, &expires, &e), -1);
	assert_non_null(strstr(e.text, "no certificate"));
	assert_int_equal(assertion_check(certificate, certificate, 0, &expires, &e), -1);
	assert_non_null(strstr(e.text, "no private key"));
	assert_int_equal(assertion_check(certificate, key, INT64_MAX / 2, &expires, &e), -1);
	assert_non_null(strstr(e.text, "has expired"));
	EVP_PKEY_free(k);
	EVP_PKEY_free(k2);
	free(key);
	free(certificate);
	free(other_key);
	free(other);
	k = pair_make(1024, 20, &key, &certificate);
	assert_int_equal(assertion_check(certificate, key, 0, &expires, &e), -1);
	assert_non_null(strstr(e.text, "2048 bits"));
	EVP_PKEY_free(k);
	free(key);
	free(certificate);
}

static void a_service_account_asks_for_a_user(void **state)
{
	struct config_server *a = account_of(
	    "accounts = { a = { provider = \"gmail\"; user = \"scan@office.example\"; addresses = [ "
	    "\"@office.example\" ]; oauth = { grant = \"service-account\"; service_account_file = \"/s\"; }; }; };\n");
	static const char *const wrong[] = {
		"",
		"{}",
		"[",
		"{\"type\":\"service_account\"}",
		"{\"type\":\"authorized_user\",\"client_email\":\"e\",\"private_key\":\"k\"}",
		"{\"type\":\"service_account\",\"client_email\":\"e\",\"private_key\":\"k\"}"
	};
	json_t *header, *claims, *file;
	char *key, *certificate, *jwt, *type;
	EVP_PKEY *k = pair_make(2048, 20, &key, &certificate);
	struct buf form;
	struct err e;

	(void)state;
	file = json_pack("{s:s,s:s,s:s,s:s}", "type", "service_account", "client_email", "ferry@p.example",
			 "private_key", key, "private_key_id", "k1");
	a->token.service_account = json_dumps(file, 0);
	json_decref(file);
	buf_init(&form, 100000);
	assert_int_equal(
	    grant_form(a, &(struct grant_request){ .step = GRANT_SERVICE, .now = 1800000000000 }, &form, &e), 0);
	type = form_get(buf_slice(&form), "grant_type");
	assert_string_equal(type, "urn:ietf:params:oauth:grant-type:jwt-bearer");
	jwt = form_get(buf_slice(&form), "assertion");
	jwt_check(jwt, k, false, &header, &claims);
	assert_string_equal(text_of(header, "alg"), "RS256");
	assert_string_equal(text_of(header, "kid"), "k1");
	assert_string_equal(text_of(claims, "iss"), "ferry@p.example");
	assert_string_equal(text_of(claims, "sub"), "scan@office.example");
	assert_string_equal(text_of(claims, "scope"), "https://mail.google.com/");
	assert_string_equal(text_of(claims, "aud"), "https://oauth2.googleapis.com/token");
	json_decref(header);
	json_decref(claims);
	free(jwt);
	free(type);
	buf_free(&form);
	assert_int_equal(grant_check(a, &e), 0);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(assertion_service_check(wrong[i], &e), -1);
	EVP_PKEY_free(k);
	free(key);
	free(certificate);
}

static void a_secret_expires_on_its_day(void **state)
{
	struct config_server *a =
	    account_of(ACCOUNT("grant = \"application\"; client_secret = \"x\"; client_secret_expires = \"2027-05-01\";"));
	const char *what;

	(void)state;
	assert_int_equal(grant_expires(a, &what), 1809129600000);
	assert_string_equal(what, "client secret");
	a = account_of(ACCOUNT("grant = \"application\"; client_secret = \"x\";"));
	assert_int_equal(grant_expires(a, &what), INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_certificate_proves_who_the_client_is, account_forget),
		cmocka_unit_test_teardown(a_service_account_asks_for_a_user, account_forget),
		cmocka_unit_test_teardown(a_secret_expires_on_its_day, account_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
