/* Certificates and keys in PEM (RFC 7468), one behind the other; none with a passphrase, as nobody is there to type it. */
#ifndef MAILFERRY_NET_PEM_H
#define MAILFERRY_NET_PEM_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* Reads TEXT, which must outlive it; NULL is as "". For BIO_free. */
BIO *pem_open(const char *text);

/* The next of its kind, the caller's, or NULL: OpenSSL's queue of errors says why. */
X509 *pem_certificate(BIO *in);
EVP_PKEY *pem_key(BIO *in);

#endif
