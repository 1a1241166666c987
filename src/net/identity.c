#include "net/identity.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "net/crypto.h"
#include "net/pem.h"

enum { CHAIN_MAX = 16 };

/* What stands behind our own certificate. */
static int add_chain(SSL_CTX *ctx, BIO *in, struct err *e)
{
	X509 *cert;

	for (int n = 0; (cert = pem_certificate(in)) != NULL; n++) {
		if (n == CHAIN_MAX || SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
			X509_free(cert);
			return err_set(
			    e, ERR_CONFIG, 0,
			    "client_certificate holds certificates that can't be used behind the first, or more "
			    "than %d",
			    CHAIN_MAX + 1);
		}
	}
	return 0;
}

int identity_use(SSL_CTX *ctx, const char *certificate, const char *key, struct err *e)
{
	BIO *certs = pem_open(certificate), *keys = pem_open(key);
	X509 *cert = pem_certificate(certs);
	EVP_PKEY *pkey = pem_key(keys);
	int ret = -1;

	if (cert == NULL)
		(void)err_set(e, ERR_CONFIG, 0, "client_certificate holds no certificate that OpenSSL can read (PEM)");
	else if (pkey == NULL)
		(void)err_set(e, ERR_CONFIG, 0,
			      "client_key holds no private key that OpenSSL can read (PEM, without a passphrase)");
	else if (X509_check_private_key(cert, pkey) != 1)
		(void)err_set(e, ERR_CONFIG, 0, "client_key is not the key of the certificate in client_certificate");
	else if (SSL_CTX_use_certificate(ctx, cert) != 1 || SSL_CTX_use_PrivateKey(ctx, pkey) != 1)
		(void)err_set(e, ERR_CONFIG, 0,
			      "client_certificate can't be used: its key or its signature is too weak for OpenSSL (%s)",
			      crypto_reason("no reason given"));
	else
		ret = add_chain(ctx, certs, e);
	/* Servers of OpenSSL that ask for a certificate and have no session id context (Dovecot 2.3) break off when a
	 * session is to be resumed. */
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	ERR_clear_error();
	X509_free(cert);
	EVP_PKEY_free(pkey); /* wipes it, with the last that holds it */
	BIO_free(certs);
	BIO_free(keys);
	return ret;
}

bool identity_explain(int reason, const char *host, struct err *e)
{
	switch (reason) {
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
	case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
		(void)err_set(e, ERR_CONFIG, 0,
			      "%s wants to see a certificate of ours: set client_certificate and client_key", host);
		return true;
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
		(void)err_set(e, ERR_CONFIG, 0,
			      "%s does not accept our certificate (%s): set client_certificate and client_key to "
			      "one that it knows",
			      host, ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason)));
		return true;
	default:
		return false;
	}
}
