/*
 * A certificate of ours with its key, and the certificates behind it that lead to
 * its authority (RFC 8446, 4.4.2), as the configuration has them.
 */
#ifndef MAILFERRY_NET_CHAIN_H
#define MAILFERRY_NET_CHAIN_H

#include <openssl/types.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "net/cert.h"

struct chain {
	X509 *leaf;
	STACK_OF(X509) *rest; /* never NULL */
	EVP_PKEY *key;
	char **names; /* host names that it is for, in lower case: "mail.office.example", "*.office.example" */
	size_t nnames;
};

/* Reads the PEM texts of FROM: the certificate, each other one by the next, and the key that fits. 0, or -1 and E
 * (ERR_CONFIG: what is wrong with which file). */
int chain_read(struct chain *c, const struct config_certificate *from, struct err *e);
void chain_free(struct chain *c); /* what chain_read left, also of a failure */

enum chain_match { CHAIN_OTHER, CHAIN_WILDCARD, CHAIN_EXACT };

/* Is it for HOST? A wildcard stands for one label (RFC 6125, 6.4.3). */
enum chain_match chain_match(const struct chain *c, const char *host);

/* Has D the same names, and a key of another kind? Then clients that can't use the one may use the other. */
bool chain_is_twin(const struct chain *c, const struct chain *d);

/* Has it expired at NOW (seconds since 1970), or will it soon: within two weeks, or a quarter of its life if that is
 * less? */
enum chain_age { CHAIN_GOOD, CHAIN_EARLY, CHAIN_SOON, CHAIN_EXPIRED };
enum chain_age chain_age(const struct chain *c, int64_t now);

/* What clients may stumble over, in words; NULL: nothing. */
const char *chain_doubt(const struct chain *c);

#endif
