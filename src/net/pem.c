#include "net/pem.h"

#include <openssl/pem.h>
#include <stdlib.h>

/* Instead of OpenSSL's own, which would ask the terminal. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

BIO *pem_open(const char *text)
{
	BIO *b = BIO_new_mem_buf(text == NULL ? "" : text, -1);

	if (b == NULL)
		abort();
	return b;
}

X509 *pem_certificate(BIO *in)
{
	return PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
}

EVP_PKEY *pem_key(BIO *in)
{
	return PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
}
