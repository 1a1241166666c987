/*
 * TLS policy for connections that we make: TLS 1.2 at least, the chain verified
 * against the system's authorities or one file of them, the name checked against
 * the configured host (RFC 6125), SNI sent. There is no way to switch it off.
 */
#ifndef MAILFERRY_NET_TLS_H
#define MAILFERRY_NET_TLS_H

#include <openssl/types.h>

#include "base/err.h"

struct tls_client;

/* Reads CA_FILE (NULL: the system's authorities) now, so that nothing is opened later. NULL and E (ERR_CONFIG) on
 * failure. */
struct tls_client *tls_client_new(const char *ca_file, struct err *e);
void tls_client_free(struct tls_client **t);

/* What was found wrong with the certificate during one handshake. */
struct tls_verdict {
	int code;	  /* X509_V_…; X509_V_OK when nothing was */
	char issuer[160]; /* of the certificate that failed, printable */
	char names[256];  /* that the server's certificate is for */
};

/* A client session for HOST (a name or an address), not yet connected to anything; V must outlive it. NULL on failure.
 */
SSL *tls_session_new(struct tls_client *t, const char *host, struct tls_verdict *v, struct err *e);

/* Why the handshake with HOST failed, in words that say what to do. A certificate is ERR_CONFIG, all else ERR_TEMP. */
void tls_explain(const struct tls_verdict *v, const char *host, struct err *e);

#endif
