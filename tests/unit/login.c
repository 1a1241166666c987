/* What meets a browser and a token while a person signs in, and what is said to that person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/login_explain.h"
#include "cmd/login_steps.h"
#include "config/provider.h"
#include "oauth/assertion.h"
#include "oauth/claims.h"
#include "oauth/grant.h"
#include "oauth/loopback.h"
#include "role/login.h"

enum { PORT = 40001 };

#define STATE "gm1TbzK2rWzYp0vUq9"
#define HOST  "Host: 127.0.0.1:40001\r\n"

/* ---- the browser's request ---- */

static const struct {
	const char *name, *request;
	enum loopback_verdict verdict;
	const char *query; /* NULL: none */
} requests[] = {
	{ "the browser is back", "GET /?code=a%2Fb&state=" STATE " HTTP/1.1\r\n" HOST "Accept: */*\r\n\r\n",
	  LOOPBACK_ANSWER, "code=a%2Fb&state=" STATE },
	{ "by name, and HTTP/1.0, and bare LF", "GET /?state=" STATE " HTTP/1.0\nhost:  LOCALHOST:40001 \n\n",
	  LOOPBACK_ANSWER, "state=" STATE },
	{ "a refusal is an answer too", "GET /?error=access_denied&state=" STATE " HTTP/1.1\r\n" HOST "\r\n",
	  LOOPBACK_ANSWER, "error=access_denied&state=" STATE },
	{ "bytes behind the head do not count", "GET /?state=" STATE " HTTP/1.1\r\n" HOST "\r\nmore\r\n\r\n",
	  LOOPBACK_ANSWER, "state=" STATE },
	{ "another state", "GET /?code=a&state=" STATE "x HTTP/1.1\r\n" HOST "\r\n", LOOPBACK_ELSEWHERE, NULL },
	{ "the front of the state", "GET /?code=a&state=gm1 HTTP/1.1\r\n" HOST "\r\n", LOOPBACK_ELSEWHERE, NULL },
	{ "an empty state", "GET /?code=a&state= HTTP/1.1\r\n" HOST "\r\n", LOOPBACK_ELSEWHERE, NULL },
	{ "no state", "GET /?code=a HTTP/1.1\r\n" HOST "\r\n", LOOPBACK_ELSEWHERE, NULL },
	{ "a state that is no text", "GET /?state=%00%zz HTTP/1.1\r\n" HOST "\r\n", LOOPBACK_ELSEWHERE, NULL },
	{ "an icon", "GET /favicon.ico HTTP/1.1\r\n" HOST "\r\n", LOOPBACK_ELSEWHERE, NULL },
	{ "another path", "GET /x?state=" STATE " HTTP/1.1\r\n" HOST "\r\n", LOOPBACK_ELSEWHERE, NULL },
	{ "no query", "GET / HTTP/1.1\r\n" HOST "\r\n", LOOPBACK_ELSEWHERE, NULL },
	{ "a whole URL as the target", "GET http://127.0.0.1:40001/?state=" STATE " HTTP/1.1\r\n" HOST "\r\n",
	  LOOPBACK_BROKEN, NULL },
	{ "not asked by our name", "GET /?state=" STATE " HTTP/1.1\r\nHost: evil.example:40001\r\n\r\n",
	  LOOPBACK_BROKEN, NULL },
	{ "another port", "GET /?state=" STATE " HTTP/1.1\r\nHost: 127.0.0.1:4000\r\n\r\n", LOOPBACK_BROKEN, NULL },
	{ "no host", "GET /?state=" STATE " HTTP/1.1\r\n\r\n", LOOPBACK_BROKEN, NULL },
	{ "two hosts: the last counts", "GET /?state=" STATE " HTTP/1.1\r\n" HOST "Host: evil.example\r\n\r\n",
	  LOOPBACK_BROKEN, NULL },
	{ "another method", "POST /?state=" STATE " HTTP/1.1\r\n" HOST "\r\n", LOOPBACK_BROKEN, NULL },
	{ "another version", "GET /?state=" STATE " HTTP/2.0\r\n" HOST "\r\n", LOOPBACK_BROKEN, NULL },
	{ "words behind the version", "GET /?state=" STATE " HTTP/1.1 x\r\n" HOST "\r\n", LOOPBACK_BROKEN, NULL },
	{ "no target", "GET  HTTP/1.1\r\n" HOST "\r\n", LOOPBACK_BROKEN, NULL },
	{ "an empty line first", "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", LOOPBACK_BROKEN, NULL },
	{ "a line that is no field", "GET / HTTP/1.1\r\nx\r\n" HOST "\r\n", LOOPBACK_BROKEN, NULL },
	{ "TLS", "\x16\x03\x01\x02\xfc\x03\x03 random\n", LOOPBACK_BROKEN, NULL },
};

static const struct loopback here = { .port = PORT, .state = STATE };

static void requests_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		const char *text = requests[i].request;
		struct slice query;
		enum loopback_verdict v = loopback_read(&here, slice_str(text), &query);

		if (v != requests[i].verdict ||
		    (requests[i].query != NULL && !slice_eq(query, slice_str(requests[i].query))))
			fail_msg("%s: verdict %d, query %.*s", requests[i].name, v, (int)query.n, query.p);
		/* Until the head is whole, nothing is believed. */
		if (v != LOOPBACK_ANSWER)
			continue;
		for (size_t n = 0; strstr(text, "more") == NULL && n + 1 < strlen(text); n++)
			if (loopback_read(&here, slice_of(text, n), &query) != LOOPBACK_MORE &&
			    strncmp(text + n, "\n", 1) != 0)
				fail_msg("%s: believed after %zu octets", requests[i].name, n);
	}
}

static void long_requests_end(void **state)
{
	static const char *const fronts[] = { "", "GET /?", "GET / HTTP/1.1\r\nX: " };

	(void)state;
	for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++) {
		char *text = mem_alloc(LOOPBACK_REQUEST_MAX + 1);
		struct slice query;

		memset(text, 'a', LOOPBACK_REQUEST_MAX);
		memcpy(text, fronts[i], strlen(fronts[i]));
		assert_int_equal(loopback_read(&here, slice_of(text, LOOPBACK_REQUEST_MAX - 1), &query), LOOPBACK_MORE);
		assert_int_equal(loopback_read(&here, slice_of(text, LOOPBACK_REQUEST_MAX), &query), LOOPBACK_BROKEN);
		free(text);
	}
}

static void page_has_its_length(void **state)
{
	struct buf page;
	const char *body;
	char length[40];

	(void)state;
	buf_init(&page, 4096);
	loopback_page(200, "Signed in.", &page);
	body = strstr(buf_str(&page), "\r\n\r\n");
	assert_non_null(body);
	(void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body + 4));
	assert_non_null(strstr(buf_str(&page), length));
	assert_non_null(strstr(buf_str(&page), "Cache-Control: no-store\r\n"));
	buf_free(&page);
}

/* ---- PKCE (RFC 7636, appendix B) ---- */

static void challenge_is_that_of_the_rfc(void **state)
{
	struct config_server a = { .name = "office", .user = "office@example.net", .oauth = true };
	struct buf url;

	(void)state;
	a.token.authorization_endpoint = "https://login.example.net/authorize";
	a.token.client_id = "id";
	buf_init(&url, 4096);
	grant_authorization_url(&a, "http://127.0.0.1:40001/", "s t", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
				&url);
	assert_non_null(strstr(buf_str(&url), "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&"));
	assert_non_null(strstr(buf_str(&url), "&redirect_uri=http%3A%2F%2F127.0.0.1%3A40001%2F&"));
	assert_non_null(strstr(buf_str(&url), "&state=s%20t&"));
	assert_null(strstr(buf_str(&url), "dBjftJeZ4CVP"));
	buf_free(&url);
}

/* ---- tokens ---- */

static const struct {
	const char *name, *payload; /* payload NULL: NAME is the token */
	bool known, application, imap;
	const char *who;
} tokens[] = {
	{ "a person's", "{\"upn\":\"a@office.example\",\"scp\":\"openid IMAP.AccessAsUser.All\"}", true, false, true,
	  "a@office.example" },
	{ "a person's without IMAP", "{\"unique_name\":\"a@b\",\"scp\":\"IMAP.AccessAsUser.All2 User.Read\"}", true,
	  false, false, "a@b" },
	{ "an application's", "{\"idtyp\":\"app\",\"roles\":[1,\"IMAP.AccessAsApp\"]}", true, true, true, "" },
	{ "an application's without consent", "{\"idtyp\":\"app\"}", true, true, false, "" },
	{ "another provider's", "{\"sub\":\"1\",\"exp\":5}", false, false, false, "" },
	{ "a name that would act on a terminal", "{\"upn\":\"\\u001b[2Jx y\",\"scp\":\"\"}", true, false, false,
	  "?[2Jx?y" },
	{ "other types", "{\"upn\":5,\"scp\":[],\"roles\":\"IMAP.AccessAsApp\"}", false, false, false, "" },
	{ "no object", "[]", false, false, false, "" },
	{ "no JSON", "{", false, false, false, "" },
	{ "opaque", NULL, false, false, false, "" },
	{ "a..b", NULL, false, false, false, "" },
	{ "a.!!!.b", NULL, false, false, false, "" },
	{ "", NULL, false, false, false, "" },
};

static void tokens_say_what_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		struct claims c;
		struct buf token;
		bool known;

		buf_init(&token, 4096);
		if (tokens[i].payload == NULL) {
			(void)buf_add_str(&token, tokens[i].name);
		} else {
			(void)buf_add_str(&token, "e30.");
			assert_int_equal(base64url_encode(slice_str(tokens[i].payload), &token), 0);
			(void)buf_add_str(&token, ".c2ln");
		}
		known = claims_read(buf_str(&token), &c);
		if (known != tokens[i].known || c.application != tokens[i].application || c.imap != tokens[i].imap ||
		    strcmp(c.who, tokens[i].who) != 0)
			fail_msg("%s: %d %d %d %s", tokens[i].name, known, c.application, c.imap, c.who);
		buf_free(&token);
	}
}

/* ---- what is said ---- */

static const struct {
	const char *provider;
	int grant; /* -1: a password */
	const char *text;
	bool token, logged_in, refused;
	int says;
	const char *who;
	enum login_cause cause;
} findings[] = {
	{ "gmail", -1, "NO [ALERT] Your account is not enabled for IMAP use.", false, false, true, 0, "",
	  CAUSE_IMAP_OFF },
	{ "gmail", -1, "NO [ALERT] Application-specific password required", false, false, true, 0, "", CAUSE_PASSWORD },
	{ "gmail", -1, "[AUTHENTICATIONFAILED] Invalid credentials (Failure)", false, false, true, 0, "",
	  CAUSE_REFUSED },
	{ "gmail", CONFIG_GRANT_USER, "[AUTHENTICATIONFAILED] Invalid credentials (Failure)", false, false, true, 0, "",
	  CAUSE_WRONG_USER },
	{ "microsoft365", CONFIG_GRANT_APPLICATION, "NO AUTHENTICATE failed.", false, false, true,
	  LOGIN_SAYS_ANYTHING | LOGIN_SAYS_APPLICATION, "", CAUSE_CONSENT },
	{ "microsoft365", CONFIG_GRANT_APPLICATION, "NO AUTHENTICATE failed.", false, false, true,
	  LOGIN_SAYS_ANYTHING | LOGIN_SAYS_APPLICATION | LOGIN_SAYS_IMAP, "", CAUSE_PERMISSION },
	{ "microsoft365", CONFIG_GRANT_APPLICATION, "BAD User is authenticated but not connected.", false, true, true,
	  0, "", CAUSE_PERMISSION },
	{ "microsoft365", CONFIG_GRANT_USER, "BAD User is authenticated but not connected.", false, true, true,
	  LOGIN_SAYS_ANYTHING | LOGIN_SAYS_IMAP, "other@office.example", CAUSE_WRONG_USER },
	{ "microsoft365", CONFIG_GRANT_USER, "NO AUTHENTICATE failed.", false, false, true,
	  LOGIN_SAYS_ANYTHING | LOGIN_SAYS_IMAP, "other@office.example", CAUSE_WRONG_USER },
	{ "microsoft365", CONFIG_GRANT_USER, "NO AUTHENTICATE failed.", false, false, true,
	  LOGIN_SAYS_ANYTHING | LOGIN_SAYS_IMAP, "Info@office.example", CAUSE_IMAP_OFF },
	{ "microsoft365", CONFIG_GRANT_USER, "NO AUTHENTICATE failed.", false, false, true,
	  LOGIN_SAYS_ANYTHING | LOGIN_SAYS_IMAP, "helper@office.example", CAUSE_IMAP_OFF },
	{ "microsoft365", CONFIG_GRANT_USER, "NO AUTHENTICATE failed.", false, false, true, LOGIN_SAYS_ANYTHING,
	  "info@office.example", CAUSE_CONSENT },
	{ "microsoft365", CONFIG_GRANT_DEVICE, "a Conditional Access policy of the organisation blocks this", true,
	  false, false, 0, "", CAUSE_POLICY },
	{ "microsoft365", CONFIG_GRANT_USER, "consent is missing: an administrator must give it", true, false, false, 0,
	  "", CAUSE_CONSENT },
	{ "microsoft365", CONFIG_GRANT_USER, "correct client_secret of the account", true, false, false, 0, "",
	  CAUSE_OTHER },
	{ NULL, CONFIG_GRANT_USER, "cannot connect to localhost port 993", false, false, false, 0, "", CAUSE_OTHER },
	{ NULL, CONFIG_GRANT_USER, "NO no", false, false, true, 0, "", CAUSE_REFUSED },
	{ NULL, CONFIG_GRANT_USER, "NO no", false, true, true, 0, "", CAUSE_PERMISSION },
};

static void causes_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof findings / sizeof findings[0]; i++) {
		struct config_server a = { .name = "office",
					   .user = "info@office.example",
					   .login_as = "helper@office.example",
					   .provider = (char *)(uintptr_t)findings[i].provider };
		struct login_finding f = { &a,
					   findings[i].token,
					   findings[i].logged_in,
					   findings[i].refused,
					   findings[i].text,
					   findings[i].says,
					   findings[i].who };
		struct buf said;

		a.oauth = findings[i].grant >= 0;
		if (a.oauth)
			a.token.grant = (enum config_grant)findings[i].grant;
		a.token.client_id = "\x1b[2Jid";
		buf_init(&said, 16 * 1024);
		login_explain(&f, &said);
		if (login_cause_of(&f) != findings[i].cause || (said.n == 0) != (findings[i].cause == CAUSE_OTHER))
			fail_msg("%zu (%s): cause %d, said: %s", i, findings[i].text, login_cause_of(&f),
				 buf_str(&said));
		assert_null(strchr(buf_str(&said), '\x1b'));
		buf_free(&said);
	}
}

static void each_provider_has_steps(void **state)
{
	(void)state;
	for (const struct provider *p = provider_table; p->name != NULL; p++) {
		struct config_server a = { .name = "office", .user = "info@example.net" };
		struct buf text;

		a.provider = (char *)(uintptr_t)p->name;
		buf_init(&text, 64 * 1024);
		assert_int_equal(login_steps_provider(p->name, "mailferry.conf", &text), 0);
		assert_true(text.n > 300 && !buf_failed(&text));
		for (int g = -1; g <= (int)CONFIG_GRANT_SERVICE_ACCOUNT; g++) {
			if (g >= 0 && (p->grants & (1u << g)) == 0)
				continue;
			a.oauth = g >= 0;
			a.token.grant = g >= 0 ? (enum config_grant)g : CONFIG_GRANT_APPLICATION;
			buf_clear(&text);
			login_steps(&a, "mailferry.conf", &text);
			if (strstr(buf_str(&text), " 1. ") == NULL ||
			    strchr(buf_str(&text), '@') != strstr(buf_str(&text), "@example.net"))
				fail_msg("%s, grant %d: %s", p->name, g, buf_str(&text));
			for (char *at = text.p; (at = strchr(at, '@')) != NULL; at++)
				assert_int_equal(strncmp(at, "@example.net", 12), 0);
		}
		buf_free(&text);
	}
	assert_int_equal(login_steps_provider("nobody", "mailferry.conf", NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read),	    cmocka_unit_test(long_requests_end),
		cmocka_unit_test(page_has_its_length),	    cmocka_unit_test(challenge_is_that_of_the_rfc),
		cmocka_unit_test(tokens_say_what_they_say), cmocka_unit_test(causes_are_told_apart),
		cmocka_unit_test(each_provider_has_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
