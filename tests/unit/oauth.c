/* What is asked of token endpoints, and which accounts share what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "oauth/grant.h"
#include "oauth_tools.h"

static void forms_are_coded_and_read(void **state)
{
	static const struct {
		const char *query, *value; /* of "a" */
	} rows[] = {
		{ "a=1", "1" },	 { "b=2&a=1&a=3", "1" }, { "aa=2&a=", "" }, { "a=%41%2b+x", "A+ x" },
		{ "a", NULL },	 { "", NULL },		 { "b=a=1", NULL }, { "a=%4", NULL },
		{ "a=%", NULL }, { "a=%zz", NULL },	 { "a=%00", NULL }, { "&&a=x&", "x" },
	};
	struct buf form;
	char *value;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		value = form_get(slice_str(rows[i].query), "a");
		if (rows[i].value == NULL)
			assert_null(value);
		else
			assert_string_equal(value, rows[i].value);
		free(value);
	}
	buf_init(&form, 1000);
	form_add(&form, "scope", "https://mail.google.com/ x&y=z");
	form_add(&form, "b", "\xc3\xbc~-._");
	assert_string_equal(buf_str(&form), "scope=https%3A%2F%2Fmail.google.com%2F%20x%26y%3Dz&b=%C3%BC~-._");
	value = form_get(buf_slice(&form), "scope");
	assert_string_equal(value, "https://mail.google.com/ x&y=z");
	free(value);
	buf_free(&form);
}

/* ---- requests ---- */

static void check_form(const struct config_server *a, const struct grant_request *r, const char *expected)
{
	struct buf form;
	struct err e;

	buf_init(&form, 100000);
	assert_int_equal(grant_form(a, r, &form, &e), 0);
	assert_string_equal(buf_str(&form), expected);
	buf_free(&form);
}

static void requests_are_those_of_the_rfcs(void **state)
{
	struct config_server *a;

	(void)state;
	a = account_of(ACCOUNT("grant = \"application\"; client_secret = \"" SECRET "\";"));
	check_form(
	    a, &(struct grant_request){ .step = GRANT_APPLICATION },
	    "grant_type=client_credentials&scope=https%3A%2F%2Foutlook.office365.com%2F.default&client_id=id%201&"
	    "client_secret=" SECRET);
	a = account_of(ACCOUNT("grant = \"user\";"));
	check_form(a, &(struct grant_request){ .step = GRANT_REFRESH, .value = "r&t" },
		   "grant_type=refresh_token&refresh_token=r%26t&client_id=id%201");
	check_form(a,
		   &(struct grant_request){
		       .step = GRANT_CODE, .value = "c", .verifier = "v", .redirect = "http://127.0.0.1:1/" },
		   "grant_type=authorization_code&code=c&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&code_verifier=v&"
		   "client_id=id%201");
	a = account_of(ACCOUNT("grant = \"device\"; scope = \"s\";"));
	check_form(a, &(struct grant_request){ .step = GRANT_DEVICE_START }, "scope=s&client_id=id%201");
	check_form(a, &(struct grant_request){ .step = GRANT_DEVICE_POLL, .value = "d" },
		   "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=d&client_id=id%201");
	assert_string_equal(grant_endpoint(a, GRANT_DEVICE_START),
			    "https://login.microsoftonline.com/office.example/oauth2/v2.0/devicecode");
	assert_string_equal(grant_endpoint(a, GRANT_DEVICE_POLL),
			    "https://login.microsoftonline.com/office.example/oauth2/v2.0/token");
}

static void a_sign_in_is_bound_to_its_browser(void **state)
{
	/* RFC 7636, appendix B */
	static const char verifier[] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
	struct config_server *a = account_of(ACCOUNT("grant = \"user\";"));
	static const struct {
		const char *answer, *code, *error;
	} rows[] = {
		{ "http://127.0.0.1:9/?code=abc&state=st", "abc", NULL },
		{ "  http://localhost/x?state=st&code=a%2Fb#frag\r\n", "a/b", NULL },
		{ "code=abc&state=st", "abc", NULL },
		{ "abc", NULL, "copy all of it" },
		{ "http://127.0.0.1:9/?code=abc", NULL, "copy all of it" },
		{ "http://127.0.0.1:9/?code=abc&state=other", NULL, "another sign-in" },
		{ "http://127.0.0.1:9/?state=st", NULL, "no code" },
		{ "?error=access_denied&state=other", NULL, "another sign-in" },
		{ "?error=access_denied", NULL, "another sign-in" },
		{ "?error=access_denied&state=st", NULL, "whoever signed in refused" },
		{ "?error=invalid_grant&error_description=AADSTS65001%3A+The+user&state=st", NULL,
		  "consent is missing" },
		{ "?error=org_internal&state=st", NULL, "users of another organisation" },
	};
	char first[GRANT_RANDOM_SIZE], second[GRANT_RANDOM_SIZE];
	struct buf url;

	(void)state;
	buf_init(&url, 10000);
	grant_authorization_url(a, "http://127.0.0.1:9/", "st", verifier, &url);
	assert_string_equal(buf_str(&url),
			    "https://login.microsoftonline.com/office.example/oauth2/v2.0/authorize?"
			    "response_type=code&client_id=id%201&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2F&"
			    "scope=https%3A%2F%2Foutlook.office.com%2FIMAP.AccessAsUser.All%20offline_access&"
			    "state=st&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&"
			    "code_challenge_method=S256&login_hint=scan%40office.example");
	buf_free(&url);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err e = { 0 };
		char *code = grant_code_take(a, rows[i].answer, "st", &e);

		if (rows[i].code != NULL)
			assert_string_equal(code, rows[i].code);
		else
			assert_null(code);
		if (rows[i].error != NULL && strstr(e.text, rows[i].error) == NULL)
			fail_msg("row %zu: %s", i, e.text);
		free(code);
	}
	grant_random(first);
	grant_random(second);
	assert_int_equal(strlen(first), 43);
	assert_string_not_equal(first, second);
}

/* ---- which accounts share what ---- */

static void application_access_is_shared_and_sign_ins_are_not(void **state)
{
	static const char two[] = "accounts = { a = { provider = \"microsoft365\"; user = \"a@office.example\"; "
				  "addresses = [ \"a@office.example\" ]; oauth = { tenant = \"t\"; client_id = \"i\"; "
				  "grant = \"%s\"; client_secret = \"one\"; }; };\n"
				  "b = { provider = \"microsoft365\"; user = \"b@office.example\"; "
				  "addresses = [ \"b@office.example\" ]; oauth = { tenant = \"t\"; client_id = \"i\"; "
				  "grant = \"%s\"; client_secret = \"%s\"; }; }; };\n";
	static const struct {
		const char *grant, *secret;
		bool shared;
	} rows[] = { { "application", "one", true }, { "application", "two", false }, { "user", "one", false } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *text = mem_printf(two, rows[i].grant, rows[i].grant, rows[i].secret), *a, *b;

		(void)account_of(text);
		a = grant_key(&account_config->accounts[0].server);
		b = grant_key(&account_config->accounts[1].server);
		assert_int_equal(strcmp(a, b) == 0, rows[i].shared);
		assert_null(strstr(a, "one"));
		free(a);
		free(b);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_coded_and_read),
		cmocka_unit_test_teardown(requests_are_those_of_the_rfcs, account_forget),
		cmocka_unit_test_teardown(a_sign_in_is_bound_to_its_browser, account_forget),
		cmocka_unit_test_teardown(application_access_is_shared_and_sign_ins_are_not, account_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
