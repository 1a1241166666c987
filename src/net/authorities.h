/* The certificates of the system's authorities, read at once. */
#ifndef MAILFERRY_NET_AUTHORITIES_H
#define MAILFERRY_NET_AUTHORITIES_H

#include <openssl/types.h>

#include "base/err.h"

/* Puts all that OpenSSL would look up with the first certificate that it verifies, from its file and its directory of hashed
 * names (Debian: /etc/ssl/certs), into CTX: afterwards no file is opened any more. That there are none is no error. */
int authorities_load(SSL_CTX *ctx, struct err *e);

#endif
