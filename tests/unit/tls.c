/* What is trusted, what is said when it is not, and that sessions are resumed: a server of OpenSSL's own library at the
 * other end of a socket pair, with certificates that the openssl program made for each row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/stream.h"
#include "net/tls.h"

static char directory[] = "/tmp/mailferry-tls-XXXXXX";

/* Two authorities; "inner" is signed by "root". A config of its own, so that the machine's does not matter. */
static const char setup[] =
    "set -e; cd \"$1\"\n"
    "cat >cnf <<'END'\n"
    "[req]\ndistinguished_name = dn\n[dn]\n[ca]\ndefault_ca = c\n"
    "[c]\ndatabase = index\nnew_certs_dir = .\nserial = serial\ndefault_md = sha256\npolicy = p\nunique_subject = no\n"
    "copy_extensions = copy\n[p]\ncommonName = supplied\n"
    "[v3_ca]\nbasicConstraints = critical,CA:TRUE\n"
    "[server]\nbasicConstraints = CA:FALSE\nsubjectAltName = DNS:imap.example.net,IP:192.0.2.9\n"
    "[other]\nbasicConstraints = CA:FALSE\nsubjectAltName = DNS:mail.example.org,DNS:*.example.org\n"
    "[client]\nbasicConstraints = CA:FALSE\nextendedKeyUsage = clientAuth\nsubjectAltName = DNS:imap.example.net\n"
    "END\n"
    ": >index; echo 1000 >serial\n"
    "ec='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
    "for a in root strange; do openssl req -x509 $ec -config cnf -keyout $a.key -out $a.pem -days 30 \\\n"
    "  -subj \"/CN=The $a authority\" -extensions v3_ca; done\n"
    "make() { # name, extensions, from, until, signer, key options\n"
    "  openssl req $6 -nodes -config cnf -keyout $1.key -out $1.csr -subj '/CN=imap.example.net'\n"
    "  openssl ca -batch -config cnf -cert $5.pem -keyfile $5.key -in $1.csr -out $1.pem -notext \\\n"
    "    -extensions $2 -startdate $3 -enddate $4; }\n"
    "make good server 20200101000000Z 20491231000000Z root \"$ec\"\n"
    "make expired server 20200101000000Z 20210203040506Z root \"$ec\"\n"
    "make early server 20480102030405Z 20491231000000Z root \"$ec\"\n"
    "make other other 20200101000000Z 20491231000000Z root \"$ec\"\n"
    "make unknown server 20200101000000Z 20491231000000Z strange \"$ec\"\n"
    "make purpose client 20200101000000Z 20491231000000Z root \"$ec\"\n"
    "make weak server 20200101000000Z 20491231000000Z root '-newkey rsa:1024'\n"
    "make notca server 20200101000000Z 20491231000000Z good \"$ec\"\n"
    "cat good.pem >>notca.pem\n"
    "openssl req -x509 $ec -config cnf -keyout self.key -out self.pem -days 30 -subj '/CN=office dovecot'\n"
    "for c in good self expired; do openssl x509 -in $c.pem -noout -pubkey | openssl pkey -pubin -outform der |\n"
    "  openssl dgst -sha256 -binary | openssl base64 >$c.pin; done\n"
    "openssl x509 -in good.pem -noout -fingerprint -sha256 | sed 's/.*=//' >good.print\n";

static int make_certificates(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(directory) == NULL || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
		(void)execlp("sh", "sh", "-c", setup, "sh", directory, (char *)NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int remove_certificates(void **state)
{
	char command[100];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
	return system(command);
}

static const char *file(const char *name, const char *suffix)
{
	static char path[4][200];
	static unsigned turn;
	char *p = path[turn++ % 4];

	(void)snprintf(p, sizeof path[0], "%s/%s%s", directory, name, suffix);
	return p;
}

static const char *line_of(const char *name, const char *suffix)
{
	static char line[4][200];
	static unsigned turn;
	char *p = line[turn++ % 4];
	FILE *f = fopen(file(name, suffix), "r");

	assert_non_null(f);
	assert_non_null(fgets(p, sizeof line[0], f));
	(void)fclose(f);
	p[strcspn(p, "\n")] = '\0';
	return p;
}

/* ---- the server: a process, because both ends block ---- */

static SSL_CTX *server_context(const char *cert, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_security_level(ctx, 0); /* so that it can be worse than we allow */
	(void)SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
	if (version != 0) {
		(void)SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
		(void)SSL_CTX_set_max_proto_version(ctx, version);
	}
	if (SSL_CTX_use_certificate_chain_file(ctx, file(cert, ".pem")) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, file(cert, ".key"), SSL_FILETYPE_PEM) != 1)
		_exit(2);
	return ctx;
}

/* Greets each connection, echoes a line, until no more come over WIRE. */
static pid_t server_start(const char *cert, int version, int *wire)
{
	int pair[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		SSL_CTX *ctx = server_context(cert, version);
		char line[64];
		int fd;

		(void)close(pair[0]);
		(void)alarm(300);
		while (read(pair[1], &fd, 0) == 0) {
			char control[CMSG_SPACE(sizeof fd)] = { 0 }, octet;
			struct iovec iov = { &octet, 1 };
			struct msghdr m = { .msg_iov = &iov,
					    .msg_iovlen = 1,
					    .msg_control = control,
					    .msg_controllen = sizeof control };
			SSL *ssl;
			int n;

			if (recvmsg(pair[1], &m, 0) != 1)
				_exit(0);
			memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
			ssl = SSL_new(ctx);
			(void)SSL_set_fd(ssl, fd);
			if (SSL_accept(ssl) == 1 && (n = SSL_read(ssl, line, sizeof line)) > 0)
				(void)SSL_write(ssl, line, n);
			SSL_free(ssl);
			(void)close(fd);
		}
		_exit(0);
	}
	(void)close(pair[1]);
	*wire = pair[0];
	return pid;
}

/* A connection to the server behind WIRE. */
static int server_dial(int wire)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &pair[1], sizeof(int));
	assert_int_equal(sendmsg(wire, &m, 0), 1);
	(void)close(pair[1]);
	return pair[0];
}

static void server_stop(pid_t pid, int wire)
{
	(void)close(wire);
	(void)waitpid(pid, NULL, 0);
}

static struct stream *greet(int wire, struct tls_client *t, const char *host, struct err *e)
{
	struct stream *s = stream_new(server_dial(wire), host);

	stream_set_deadline(s, clock_mono_ms() + 30000);
	if (stream_start_tls(s, t, e) != 0)
		stream_abort(&s);
	return s;
}

static void chat(struct stream *s)
{
	struct err e;

	assert_int_equal(stream_write_some(s, SLICE_LIT("hello"), &e), 5);
	/* Tickets of TLS 1.3 come in front of it. */
	assert_int_equal(stream_wait(s, &e), 0);
	assert_int_equal(stream_unread(s), 5);
}

/* ---- tests ---- */

enum trust { NOTHING, ROOT, PIN, WRONG_PIN, BOTH, BOTH_WRONG_PIN };

static struct tls_client *client(enum trust trust, const char *cert)
{
	const char *pins[] = { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", NULL };
	struct tls_policy policy = { .pins = pins };
	struct tls_client *t;
	struct err e;

	if (trust == ROOT || trust == BOTH || trust == BOTH_WRONG_PIN)
		policy.ca_file = file("root", ".pem");
	if (trust >= PIN)
		policy.npins = 1;
	if (trust == PIN || trust == BOTH) {
		pins[1] = line_of(cert, ".pin");
		policy.npins = 2;
	}
	t = tls_client_new(&policy, &e);
	assert_non_null(t);
	return t;
}

static void only_what_is_trusted_gets_through(void **state)
{
	static const struct {
		const char *cert, *host;
		enum trust trust;
		const char *why[4]; /* none: trusted */
	} rows[] = {
		{ "good", "imap.example.net", ROOT, { NULL } },
		{ "good", "192.0.2.9", ROOT, { NULL } },
		{ "good", "imap.example.net", PIN, { NULL } },
		{ "good", "imap.example.net", BOTH, { NULL } },
		{ "self", "imap.example.net", PIN, { NULL } },
		{ "expired", "elsewhere.example.net", PIN, { NULL } },
		{ "good", "imap.example.net", NOTHING, { "unknown authority (The root authority)", "ca_file" } },
		{ "good",
		  "mail.example.net",
		  ROOT,
		  { "is for imap.example.net, 192.0.2.9, not for mail.example.net" } },
		{ "good", "192.0.2.8", ROOT, { "not for 192.0.2.8" } },
		{ "other", "imap.example.net", ROOT, { "is for mail.example.org, *.example.org, not for imap" } },
		{ "expired", "imap.example.net", ROOT, { "expired on 2021-02-03 04:05 UTC", "clock" } },
		{ "expired", "imap.example.net", BOTH, { "expired on 2021-02-03 04:05 UTC" } },
		{ "early", "imap.example.net", ROOT, { "not valid before 2048-01-02 03:04 UTC", "clock" } },
		{ "unknown", "imap.example.net", ROOT, { "unknown authority (The strange authority)" } },
		{ "purpose", "imap.example.net", ROOT, { "wrong purpose" } },
		{ "weak", "imap.example.net", ROOT, { "too weak (RSA 1024 bits" } },
		{ "notca", "imap.example.net", ROOT, { "signed by imap.example.net", "may not sign" } },
		{ "self", "imap.example.net", ROOT, { "signed by itself (office dovecot)", "set pin_sha256" } },
		{ "self", "imap.example.net", BOTH, { "signed by itself" } },
		{ "good", "imap.example.net", WRONG_PIN, { "another key than pin_sha256", "somebody stands between" } },
		{ "good", "imap.example.net", BOTH_WRONG_PIN, { "another key than pin_sha256" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tls_client *t = client(rows[i].trust, rows[i].cert);
		struct err e = { 0 };
		int wire;
		pid_t pid = server_start(rows[i].cert, 0, &wire);
		struct stream *s = greet(wire, t, rows[i].host, &e);

		if (rows[i].why[0] == NULL) {
			if (s == NULL)
				fail_msg("%s for %s: %s", rows[i].cert, rows[i].host, e.text);
			chat(s);
			stream_close(&s);
		} else {
			assert_null(s);
			assert_int_equal(e.class, ERR_CONFIG);
			assert_non_null(strstr(e.text, "SHA-256 fingerprint "));
			assert_non_null(strstr(e.text, "pin_sha256 = \""));
			for (const char *const *w = rows[i].why; *w != NULL; w++) {
				if (strstr(e.text, *w) == NULL)
					fail_msg("no \"%s\" in: %s", *w, e.text);
			}
		}
		if (rows[i].why[0] != NULL && strcmp(rows[i].cert, "good") == 0) {
			assert_non_null(strstr(e.text, line_of("good", ".print")));
			assert_non_null(strstr(e.text, line_of("good", ".pin")));
		}
		server_stop(pid, wire);
		tls_client_free(&t);
	}
}

static void old_versions_are_refused_in_words(void **state)
{
	static const struct {
		int version;
		const char *got; /* NULL: refused */
	} rows[] = { { TLS1_1_VERSION, NULL }, { TLS1_2_VERSION, "TLSv1.2" }, { TLS1_3_VERSION, "TLSv1.3" } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tls_client *t = client(ROOT, NULL);
		struct tls_facts facts;
		struct err e = { 0 };
		int wire;
		pid_t pid = server_start("good", rows[i].version, &wire);
		struct stream *s = greet(wire, t, "imap.example.net", &e);

		if (rows[i].got == NULL) {
			assert_null(s);
			assert_non_null(strstr(e.text, "TLS 1.2 at least"));
			assert_int_equal(e.class, ERR_CONFIG);
		} else {
			assert_non_null(s);
			assert_true(stream_tls_facts(s, &facts));
			assert_string_equal(facts.version, rows[i].got);
			assert_true(facts.cipher[0] != '\0');
			assert_string_equal(facts.cert.issuer, "The root authority");
			assert_string_equal(facts.cert.names, "imap.example.net, 192.0.2.9");
			assert_string_equal(facts.cert.fingerprint, line_of("good", ".print"));
			stream_close(&s);
		}
		server_stop(pid, wire);
		tls_client_free(&t);
	}
}

static void plain_servers_are_told_apart(void **state)
{
	struct tls_client *t = client(ROOT, NULL);
	struct err e = { 0 };
	struct stream *s;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(write(pair[1], "* OK IMAP4rev1 ready\r\n", 22), 22);
	s = stream_new(pair[0], "imap.example.net");
	stream_set_deadline(s, clock_mono_ms() + 30000);
	assert_int_equal(stream_start_tls(s, t, &e), -1);
	assert_non_null(strstr(e.text, "does not speak TLS from the first octet"));
	stream_abort(&s);
	(void)close(pair[1]);
	tls_client_free(&t);
}

/* Both versions, also when the connection before was reset in the middle; never with another host's session. */
static void sessions_are_resumed(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	static const struct {
		const char *host;
		bool resumed, reset;
	} rows[] = {
		{ "imap.example.net", false, false }, { "imap.example.net", true, true }, { "192.0.2.9", false, false },
		{ "imap.example.net", true, false },  { "192.0.2.9", true, true },	  { "192.0.2.9", true, false },
	};

	(void)state;
	for (size_t v = 0; v < 2; v++) {
		struct tls_client *t = client(BOTH, "good");
		int wire;
		pid_t pid = server_start("good", versions[v], &wire);

		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			struct tls_facts facts;
			struct err e = { 0 };
			struct stream *s = greet(wire, t, rows[i].host, &e);

			if (s == NULL)
				fail_msg("row %zu: %s", i, e.text);
			chat(s);
			assert_true(stream_tls_facts(s, &facts));
			if (facts.resumed != rows[i].resumed)
				fail_msg("%s, row %zu: resumed is %d", facts.version, i, facts.resumed);
			assert_string_equal(facts.cert.pin, line_of("good", ".pin"));
			(rows[i].reset ? stream_abort : stream_close)(&s);
		}
		server_stop(pid, wire);
		tls_client_free(&t);
	}
}

/* The key changed while we hold tickets of the old one: the old key's tickets open nothing, and the pin speaks. */
static void a_changed_key_is_noticed(void **state)
{
	struct tls_client *t = client(PIN, "good");
	struct err e = { 0 };
	struct stream *s;
	pid_t pid;
	int wire;

	(void)state;
	pid = server_start("good", 0, &wire);
	s = greet(wire, t, "imap.example.net", &e);
	assert_non_null(s);
	chat(s);
	stream_close(&s);
	server_stop(pid, wire);
	pid = server_start("self", 0, &wire);
	s = greet(wire, t, "imap.example.net", &e);
	assert_null(s);
	assert_non_null(strstr(e.text, "another key than pin_sha256"));
	assert_non_null(strstr(e.text, line_of("self", ".pin")));
	server_stop(pid, wire);
	tls_client_free(&t);
}

static void authorities_must_be_a_file_of_them(void **state)
{
	struct tls_policy policy = { .ca_file = "/nonexistent/ca.pem" };
	struct err e = { 0 };

	(void)state;
	assert_null(tls_client_new(&policy, &e));
	assert_int_equal(e.class, ERR_CONFIG);
	assert_non_null(strstr(e.text, "/nonexistent/ca.pem"));
	policy.ca_file = file("good", ".key");
	assert_null(tls_client_new(&policy, &e));
	assert_non_null(strstr(e.text, "ca_file must name a PEM file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_trusted_gets_through),
		cmocka_unit_test(old_versions_are_refused_in_words),
		cmocka_unit_test(plain_servers_are_told_apart),
		cmocka_unit_test(sessions_are_resumed),
		cmocka_unit_test(a_changed_key_is_noticed),
		cmocka_unit_test(authorities_must_be_a_file_of_them),
	};

	return cmocka_run_group_tests_name("tls", tests, make_certificates, remove_certificates);
}
