/* Why a handshake failed, in words. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net/crypto.h"
#include "net/identity.h"
#include "net/tls.h"

static const char *ssl_reason(void)
{
	return crypto_reason("the server closed the connection");
}

/* For the operator to compare with what the server's own administrator reads from it. */
static int certificate_fault(const struct tls_verdict *v, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int certificate_fault(const struct tls_verdict *v, struct err *e, const char *fmt, ...)
{
	char text[sizeof e->text], tail[200];
	int room;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)snprintf(tail, sizeof tail, " [SHA-256 fingerprint %s, pin_sha256 = \"%s\"]", v->leaf.fingerprint,
		       v->leaf.pin);
	room = (int)(sizeof e->text - 1 - strlen(tail));
	return err_set(e, ERR_CONFIG, v->code, "%.*s%s", room, text, tail);
}

static void explain_certificate(const struct tls_verdict *v, struct err *e)
{
	bool leaf = strcmp(v->bad.fingerprint, v->leaf.fingerprint) == 0;
	const char *of = leaf ? "" : "an authority behind ";
	char date[CERT_DATE_SIZE];

	switch (v->code) {
	case X509_V_ERR_APPLICATION_VERIFICATION:
		(void)certificate_fault(
		    v, e,
		    "%s shows another key than pin_sha256 names; if whoever runs the server gave it a new "
		    "key, and names this pin, set pin_sha256 to it; if not, somebody stands between",
		    v->host);
		return;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		(void)certificate_fault(
		    v, e,
		    "the certificate of %s is signed by itself (%.80s), by no authority; if it is the "
		    "server's own, and whoever runs it names this pin, set pin_sha256 to it",
		    v->host, v->leaf.names);
		return;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		(void)certificate_fault(
		    v, e,
		    "the certificate of %s is signed by an unknown authority (%.80s); if you trust it, "
		    "set ca_file to a file with its certificate",
		    v->host, v->bad.issuer);
		return;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		(void)certificate_fault(v, e,
					"the certificate is for %.150s, not for %s; set host to the name "
					"that the provider gives",
					v->leaf.names, v->host);
		return;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		cert_date(v->bad.until, date);
		(void)certificate_fault(
		    v, e,
		    "the certificate of %s%s expired on %s; tell whoever runs the server, and check the "
		    "clock of this machine",
		    of, v->host, date);
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		cert_date(v->bad.from, date);
		(void)certificate_fault(
		    v, e,
		    "the certificate of %s%s is not valid before %s; check the clock of this machine, "
		    "and tell whoever runs the server",
		    of, v->host, date);
		return;
	case X509_V_ERR_INVALID_PURPOSE:
		(void)certificate_fault(
		    v, e,
		    "the certificate of %s%s has the wrong purpose: it may not be used for a server; "
		    "tell whoever runs it",
		    of, v->host);
		return;
	case X509_V_ERR_INVALID_CA:
		(void)certificate_fault(v, e,
					"the certificate of %s is signed by %.80s, whose own certificate may not sign "
					"others; tell whoever runs the server",
					v->host, v->bad.names);
		return;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		(void)certificate_fault(
		    v, e,
		    "the key in the certificate of %s%s is too weak (%s; RSA needs 2048); tell whoever "
		    "runs the server",
		    of, v->host, v->bad.key);
		return;
	case X509_V_ERR_CA_MD_TOO_WEAK:
		(void)certificate_fault(
		    v, e,
		    "the signature in the certificate of %s%s is too weak (SHA-1 or older); tell whoever "
		    "runs the server",
		    of, v->host);
		return;
	default:
		(void)certificate_fault(v, e, "the certificate of %s%s can't be verified: %s", of, v->host,
					X509_verify_cert_error_string(v->code));
	}
}

void tls_explain(const struct tls_verdict *v, struct err *e)
{
	int reason = ERR_GET_REASON(ERR_peek_last_error());

	if (v->code != X509_V_OK) {
		explain_certificate(v, e);
		return;
	}
	if (identity_explain(reason, v->host, e))
		return;
	switch (reason) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		(void)err_set(
		    e, ERR_CONFIG, 0,
		    "%s speaks only old versions of TLS; mailferry needs TLS 1.2 at least: tell whoever runs the "
		    "server",
		    v->host);
		return;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		(void)err_set(e, ERR_CONFIG, 0,
			      "%s does not speak TLS from the first octet on this port; set port to 993, or tls to "
			      "\"starttls\"",
			      v->host);
		return;
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
	case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
	case SSL_R_DH_KEY_TOO_SMALL:
		(void)err_set(
		    e, ERR_CONFIG, 0,
		    "%s and mailferry have no way to encrypt in common (%s); tell whoever runs the server that "
		    "its TLS is out of date",
		    v->host, ssl_reason());
		return;
	default:
		(void)err_set(e, ERR_TEMP, 0, "the TLS handshake with %s failed: %s", v->host, ssl_reason());
	}
}
