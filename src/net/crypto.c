#include "net/crypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

void crypto_start(void)
{
	unsigned char octet;
	EVP_MD *md;

	(void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_LOAD_CONFIG, NULL);
	md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	EVP_MD_free(md);
	(void)RAND_bytes(&octet, 1);
}

const char *crypto_reason(const char *otherwise)
{
	const unsigned long code = ERR_peek_last_error();
	const char *s = code == 0 ? NULL : ERR_reason_error_string(code);

	return s == NULL ? otherwise : s;
}
