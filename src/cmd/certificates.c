#include "cmd/certificates.h"

#include "net/chain.h"
#include "net/tls_server.h"

enum { DAY = 24 * 3600 };

int certificates_check(const struct config *c, const char *file, struct buf *errors)
{
	struct tls_server *tls;
	struct err e;

	tls = tls_server_new(c, &e);
	if (tls == NULL && e.class != ERR_NONE) {
		(void)buf_addf(errors, "%s: %s\n", file, e.text);
		return -1;
	}
	tls_server_free(&tls);
	return 0;
}

static void certificate_print(const struct config_certificate *c, bool first, struct buf *out)
{
	char until[CERT_DATE_SIZE];
	struct chain chain;
	struct cert cert;
	struct err e;

	if (chain_read(&chain, c, &e) == 0) {
		cert_read(chain.leaf, &cert);
		cert_date(cert.until, until);
		(void)buf_addf(out, "certificate %s: for %s%s; until %s (%s, by %s)\n", c->name, cert.names,
			       first ? ", and for whoever asks for another name" : "", until, cert.key,
			       cert.own ? "itself" : cert.issuer);
	}
	chain_free(&chain);
}

void certificates_print(const struct config *c, struct buf *out)
{
	static const char *const words[] = { [CONFIG_OFFER_NONE] = "no TLS",
					     [CONFIG_OFFER_STARTTLS] = "STARTTLS",
					     [CONFIG_OFFER_REQUIRED] = "STARTTLS, no mail without it",
					     [CONFIG_OFFER_IMPLICIT] = "TLS from the first octet" };

	if (c->ncertificates == 0)
		return;
	for (size_t i = 0; i < c->ncertificates; i++)
		certificate_print(&c->certificates[i], i == 0, out);
	for (size_t i = 0; i < c->nlisteners; i++)
		(void)buf_addf(out, "listener %s (%s): %s%s%s\n", c->listeners[i].name, c->listeners[i].address,
			       words[c->listeners[i].tls], c->listeners[i].legacy_tls ? ", old versions too" : "",
			       c->listeners[i].client_ca != NULL ? ", clients may show certificates" : "");
}

enum certificate_state certificate_state(const struct config_certificate *c, int64_t now_ms, struct buf *why)
{
	enum certificate_state state = CERTIFICATE_GOOD;
	char date[CERT_DATE_SIZE];
	struct chain chain;
	struct cert cert;
	struct err e;

	if (chain_read(&chain, c, &e) != 0)
		goto out;
	cert_read(chain.leaf, &cert);
	switch (chain_age(&chain, now_ms / 1000)) {
	case CHAIN_EXPIRED:
		cert_date(cert.until, date);
		(void)buf_addf(why,
			       "it has expired on %s: clients that look will not accept it, and may send no mail; renew "
			       "it (certbot renew), and what is in the files is taken up within a minute",
			       date);
		state = CERTIFICATE_EXPIRED;
		break;
	case CHAIN_EARLY:
		cert_date(cert.from, date);
		(void)buf_addf(why,
			       "it is not valid before %s: clients that look will not accept it; is the clock of this "
			       "machine right?",
			       date);
		state = CERTIFICATE_EXPIRED;
		break;
	case CHAIN_SOON:
		cert_date(cert.until, date);
		(void)buf_addf(why, "it expires on %s, in %lld days: renew it (certbot renew; does its timer run?)", date,
			       (long long)((cert.until - now_ms / 1000) / DAY));
		state = CERTIFICATE_SOON;
		break;
	case CHAIN_GOOD:
		break;
	}
out:
	chain_free(&chain);
	return state;
}

bool certificate_doubt(const struct config_certificate *c, struct buf *why)
{
	const char *text = NULL;
	struct chain chain;
	struct err e;

	if (chain_read(&chain, c, &e) == 0)
		text = chain_doubt(&chain);
	if (text != NULL)
		(void)buf_add_str(why, text);
	chain_free(&chain);
	return text != NULL;
}
