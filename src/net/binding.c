#include "net/binding.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>

enum { EXPORTER_SIZE = 32 };

static void exporter_read(SSL *ssl, struct binding *b)
{
	static const char label[] = "EXPORTER-Channel-Binding";

	if (SSL_version(ssl) >= TLS1_3_VERSION &&
	    SSL_export_keying_material(ssl, b->p, EXPORTER_SIZE, label, sizeof label - 1, NULL, 0, 0) == 1)
		b->n = EXPORTER_SIZE;
}

/* The first Finished message of the handshake: the client's, or the server's when an older session was resumed. */
static void unique_read(SSL *ssl, struct binding *b)
{
	bool ours = (SSL_session_reused(ssl) == 1) == (SSL_is_server(ssl) == 1);

	/* Without the extended master secret two connections can be made to have equal ones (RFC 7627, 1). */
	if (SSL_version(ssl) != TLS1_2_VERSION || SSL_get_extms_support(ssl) != 1)
		return;
	b->n = ours ? SSL_get_finished(ssl, b->p, sizeof b->p) : SSL_get_peer_finished(ssl, b->p, sizeof b->p);
	if (b->n > sizeof b->p)
		b->n = 0;
}

/* By the hash of the certificate's signature, but never weaker than SHA-256; none where the signature has no hash. */
static void end_point_read(SSL *ssl, struct binding *b)
{
	X509 *cert = SSL_is_server(ssl) == 1 ? SSL_get_certificate(ssl) : SSL_get0_peer_certificate(ssl);
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int nid = NID_undef;
	const EVP_MD *md;

	if (cert == NULL || X509_get_signature_info(cert, &nid, NULL, NULL, NULL) != 1 || nid == NID_undef)
		return;
	if (nid == NID_md5 || nid == NID_sha1)
		nid = NID_sha256;
	md = EVP_get_digestbynid(nid);
	if (md == NULL || X509_digest(cert, md, hash, &n) != 1 || n > sizeof b->p)
		return;
	memcpy(b->p, hash, n);
	b->n = n;
}

void binding_read(SSL *ssl, struct binding out[BINDING_TYPES])
{
	memset(out, 0, BINDING_TYPES * sizeof *out);
	exporter_read(ssl, &out[BINDING_EXPORTER]);
	unique_read(ssl, &out[BINDING_UNIQUE]);
	end_point_read(ssl, &out[BINDING_END_POINT]);
	ERR_clear_error();
}
