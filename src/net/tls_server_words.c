/* Why a handshake with a client failed. */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/tls_server.h"

static const struct {
	int reason;
	const char *text;
} known[] = {
	{ SSL_R_HTTP_REQUEST, "the client speaks HTTP" },
	{ SSL_R_WRONG_VERSION_NUMBER, "the client does not speak TLS, which is expected here" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "the client knows only old versions of TLS, that are not taken here; a device of "
				      "the office may use a listener with networks and legacy_tls = true" },
	{ SSL_R_VERSION_TOO_LOW, "the client knows only old versions of TLS, that are not taken here; a device of the "
				 "office may use a listener with networks and legacy_tls = true" },
	{ SSL_R_NO_SHARED_CIPHER, "the client knows no cipher that is taken here; a device of the office may use a "
				  "listener with networks and legacy_tls = true" },
	{ SSL_R_INAPPROPRIATE_FALLBACK,
	  "the client tried an older version of TLS after a newer one had failed: something on the way may want that" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the client does not know the authority of our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the client says that our certificate has expired" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the client does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the client does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "the client can't use a certificate of our kind" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the client takes none of our versions of TLS" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "the client found nothing in common with us" },
};

void tls_server_explain(SSL *ssl, bool cut, struct err *e)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_REASON(code);
	const char *text = code == 0 ? NULL : ERR_reason_error_string(code);

	(void)ssl;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (code != 0 && known[i].reason == reason)
			text = known[i].text;
	if (cut)
		text = "the client hung up during the handshake";
	else if (code == 0 || text == NULL)
		text = "the connection broke during the handshake";
	(void)err_set(e, ERR_PROTOCOL, reason, "%s", text);
	ERR_clear_error();
}
