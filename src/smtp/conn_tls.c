#include <errno.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/tls_server.h"
#include "smtp/conn_internal.h"

static void bind_channel(void *arg, struct binding out[BINDING_TYPES])
{
	const struct smtp_conn *c = arg;

	binding_read(c->wire.ssl, out);
}

static void handshake_begin(struct smtp_conn *c, SSL *ssl)
{
	transport_secure(&c->wire, ssl);
	c->handshaking = true;
	conn_set_reading(c, true);
}

bool conn_starttls(struct smtp_conn *c)
{
	bool early;

	if (c->ready == NULL) {
		early = c->in.n > 0 || transport_waiting(&c->wire) > 0;
		c->ready = early || c->all->tls == NULL ? NULL : tls_server_session(c->all->tls, c->listener);
		smtp_session_tls_begin(c->session, early, c->ready != NULL);
		return true;
	}
	if (smtp_session_output(c->session)->n == 0) {
		handshake_begin(c, c->ready);
		c->ready = NULL;
	}
	return false;
}

static void secured(struct smtp_conn *c)
{
	struct tls_server_facts facts;
	struct smtp_tls tls = { .bind = bind_channel, .bind_arg = c };

	tls_server_facts(c->wire.ssl, &facts);
	tls.version = facts.version;
	tls.cipher = facts.cipher;
	tls.bits = facts.bits;
	tls.subject = facts.subject[0] == '\0' ? NULL : facts.subject;
	tls.issuer = tls.subject == NULL ? NULL : facts.issuer;
	log_info("secured", LOG_STR("session", smtp_session_id(c->session)), LOG_STR("version", facts.version),
		 LOG_STR("cipher", facts.cipher), LOG_NUM("bits", facts.bits),
		 LOG_STR("resumed", facts.resumed ? "yes" : "no"), LOG_STR("name", facts.asked),
		 LOG_STR("certificate", tls.subject),
		 LOG_STR("certificate-distrusted", facts.distrust[0] == '\0' ? NULL : facts.distrust));
	c->handshaking = false;
	conn_set_writing(c, false);
	smtp_session_tls_done(c->session, &tls);
	/* Whoever speaks before the banner here can't have waited for it. */
	if (c->listener->tls == CONFIG_OFFER_IMPLICIT)
		smtp_session_greet(c->session, transport_pending(&c->wire) || transport_waiting(&c->wire) > 0);
	(void)conn_go_on(c);
}

void conn_handshake(struct smtp_conn *c)
{
	struct err e;

	if (!c->answered) {
		c->answered = true;
		/* What comes before the 220 has arrived is not the answer to it. */
		if (c->listener->tls != CONFIG_OFFER_IMPLICIT && !transport_acknowledged(&c->wire)) {
			log_warning("tls-failed", LOG_STR("session", smtp_session_id(c->session)),
				    LOG_STR("error", "something came behind STARTTLS before the reply to it had arrived"));
			conn_drop(c, false);
			return;
		}
	}
	switch (transport_handshake(&c->wire, &e)) {
	case TRANSPORT_OK:
		secured(c);
		return;
	case TRANSPORT_WANT_READ:
		conn_set_writing(c, false);
		return;
	case TRANSPORT_WANT_WRITE:
		conn_set_writing(c, true);
		return;
	default:
		log_warning("tls-failed", LOG_STR("session", smtp_session_id(c->session)), LOG_STR("error", e.text));
		conn_drop(c, c->wire.error == ECONNRESET || c->wire.error == EPIPE);
		return;
	}
}

void conn_open_tls(struct smtp_conn *c)
{
	SSL *ssl = c->all->tls == NULL ? NULL : tls_server_session(c->all->tls, c->listener);

	if (ssl == NULL) {
		log_error("tls-failed", LOG_STR("session", smtp_session_id(c->session)),
			  LOG_STR("error", "there is no memory for it"));
		conn_drop(c, false);
		return;
	}
	handshake_begin(c, ssl);
}
