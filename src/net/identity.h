/* A certificate of ours, for servers that ask who we are (RFC 8446, 4.3.2). */
#ifndef MAILFERRY_NET_IDENTITY_H
#define MAILFERRY_NET_IDENTITY_H

#include <openssl/types.h>
#include <stdbool.h>

#include "base/err.h"

/* CERTIFICATE (PEM: ours, then those that lead to its authority) and its private KEY (PEM) for all connections of CTX,
 * none of which is resumed then. 0, or -1 and E (ERR_CONFIG). */
int identity_use(SSL_CTX *ctx, const char *certificate, const char *key, struct err *e);

/* Is OpenSSL's REASON an alert of HOST about our certificate, or about that we have none? Then E (ERR_CONFIG) says so. */
bool identity_explain(int reason, const char *host, struct err *e);

#endif
