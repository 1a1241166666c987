/*
 * A connection under TLS: the receiver's own, on one end of a pair of sockets,
 * and a client of OpenSSL on the other, with a fake spool. The first byte chooses
 * listener, version and whether there is a handshake at all; then come steps: what
 * to do, how many octets, and those. They are sealed whole, cut or one by one, sent
 * bare, or bent on their way.
 *
 * Must hold: what was not sealed is never taken, and nothing behind it; counters
 * back at nothing, no upload left behind.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/smtp_fake.h"
#include "../unit/tls_pair.h"
#include "net/tls_server.h"
#include "smtp/conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IMPLICIT = 1, SHAKE = 2, OLD = 4, LEGACY = 8, TICKETS = 16, TURNS = 6 };
enum { SEAL, SEAL_CUT, BARE, GOODBYE, BENT, SHUT, SINGLY, REKEY, STEPS };

static const char config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { message_size = \"96K\"; recipients = 8; commands = 100; messages = 10; };\n"
    "certificates = { x = { certificate = \"/c\"; key = \"/k\"; }; };\n"
    "listeners = { a = { address = \"127.0.0.1:25\"; }; b = { address = \"127.0.0.1:465\"; tls = \"implicit\"; };\n"
    "  c = { address = \"127.0.0.1:2525\"; networks = [ \"127.0.0.1\" ]; legacy_tls = true; tls = \"required\"; }; };\n"
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@h.example\" ]; }; };\n";

static struct fake f;
static struct smtp_conns conns;
static SSL_CTX *ctx;

struct client {
	int fd;
	SSL *ssl;
	BIO *in, *out; /* the SSL's */
	bool bare;     /* something came that was not sealed as it should be */
	size_t kept;   /* messages by then */
};

static void closed(void *arg, struct smtp_source *source)
{
	(void)arg;
	(void)source;
}

static void start(void)
{
	static const unsigned char keys[2 * TLS_TICKET_KEY_SIZE] = { 1 };
	struct err e;

	(void)signal(SIGPIPE, SIG_IGN);
	fake_open(&f, config, NULL);
	f.config->certificates[0].certificate_pem = strdup(tls_pair_certificate);
	f.config->certificates[0].key_pem = strdup(tls_pair_key);
	f.service.tls = true;
	f.answer = f.upload_answer = SPOOL_ACCEPTED;
	conns = (struct smtp_conns){ .base = event_base_new(), .service = &f.service, .closed = closed };
	conns.tls = tls_server_new(f.config, &e);
	ctx = SSL_CTX_new(TLS_client_method());
	if (conns.tls == NULL || conns.base == NULL || ctx == NULL)
		abort();
	tls_server_tickets(conns.tls, keys, 2);
	SSL_CTX_set_security_level(ctx, 0);
	(void)SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	(void)SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
}

/* Lets the server work, and hears it. */
static void pump(struct client *c)
{
	char piece[8192];
	ssize_t n;

	for (unsigned i = 0; i < TURNS; i++) {
		(void)event_base_loop(conns.base, EVLOOP_NONBLOCK);
		while (fake_answer(&f))
			;
		while ((n = read(c->fd, piece, sizeof piece)) > 0)
			if (c->in != NULL)
				(void)BIO_write(c->in, piece, (int)n);
		if (c->ssl != NULL && SSL_is_init_finished(c->ssl))
			(void)SSL_read(c->ssl, piece, sizeof piece);
		ERR_clear_error();
	}
}

static void put(struct client *c, const void *p, size_t n)
{
	if (n > 0)
		(void)send(c->fd, p, n, MSG_NOSIGNAL);
}

/* What the client's OpenSSL has to say; bent at octet BEND, if it has one. */
static void put_sealed(struct client *c, bool cut, int bend)
{
	unsigned char *p;
	long n = BIO_get_mem_data(c->out, (char **)&p);
	size_t half = cut ? (size_t)n / 2 : 0;

	if (n > 0 && bend >= 0)
		p[(size_t)bend % (size_t)n] ^= 1;
	put(c, p, half);
	if (cut)
		pump(c);
	put(c, p + half, (size_t)n - half);
	(void)BIO_reset(c->out);
}

static bool shake(struct client *c, unsigned choice)
{
	c->ssl = SSL_new(ctx);
	c->in = BIO_new(BIO_s_mem());
	c->out = BIO_new(BIO_s_mem());
	if (c->ssl == NULL || c->in == NULL || c->out == NULL)
		abort();
	SSL_set_bio(c->ssl, c->in, c->out);
	(void)SSL_set_tlsext_host_name(c->ssl, "a.example.net");
	if ((choice & OLD) != 0)
		(void)SSL_set_max_proto_version(c->ssl, (choice & LEGACY) != 0 ? TLS1_VERSION : TLS1_2_VERSION);
	for (unsigned i = 0; i < TURNS; i++) {
		int r = SSL_connect(c->ssl);

		put_sealed(c, (choice & TICKETS) != 0, -1);
		pump(c);
		if (r == 1)
			return true;
	}
	return false;
}

static void wild(struct client *c)
{
	pump(c);
	if (c->bare)
		return;
	c->bare = true;
	c->kept = f.nmessages;
}

static void step_take(struct client *c, unsigned what, struct slice s)
{
	if (c->ssl == NULL && what != SHUT)
		what = BARE;
	switch (what) {
	case SINGLY:
		for (size_t i = 0; i < s.n && i < 40; i++)
			(void)SSL_write(c->ssl, s.p + i, 1);
		put_sealed(c, false, -1);
		break;
	case REKEY:
		(void)SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED);
		/* fall through */
	case SEAL:
	case SEAL_CUT:
		if (s.n > 0)
			(void)SSL_write(c->ssl, s.p, (int)s.n);
		put_sealed(c, what == SEAL_CUT, -1);
		break;
	case BENT:
		if (s.n > 0 && SSL_write(c->ssl, s.p, (int)s.n) > 0) {
			wild(c);
			put_sealed(c, false, (unsigned char)s.p[0]);
		}
		break;
	case GOODBYE:
		(void)SSL_shutdown(c->ssl);
		put_sealed(c, false, -1);
		wild(c);
		break;
	case SHUT:
		(void)shutdown(c->fd, SHUT_WR);
		break;
	default:
		if (s.n > 0)
			wild(c);
		put(c, s.p, s.n);
	}
	pump(c);
	ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client c = { .fd = -1 };
	struct smtp_origin origin = { .client = "192.0.2.7:1234", .ip = "192.0.2.7", .source = &f.source };
	unsigned choice;
	int pair[2];
	struct slice s;
	bool secure;

	if (f.config == NULL)
		start();
	if (size < 1)
		return 0;
	choice = data[0];
	s = slice_of((const char *)data + 1, size - 1);
	fake_forget(&f);
	origin.listener = &f.config->listeners[(choice & IMPLICIT) != 0 ? 1 : (choice & LEGACY) != 0 ? 2 : 0];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	c.fd = pair[1];
	smtp_conn_open(&conns, pair[0], &origin, false);
	pump(&c);
	if ((choice & SHAKE) != 0 && (choice & IMPLICIT) == 0) {
		put(&c, "EHLO a\r\n", 8);
		pump(&c);
		put(&c, "STARTTLS\r\n", 10);
		pump(&c);
	}
	secure = (choice & SHAKE) != 0 && shake(&c, choice);
	while (s.n > 1) {
		unsigned what = (unsigned char)s.p[0] % STEPS;
		size_t n = (unsigned char)s.p[1];

		s = slice_skip(s, 2);
		n = n < s.n ? n : s.n;
		step_take(&c, what, slice_of(s.p, n));
		s = slice_skip(s, n);
	}
	pump(&c);
	if (secure && c.bare && f.nmessages != c.kept)
		abort(); /* taken from what was not sealed, or from behind it */
	(void)close(c.fd);
	for (unsigned i = 0; i < TURNS; i++)
		(void)event_base_loop(conns.base, EVLOOP_NONBLOCK);
	smtp_conns_close(&conns);
	while (fake_answer(&f))
		;
	SSL_free(c.ssl);
	ERR_clear_error();
	if (f.uploads_open != 0 || f.service.unaccepted != 0 || f.source.unaccepted != 0 || conns.n != 0)
		abort();
	return 0;
}
