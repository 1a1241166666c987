/*
 * Channel bindings (RFC 5056): values that both ends of one TLS connection know
 * and nobody between two connections can have equal. An authentication that
 * covers one fails when somebody relays it.
 */
#ifndef MAILFERRY_NET_BINDING_H
#define MAILFERRY_NET_BINDING_H

#include <openssl/types.h>
#include <stddef.h>

enum binding_type {
	BINDING_EXPORTER,  /* tls-exporter (RFC 9266): TLS 1.3 */
	BINDING_UNIQUE,	   /* tls-unique (RFC 5929, 3): TLS 1.2, with the extended master secret only */
	BINDING_END_POINT, /* tls-server-end-point (RFC 5929, 4): the hash of the server's certificate */
	BINDING_TYPES
};

struct binding {
	unsigned char p[64];
	size_t n; /* 0: this connection has none of the type */
};

/* Those of a connection whose handshake is done, of which we are the client or the server. */
void binding_read(SSL *ssl, struct binding out[BINDING_TYPES]);

const char *binding_name(enum binding_type type);

#endif
