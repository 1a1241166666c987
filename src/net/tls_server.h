/*
 * TLS as a server, for the listeners of a configuration: which certificate a
 * client gets, which versions and ciphers it may use, and tickets by which it
 * resumes a session (RFC 5077; RFC 8446, 2.2).
 *
 *   versions  1.2 and 1.3; with legacy_tls also 1.0 and 1.1
 *   ciphers   ECDHE and AEAD; with legacy_tls whatever OpenSSL has that encrypts
 *   never     early data, renegotiation, compression
 *
 * The certificate is chosen by the name that the client asks for (RFC 6066, 3):
 * the one that has this name, or a wildcard for it; the first of the
 * configuration for a name that none has, and for whoever names none.
 */
#ifndef MAILFERRY_NET_TLS_SERVER_H
#define MAILFERRY_NET_TLS_SERVER_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "config/config.h"

struct tls_server;

/* The certificates of C, and what its listeners want. All is read and fetched now, nothing is opened later. NULL and E
 * (ERR_CONFIG) when something can't be used; NULL with E->class ERR_NONE when there are no certificates. C outlives it. */
struct tls_server *tls_server_new(const struct config *c, struct err *e);
void tls_server_free(struct tls_server **s); /* when no session lives any more */

/* Keys of tickets, the newest first: it seals, all of them open. Equal ones in several processes, or in one after the
 * other, let a client resume in each what began in another. Without any no tickets are given. Copied. */
enum { TLS_TICKET_KEY_SIZE = 80, TLS_TICKET_KEYS_MAX = 4 };
void tls_server_tickets(struct tls_server *s, const void *keys, size_t n);

/* The server's end of a connection to L, for transport_secure. NULL when there is no memory for it. */
SSL *tls_server_session(struct tls_server *s, const struct config_listener *l);
void tls_server_drop(SSL **ssl); /* one that no transport took */

/* What a finished handshake came to. Texts are OpenSSL's own and stay, but for SUBJECT. */
struct tls_server_facts {
	const char *version; /* "TLSv1.3" */
	const char *cipher;  /* by its name in the standards: "TLS_AES_256_GCM_SHA384" */
	unsigned bits;	     /* of its key */
	bool resumed;
	const char *asked;  /* the name that the client asked for, or NULL; as long as the session */
	char subject[256];  /* of the client's certificate, verified; "" where there is none */
	char issuer[256];   /* who has signed it, as it says itself */
	char distrust[128]; /* why the one that it showed does not count; "" */
};
void tls_server_facts(SSL *ssl, struct tls_server_facts *out);

/* ---- net/tls_server_words.c ---- */
/* Why the handshake of SSL failed, by OpenSSL's queue of errors, in words that say what to do. CUT: the client has hung
 * up. ERR_PROTOCOL. */
void tls_server_explain(SSL *ssl, bool cut, struct err *e);

#endif
