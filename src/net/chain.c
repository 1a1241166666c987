#include "net/chain.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/slice.h"
#include "net/pem.h"

enum { CHAIN_MAX = 16, SOON_SECONDS = 14 * 24 * 3600 };

/* ---- names ---- */

static bool is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!ascii_is_alpha(s[i]) && !ascii_is_digit(s[i]) && strchr("-_.*", s[i]) == NULL)
			return false;
	return n > 0 && n <= 253;
}

static void name_add(struct chain *c, const ASN1_STRING *s)
{
	const char *p = s == NULL ? "" : (const char *)ASN1_STRING_get0_data(s);
	size_t n = s == NULL ? 0 : (size_t)ASN1_STRING_length(s);
	char *name;

	if (!is_name(p, n))
		return;
	name = slice_dup(slice_of(p, n));
	for (size_t i = 0; i < n; i++)
		name[i] = ascii_lower(name[i]);
	c->names = mem_resize(c->names, c->nnames + 1, sizeof *c->names);
	c->names[c->nnames++] = name;
}

/* Of one that has no alternative names the common name counts, as some makers of their own certificates have only
 * that. */
static void names_read(struct chain *c)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
	const X509_NAME *subject = X509_get_subject_name(c->leaf);
	int at;

	for (int i = 0; all != NULL && i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);

		if (g->type == GEN_DNS)
			name_add(c, g->d.dNSName);
	}
	at = all != NULL || subject == NULL ? -1 : X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at >= 0)
		name_add(c, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	GENERAL_NAMES_free(all);
}

enum chain_match chain_match(const struct chain *c, const char *host)
{
	const char *tail = strchr(host, '.');
	enum chain_match best = CHAIN_OTHER;

	for (size_t i = 0; i < c->nnames; i++) {
		if (strcasecmp(c->names[i], host) == 0)
			return CHAIN_EXACT;
		if (c->names[i][0] == '*' && tail != NULL && tail != host && strcasecmp(c->names[i] + 1, tail) == 0)
			best = CHAIN_WILDCARD;
	}
	return best;
}

static bool has_all_names(const struct chain *c, const struct chain *of)
{
	for (size_t i = 0; i < of->nnames; i++) {
		size_t j = 0;

		while (j < c->nnames && strcmp(c->names[j], of->names[i]) != 0)
			j++;
		if (j == c->nnames)
			return false;
	}
	return true;
}

bool chain_is_twin(const struct chain *c, const struct chain *d)
{
	return EVP_PKEY_get_base_id(c->key) != EVP_PKEY_get_base_id(d->key) && has_all_names(c, d) &&
	       has_all_names(d, c);
}

/* ---- reading ---- */

static int rest_read(struct chain *c, BIO *in, const struct config_certificate *from, struct err *e)
{
	X509 *below = c->leaf, *next;

	while ((next = pem_certificate(in)) != NULL) {
		int n = sk_X509_num(c->rest) + 2;

		if (sk_X509_push(c->rest, next) == 0)
			abort();
		if (n > CHAIN_MAX)
			return err_set(e, ERR_CONFIG, 0, "%s holds more than %d certificates: it should hold yours and "
							 "those that lead to its authority",
				       from->certificate, CHAIN_MAX);
		if (X509_check_issued(next, below) != X509_V_OK)
			return err_set(e, ERR_CONFIG, 0,
				       "in %s certificate %d is not by certificate %d: yours must come first, and "
				       "behind each the one that signed it, as in certbot's fullchain.pem",
				       from->certificate, n - 1, n);
		below = next;
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return err_set(e, ERR_CONFIG, 0, "%s: what stands behind certificate %d can't be read as a certificate",
			       from->certificate, sk_X509_num(c->rest) + 1);
	return 0;
}

static int key_read(struct chain *c, const struct config_certificate *from, struct err *e)
{
	BIO *in = pem_open(from->key_pem);

	c->key = pem_key(in);
	BIO_free(in);
	if (c->key == NULL)
		return err_set(e, ERR_CONFIG, 0, "%s holds no private key that OpenSSL can read (PEM, no passphrase)",
			       from->key);
	if (X509_check_private_key(c->leaf, c->key) != 1)
		return err_set(e, ERR_CONFIG, 0,
			       "the key in %s is not that of the first certificate in %s: both files must be from the "
			       "same issue",
			       from->key, from->certificate);
	return 0;
}

int chain_read(struct chain *c, const struct config_certificate *from, struct err *e)
{
	static const struct config_certificate unnamed = { .certificate = (char *)"certificate", .key = (char *)"key" };
	struct config_certificate f = *from;
	BIO *in = pem_open(from->certificate_pem);
	int ret = -1;

	/* A role was not told the paths. */
	f.certificate = f.certificate == NULL ? unnamed.certificate : f.certificate;
	f.key = f.key == NULL ? unnamed.key : f.key;
	*c = (struct chain){ .rest = sk_X509_new_null() };
	if (c->rest == NULL)
		abort();
	ERR_clear_error();
	c->leaf = pem_certificate(in);
	if (c->leaf == NULL)
		(void)err_set(e, ERR_CONFIG, 0, "%s holds no certificate that OpenSSL can read (PEM)", f.certificate);
	else if (X509_get0_pubkey(c->leaf) == NULL)
		(void)err_set(e, ERR_CONFIG, 0, "the certificate in %s has a key of a kind that OpenSSL does not know",
			      f.certificate);
	else if (rest_read(c, in, &f, e) == 0 && key_read(c, &f, e) == 0)
		ret = 0;
	if (ret == 0)
		names_read(c);
	BIO_free(in);
	ERR_clear_error();
	return ret;
}

void chain_free(struct chain *c)
{
	X509_free(c->leaf);
	sk_X509_pop_free(c->rest, X509_free);
	EVP_PKEY_free(c->key); /* wipes it, with the last that holds it */
	for (size_t i = 0; i < c->nnames; i++)
		free(c->names[i]);
	free(c->names);
	*c = (struct chain){ 0 };
}

/* ---- what is to be said of it ---- */

enum chain_age chain_age(const struct chain *c, int64_t now)
{
	struct cert cert;
	int64_t soon = SOON_SECONDS;

	cert_read(c->leaf, &cert);
	if (cert.until == INT64_MIN || cert.from == INT64_MIN)
		return CHAIN_GOOD;
	if (now >= cert.until)
		return CHAIN_EXPIRED;
	if (now < cert.from)
		return CHAIN_EARLY;
	if ((cert.until - cert.from) / 4 < soon)
		soon = (cert.until - cert.from) / 4;
	return cert.until - now < soon ? CHAIN_SOON : CHAIN_GOOD;
}

const char *chain_doubt(const struct chain *c)
{
	bool own = X509_NAME_cmp(X509_get_issuer_name(c->leaf), X509_get_subject_name(c->leaf)) == 0;

	if (c->nnames == 0)
		return "it is for no host name: give one that has the names by which clients know this machine";
	if (sk_X509_num(c->rest) == 0 && !own)
		return "the file has only the certificate itself, and clients may not find its authority: use the file "
		       "with the whole chain (certbot: fullchain.pem)";
	if (X509_check_purpose(c->leaf, X509_PURPOSE_SSL_SERVER, 0) != 1)
		return "by its own words it is not for servers: clients that look will not accept it";
	return NULL;
}
