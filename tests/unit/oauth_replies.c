/* What the answers of token endpoints mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "oauth/grant.h"
#include "oauth_tools.h"

static enum grant_verdict reply(const struct config_server *a, enum grant_step step, int status, const char *body,
				struct grant_answer *out, struct err *e)
{
	struct http_reply r;
	enum grant_verdict v;

	*e = (struct err){ 0 };
	http_reply_init(&r);
	r.status = status;
	(void)buf_add_str(&r.body, body);
	v = grant_reply(a, step, &r, out, e);
	assert_int_equal(v, out->verdict);
	http_reply_free(&r);
	return v;
}

static void tokens_are_taken_from_replies(void **state)
{
	static const struct {
		const char *body;
		const char *access, *refresh; /* access NULL: not taken */
		int64_t expires;
	} rows[] = {
		{ "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":3599}", "at", NULL, 3599000 },
		{ "{\"access_token\":\"at\",\"expires_in\":\"100\",\"refresh_token\":\"rt\"}", "at", "rt", 100000 },
		{ "{\"access_token\":\"at\",\"expires_in\":12.5}", "at", NULL, 12000 },
		{ "{\"access_token\":\"at\",\"token_type\":\"bearer\"}", "at", NULL, 3600000 },
		{ "{\"access_token\":\"at\",\"expires_in\":-5}", "at", NULL, 3600000 },
		{ "{\"access_token\":\"at\",\"expires_in\":99999999999999}", "at", NULL, 30LL * 24 * 3600 * 1000 },
		{ "{\"access_token\":\"at\",\"expires_in\":1e300}", "at", NULL, 3600000 },
		{ "{\"access_token\":\"at\",\"refresh_token\":\"\"}", "at", NULL, 3600000 },
		{ "{\"access_token\":\"\"}", NULL, NULL, 0 },
		{ "{\"access_token\":\"a\\u0001b\"}", NULL, NULL, 0 },
		{ "{\"access_token\":\"a\\r\\nb\"}", NULL, NULL, 0 },
		{ "{\"access_token\":\"\xc3\xbc\"}", NULL, NULL, 0 },
		{ "{\"access_token\":5}", NULL, NULL, 0 },
		{ "{\"access_token\":\"at\",\"refresh_token\":\"r\\nt\"}", NULL, NULL, 0 },
		{ "{\"access_token\":\"at\",\"token_type\":\"mac\"}", NULL, NULL, 0 },
		{ "{\"access_token\":\"at\",\"access_token\":\"bt\"}", NULL, NULL, 0 },
		{ "{\"access_token\":\"at\"} x", NULL, NULL, 0 },
		{ "[\"access_token\"]", NULL, NULL, 0 },
		{ "{}", NULL, NULL, 0 },
		{ "", NULL, NULL, 0 },
		{ "<html>Please log in to the hotel's network</html>", NULL, NULL, 0 },
	};
	struct config_server *a = account_of(ACCOUNT("grant = \"user\";"));

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct grant_answer out;
		struct err e;
		enum grant_verdict v = reply(a, GRANT_REFRESH, 200, rows[i].body, &out, &e);

		if (v != (rows[i].access == NULL ? GRANT_LATER : GRANT_OK))
			fail_msg("row %zu: verdict %d, %s", i, v, e.text);
		if (rows[i].access != NULL) {
			assert_string_equal(out.access_token, rows[i].access);
			assert_int_equal(out.expires_in, rows[i].expires);
			if (rows[i].refresh == NULL)
				assert_null(out.refresh_token);
			else
				assert_string_equal(out.refresh_token, rows[i].refresh);
		} else {
			assert_int_equal(e.class, ERR_TEMP);
			assert_non_null(strstr(e.text, "account a"));
		}
		grant_answer_free(&out);
	}
}

#define ERROR(word, words) "{\"error\":\"" word "\",\"error_description\":\"" words "\"}"

static void errors_say_what_to_do(void **state)
{
	static const struct {
		enum grant_step step;
		int status;
		const char *body;
		enum grant_verdict verdict;
		const char *words[3]; /* all of them stand in the text */
	} rows[] = {
		{ GRANT_REFRESH,
		  400,
		  ERROR("invalid_grant", "Token has been expired or revoked."),
		  GRANT_LOST,
		  { "the sign-in of account a is no longer valid", "Token has been expired or revoked.",
		    "mailferry login a" } },
		{ GRANT_REFRESH,
		  400,
		  ERROR("invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity. Trace ID: 1"),
		  GRANT_LOST,
		  { "AADSTS700082", "not used for too long", "mailferry login a" } },
		{ GRANT_REFRESH,
		  400,
		  ERROR("invalid_grant", "AADSTS50173: expired, revoked"),
		  GRANT_LOST,
		  { "password was changed", "mailferry login a", "" } },
		{ GRANT_REFRESH,
		  400,
		  ERROR("interaction_required", "AADSTS50076: use multi-factor"),
		  GRANT_LOST,
		  { "second factor", "mailferry login a", "" } },
		{ GRANT_REFRESH,
		  400,
		  ERROR("invalid_grant", "AADSTS65001: has not consented"),
		  GRANT_REFUSED,
		  { "consent is missing", "administrator", "login.microsoftonline.com" } },
		{ GRANT_REFRESH,
		  400,
		  ERROR("invalid_grant", "AADSTS53003: blocked by Conditional Access"),
		  GRANT_REFUSED,
		  { "Conditional Access policy", "AADSTS53003", "grant \"application\"" } },
		{ GRANT_DEVICE_POLL,
		  400,
		  ERROR("access_denied", "AADSTS530036: flow blocked"),
		  GRANT_REFUSED,
		  { "Conditional Access policy", "", "" } },
		{ GRANT_APPLICATION,
		  401,
		  ERROR("invalid_client", "AADSTS7000222: keys are expired"),
		  GRANT_REFUSED,
		  { "the client secret has expired", "AADSTS7000222", "" } },
		{ GRANT_APPLICATION,
		  401,
		  ERROR("invalid_client", "AADSTS7000215: Invalid client secret"),
		  GRANT_REFUSED,
		  { "the secret's value, not its id", "", "" } },
		{ GRANT_APPLICATION,
		  400,
		  ERROR("unauthorized_client", "AADSTS700016: not found"),
		  GRANT_REFUSED,
		  { "correct client_id or tenant", "", "" } },
		{ GRANT_APPLICATION,
		  400,
		  ERROR("invalid_request", "AADSTS90002: Tenant not found"),
		  GRANT_REFUSED,
		  { "correct tenant", "", "" } },
		{ GRANT_APPLICATION, 400, ERROR("invalid_grant", "what?"), GRANT_REFUSED, { "what?", "", "" } },
		{ GRANT_APPLICATION,
		  401,
		  ERROR("invalid_client", "AADSTS700027: not registered"),
		  GRANT_REFUSED,
		  { "upload the one of certificate_file", "", "" } },
		{ GRANT_APPLICATION,
		  401,
		  ERROR("invalid_client", ""),
		  GRANT_REFUSED,
		  { "invalid_client", "client_id and client_secret", "" } },
		{ GRANT_SERVICE,
		  401,
		  ERROR("unauthorized_client", "Client is unauthorized to retrieve access tokens"),
		  GRANT_REFUSED,
		  { "domain-wide delegation", "", "" } },
		{ GRANT_SERVICE, 400, ERROR("invalid_grant", "Invalid JWT"), GRANT_REFUSED, { "clock", "", "" } },
		{ GRANT_CODE,
		  400,
		  ERROR("invalid_request", "AADSTS50011: redirect"),
		  GRANT_REFUSED,
		  { "http://localhost as a redirect URI", "", "" } },
		{ GRANT_CODE,
		  400,
		  ERROR("admin_policy_enforced", ""),
		  GRANT_REFUSED,
		  { "administrator of the Workspace", "", "" } },
		{ GRANT_REFRESH,
		  429,
		  ERROR("temporarily_unavailable", "Too many requests"),
		  GRANT_LATER,
		  { "now", "Too many requests", "" } },
		{ GRANT_REFRESH, 500, ERROR("server_error", "AADSTS90033: transient"), GRANT_LATER, { "now", "", "" } },
		{ GRANT_REFRESH, 503, "<html>", GRANT_LATER, { "HTTP status 503", "", "" } },
		/* A server in trouble says nothing of the sign-in. */
		{ GRANT_REFRESH, 502, ERROR("invalid_grant", "x"), GRANT_LATER, { "now", "", "" } },
		{ GRANT_REFRESH, 404, "nothing here", GRANT_LATER, { "HTTP status 404", "", "" } },
		{ GRANT_REFRESH, 400, "{\"error\":\"something_new\"}", GRANT_LATER, { "something_new", "", "" } },
		{ GRANT_REFRESH, 302, "", GRANT_LATER, { "not followed", "", "" } },
		{ GRANT_REFRESH,
		  403,
		  "{\"error\":{\"status\":\"DENIED\",\"message\":\"No way\"}}",
		  GRANT_LATER,
		  { "No way", "", "" } },
		{ GRANT_REFRESH, 200, ERROR("invalid_grant", "with status 200"), GRANT_LOST, { "status 200", "", "" } },
		{ GRANT_REFRESH, 200, "{\"error\":null}", GRANT_LATER, { "", "", "" } },
		{ GRANT_DEVICE_POLL, 400, ERROR("authorization_pending", ""), GRANT_PENDING, { "", "", "" } },
		{ GRANT_DEVICE_POLL, 400, ERROR("slow_down", ""), GRANT_SLOW_DOWN, { "", "", "" } },
		{ GRANT_DEVICE_POLL, 400, ERROR("expired_token", ""), GRANT_LOST, { "not typed in in time", "", "" } },
		/* Nothing that a server says may break a line of the log or carry a secret back. */
		{ GRANT_REFRESH,
		  400,
		  ERROR("invalid_grant", "a\\u001b[31m\\\" b"),
		  GRANT_LOST,
		  { "(\"a [31m? b\")", "", "" } },
		{ GRANT_REFRESH,
		  400,
		  ERROR("invalid_grant", "first line\\r\\nsecond line"),
		  GRANT_LOST,
		  { "(\"first line\")", "", "" } },
		{ GRANT_REFRESH,
		  400,
		  ERROR("invalid_grant", "token 0123456789012345678901234567890123456789 is bad"),
		  GRANT_LOST,
		  { "token [...] is bad", "", "" } },
		{ GRANT_REFRESH,
		  400,
		  ERROR("invalid_grant", "secret '" SECRET "' is bad"),
		  GRANT_LOST,
		  { "secret [...] is bad", "", "" } },
	};
	struct config_server *a = account_of(ACCOUNT("grant = \"user\"; client_secret = \"" SECRET "\";"));

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct grant_answer out;
		struct err e;
		enum grant_verdict v = reply(a, rows[i].step, rows[i].status, rows[i].body, &out, &e);

		if (v != rows[i].verdict)
			fail_msg("row %zu: verdict %d, %s", i, v, e.text);
		for (size_t w = 0; w < 3 && rows[i].words[w] != NULL; w++) {
			if (strstr(e.text, rows[i].words[w]) == NULL)
				fail_msg("row %zu lacks \"%s\": %s", i, rows[i].words[w], e.text);
		}
		assert_null(strstr(e.text, SECRET));
		assert_null(strpbrk(e.text, "\r\n\x1b"));
		if (v == GRANT_LOST || v == GRANT_REFUSED)
			assert_int_equal(e.class, ERR_CONFIG);
		if (v == GRANT_LATER)
			assert_int_equal(e.class, ERR_TEMP);
		if (rows[i].status == 429)
			assert_int_equal(out.retry_after, 60000);
		grant_answer_free(&out);
	}
}

static void long_words_of_a_server_are_cut(void **state)
{
	struct config_server *a = account_of(ACCOUNT("grant = \"user\";"));
	struct grant_answer out;
	struct buf body;
	struct err e;

	(void)state;
	buf_init(&body, 100000);
	(void)buf_add_str(&body, "{\"error\":\"invalid_grant\",\"error_description\":\"");
	for (int i = 0; i < 3000; i++)
		(void)buf_add_str(&body, "words ");
	(void)buf_add_str(&body, "\"}");
	assert_int_equal(reply(a, GRANT_REFRESH, 400, buf_str(&body), &out, &e), GRANT_LOST);
	assert_non_null(strstr(e.text, "mailferry login a"));
	grant_answer_free(&out);
	buf_free(&body);
}

static void device_codes_are_taken(void **state)
{
	struct config_server *a = account_of(ACCOUNT("grant = \"device\";"));
	struct grant_answer out;
	struct err e;

	(void)state;
	assert_int_equal(reply(a, GRANT_DEVICE_START, 200,
			       "{\"device_code\":\"d\",\"user_code\":\"ABCD-EF\",\"verification_url\":\"https://x/\","
			       "\"expires_in\":900,\"interval\":7}",
			       &out, &e),
			 GRANT_OK);
	assert_string_equal(out.user_code, "ABCD-EF");
	assert_string_equal(out.verification_uri, "https://x/");
	assert_int_equal(out.interval, 7000);
	assert_int_equal(out.expires_in, 900000);
	grant_answer_free(&out);
	assert_int_equal(reply(a, GRANT_DEVICE_START, 200, "{\"device_code\":\"d\"}", &out, &e), GRANT_LATER);
	grant_answer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(tokens_are_taken_from_replies, account_forget),
		cmocka_unit_test_teardown(errors_say_what_to_do, account_forget),
		cmocka_unit_test_teardown(long_words_of_a_server_are_cut, account_forget),
		cmocka_unit_test_teardown(device_codes_are_taken, account_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
