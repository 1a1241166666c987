/* Certificates of ours: their names, their age, their order; what listeners do with them; and files whose change is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/watch.h"
#include "net/chain.h"
#include "net/tls_server.h"
#include "net/transport.h"
#include "tls_pair.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct config_certificate ours = { .name = (char *)"x",
					  .certificate_pem = tls_pair_certificate,
					  .key_pem = tls_pair_key };

static void names_are_matched(void **state)
{
	static const struct {
		const char *host;
		enum chain_match want;
	} rows[] = {
		{ "mail.office.example", CHAIN_EXACT }, { "MAIL.Office.Example", CHAIN_EXACT },
		{ "a.example.net", CHAIN_WILDCARD },    { "*.example.net", CHAIN_EXACT },
		{ "example.net", CHAIN_OTHER },         { "a.b.example.net", CHAIN_OTHER },
		{ ".example.net", CHAIN_OTHER },        { "aexample.net", CHAIN_OTHER },
		{ "mail.office.example.", CHAIN_OTHER }, { "", CHAIN_OTHER },
		{ ".", CHAIN_OTHER },                   { "office.example", CHAIN_OTHER },
	};
	struct chain c;
	struct err e;

	(void)state;
	assert_int_equal(chain_read(&c, &ours, &e), 0);
	for (size_t i = 0; i < COUNT(rows); i++)
		if (chain_match(&c, rows[i].host) != rows[i].want)
			fail_msg("%s: %d", rows[i].host, chain_match(&c, rows[i].host));
	chain_free(&c);
}

static void age_is_told(void **state)
{
	struct cert cert;
	struct chain c;
	struct err e;

	(void)state;
	assert_int_equal(chain_read(&c, &ours, &e), 0);
	cert_read(c.leaf, &cert);
	assert_int_equal(chain_age(&c, cert.from - 1), CHAIN_EARLY);
	assert_int_equal(chain_age(&c, cert.from), CHAIN_GOOD);
	assert_int_equal(chain_age(&c, cert.until - 14 * 86400), CHAIN_GOOD);
	assert_int_equal(chain_age(&c, cert.until - 14 * 86400 + 1), CHAIN_SOON);
	assert_int_equal(chain_age(&c, cert.until - 1), CHAIN_SOON);
	assert_int_equal(chain_age(&c, cert.until), CHAIN_EXPIRED);
	assert_false(chain_is_twin(&c, &c));
	assert_null(chain_doubt(&c));
	chain_free(&c);
}

static void bad_pairs_are_refused(void **state)
{
	static char rubbish[2 * sizeof tls_pair_certificate];
	char none[] = "", words[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	const struct {
		char *certificate, *key;
		const char *why;
	} rows[] = {
		{ none, tls_pair_key, "no certificate" },
		{ words, tls_pair_key, "no certificate" },
		{ tls_pair_key, tls_pair_key, "no certificate" },
		{ tls_pair_certificate, none, "no private key" },
		{ tls_pair_certificate, tls_pair_certificate, "no private key" },
		{ rubbish, tls_pair_key, "behind certificate 1" },
		{ NULL, NULL, "no certificate" },
	};

	(void)state;
	(void)snprintf(rubbish, sizeof rubbish, "%s%s", tls_pair_certificate, words);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config_certificate bad = { .name = (char *)"x",
						  .certificate_pem = rows[i].certificate,
						  .key_pem = rows[i].key };
		struct config config = { .certificates = &bad, .ncertificates = 1 };
		struct chain c;
		struct err e;

		assert_int_equal(chain_read(&c, &bad, &e), -1);
		assert_non_null(strstr(e.text, rows[i].why));
		chain_free(&c);
		assert_null(tls_server_new(&config, &e));
		assert_int_equal(e.class, ERR_CONFIG);
		assert_non_null(strstr(e.text, "certificates.x"));
	}
}

static void listeners_have_what_they_say(void **state)
{
	struct config_listener listeners[] = {
		{ .name = (char *)"none" },
		{ .name = (char *)"new", .tls = CONFIG_OFFER_STARTTLS },
		{ .name = (char *)"old", .tls = CONFIG_OFFER_IMPLICIT, .legacy_tls = true },
	};
	struct config config = {
		.certificates = &ours, .ncertificates = 1, .listeners = listeners, .nlisteners = COUNT(listeners)
	};
	struct config nothing = { .listeners = listeners, .nlisteners = COUNT(listeners) };
	struct tls_server *s;
	struct err e;
	SSL *ssl;

	(void)state;
	assert_null(tls_server_new(&nothing, &e));
	assert_int_equal(e.class, ERR_NONE);
	s = tls_server_new(&config, &e);
	assert_non_null(s);
	assert_null(tls_server_session(s, &listeners[0]));
	ssl = tls_server_session(s, &listeners[1]);
	assert_int_equal(SSL_get_min_proto_version(ssl), TLS1_2_VERSION);
	/* No keys, no tickets. */
	assert_int_equal(SSL_get_num_tickets(ssl), 0);
	assert_int_equal(SSL_get_options(ssl) & SSL_OP_IGNORE_UNEXPECTED_EOF, 0);
	assert_true((SSL_get_options(ssl) & SSL_OP_NO_RENEGOTIATION) != 0);
	assert_true((SSL_get_options(ssl) & SSL_OP_NO_COMPRESSION) != 0);
	assert_true((SSL_get_mode(ssl) & SSL_MODE_RELEASE_BUFFERS) != 0);
	for (int i = 0; SSL_get_cipher_list(ssl, i) != NULL; i++) {
		const char *name = SSL_get_cipher_list(ssl, i);

		assert_true(strncmp(name, "TLS_", 4) == 0 || strncmp(name, "ECDHE-", 6) == 0);
		assert_true(strstr(name, "GCM") != NULL || strstr(name, "CHACHA20") != NULL);
	}
	tls_server_drop(&ssl);
	assert_null(ssl);
	ssl = tls_server_session(s, &listeners[2]);
	assert_int_equal(SSL_get_min_proto_version(ssl), TLS1_VERSION);
	tls_server_drop(&ssl);
	tls_server_free(&s);
	assert_null(s);
}

/* Moves what SSL has written to the other end of the connection. */
static void pass_on(SSL *ssl, int fd)
{
	static char all[256 * 1024];
	int n = BIO_read(SSL_get_wbio(ssl), all, sizeof all);

	if (n > 0)
		assert_int_equal(send(fd, all, (size_t)n, 0), n);
}

/* And back. */
static void take_in(SSL *ssl, int fd)
{
	char some[4096];
	ssize_t n;

	while ((n = recv(fd, some, sizeof some, MSG_DONTWAIT)) > 0)
		assert_int_equal(BIO_write(SSL_get_rbio(ssl), some, (int)n), n);
}

/* Records without data must not keep us from others, however many there are (RFC 8446, 4.6.3). */
static void new_keys_take_turns(void **state)
{
	struct config_listener listener = { .name = (char *)"l", .tls = CONFIG_OFFER_IMPLICIT };
	struct config config = { .certificates = &ours, .ncertificates = 1, .listeners = &listener, .nlisteners = 1 };
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *client = SSL_new(ctx);
	enum transport_status status = TRANSPORT_WANT_READ;
	struct tls_server *s;
	struct transport t;
	struct err e;
	char got[10];
	size_t n, turns = 0;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	SSL_set_bio(client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(client);
	s = tls_server_new(&config, &e);
	transport_init(&t, fds[0]);
	transport_secure(&t, tls_server_session(s, &listener));
	while (status == TRANSPORT_WANT_READ) {
		(void)SSL_do_handshake(client);
		pass_on(client, fds[1]);
		status = transport_handshake(&t, &e);
		take_in(client, fds[1]);
	}
	assert_int_equal(status, TRANSPORT_OK);
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(SSL_key_update(client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(client), 1);
	}
	assert_int_equal(SSL_write(client, "NOOP", 4), 4);
	pass_on(client, fds[1]);
	while ((status = transport_read(&t, got, sizeof got, &n)) == TRANSPORT_WANT_READ && transport_waiting(&t) > 0)
		turns++;
	assert_int_equal(status, TRANSPORT_OK);
	assert_memory_equal(got, "NOOP", 4);
	assert_in_range(turns, 2, 3000);
	SSL_free(client);
	SSL_CTX_free(ctx);
	transport_close(&t);
	tls_server_free(&s);
	(void)close(fds[1]);
}

/* ---- tickets ---- */

static SSL_SESSION *given; /* what the client was given last, and how often */
static unsigned ngiven;

static int on_given(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(given);
	given = session;
	ngiven++;
	return 1; /* it is ours now */
}

/* One session with what was given last: is it resumed? *MORE: it was given something again. */
static bool resumes(SSL_CTX *context, struct tls_server *s, const struct config_listener *l, bool *more)
{
	SSL *client = SSL_new(context), *server = tls_server_session(s, l);
	const unsigned before = ngiven;
	BIO *one, *other;
	char byte = 'x';
	bool reused;

	assert_non_null(client);
	assert_non_null(server);
	assert_int_equal(BIO_new_bio_pair(&one, 0, &other, 0), 1);
	SSL_set_bio(client, one, one);
	SSL_set_bio(server, other, other);
	if (given != NULL)
		assert_int_equal(SSL_set_session(client, given), 1);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	for (int i = 0; i < 4; i++) {
		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
	}
	/* Tickets come with the first octets. */
	assert_int_equal(SSL_write(server, &byte, 1), 1);
	assert_int_equal(SSL_read(client, &byte, 1), 1);
	reused = SSL_session_reused(client) == 1;
	assert_int_equal(SSL_session_reused(server) == 1, reused);
	*more = ngiven != before;
	(void)SSL_shutdown(client);
	SSL_free(client);
	SSL_free(server);
	return reused;
}

/* A client of TLS 1.3 uses a ticket once, so that it needs another with each session. */
static void tickets_are_renewed(void **state)
{
	static const struct {
		int version;
		bool asks; /* for the client's certificate */
		bool more;
	} rows[] = {
		{ TLS1_2_VERSION, false, false },
		{ TLS1_2_VERSION, true, false },
		{ TLS1_3_VERSION, false, true },
		{ TLS1_3_VERSION, true, false },
	};
	static const unsigned char keys[TLS_TICKET_KEY_SIZE] = { 1, 2, 3 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config_listener l = { .name = (char *)"x",
					     .tls = CONFIG_OFFER_STARTTLS,
					     .client_ca_pem = rows[i].asks ? tls_pair_certificate : NULL };
		struct config config = {
			.certificates = &ours, .ncertificates = 1, .listeners = &l, .nlisteners = 1
		};
		SSL_CTX *context = SSL_CTX_new(TLS_client_method());
		bool more;
		struct err e;
		struct tls_server *s = tls_server_new(&config, &e);

		assert_non_null(s);
		assert_non_null(context);
		assert_int_equal(SSL_CTX_set_max_proto_version(context, rows[i].version), 1);
		(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
		SSL_CTX_sess_set_new_cb(context, on_given);
		tls_server_tickets(s, keys, 1);
		assert_false(resumes(context, s, &l, &more));
		assert_true(more);
		for (int n = 0; n < 2; n++) {
			if (!resumes(context, s, &l, &more))
				/* It was used, and is none any more. */
				assert_true(rows[i].version == TLS1_3_VERSION && !rows[i].more && n == 1);
			else
				assert_int_equal(more, rows[i].more);
		}
		SSL_SESSION_free(given);
		given = NULL;
		SSL_CTX_free(context);
		tls_server_free(&s);
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static void changes_are_noticed(void **state)
{
	char directory[] = "/tmp/mailferry-watch-XXXXXX", certificate[100], key[100], other[100];
	struct config_certificate files = { .name = (char *)"x", .certificate = certificate, .key = key };
	struct config config = { .certificates = &files, .ncertificates = 1 };
	struct watch w = { 0 };

	(void)state;
	assert_non_null(mkdtemp(directory));
	(void)snprintf(certificate, sizeof certificate, "%s/c", directory);
	(void)snprintf(key, sizeof key, "%s/k", directory);
	(void)snprintf(other, sizeof other, "%s/o", directory);
	write_file(certificate, "1");
	watch_set(&w, &config);
	assert_null(watch_changed(&w));
	write_file(certificate, "22");
	/* Read anew or not: it is told once. */
	watch_set(&w, &config);
	assert_string_equal(watch_changed(&w), certificate);
	assert_null(watch_changed(&w));
	write_file(key, "new");
	assert_string_equal(watch_changed(&w), key);
	/* Renamed over it: the same size, another file. */
	write_file(other, "33");
	assert_int_equal(rename(other, certificate), 0);
	assert_string_equal(watch_changed(&w), certificate);
	assert_int_equal(unlink(certificate), 0);
	assert_null(watch_changed(&w));
	(void)unlink(key);
	(void)rmdir(directory);
	watch_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_matched),
		cmocka_unit_test(age_is_told),
		cmocka_unit_test(bad_pairs_are_refused),
		cmocka_unit_test(listeners_have_what_they_say),
		cmocka_unit_test(tickets_are_renewed),
		cmocka_unit_test(new_keys_take_turns),
		cmocka_unit_test(changes_are_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
