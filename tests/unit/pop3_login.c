/* Logins at a POP3 server that follows a script: every way in, and what is said when there is none. */
#include "pop3_fake.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"

struct login_case {
	const char *greeting;
	struct turn turns[12];
	enum err_class class;
	int code;
	const char *text; /* somewhere in the error */
	const char *auth;
};


static void try_logins(const struct login_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct login_case *c = &cases[i];
		struct source_session *s;
		struct err e = { 0 };

		fake_reset();
		fake_source.server.auth = (char *)(uintptr_t)c->auth;
		fake_start(c->turns, c->greeting, NEVER, NEVER);
		s = source_pop3.open(&fake_login, &e);
		if ((s != NULL) != (c->class == ERR_NONE))
			fail_msg("case %zu: %s", i, e.text);
		if (s == NULL) {
			if (e.class != c->class || e.code != c->code || strstr(e.text, c->text) == NULL)
				fail_msg("case %zu: class %d code %d: %s", i, e.class, e.code, e.text);
			assert_null(strstr(e.text, "s3cret"));
			assert_null(strstr(e.text, "AG9mZmljZQBzM2NyZXQ="));
		} else if (fake_server.turns[fake_server.turn].command != NULL) {
			fail_msg("case %zu: %s was not said", i, fake_server.turns[fake_server.turn].command);
		}
		source_pop3.abort(&s);
		fake_stop();
	}
}

static void logins(void **state)
{
	static const struct login_case cases[] = {
		/* Without CAPA. */
		{ fake_greeting, { NO_CAPA, { "USER office", "+OK\r\n" }, { "PASS s3cret", "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ "+OK\r\n", { NO_CAPA, { "USER office", "+OK\r\n" }, { "PASS s3cret", "+OK\r\n" } }, ERR_NONE, 0, "", NULL },
		{ "+OK\n", { { "CAPA", "-ERR\n" }, { "USER office", "+OK\n" }, { "PASS s3cret", "+OK\n" } }, ERR_NONE, 0, "",
		  NULL },
		{ fake_greeting, { NO_CAPA, { "USER office", "-ERR never heard of office\r\n" } }, ERR_CONFIG, 0,
		  "refuses the password of office: \"never heard of office\"", NULL },
		{ fake_greeting, { NO_CAPA, { "USER office", "+OK\r\n" }, { "PASS s3cret", "-ERR PASS s3cret is wrong\r\n" } },
		  ERR_CONFIG, 0, "\"PASS ****** is wrong\"; correct user or password of source old", NULL },
		{ fake_greeting, { NO_CAPA, { "USER office", "+OK\r\n" }, { "PASS s3cret", "-ERR [IN-USE] wait\r\n" } }, ERR_TEMP,
		  EBUSY, "while the mailbox is in use elsewhere: \"[IN-USE] wait\"", NULL },
		/* The strongest first; what is unknown after all gives way, what is refused does not. */
		{ fake_greeting,
		  { { "CAPA", "+OK\r\nSASL LOGIN PLAIN CRAM-MD5\r\nUSER\r\n.\r\n" },
		    { "AUTH CRAM-MD5", "-ERR unsupported mechanism\r\n" },
		    { PLAIN, "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ fake_greeting,
		  { { "CAPA", "+OK\r\nSASL LOGIN CRAM-MD5\r\n.\r\n" },
		    { "AUTH CRAM-MD5", "+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n" },
		    { "b2ZmaWNlIGU2YzI0ZGVlYzFhYWQyOWM0YzUyM2MxMDNjMDI3YzU2", "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ fake_greeting,
		  { { "CAPA", "+OK\r\nSASL LOGIN\r\n.\r\n" },
		    { "AUTH LOGIN", "+ VXNlcm5hbWU6\r\n" },
		    { "b2ZmaWNl", "+ UGFzc3dvcmQ6\r\n" },
		    { "czNjcmV0", "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ fake_greeting,
		  { { "CAPA", "+OK\r\nSASL PLAIN LOGIN\r\nUSER\r\n.\r\n" },
		    { PLAIN, "-ERR [AUTH] wrong: AG9mZmljZQBzM2NyZXQ= s3cret\r\n" } },
		  ERR_CONFIG, 0, "\"[AUTH] wrong: ******************** ******\"; correct user or password", NULL },
		/* A server that passes over the initial response, and one that does not take it. */
		{ fake_greeting,
		  { { "CAPA", "+OK\r\nSASL PLAIN\r\n.\r\n" }, { PLAIN, "+ \r\n" }, { "AG9mZmljZQBzM2NyZXQ=", "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ fake_greeting,
		  { { "CAPA", "+OK\r\nSASL PLAIN\r\n.\r\n" },
		    { PLAIN, "-ERR bad number of arguments\r\n" },
		    { "AUTH PLAIN", "+\r\n" },
		    { "AG9mZmljZQBzM2NyZXQ=", "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ fake_greeting,
		  { { "CAPA", "+OK\r\nSASL PLAIN\r\n.\r\n" }, { PLAIN, "+ \r\n" }, { "AG9mZmljZQBzM2NyZXQ=", "+ \r\n" } },
		  ERR_PROTOCOL, 0, "asks for more than PLAIN has to say", NULL },
		{ fake_greeting, { { "CAPA", "+OK\r\nSASL CRAM-MD5\r\n.\r\n" }, { "AUTH CRAM-MD5", "+ not base64!\r\n" } },
		  ERR_PROTOCOL, 0, "is not base64", NULL },
		/* SCRAM: who has no proof is not the server. */
		{ fake_greeting,
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
		{ fake_greeting, { { "CAPA", "+OK\r\nSASL PLAIN\r\n.\r\n" } }, ERR_CONFIG, 0,
		  "does not offer CRAM-MD5, which auth of source old demands", "CRAM-MD5" },
		{ fake_greeting, { { "CAPA", "+OK\r\nSASL PLAIN\r\nUSER\r\n.\r\n" },
			      { "USER office", "+OK\r\n" },
			      { "PASS s3cret", "+OK\r\n" } }, ERR_NONE, 0, "", "USER" },
		/* UTF8 before the login (RFC 6856). */
		{ fake_greeting,
		  { { "CAPA", "+OK\r\nUTF8 USER\r\nSASL PLAIN\r\n.\r\n" }, { "UTF8", "+OK\r\n" }, { PLAIN, "+OK\r\n" } },
		  ERR_NONE, 0, "", NULL },
		{ fake_greeting,
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
		{ fake_greeting, { { "CAPA", "junk\r\n" } },
		  ERR_PROTOCOL, 0, "says \"junk\" where a reply of POP3 belongs", NULL },
		{ fake_greeting, { { "CAPA", "+ \r\n" } }, ERR_PROTOCOL, 0, "where a reply of POP3 belongs", NULL },
	};

	(void)state;
	try_logins(cases, sizeof cases / sizeof cases[0]);
}

static int tokens_asked;

static char *token(void *arg, bool fresh, struct err *e)
{
	(void)arg;
	(void)e;
	tokens_asked++;
	return mem_strdup(fresh ? "tok-new" : "tok-old");
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
		fake_reset();
		tokens_asked = 0;
		fake_source.server.oauth = true;
		fake_login.token = token;
		fake_start(again ? twice : once, fake_greeting, NEVER, NEVER);
		s = source_pop3.open(&fake_login, &e);
		assert_int_equal(s != NULL, !again);
		assert_int_equal(tokens_asked, 2);
		if (again) {
			assert_int_equal(e.class, ERR_CONFIG);
			assert_non_null(strstr(e.text, "and a fresh one too: \"not *******\""));
			assert_non_null(strstr(e.text, "mailferry login old"));
		}
		source_pop3.abort(&s);
		fake_stop();
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
	fake_reset();
	fake_source.server.oauth = true;
	fake_login.token = long_token;
	fake_start(turns, fake_greeting, NEVER, NEVER);
	s = source_pop3.open(&fake_login, &e);
	assert_non_null(s);
	source_pop3.abort(&s);
	fake_stop();
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

		fake_reset();
		fake_source.server.tls = CONFIG_TLS_STARTTLS;
		fake_start(all[i], fake_greeting, NEVER, NEVER);
		assert_null(source_pop3.open(&fake_login, &e));
		assert_int_equal(e.class, ERR_CONFIG);
		assert_non_null(strstr(e.text, texts[i]));
		assert_null(fake_server.turns[fake_server.turn].command);
		fake_stop();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logins),
		cmocka_unit_test(an_access_token_is_replaced_once),
		cmocka_unit_test(a_long_token_has_a_line_of_its_own),
		cmocka_unit_test(no_password_in_the_clear),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("POP3 logins", tests, fake_set_up, fake_tear_down);
}
