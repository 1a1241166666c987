#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

struct tls_client {
	SSL_CTX *ctx;
};

/* The text of OpenSSL's newest error, or OTHERWISE. */
static const char *ssl_reason(const char *otherwise)
{
	unsigned long code = ERR_peek_last_error();
	const char *s = code == 0 ? NULL : ERR_reason_error_string(code);

	return s == NULL ? otherwise : s;
}

struct tls_client *tls_client_new(const char *ca_file, struct err *e)
{
	struct tls_client *t = mem_alloc(sizeof *t);
	int ok;

	ERR_clear_error();
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (t->ctx == NULL || SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1) {
		(void)err_set(e, ERR_TEMP, 0, "OpenSSL does not start: %s", ssl_reason("unknown error"));
		tls_client_free(&t);
		return NULL;
	}
	(void)SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Many servers close without close_notify; the protocol above says whether that was too early. */
	(void)SSL_CTX_set_options(t->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
	if (ca_file == NULL)
		ok = SSL_CTX_set_default_verify_paths(t->ctx);
	else
		ok = SSL_CTX_load_verify_file(t->ctx, ca_file);
	if (ok != 1) {
		(void)err_set(e, ERR_CONFIG, 0,
			      "can't read certificates of authorities from %s: %s; ca_file must name a PEM file",
			      ca_file == NULL ? "the system's store" : ca_file, ssl_reason("no certificate in it"));
		tls_client_free(&t);
		return NULL;
	}
	return t;
}

void tls_client_free(struct tls_client **t)
{
	if (*t == NULL)
		return;
	SSL_CTX_free((*t)->ctx);
	free(*t);
	*t = NULL;
}

static void print_name(X509_NAME *name, char *out, size_t size)
{
	char common[128];
	size_t n = 0;

	if (name == NULL || X509_NAME_get_text_by_NID(name, NID_commonName, common, sizeof common) <= 0)
		(void)snprintf(common, sizeof common, "unnamed");
	for (const char *p = common; *p != '\0' && n + 1 < size; p++)
		out[n++] = *p >= ' ' && *p < 0x7f ? *p : '?';
	out[n] = '\0';
}

static void print_names(X509 *cert, char *out, size_t size)
{
	GENERAL_NAMES *alt = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	struct buf b;

	buf_init(&b, size - 1);
	for (int i = 0; alt != NULL && i < sk_GENERAL_NAME_num(alt); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(alt, i);
		const unsigned char *p;
		int n;

		if (g->type != GEN_DNS)
			continue;
		p = ASN1_STRING_get0_data(g->d.dNSName);
		n = ASN1_STRING_length(g->d.dNSName);
		if (b.n + (size_t)n + 3 > b.max)
			break;
		(void)buf_add_str(&b, b.n > 0 ? ", " : "");
		for (int k = 0; k < n; k++)
			(void)buf_add_char(&b, p[k] > ' ' && p[k] < 0x7f ? (char)p[k] : '?');
	}
	GENERAL_NAMES_free(alt);
	if (b.n > 0)
		(void)snprintf(out, size, "%s", buf_str(&b));
	else
		print_name(X509_get_subject_name(cert), out, size);
	buf_free(&b);
}

static int note_verdict(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_verdict *v = SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	if (ok || v == NULL || v->code != X509_V_OK)
		return ok;
	v->code = X509_STORE_CTX_get_error(store);
	if (cert != NULL)
		print_name(X509_get_issuer_name(cert), v->issuer, sizeof v->issuer);
	cert = X509_STORE_CTX_get0_cert(store);
	if (cert != NULL)
		print_names(cert, v->names, sizeof v->names);
	return 0;
}

static bool is_address(const char *host)
{
	unsigned char raw[16];

	return inet_pton(AF_INET, host, raw) == 1 || inet_pton(AF_INET6, host, raw) == 1;
}

SSL *tls_session_new(struct tls_client *t, const char *host, struct tls_verdict *v, struct err *e)
{
	SSL *ssl;
	int ok;

	ERR_clear_error();
	*v = (struct tls_verdict){ .code = X509_V_OK };
	ssl = SSL_new(t->ctx);
	if (ssl == NULL)
		goto fail;
	SSL_set_verify(ssl, SSL_VERIFY_PEER, note_verdict);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_address(host))
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	else /* SNI is for names only (RFC 6066, 3). */
		ok = SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
	if (ok != 1 || SSL_set_app_data(ssl, v) != 1)
		goto fail;
	return ssl;
fail:
	SSL_free(ssl);
	(void)err_set(e, ERR_TEMP, 0, "can't set up TLS for %s: %s", host, ssl_reason("out of memory"));
	return NULL;
}

void tls_explain(const struct tls_verdict *v, const char *host, struct err *e)
{
	switch (v->code) {
	case X509_V_OK:
		(void)err_set(e, ERR_TEMP, 0, "the TLS handshake with %s failed: %s", host,
			      ssl_reason("the server closed the connection"));
		return;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		(void)err_set(
		    e, ERR_CONFIG, v->code,
		    "the certificate of %s is signed by an unknown authority (%s); if you trust it, set ca_file of the "
		    "account to a file with its certificate",
		    host, v->issuer);
		return;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		(void)err_set(e, ERR_CONFIG, v->code,
			      "the certificate is for %s, not for %s; set host of the account to the name that the "
			      "provider gives",
			      v->names, host);
		return;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		(void)err_set(e, ERR_CONFIG, v->code,
			      "the certificate of %s has expired; tell whoever runs the server, and check the clock of "
			      "this machine",
			      host);
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		(void)err_set(e, ERR_CONFIG, v->code,
			      "the certificate of %s is not valid yet; check the clock of this machine", host);
		return;
	default:
		(void)err_set(e, ERR_CONFIG, v->code, "the certificate of %s can't be verified: %s", host,
			      X509_verify_cert_error_string(v->code));
	}
}
