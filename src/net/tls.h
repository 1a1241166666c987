/*
 * TLS policy for connections that we make: TLS 1.2 at least, keys of today's
 * strength, SNI sent. There is no way to switch verification off. What is
 * trusted:
 *
 *   neither ca_file nor pins  the system's authorities; the name must be the host's (RFC 6125)
 *   ca_file                   the authorities in it, instead of the system's; the name likewise
 *   pins                      that key, whatever its certificate says (issuer, name, dates)
 *   both                      both are asked for: a good certificate, and one of the keys
 *
 * Sessions are resumed (RFC 8446, 2.2; RFC 5077): a client keeps the newest
 * tickets in memory, those too that come after a handshake, and uses each TLS 1.3
 * ticket once. A resumed session was verified, by the same client, when it began.
 */
#ifndef MAILFERRY_NET_TLS_H
#define MAILFERRY_NET_TLS_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "config/config.h"
#include "net/cert.h"

struct tls_client;

struct tls_policy {
	const char *ca_file;	 /* PEM; NULL: the system's authorities, or none at all where pins are given */
	const char *const *pins; /* base64 of the SHA-256 of a SubjectPublicKeyInfo; copied */
	size_t npins;
};

/* Reads the authorities now, so that nothing is opened later. NULL and E (ERR_CONFIG) on failure. */
struct tls_client *tls_client_new(const struct tls_policy *policy, struct err *e);
struct tls_client *tls_client_of(const struct config_server *server, struct err *e); /* what its keys say */
void tls_client_free(struct tls_client **t); /* when no session lives any more */

/* One handshake: whom we want to meet, and what was found wrong with the certificate. Zero it before use. */
struct tls_verdict {
	const char *host; /* set by tls_session_new */
	int code;	  /* X509_V_…; X509_V_OK when nothing was wrong */
	bool seen;	  /* the server showed a certificate: */
	struct cert leaf; /* its own */
	struct cert bad;  /* the one of its chain that CODE is about */
};

/* A client session for HOST (a name or an address), not yet connected to anything; V and HOST must outlive it. NULL on
 * failure. */
SSL *tls_session_new(struct tls_client *t, const char *host, struct tls_verdict *v, struct err *e);

/* ---- net/tls_words.c: why the handshake failed, in words that say what to do; of a certificate also fingerprint and
 * pin. A certificate or a version of TLS is ERR_CONFIG, all else ERR_TEMP. ---- */
void tls_explain(const struct tls_verdict *v, struct err *e);

/* Forgets all tickets, so that the next handshake is a full one: after one that failed. */
void tls_forget(struct tls_client *t);

/* What a finished handshake came to. */
struct tls_facts {
	char version[16]; /* "TLSv1.3" */
	char cipher[64];
	bool resumed;
	struct cert cert;
};
void tls_describe(SSL *ssl, struct tls_facts *out);

#endif
