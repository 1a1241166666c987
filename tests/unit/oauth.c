/* What is asked of token endpoints, what their answers mean, and the proofs that go with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "config/load.h"
#include "config/provider.h"
#include "oauth/assertion.h"
#include "oauth/grant.h"

#define SECRET "sesame-open-sesame"
#define ACCOUNT(keys)                                                                                                  \
	"accounts = { a = { provider = \"microsoft365\"; user = \"scan@office.example\"; "                             \
	"addresses = [ \"@office.example\" ]; oauth = { tenant = \"office.example\"; client_id = \"id 1\"; " keys      \
	" }; }; };\n"

static struct config *config;

/* The account of a configuration with KEYS; lives until the next call. */
static struct config_server *account(const char *text)
{
	struct buf errors;

	buf_init(&errors, 10000);
	config_free(&config);
	config = config_check("t", slice_str(text), &errors);
	if (config == NULL)
		fail_msg("%s", buf_str(&errors));
	buf_free(&errors);
	return &config->accounts[0].server;
}

static int forget(void **state)
{
	(void)state;
	config_free(&config);
	return 0;
}

/* ---- forms ---- */

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
	a = account(ACCOUNT("grant = \"application\"; client_secret = \"" SECRET "\";"));
	check_form(
	    a, &(struct grant_request){ .step = GRANT_APPLICATION },
	    "grant_type=client_credentials&scope=https%3A%2F%2Foutlook.office365.com%2F.default&client_id=id%201&"
	    "client_secret=" SECRET);
	a = account(ACCOUNT("grant = \"user\";"));
	check_form(a, &(struct grant_request){ .step = GRANT_REFRESH, .value = "r&t" },
		   "grant_type=refresh_token&refresh_token=r%26t&client_id=id%201");
	check_form(a,
		   &(struct grant_request){
		       .step = GRANT_CODE, .value = "c", .verifier = "v", .redirect = "http://127.0.0.1:1/" },
		   "grant_type=authorization_code&code=c&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&code_verifier=v&"
		   "client_id=id%201");
	a = account(ACCOUNT("grant = \"device\"; scope = \"s\";"));
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
	struct config_server *a = account(ACCOUNT("grant = \"user\";"));
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

/* ---- replies ---- */

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
	struct config_server *a = account(ACCOUNT("grant = \"user\";"));

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
	struct config_server *a = account(ACCOUNT("grant = \"user\"; client_secret = \"" SECRET "\";"));

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
	struct config_server *a = account(ACCOUNT("grant = \"user\";"));
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
	struct config_server *a = account(ACCOUNT("grant = \"device\";"));
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

		(void)account(text);
		a = grant_key(&config->accounts[0].server);
		b = grant_key(&config->accounts[1].server);
		assert_int_equal(strcmp(a, b) == 0, rows[i].shared);
		assert_null(strstr(a, "one"));
		free(a);
		free(b);
		free(text);
	}
}

/* ---- proofs ---- */

static char *pem_take(BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);
	char *out = slice_dup(slice_of(p, (size_t)n));

	BIO_free(bio);
	return out;
}

/* A key of BITS and its certificate, valid for DAYS. */
static EVP_PKEY *pair_make(unsigned bits, int days, char **key, char **certificate)
{
	EVP_PKEY *k = EVP_RSA_gen(bits);
	X509 *x = X509_new();
	BIO *bio;

	assert_non_null(k);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), (long)days * 86400);
	(void)X509_set_pubkey(x, k);
	(void)X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"m", -1,
					 -1, 0);
	(void)X509_set_issuer_name(x, X509_get_subject_name(x));
	assert_true(X509_sign(x, k, EVP_sha256()) > 0);
	bio = BIO_new(BIO_s_mem());
	(void)PEM_write_bio_PrivateKey(bio, k, NULL, NULL, 0, NULL, NULL);
	*key = pem_take(bio);
	bio = BIO_new(BIO_s_mem());
	(void)PEM_write_bio_X509(bio, x);
	*certificate = pem_take(bio);
	X509_free(x);
	return k;
}

static void url_decode(struct slice in, struct buf *out)
{
	struct buf plain;

	buf_init(&plain, 100000);
	for (size_t i = 0; i < in.n; i++)
		(void)buf_add_char(&plain, in.p[i] == '-' ? '+' : in.p[i] == '_' ? '/' : in.p[i]);
	while (plain.n % 4 != 0)
		(void)buf_add_char(&plain, '=');
	assert_int_equal(base64_decode(buf_slice(&plain), out), 0);
	buf_free(&plain);
}

static json_t *part_read(struct slice part)
{
	struct buf text;
	json_t *j;

	buf_init(&text, 100000);
	url_decode(part, &text);
	j = json_loadb(text.p, text.n, 0, NULL);
	assert_non_null(j);
	buf_free(&text);
	return j;
}

/* Checks the signature as the provider would, and returns the parts. */
static void jwt_check(const char *jwt, EVP_PKEY *key, bool pss, json_t **header, json_t **claims)
{
	struct slice s = slice_str(jwt), head, body, mark;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	struct buf signature;
	size_t n = slice_find(s, '.');

	head = slice_of(s.p, n);
	body = slice_skip(s, n + 1);
	n = slice_find(body, '.');
	mark = slice_skip(body, n + 1);
	body.n = n;
	*header = part_read(head);
	*claims = part_read(body);
	buf_init(&signature, 10000);
	url_decode(mark, &signature);
	assert_int_equal(EVP_DigestVerifyInit(ctx, &how, EVP_sha256(), NULL, key), 1);
	if (pss) {
		(void)EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
		(void)EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_int_equal(EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
					  (const unsigned char *)s.p, (size_t)(body.p + body.n - s.p)),
			 1);
	EVP_MD_CTX_free(ctx);
	buf_free(&signature);
}

static const char *text_of(json_t *j, const char *name)
{
	const char *text = json_string_value(json_object_get(j, name));

	return text == NULL ? "" : text;
}

static void a_certificate_proves_who_the_client_is(void **state)
{
	struct config_server *a =
	    account(ACCOUNT("grant = \"application\"; certificate_file = \"/c\"; key_file = \"/k\";"));
	json_t *header, *claims;
	char *key, *certificate, *other_key, *other, *jwt;
	EVP_PKEY *k = pair_make(2048, 20, &key, &certificate), *k2 = pair_make(2048, 20, &other_key, &other);
	int64_t now = 1800000000000, expires;
	const char *what;
	struct buf form;
	struct err e;

	(void)state;
	a->token.certificate = mem_strdup(certificate);
	a->token.key = mem_strdup(key);
	buf_init(&form, 100000);
	assert_int_equal(grant_form(a, &(struct grant_request){ .step = GRANT_APPLICATION, .now = now }, &form, &e), 0);
	assert_non_null(strstr(buf_str(&form), "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
					       "client-assertion-type%3Ajwt-bearer"));
	assert_null(strstr(buf_str(&form), "client_secret"));
	jwt = form_get(buf_slice(&form), "client_assertion");
	jwt_check(jwt, k, true, &header, &claims);
	assert_string_equal(text_of(header, "alg"), "PS256");
	assert_int_equal(strlen(text_of(header, "x5t#S256")), 43);
	assert_string_equal(text_of(claims, "iss"), "id 1");
	assert_string_equal(text_of(claims, "sub"), "id 1");
	assert_string_equal(text_of(claims, "aud"), a->token.token_endpoint);
	assert_int_equal(json_integer_value(json_object_get(claims, "exp")), now / 1000 + 300);
	json_decref(header);
	json_decref(claims);
	free(jwt);
	buf_free(&form);

	assert_int_equal(grant_check(a, &e), 0);
	expires = grant_expires(a, &what);
	assert_string_equal(what, "certificate");
	assert_true(expires > 0 && expires < INT64_MAX);
	assert_int_equal(assertion_check(certificate, other_key, 0, &expires, &e), -1);
	assert_non_null(strstr(e.text, "not the key of the certificate"));
	assert_int_equal(assertion_check("nonsense", key, 0, &expires, &e), -1);
	assert_non_null(strstr(e.text, "no certificate"));
	assert_int_equal(assertion_check(certificate, certificate, 0, &expires, &e), -1);
	assert_non_null(strstr(e.text, "no private key"));
	assert_int_equal(assertion_check(certificate, key, INT64_MAX / 2, &expires, &e), -1);
	assert_non_null(strstr(e.text, "has expired"));
	EVP_PKEY_free(k);
	EVP_PKEY_free(k2);
	free(key);
	free(certificate);
	free(other_key);
	free(other);
	k = pair_make(1024, 20, &key, &certificate);
	assert_int_equal(assertion_check(certificate, key, 0, &expires, &e), -1);
	assert_non_null(strstr(e.text, "2048 bits"));
	EVP_PKEY_free(k);
	free(key);
	free(certificate);
}

static void a_service_account_asks_for_a_user(void **state)
{
	struct config_server *a = account(
	    "accounts = { a = { provider = \"gmail\"; user = \"scan@office.example\"; addresses = [ "
	    "\"@office.example\" ]; oauth = { grant = \"service-account\"; service_account_file = \"/s\"; }; }; };\n");
	static const char *const wrong[] = {
		"",
		"{}",
		"[",
		"{\"type\":\"service_account\"}",
		"{\"type\":\"authorized_user\",\"client_email\":\"e\",\"private_key\":\"k\"}",
		"{\"type\":\"service_account\",\"client_email\":\"e\",\"private_key\":\"k\"}"
	};
	json_t *header, *claims, *file;
	char *key, *certificate, *jwt, *type;
	EVP_PKEY *k = pair_make(2048, 20, &key, &certificate);
	struct buf form;
	struct err e;

	(void)state;
	file = json_pack("{s:s,s:s,s:s,s:s}", "type", "service_account", "client_email", "ferry@p.example",
			 "private_key", key, "private_key_id", "k1");
	a->token.service_account = json_dumps(file, 0);
	json_decref(file);
	buf_init(&form, 100000);
	assert_int_equal(
	    grant_form(a, &(struct grant_request){ .step = GRANT_SERVICE, .now = 1800000000000 }, &form, &e), 0);
	type = form_get(buf_slice(&form), "grant_type");
	assert_string_equal(type, "urn:ietf:params:oauth:grant-type:jwt-bearer");
	jwt = form_get(buf_slice(&form), "assertion");
	jwt_check(jwt, k, false, &header, &claims);
	assert_string_equal(text_of(header, "alg"), "RS256");
	assert_string_equal(text_of(header, "kid"), "k1");
	assert_string_equal(text_of(claims, "iss"), "ferry@p.example");
	assert_string_equal(text_of(claims, "sub"), "scan@office.example");
	assert_string_equal(text_of(claims, "scope"), "https://mail.google.com/");
	assert_string_equal(text_of(claims, "aud"), "https://oauth2.googleapis.com/token");
	json_decref(header);
	json_decref(claims);
	free(jwt);
	free(type);
	buf_free(&form);
	assert_int_equal(grant_check(a, &e), 0);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(assertion_service_check(wrong[i], &e), -1);
	EVP_PKEY_free(k);
	free(key);
	free(certificate);
}

static void a_secret_expires_on_its_day(void **state)
{
	struct config_server *a =
	    account(ACCOUNT("grant = \"application\"; client_secret = \"x\"; client_secret_expires = \"2027-05-01\";"));
	const char *what;

	(void)state;
	assert_int_equal(grant_expires(a, &what), 1809129600000);
	assert_string_equal(what, "client secret");
	a = account(ACCOUNT("grant = \"application\"; client_secret = \"x\";"));
	assert_int_equal(grant_expires(a, &what), INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_coded_and_read),
		cmocka_unit_test_teardown(requests_are_those_of_the_rfcs, forget),
		cmocka_unit_test_teardown(a_sign_in_is_bound_to_its_browser, forget),
		cmocka_unit_test_teardown(tokens_are_taken_from_replies, forget),
		cmocka_unit_test_teardown(errors_say_what_to_do, forget),
		cmocka_unit_test_teardown(long_words_of_a_server_are_cut, forget),
		cmocka_unit_test_teardown(device_codes_are_taken, forget),
		cmocka_unit_test_teardown(application_access_is_shared_and_sign_ins_are_not, forget),
		cmocka_unit_test_teardown(a_certificate_proves_who_the_client_is, forget),
		cmocka_unit_test_teardown(a_service_account_asks_for_a_user, forget),
		cmocka_unit_test_teardown(a_secret_expires_on_its_day, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
