/*
 * Sessions with a POP3 server that follows a script, in this process: it gets its
 * turn whenever the client waits, so every cut of the octets happens just where
 * the test wants it. Time is not waited for: a wait in which nothing comes moves
 * the clock on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fetch/source.h"
#include "intake/intake.h"

#define PLAIN "AUTH PLAIN AG9mZmljZQBzM2NyZXQ="
#define NEVER ((size_t)-1)

/* ---- the server ---- */

struct turn {
	const char *command; /* what the client says; a "*" at its end stands for anything */
	const char *reply;
};

static struct {
	const struct turn *turns;
	size_t turn;
	const char *greeting;
	int fd, client;
	struct buf in, out;
	size_t sent;
	size_t cut;   /* a read of the client ends here; 0: after each octet; NEVER: nowhere */
	size_t close; /* the connection ends here */
	int64_t drip; /* milliseconds between two octets; 0: at once */
	int64_t next;
	bool wrong;
} server;

static int64_t now_ms;

int64_t __wrap_clock_mono_ms(void);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);

int64_t __wrap_clock_mono_ms(void)
{
	return now_ms;
}

static bool is_said(struct slice line, const char *command)
{
	struct slice want = slice_str(command);

	if (want.n > 0 && want.p[want.n - 1] == '*')
		return slice_starts_nocase(line, slice_of(want.p, want.n - 1));
	return slice_eq(line, want);
}

static void hear(void)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(server.fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		(void)buf_add(&server.in, bytes, (size_t)n);
	for (;;) {
		struct slice in = buf_slice(&server.in);
		const struct turn *t = &server.turns[server.turn];
		size_t end = slice_find(in, '\n');

		if (end == in.n)
			return;
		if (t->command == NULL || end == 0 || !is_said(slice_of(in.p, end - 1), t->command)) {
			print_message("unexpected: %.*s\n", (int)end, in.p);
			server.wrong = true;
			buf_clear(&server.in);
			return;
		}
		(void)buf_add_str(&server.out, t->reply);
		server.turn++;
		buf_consume(&server.in, end + 1);
	}
}

/* True when the client gets something. */
static bool serve(void)
{
	int unread = 0;
	size_t n;

	if (server.fd < 0)
		return false;
	hear();
	(void)ioctl(server.client, FIONREAD, &unread);
	if (unread > 0)
		return true;
	n = server.out.n;
	if (server.cut == 0 || server.drip > 0)
		n = n > 1 ? 1 : n;
	else if (server.sent < server.cut && server.cut - server.sent < n)
		n = server.cut - server.sent;
	if (server.close - server.sent < n)
		n = server.close - server.sent;
	if (server.drip > 0 && now_ms < server.next)
		return false;
	server.next = now_ms + server.drip;
	if (n > 0)
		assert_int_equal(send(server.fd, server.out.p, n, MSG_NOSIGNAL), n);
	buf_consume(&server.out, n);
	server.sent += n;
	if (server.sent == server.close) {
		(void)close(server.fd);
		server.fd = -1;
		return true;
	}
	return n > 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	bool moved = serve();
	int got = __real_poll(fds, n, 0);

	if (got != 0 || timeout == 0 || moved)
		return got;
	now_ms += timeout < 0 || timeout > 500 ? 500 : timeout;
	return 0;
}

static int dial(void *arg, struct err *e)
{
	int fds[2];

	(void)arg;
	(void)e;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	server.fd = fds[1];
	server.client = fds[0];
	(void)buf_add_str(&server.out, server.greeting);
	return fds[0];
}

static void start(const struct turn *turns, const char *greeting, size_t cut, size_t close_at)
{
	memset(&server, 0, sizeof server);
	server.turns = turns;
	server.greeting = greeting;
	server.cut = cut;
	server.close = close_at;
	server.fd = -1;
	buf_init(&server.in, 100000);
	buf_init(&server.out, 4 * 1024 * 1024);
	now_ms = 1000000;
}

static void stop(void)
{
	if (server.fd >= 0)
		(void)close(server.fd);
	buf_free(&server.in);
	buf_free(&server.out);
	assert_false(server.wrong);
}

/* ---- the client ---- */

static struct config_source source;
static struct source_login login;
static int64_t delay;
static struct buf story; /* what happened */
static int tokens_asked;

static char *token(void *arg, bool fresh, struct err *e)
{
	(void)arg;
	(void)e;
	tokens_asked++;
	return mem_strdup(fresh ? "tok-new" : "tok-old");
}

static void reset(void)
{
	static char name[] = "old", host[] = "pop.example.net", user[] = "office", password[] = "s3cret";

	source = (struct config_source){ .protocol = CONFIG_POP3, .keep = true, .window = 10 };
	source.name = name;
	source.server = (struct config_server){ .name = "old",
						.of_source = true,
						.host = host,
						.port = 110,
						.user = user,
						.password = password,
						.tls = CONFIG_TLS_NONE,
						.timeout = 60000 };
	login = (struct source_login){ .source = &source, .wake_fd = -1, .connect = dial, .delay = &delay };
	delay = 0;
	tokens_asked = 0;
	buf_clear(&story);
}

static int begin(void *arg, const struct source_item *item)
{
	(void)arg;
	return buf_addf(&story, "%u(", item->number);
}

static int piece(void *arg, struct slice bytes)
{
	(void)arg;
	assert_true(bytes.n > 0 && bytes.n <= INTAKE_PIECE_MAX);
	return buf_add_slice(&story, bytes);
}

static int end(void *arg, const struct source_item *item, enum source_got got, const char *words)
{
	(void)arg;
	return buf_addf(&story, ")%u=%s%s ", item->number,
			got == SOURCE_GOT_WHOLE ? "whole" : got == SOURCE_GOT_VANISHED ? "vanished:" : "refused:", words);
}

static const struct source_handler handler = { begin, piece, end, NULL };

static int tell(void *arg, const struct source_item *item)
{
	(void)arg;
	return buf_addf(&story, "%u:%llu:%s ", item->number, (unsigned long long)item->size, item->name);
}

/* The messages 1 to N, as SIZES have them. */
static void choose(struct source_item *items, size_t n, const uint64_t *sizes, const char *const *names)
{
	for (size_t i = 0; i < n; i++)
		items[i] = (struct source_item){ .number = (uint32_t)i + 1, .size = sizes[i], .name = names[i],
						 .flags = "" };
}

static const uint64_t sizes[] = { 10, 20, 30 };
static const char *const uidls[] = { "aa", "bb", "cc" };

/* The whole of a session; -1 with E wherever it ends. */
static int whole_session(struct err *e)
{
	struct source_session *s = source_pop3.open(&login, e);
	struct source_item items[3];
	struct source_mark now;
	struct source_folder folder = { .name = (char[]){ "" } };
	bool same = true, complete = false;
	struct buf refused;
	int ret = -1;

	if (s == NULL)
		return -1;
	buf_init(&refused, 1000);
	choose(items, 3, sizes, uidls);
	if (source_pop3.enter(s, &folder, true, NULL, &now, &same, e) != 0)
		goto done;
	assert_false(same);
	(void)buf_addf(&story, "exists=%u ", now.exists);
	if (source_pop3.list(s, 1, tell, NULL, &complete, e) != 0)
		goto done;
	(void)buf_addf(&story, "complete=%d ", complete);
	if (source_pop3.heads(s, items, 1, &handler, e) != 0 || source_pop3.fetch(s, items, 3, &handler, e) != 0 ||
	    source_pop3.remove(s, items, 3, NULL, &refused, e) != 0)
		goto done;
	(void)buf_addf(&story, "refused=%s ", buf_str(&refused));
	ret = source_pop3.leave(&s, e);
	if (ret == 0)
		(void)buf_add_str(&story, "left");
done:
	buf_free(&refused);
	source_pop3.abort(&s);
	return ret;
}

#define CAPAS "+OK here it comes\r\nTOP\r\nUIDL\r\nPIPELINING\r\nSASL PLAIN\r\nRESP-CODES\r\n.\r\n"
static const struct turn honest[] = {
	{ "CAPA", CAPAS },
	{ PLAIN, "+OK in\r\n" },
	{ "CAPA", CAPAS },
	{ "STAT", "+OK 3 60\r\n" },
	{ "LIST", "+OK 3 messages\r\n1 10\r\n2 20\r\n3 30\r\n.\r\n" },
	{ "UIDL", "+OK\r\n1 aa\r\n2 bb\r\n3 cc\r\n.\r\n" },
	{ "TOP 1 0", "+OK\r\nA: b\r\n..c: d\r\n\r\nnot asked for\r\n.\r\n" },
	{ "RETR 1", "+OK 10 octets\r\nA: b\r\n..c: d\r\n\r\n.\r\n" },
	{ "RETR 2", "-ERR no such message\r\n" },
	{ "RETR 3", "+OK\r\n\r\n...\r\n.x\n.\r\n\r\n.\r\n" },
	{ "DELE 1", "+OK\r\n" },
	{ "DELE 2", "-ERR not that one\r\n" },
	{ "DELE 3", "+OK gone\r\n" },
	{ "QUIT", "+OK bye\r\nand more\r\n" },
	{ NULL, NULL },
};
static const char greeting[] = "+OK POP3 ready <1.2@pop.example.net>\r\n";
static const char honest_story[] = "exists=3 1:10:aa 2:20:bb 3:30:cc complete=1 "
				   "1(A: b\r\n.c: d\r\n\r\n)1=whole "
				   "1(A: b\r\n.c: d\r\n\r\n)1=whole "
				   ")2=vanished:no such message "
				   "3(\r\n..\r\nx\n.\r\n\r\n)3=whole "
				   "refused=message 2: not that one left";

static size_t total(const char *first, const struct turn *turns)
{
	size_t n = strlen(first);

	for (; turns->command != NULL; turns++)
		n += strlen(turns->reply);
	return n;
}

static void a_session_cut_anywhere(void **state)
{
	size_t all = total(greeting, honest);

	(void)state;
	for (size_t cut = 0; cut <= all; cut++) {
		struct err e = { 0 };

		reset();
		start(honest, greeting, cut, NEVER);
		if (whole_session(&e) != 0)
			fail_msg("cut at %zu: %s", cut, e.text);
		assert_string_equal(buf_str(&story), honest_story);
		stop();
	}
}

/* The server goes away after any octet: what was whole is whole, and the reason is told. */
static void a_server_that_closes_anywhere(void **state)
{
	size_t all = total(greeting, honest) - strlen("and more\r\n");

	(void)state;
	for (size_t at = 0; at < all; at++) {
		struct err e = { 0 };
		size_t n;

		reset();
		start(honest, greeting, NEVER, at);
		assert_int_equal(whole_session(&e), -1);
		assert_true(e.class == ERR_TEMP);
		assert_true(e.code == ECONNRESET || e.code == EPIPE);
		assert_non_null(strstr(e.text, "pop.example.net"));
		n = story.n;
		assert_memory_equal(buf_str(&story), honest_story, n);
		stop();
	}
}

/* One octet a second: no command is waited for longer than its timeout, and nothing beyond the deadline. */
static void a_server_that_drips(void **state)
{
	(void)state;
	for (int all = 0; all < 2; all++) {
		struct err e = { 0 };

		reset();
		start(honest, greeting, NEVER, NEVER);
		server.drip = 1000;
		if (all == 1) {
			source.server.timeout = 600000;
			login.deadline = now_ms + 90000;
		}
		assert_int_equal(whole_session(&e), -1);
		assert_int_equal(e.class, ERR_TEMP);
		assert_int_equal(e.code, ETIMEDOUT);
		assert_true(now_ms >= 1000000 + (all == 1 ? 90000 : 60000));
		assert_true(now_ms <= 1000000 + (all == 1 ? 91000 : 4 * 60000));
		assert_non_null(strstr(e.text, all == 1 ? "deadline of source old" : "did not answer in time"));
		stop();
	}
}

/* ---- what may go wrong on the way in ---- */

struct login_case {
	const char *greeting;
	struct turn turns[12];
	enum err_class class;
	int code;
	const char *text; /* somewhere in the error */
	const char *auth;
};

#define NO_CAPA { "CAPA", "-ERR what?\r\n" }

static void try_logins(const struct login_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct login_case *c = &cases[i];
		struct source_session *s;
		struct err e = { 0 };

		reset();
		source.server.auth = (char *)(uintptr_t)c->auth;
		start(c->turns, c->greeting, NEVER, NEVER);
		s = source_pop3.open(&login, &e);
		if ((s != NULL) != (c->class == ERR_NONE))
			fail_msg("case %zu: %s", i, e.text);
		if (s == NULL) {
			if (e.class != c->class || e.code != c->code || strstr(e.text, c->text) == NULL)
				fail_msg("case %zu: class %d code %d: %s", i, e.class, e.code, e.text);
			assert_null(strstr(e.text, "s3cret"));
			assert_null(strstr(e.text, "AG9mZmljZQBzM2NyZXQ="));
		} else if (server.turns[server.turn].command != NULL) {
			fail_msg("case %zu: %s was not said", i, server.turns[server.turn].command);
		}
		source_pop3.abort(&s);
		stop();
	}
}

static void logins(void **state)
{
	static const struct login_case cases[] = {
		/* Without CAPA. */
		{ greeting, { NO_CAPA, { "USER office", "+OK\r\n" }, { "PASS s3cret", "+OK\r\n" } }, ERR_NONE, 0, "", NULL },
		{ "+OK\r\n", { NO_CAPA, { "USER office", "+OK\r\n" }, { "PASS s3cret", "+OK\r\n" } }, ERR_NONE, 0, "", NULL },
		{ "+OK\n", { { "CAPA", "-ERR\n" }, { "USER office", "+OK\n" }, { "PASS s3cret", "+OK\n" } }, ERR_NONE, 0, "",
		  NULL },
		{ greeting, { NO_CAPA, { "USER office", "-ERR never heard of office\r\n" } }, ERR_CONFIG, 0,
		  "refuses the password of office: \"never heard of office\"", NULL },
		{ greeting, { NO_CAPA, { "USER office", "+OK\r\n" }, { "PASS s3cret", "-ERR PASS s3cret is wrong\r\n" } },
		  ERR_CONFIG, 0, "\"PASS ****** is wrong\"; correct user or password of source old", NULL },
		{ greeting, { NO_CAPA, { "USER office", "+OK\r\n" }, { "PASS s3cret", "-ERR [IN-USE] wait\r\n" } }, ERR_TEMP,
		  EBUSY, "while the mailbox is in use elsewhere: \"[IN-USE] wait\"", NULL },
		/* The strongest first; what is unknown after all gives way, what is refused does not. */
		{ greeting,
		  { { "CAPA", "+OK\r\nSASL LOGIN PLAIN CRAM-MD5\r\nUSER\r\n.\r\n" },
		    { "AUTH CRAM-MD5", "-ERR unsupported mechanism\r\n" },
		    { PLAIN, "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ greeting,
		  { { "CAPA", "+OK\r\nSASL LOGIN CRAM-MD5\r\n.\r\n" },
		    { "AUTH CRAM-MD5", "+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n" },
		    { "b2ZmaWNlIGU2YzI0ZGVlYzFhYWQyOWM0YzUyM2MxMDNjMDI3YzU2", "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ greeting,
		  { { "CAPA", "+OK\r\nSASL LOGIN\r\n.\r\n" },
		    { "AUTH LOGIN", "+ VXNlcm5hbWU6\r\n" },
		    { "b2ZmaWNl", "+ UGFzc3dvcmQ6\r\n" },
		    { "czNjcmV0", "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ greeting,
		  { { "CAPA", "+OK\r\nSASL PLAIN LOGIN\r\nUSER\r\n.\r\n" },
		    { PLAIN, "-ERR [AUTH] wrong: AG9mZmljZQBzM2NyZXQ= s3cret\r\n" } },
		  ERR_CONFIG, 0, "\"[AUTH] wrong: ******************** ******\"; correct user or password", NULL },
		/* A server that passes over the initial response, and one that does not take it. */
		{ greeting,
		  { { "CAPA", "+OK\r\nSASL PLAIN\r\n.\r\n" }, { PLAIN, "+ \r\n" }, { "AG9mZmljZQBzM2NyZXQ=", "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ greeting,
		  { { "CAPA", "+OK\r\nSASL PLAIN\r\n.\r\n" },
		    { PLAIN, "-ERR bad number of arguments\r\n" },
		    { "AUTH PLAIN", "+\r\n" },
		    { "AG9mZmljZQBzM2NyZXQ=", "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ greeting,
		  { { "CAPA", "+OK\r\nSASL PLAIN\r\n.\r\n" }, { PLAIN, "+ \r\n" }, { "AG9mZmljZQBzM2NyZXQ=", "+ \r\n" } },
		  ERR_PROTOCOL, 0, "asks for more than PLAIN has to say", NULL },
		{ greeting, { { "CAPA", "+OK\r\nSASL CRAM-MD5\r\n.\r\n" }, { "AUTH CRAM-MD5", "+ not base64!\r\n" } },
		  ERR_PROTOCOL, 0, "is not base64", NULL },
		/* SCRAM: who has no proof is not the server. */
		{ greeting,
		  { { "CAPA", "+OK\r\nSASL PLAIN SCRAM-SHA-256\r\nUSER\r\n.\r\n" }, { "AUTH SCRAM-SHA-256 *", "+OK\r\n" } },
		  ERR_PROTOCOL, 0, "without a proof that it knows the password", NULL },
		/* APOP only for those who ask for it. */
		{ "+OK <1896.697170952@dbc.mtview.ca.us> hi\r\n",
		  { NO_CAPA, { "APOP office 220883b910ec2846f3624ece13e8293f", "+OK\r\n" } },
		  ERR_NONE, 0, "", "APOP" },
		{ "+OK hi\r\n", { NO_CAPA }, ERR_CONFIG, 0, "does not offer APOP", "APOP" },
		{ "+OK <no-at-sign> hi\r\n", { NO_CAPA }, ERR_CONFIG, 0, "does not offer APOP", "APOP" },
		{ "+OK <a\001b@c> hi\r\n", { NO_CAPA }, ERR_CONFIG, 0, "does not offer APOP", "APOP" },
		{ "+OK <a@b@c> hi\r\n", { NO_CAPA }, ERR_CONFIG, 0, "does not offer APOP", "APOP" },
		{ greeting, { { "CAPA", "+OK\r\nSASL PLAIN\r\n.\r\n" } }, ERR_CONFIG, 0,
		  "does not offer CRAM-MD5, which auth of source old demands", "CRAM-MD5" },
		{ greeting, { { "CAPA", "+OK\r\nSASL PLAIN\r\nUSER\r\n.\r\n" },
			      { "USER office", "+OK\r\n" },
			      { "PASS s3cret", "+OK\r\n" } }, ERR_NONE, 0, "", "USER" },
		/* UTF8 before the login (RFC 6856). */
		{ greeting,
		  { { "CAPA", "+OK\r\nUTF8 USER\r\nSASL PLAIN\r\n.\r\n" }, { "UTF8", "+OK\r\n" }, { PLAIN, "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ greeting,
		  { { "CAPA", "+OK\r\nUTF8\r\nSASL PLAIN\r\n.\r\n" }, { "UTF8", "-ERR no\r\n" }, { PLAIN, "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		/* Greetings. */
		{ "-ERR too many connections\r\n", { { NULL, NULL } }, ERR_TEMP, EUSERS, "does not take connections", NULL },
		{ "-ERR\r\n", { { NULL, NULL } }, ERR_TEMP, 0, "does not say why", NULL },
		{ "* OK IMAP4rev1 ready\r\n", { { NULL, NULL } }, ERR_PROTOCOL, 0, "does not greet as a POP3 server does", NULL },
		{ "220 smtp\r\n", { { NULL, NULL } }, ERR_PROTOCOL, 0, "check host, port and tls", NULL },
		{ "+OK\r\n+OK\r\n", { { NULL, NULL } }, ERR_PROTOCOL, 0, "not asked for", NULL },
		{ "+OK\r\n-ERR shutting down\r\n", { { NULL, NULL } }, ERR_TEMP, 0, "ended the session: \"shutting down\"",
		  NULL },
		{ greeting, { { "CAPA", "junk\r\n" } }, ERR_PROTOCOL, 0, "says \"junk\" where a reply of POP3 belongs", NULL },
		{ greeting, { { "CAPA", "+ \r\n" } }, ERR_PROTOCOL, 0, "where a reply of POP3 belongs", NULL },
	};

	(void)state;
	try_logins(cases, sizeof cases / sizeof cases[0]);
}

static void an_access_token_is_replaced_once(void **state)
{
	static const struct turn once[] = {
		{ "CAPA", "+OK\r\nSASL PLAIN XOAUTH2\r\n.\r\n" },
		{ "AUTH XOAUTH2 dXNlcj1vZmZpY2UBYXV0aD1CZWFyZXIgdG9rLW9sZAEB", "+ eyJzdGF0dXMiOiI0MDAifQ==\r\n" },
		{ "", "-ERR [AUTH] no\r\n" },
		{ "AUTH XOAUTH2 dXNlcj1vZmZpY2UBYXV0aD1CZWFyZXIgdG9rLW5ldwEB", "+OK\r\n" },
		{ NULL, NULL },
	};
	static const struct turn twice[] = {
		{ "CAPA", "+OK\r\nSASL PLAIN XOAUTH2\r\n.\r\n" },
		{ "AUTH XOAUTH2 dXNlcj1vZmZpY2UBYXV0aD1CZWFyZXIgdG9rLW9sZAEB", "-ERR no\r\n" },
		{ "AUTH XOAUTH2 dXNlcj1vZmZpY2UBYXV0aD1CZWFyZXIgdG9rLW5ldwEB", "-ERR not tok-new\r\n" },
		{ NULL, NULL },
	};
	struct source_session *s;
	struct err e = { 0 };

	(void)state;
	for (int again = 0; again < 2; again++) {
		reset();
		source.server.oauth = true;
		login.token = token;
		start(again ? twice : once, greeting, NEVER, NEVER);
		s = source_pop3.open(&login, &e);
		assert_int_equal(s != NULL, !again);
		assert_int_equal(tokens_asked, 2);
		if (again) {
			assert_int_equal(e.class, ERR_CONFIG);
			assert_non_null(strstr(e.text, "and a fresh one too: \"not *******\""));
			assert_non_null(strstr(e.text, "mailferry login old"));
		}
		source_pop3.abort(&s);
		stop();
	}
}

static char *long_token(void *arg, bool fresh, struct err *e)
{
	char *t = mem_alloc(4001);

	(void)arg;
	(void)fresh;
	(void)e;
	memset(t, 't', 4000);
	return t;
}

/* RFC 5034, 4: no command is longer than 255 octets. */
static void a_long_token_has_a_line_of_its_own(void **state)
{
	static const struct turn turns[] = {
		{ "CAPA", "+OK\r\nSASL XOAUTH2\r\n.\r\n" },
		{ "AUTH XOAUTH2", "+ \r\n" },
		{ "dXNlcj1vZmZpY2UBYXV0aD1CZWFyZXIgdHR0*", "+OK\r\n" },
		{ NULL, NULL },
	};
	struct source_session *s;
	struct err e = { 0 };

	(void)state;
	reset();
	source.server.oauth = true;
	login.token = long_token;
	start(turns, greeting, NEVER, NEVER);
	s = source_pop3.open(&login, &e);
	assert_non_null(s);
	source_pop3.abort(&s);
	stop();
}

/* ---- what may go wrong then ---- */

#define IN { "CAPA", CAPAS }, { PLAIN, "+OK in\r\n" }, { "CAPA", CAPAS }
#define STAT3 { "STAT", "+OK 3 60\r\n" }
#define LIST3 { "LIST", "+OK\r\n1 10\r\n2 20\r\n3 30\r\n.\r\n" }
#define UIDL3 { "UIDL", "+OK\r\n1 aa\r\n2 bb\r\n3 cc\r\n.\r\n" }
#define TOP1 { "TOP 1 0", "+OK\r\n\r\n.\r\n" }

static void sessions_that_fail(void **state)
{
	static const struct {
		struct turn turns[16];
		enum err_class class;
		const char *text, *story;
	} cases[] = {
		{ { IN, STAT3, { "LIST", "-ERR [SYS/TEMP] no\r\n" }, { "UIDL", "" } }, ERR_TEMP, "does not list the messages", "" },
		{ { IN, { "STAT", "-ERR [IN-USE] locked\r\n" }, { "LIST", "" }, { "UIDL", "" } }, ERR_TEMP,
		  "what is in the mailbox: \"[IN-USE] locked\"", "" },
		/* UIDLs that fail for once: all would look new. */
		{ { IN, STAT3, LIST3, { "UIDL", "-ERR not now\r\n" } }, ERR_TEMP, "does not tell the UIDLs", "" },
		{ { IN, STAT3, LIST3, UIDL3, { "TOP 1 0", "-ERR no\r\n" }, { "RETR 1", "+OK\r\na\r\n.\r\nwhat\r\n" },
		    { "RETR 2", "" }, { "RETR 3", "" } },
		  ERR_PROTOCOL, "says \"what\" where a reply", "exists=3 1:10:aa 2:20:bb 3:30:cc complete=1 )1=refused:no "
		  "1(a\r\n)1=whole " },
		/* One reply too many, and each message would be the one before. */
		{ { IN, STAT3, LIST3, UIDL3, TOP1, { "RETR 1", "+OK\r\na\r\n.\r\n+OK\r\n" }, { "RETR 2", "+OK\r\nb\r\n.\r\n" },
		    { "RETR 3", "" } },
		  ERR_PROTOCOL, "sends a reply where message 2 should begin",
		  "exists=3 1:10:aa 2:20:bb 3:30:cc complete=1 1(\r\n)1=whole 1(a\r\n)1=whole 2(" },
		{ { IN, STAT3, LIST3, UIDL3, TOP1, { "RETR 1", "+OK\r\na.\r\n" }, { "RETR 2", "" }, { "RETR 3", "" } },
		  ERR_PROTOCOL, "does not end it with a line that holds only a dot",
		  "exists=3 1:10:aa 2:20:bb 3:30:cc complete=1 1(\r\n)1=whole 1(a.\r\n)1=refused:the server does not end it with "
		  "a line that holds only a dot " },
		{ { IN, STAT3, LIST3, UIDL3, TOP1, { "RETR 1", "+OK\r\na.\r\n.\r\n" }, { "RETR 2", "-ERR [SYS/TEMP] bye\r\n" },
		    { "RETR 3", "+OK\r\n.\r\n" }, { "DELE 1", "+OK\r\n" }, { "DELE 2", "+OK\r\n" }, { "DELE 3", "+OK\r\n" },
		    { "QUIT", "-ERR some messages were not removed\r\n" } },
		  ERR_TEMP, "did not end the session well, so that removed messages may still be there: \"some",
		  "exists=3 1:10:aa 2:20:bb 3:30:cc complete=1 1(\r\n)1=whole 1(a.\r\n)1=whole )2=refused:[SYS/TEMP] bye "
		  "3()3=whole refused= " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t cut = 0; cut < 2; cut++) {
			struct err e = { 0 };

			reset();
			start(cases[i].turns, greeting, cut == 0 ? 0 : NEVER, NEVER);
			assert_int_equal(whole_session(&e), -1);
			if (e.class != cases[i].class || strstr(e.text, cases[i].text) == NULL)
				fail_msg("case %zu: class %d: %s", i, e.class, e.text);
			assert_string_equal(buf_str(&story), cases[i].story);
			stop();
		}
	}
}

static struct source_session *opened(const struct turn *turns)
{
	struct err e = { 0 };
	struct source_session *s;

	reset();
	start(turns, greeting, NEVER, NEVER);
	s = source_pop3.open(&login, &e);
	if (s == NULL)
		fail_msg("%s", e.text);
	return s;
}

/* An old server: one command after the other, no UIDL, no TOP. */
static void a_server_without_extensions(void **state)
{
	static const struct turn turns[] = {
		NO_CAPA,
		{ "USER office", "+OK\r\n" },
		{ "PASS s3cret", "+OK\r\n" },
		STAT3,
		LIST3,
		{ "UIDL", "-ERR what?\r\n" },
		{ "TOP 1 0", "-ERR what?\r\n" },
		{ "RETR 1", "+OK\r\na\r\n.\r\n" },
		{ "RETR 2", "+OK\r\nb\r\n.\r\n" },
		{ "QUIT", "+OK\r\n" },
		{ NULL, NULL },
	};
	struct source_session *s = opened(turns);
	struct source_item items[3];
	bool complete;
	struct err e = { 0 };

	(void)state;
	choose(items, 3, sizes, (const char *const[]){ "", "", "" });
	assert_int_equal(source_pop3.list(s, 1, tell, NULL, &complete, &e), 0);
	assert_true(complete);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(source_pop3.heads(s, items, 3, &handler, &e), -1);
		assert_int_equal(e.class, ERR_PERM);
	}
	assert_int_equal(source_pop3.fetch(s, items, 2, &handler, &e), 0);
	assert_int_equal(source_pop3.leave(&s, &e), 0);
	assert_string_equal(buf_str(&story), "1:10: 2:20: 3:30: 1(a\r\n)1=whole 2(b\r\n)2=whole ");
	stop();
}

/* Never a number that this session has not listed so: it may be another message. */
static void only_what_was_listed_is_removed(void **state)
{
	static const struct turn turns[] = {
		IN, STAT3, LIST3, UIDL3, { "DELE 1", "+OK\r\n" }, { "QUIT", "+OK\r\n" }, { NULL, NULL },
	};
	struct source_session *s = opened(turns);
	struct source_item items[5] = {
		{ .number = 1, .size = 10, .name = "aa", .flags = "" }, { .number = 2, .size = 21, .name = "bb", .flags = "" },
		{ .number = 3, .size = 30, .name = "CC", .flags = "" }, { .number = 4, .size = 40, .name = "dd", .flags = "" },
		{ .number = 0, .size = 0, .name = "", .flags = "" },
	};
	struct buf refused;
	struct err e = { 0 };
	bool marked = true, complete;

	(void)state;
	buf_init(&refused, 2000);
	assert_int_equal(source_pop3.remove(s, items, 5, &marked, &refused, &e), 0);
	assert_false(marked);
	for (int i = 2; i <= 4; i++) {
		char word[32];

		(void)snprintf(word, sizeof word, "message %d:", i);
		assert_non_null(strstr(buf_str(&refused), word));
	}
	/* It is there until QUIT, but not to be had any more. */
	assert_int_equal(source_pop3.present(s, tell, NULL, &complete, &e), 0);
	assert_int_equal(source_pop3.fetch(s, items, 1, &handler, &e), 0);
	assert_int_equal(source_pop3.leave(&s, &e), 0);
	assert_non_null(strstr(buf_str(&story), "1:10:aa 2:20:bb 3:30:cc )1=vanished:"));
	buf_free(&refused);
	stop();
}

static void what_is_too_large_is_refused(void **state)
{
	static const struct turn turns[] = {
		IN,
		STAT3,
		{ "LIST", "+OK\r\n1 10\r\n2 3000000000\r\n3 30\r\n.\r\n" },
		UIDL3,
		{ "RETR 1", "+OK\r\na\r\n.\r\n" },
		{ "RETR 3", "+OK\r\n0123456789012345678901234567890123456789\r\nmore\r\n" },
		{ NULL, NULL },
	};
	struct source_session *s = opened(turns);
	struct source_item items[3];
	struct err e = { 0 };

	(void)state;
	login.message_max = 35;
	choose(items, 3, sizes, uidls);
	assert_int_equal(source_pop3.fetch(s, items, 3, &handler, &e), -1);
	assert_int_equal(e.class, ERR_PROTOCOL);
	assert_non_null(strstr(buf_str(&story), "1(a\r\n)1=whole )2=refused:the server announces more"));
	assert_non_null(strstr(buf_str(&story), ")3=refused:it is longer than the limit"));
	source_pop3.abort(&s);
	stop();
}

static void the_server_may_ask_for_peace(void **state)
{
	static const struct turn said[] = {
		{ "CAPA", "+OK\r\nLOGIN-DELAY 900 USER\r\nSASL PLAIN\r\n.\r\n" },
		{ PLAIN, "+OK\r\n" },
		{ "CAPA", "+OK\r\nLOGIN-DELAY 600\r\nSASL PLAIN\r\nEXPIRE 0\r\n.\r\n" },
		{ "STAT", "+OK 0 0\r\n" },
		{ "LIST", "+OK\r\n.\r\n" },
		{ "UIDL", "+OK\r\n.\r\n" },
		{ "QUIT", "+OK\r\n" },
		{ NULL, NULL },
	};
	static const struct turn shouted[] = {
		NO_CAPA,
		{ "USER office", "+OK\r\n" },
		{ "PASS s3cret", "-ERR [LOGIN-DELAY 300] not yet\r\n" },
		{ NULL, NULL },
	};
	struct source_session *s = opened(said);
	struct err e = { 0 };
	bool complete;

	(void)state;
	assert_int_equal(source_pop3.list(s, 1, tell, NULL, &complete, &e), 0);
	assert_int_equal(delay, 600000);
	assert_int_equal(source_pop3.leave(&s, &e), 0);
	stop();

	reset();
	start(shouted, greeting, NEVER, NEVER);
	assert_null(source_pop3.open(&login, &e));
	assert_int_equal(e.code, EUSERS);
	assert_int_equal(delay, 300000);
	stop();
}

static int say_no(void *arg, struct slice bytes)
{
	(void)arg;
	(void)bytes;
	return -1;
}

static void who_takes_may_stop(void **state)
{
	static const struct turn turns[] = {
		IN, STAT3, LIST3, UIDL3, { "RETR 1", "+OK\r\na\r\n.\r\n" }, { "RETR 2", "" }, { "RETR 3", "" }, { NULL, NULL },
	};
	static const struct source_handler stubborn = { begin, say_no, end, NULL };
	struct source_session *s = opened(turns);
	struct source_item items[3];
	struct err e = { 0 };

	(void)state;
	choose(items, 3, sizes, uidls);
	assert_int_equal(source_pop3.fetch(s, items, 3, &stubborn, &e), -1);
	assert_int_equal(e.class, ERR_LIMIT);
	source_pop3.abort(&s);
	stop();
}

static int dawdle(void *arg, struct slice bytes)
{
	now_ms += 100000;
	return piece(arg, bytes);
}

/* A full disk here is no delay of the server's. */
static void who_takes_may_be_slow(void **state)
{
	static const struct turn turns[] = {
		IN,
		STAT3,
		LIST3,
		UIDL3,
		{ "RETR 1", "+OK\r\na\r\n..b\r\n.\r\n" },
		{ "RETR 2", "+OK\r\nc\r\n.\r\n" },
		{ NULL, NULL },
	};
	static const struct source_handler slow = { begin, dawdle, end, NULL };
	struct source_session *s = opened(turns);
	struct source_item items[2];
	struct err e = { 0 };

	(void)state;
	server.cut = 0;
	choose(items, 2, sizes, uidls);
	assert_int_equal(source_pop3.fetch(s, items, 2, &slow, &e), 0);
	assert_string_equal(buf_str(&story), "1(a\r\n.b\r\n)1=whole 2(c\r\n)2=whole ");
	source_pop3.abort(&s);
	stop();
}

/* No password where the configuration wants encryption, whatever the server says. */
static void no_password_in_the_clear(void **state)
{
	static const struct turn without[] = { { "CAPA", "+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n" }, { NULL, NULL } };
	static const struct turn refused[] = {
		{ "CAPA", "+OK\r\nSTLS\r\n.\r\n" }, { "STLS", "-ERR not today\r\n" }, { NULL, NULL }
	};
	static const struct turn old[] = { NO_CAPA, { "STLS", "-ERR what?\r\n" }, { NULL, NULL } };
	static const struct turn *const all[] = { without, refused, old };
	static const char *const texts[] = { "does not offer STLS", "refuses STLS: \"not today\"", "refuses STLS: \"what?\"" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct err e = { 0 };

		reset();
		source.server.tls = CONFIG_TLS_STARTTLS;
		start(all[i], greeting, NEVER, NEVER);
		assert_null(source_pop3.open(&login, &e));
		assert_int_equal(e.class, ERR_CONFIG);
		assert_non_null(strstr(e.text, texts[i]));
		assert_null(server.turns[server.turn].command);
		stop();
	}
}

static int set_up(void **state)
{
	(void)state;
	buf_init(&story, 10 * 1024 * 1024);
	log_set_level(LOG_ERROR);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_free(&story);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_cut_anywhere),
		cmocka_unit_test(a_server_that_closes_anywhere),
		cmocka_unit_test(a_server_that_drips),
		cmocka_unit_test(logins),
		cmocka_unit_test(an_access_token_is_replaced_once),
		cmocka_unit_test(sessions_that_fail),
		cmocka_unit_test(a_server_without_extensions),
		cmocka_unit_test(only_what_was_listed_is_removed),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(the_server_may_ask_for_peace),
		cmocka_unit_test(who_takes_may_stop),
		cmocka_unit_test(who_takes_may_be_slow),
		cmocka_unit_test(a_long_token_has_a_line_of_its_own),
		cmocka_unit_test(no_password_in_the_clear),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("POP3 sessions", tests, set_up, tear_down);
}
