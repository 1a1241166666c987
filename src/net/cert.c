#include "net/cert.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/encode.h"

static void print_text(const unsigned char *p, int n, struct buf *out)
{
	for (int i = 0; i < n; i++)
		(void)buf_add_char(out, p[i] >= ' ' && p[i] < 0x7f ? (char)p[i] : '?');
}

/* The newest entry of that kind, or false. */
static bool print_entry(const X509_NAME *name, int nid, struct buf *out)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	const ASN1_STRING *s = at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));

	if (s == NULL || ASN1_STRING_length(s) == 0)
		return false;
	print_text(ASN1_STRING_get0_data(s), ASN1_STRING_length(s), out);
	return true;
}

static void print_name(const X509_NAME *name, char *out, size_t size)
{
	struct buf b;

	buf_init(&b, 4096);
	if (name == NULL || (!print_entry(name, NID_commonName, &b) && !print_entry(name, NID_organizationName, &b)))
		(void)buf_add_str(&b, "somebody without a name");
	(void)snprintf(out, size, "%s", buf_str(&b));
	buf_free(&b);
}

static void print_alternative(const GENERAL_NAME *g, struct buf *out)
{
	const ASN1_STRING *s = g->type == GEN_DNS ? g->d.dNSName : g->type == GEN_IPADD ? g->d.iPAddress : NULL;
	char address[INET6_ADDRSTRLEN];
	int n = s == NULL ? 0 : ASN1_STRING_length(s);

	if (n == 0)
		return;
	if (g->type == GEN_DNS) {
		(void)buf_add_str(out, out->n > 0 ? ", " : "");
		print_text(ASN1_STRING_get0_data(s), n, out);
	} else if ((n == 4 || n == 16) &&
		   inet_ntop(n == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(s), address, sizeof address) != NULL) {
		(void)buf_addf(out, "%s%s", out->n > 0 ? ", " : "", address);
	}
}

/* As many as fit. */
static void print_names(X509 *cert, char *out, size_t size)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = all == NULL ? 0 : sk_GENERAL_NAME_num(all), i;
	static const char more[] = ", …";
	struct buf b;
	size_t fits = 0;

	buf_init(&b, 4096);
	for (i = 0; i < n; i++) {
		print_alternative(sk_GENERAL_NAME_value(all, i), &b);
		if (b.n + sizeof more > size || buf_failed(&b))
			break;
		fits = b.n;
	}
	if (fits > 0)
		(void)snprintf(out, size, "%.*s%s", (int)fits, b.p, i < n ? more : "");
	else
		print_name(X509_get_subject_name(cert), out, size);
	GENERAL_NAMES_free(all);
	buf_free(&b);
}

static int64_t read_date(const ASN1_TIME *t)
{
	struct tm tm;

	return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MIN;
}

static void print_fingerprint(X509 *cert, char out[CERT_FINGERPRINT_SIZE])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (X509_digest(cert, EVP_sha256(), hash, &n) != 1)
		return;
	for (unsigned i = 0; i < n && i * 3 + 2 < CERT_FINGERPRINT_SIZE; i++)
		(void)snprintf(out + (size_t)i * 3, 4, i + 1 < n ? "%02X:" : "%02X", hash[i]);
}

static void print_pin(X509 *cert, char out[CERT_PIN_SIZE])
{
	unsigned char hash[EVP_MAX_MD_SIZE], *key = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &key);
	unsigned size = 0;
	struct buf b;

	buf_init(&b, CERT_PIN_SIZE - 1);
	if (n > 0 && EVP_Digest(key, (size_t)n, hash, &size, EVP_sha256(), NULL) == 1 &&
	    base64_encode(slice_of((const char *)hash, size), &b) == 0)
		(void)snprintf(out, CERT_PIN_SIZE, "%s", buf_str(&b));
	buf_free(&b);
	OPENSSL_free(key);
}

void cert_read(X509 *cert, struct cert *out)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	const char *kind = key == NULL ? NULL : EVP_PKEY_get0_type_name(key);

	*out =
	    (struct cert){ .from = read_date(X509_get0_notBefore(cert)), .until = read_date(X509_get0_notAfter(cert)) };
	print_name(X509_get_issuer_name(cert), out->issuer, sizeof out->issuer);
	print_names(cert, out->names, sizeof out->names);
	print_fingerprint(cert, out->fingerprint);
	print_pin(cert, out->pin);
	if (kind != NULL)
		(void)snprintf(out->key, sizeof out->key, "%.15s %d bits", kind, EVP_PKEY_get_bits(key));
	out->own = X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(cert)) == 0;
}
