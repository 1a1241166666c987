#include "oauth/grant.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "msg/date.h"
#include "oauth/assertion.h"
#include "oauth/grant_impl.h"

enum { RANDOM_BYTES = 32, DIGEST_BYTES = 32, ASSERTION_MAX = 64 * 1024, DAY_MS = 24 * 3600 * 1000 };

#define URN "urn:ietf:params:oauth:"

/* ---- requests ---- */

/* Who asks (RFC 6749, 2.3.1; RFC 7523, 2.2). */
static int client_add(const struct config_server *a, int64_t now, struct buf *form, struct err *e)
{
	const struct config_oauth *o = &a->token;
	struct buf jwt;
	int ret = 0;

	if (o->client_id != NULL)
		form_add(form, "client_id", o->client_id);
	if (o->client_secret != NULL)
		form_add(form, "client_secret", o->client_secret);
	if (o->certificate == NULL || o->key == NULL)
		return 0;
	buf_init(&jwt, ASSERTION_MAX);
	ret = assertion_client(o->certificate, o->key, o->client_id == NULL ? "" : o->client_id, o->token_endpoint, now,
			       &jwt, e);
	if (ret == 0) {
		form_add(form, "client_assertion_type", URN "client-assertion-type:jwt-bearer");
		form_add(form, "client_assertion", buf_str(&jwt));
	} else {
		(void)err_prefix(e, "%s %s", config_kind(a), a->name);
	}
	mem_wipe(jwt.p, jwt.cap);
	buf_free(&jwt);
	return ret;
}

static void scope_add(const struct config_server *a, struct buf *form)
{
	if (a->token.scope != NULL)
		form_add(form, "scope", a->token.scope);
}

/* Who logs in. */
static const char *person_of(const struct config_server *a)
{
	return a->login_as != NULL ? a->login_as : a->user;
}

static int service_add(const struct config_server *a, int64_t now, struct buf *form, struct err *e)
{
	const struct config_oauth *o = &a->token;
	struct buf jwt;
	int ret;

	if (o->service_account == NULL)
		return err_set(e, ERR_CONFIG, 0, "%s %s: service_account_file is missing", config_kind(a), a->name);
	buf_init(&jwt, ASSERTION_MAX);
	ret = assertion_service(o->service_account, person_of(a), o->scope, o->token_endpoint, now, &jwt, e);
	if (ret == 0) {
		form_add(form, "grant_type", URN "grant-type:jwt-bearer");
		form_add(form, "assertion", buf_str(&jwt));
	} else {
		(void)err_prefix(e, "%s %s", config_kind(a), a->name);
	}
	mem_wipe(jwt.p, jwt.cap);
	buf_free(&jwt);
	return ret;
}

int grant_form(const struct config_server *a, const struct grant_request *r, struct buf *form, struct err *e)
{
	int ret = 0;

	switch (r->step) {
	case GRANT_APPLICATION:
		form_add(form, "grant_type", "client_credentials");
		scope_add(a, form);
		break;
	case GRANT_SERVICE:
		ret = service_add(a, r->now, form, e);
		break;
	case GRANT_REFRESH:
		form_add(form, "grant_type", "refresh_token");
		form_add(form, "refresh_token", r->value);
		break;
	case GRANT_CODE:
		form_add(form, "grant_type", "authorization_code");
		form_add(form, "code", r->value);
		form_add(form, "redirect_uri", r->redirect);
		form_add(form, "code_verifier", r->verifier);
		break;
	case GRANT_DEVICE_START:
		scope_add(a, form);
		break;
	case GRANT_DEVICE_POLL:
		form_add(form, "grant_type", URN "grant-type:device_code");
		form_add(form, "device_code", r->value);
		break;
	}
	if (ret == 0 && r->step != GRANT_SERVICE)
		ret = client_add(a, r->now, form, e);
	if (ret == 0 && buf_failed(form))
		ret = err_set(e, ERR_CONFIG, 0, "%s %s: its keys under oauth make a request that is too large",
			      config_kind(a), a->name);
	return ret;
}

const char *grant_endpoint(const struct config_server *a, enum grant_step step)
{
	return step == GRANT_DEVICE_START ? a->token.device_endpoint : a->token.token_endpoint;
}

/* ---- a person's sign-in ---- */

void grant_random(char out[GRANT_RANDOM_SIZE])
{
	unsigned char bytes[RANDOM_BYTES];
	struct buf text;

	random_bytes(bytes, sizeof bytes);
	buf_init(&text, GRANT_RANDOM_SIZE);
	(void)base64url_encode(slice_of((const char *)bytes, sizeof bytes), &text);
	memcpy(out, buf_str(&text), GRANT_RANDOM_SIZE);
	mem_wipe(bytes, sizeof bytes);
	mem_wipe(text.p, text.cap);
	buf_free(&text);
}

/* base64url(SHA-256(VERIFIER)) (RFC 7636, 4.2) */
static void challenge_make(const char *verifier, struct buf *out)
{
	unsigned char digest[DIGEST_BYTES];

	if (EVP_Digest(verifier, strlen(verifier), digest, NULL, EVP_sha256(), NULL) != 1)
		abort();
	(void)base64url_encode(slice_of((const char *)digest, sizeof digest), out);
}

void grant_authorization_url(const struct config_server *a, const char *redirect, const char *state,
			     const char *verifier, struct buf *out)
{
	const struct config_oauth *o = &a->token;
	struct slice url = slice_str(o->authorization_endpoint);
	struct buf challenge;

	buf_init(&challenge, 100);
	challenge_make(verifier, &challenge);
	(void)buf_add_slice(out, url);
	if (slice_find(url, '?') == url.n)
		(void)buf_add_char(out, '?');
	form_add(out, "response_type", "code");
	form_add(out, "client_id", o->client_id == NULL ? "" : o->client_id);
	form_add(out, "redirect_uri", redirect);
	scope_add(a, out);
	form_add(out, "state", state);
	form_add(out, "code_challenge", buf_str(&challenge));
	form_add(out, "code_challenge_method", "S256");
	form_add(out, "login_hint", person_of(a));
	if (a->provider != NULL && strcmp(a->provider, "gmail") == 0) {
		/* Without these Google gives a refresh token only at the very first sign-in. */
		form_add(out, "access_type", "offline");
		form_add(out, "prompt", "consent");
	}
	buf_free(&challenge);
}

static bool same_secret(const char *a, const char *b)
{
	return strlen(a) == strlen(b) && CRYPTO_memcmp(a, b, strlen(a)) == 0;
}

char *grant_code_take(const struct config_server *a, const char *answer, const char *state, struct err *e)
{
	struct slice query = slice_trim(slice_str(answer));
	char *given, *code = NULL, *error, *words;
	size_t mark = slice_find(query, '?');

	if (mark < query.n)
		query = slice_skip(query, mark + 1);
	query.n = slice_find(query, '#');
	given = form_get(query, "state");
	error = form_get(query, "error");
	words = form_get(query, "error_description");
	if (given == NULL && error == NULL) {
		(void)err_set(e, ERR_INPUT, 0,
			      "this is not the URL that the browser came back to: copy all of it from the browser's "
			      "address line, with everything behind the `?'");
	} else if (given == NULL || !same_secret(given, state)) {
		(void)err_set(e, ERR_INPUT, 0,
			      "this URL belongs to another sign-in: use the one that the newest sign-in of %s %s "
			      "came back to, or begin again: mailferry login %s",
			      config_kind(a), a->name, a->name);
	} else if (error != NULL) {
		(void)grant_explain(a, GRANT_CODE, error, words, 0, e);
	} else {
		code = form_get(query, "code");
		if (code == NULL || code[0] == '\0') {
			(void)err_set(e, ERR_INPUT, 0,
				      "the URL holds no code: copy all of it from the browser's address line");
			mem_wipe_str(&code);
		}
	}
	free(given);
	free(error);
	free(words);
	return code;
}

/* ---- what an account is ---- */

static void digest_add(const char *text, struct buf *out)
{
	unsigned char digest[DIGEST_BYTES];

	if (text == NULL)
		return;
	if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) != 1)
		abort();
	(void)hex_encode(slice_of((const char *)digest, sizeof digest), out);
}

char *grant_key(const struct config_server *a)
{
	const struct config_oauth *o = &a->token;
	struct buf key;
	char *out;

	if (o->grant != CONFIG_GRANT_APPLICATION)
		return mem_printf("%s %s", config_kind(a), a->name);
	buf_init(&key, 16 * 1024);
	(void)buf_addf(&key, "client %s\n%s\n%s\n", o->client_id == NULL ? "" : o->client_id, o->token_endpoint,
		       o->scope == NULL ? "" : o->scope);
	/* One that has another secret, right or wrong, is asked for by itself. */
	digest_add(o->client_secret, &key);
	(void)buf_add_char(&key, '\n');
	digest_add(o->certificate, &key);
	out = mem_strdup(buf_str(&key));
	buf_free(&key);
	return out;
}

char *grant_binding(const struct config_server *a)
{
	return mem_printf("%s %s", a->token.client_id == NULL ? "" : a->token.client_id, a->token.token_endpoint);
}

int grant_check(const struct config_server *a, struct err *e)
{
	const struct config_oauth *o = &a->token;
	int64_t expires;
	int ret = 0;

	if (o->service_account != NULL)
		ret = assertion_service_check(o->service_account, e);
	else if (o->certificate != NULL && o->key != NULL)
		/* An expired one is told by grant_expires, and by the provider. */
		ret = assertion_check(o->certificate, o->key, 0, &expires, e);
	return ret == 0 ? 0 : err_prefix(e, "%s %s", config_kind(a), a->name);
}

static int64_t day_ms(const char *day)
{
	uint64_t y = 0, m = 0, d = 0;

	if (strlen(day) != 10 || slice_number(slice_of(day, 4), 9999, &y) != 0 ||
	    slice_number(slice_of(day + 5, 2), 12, &m) != 0 || slice_number(slice_of(day + 8, 2), 31, &d) != 0 ||
	    m == 0)
		return INT64_MAX;
	return date_days((int64_t)y, (unsigned)m, (unsigned)d) * DAY_MS;
}

int64_t grant_expires(const struct config_server *a, const char **what)
{
	const struct config_oauth *o = &a->token;
	int64_t at = INT64_MAX, certificate = INT64_MAX;
	struct err e;

	*what = "client secret";
	if (o->client_secret_expires != NULL)
		at = day_ms(o->client_secret_expires);
	if (o->certificate != NULL && o->key != NULL) {
		(void)assertion_check(o->certificate, o->key, 0, &certificate, &e);
		if (certificate < at) {
			at = certificate;
			*what = "certificate";
		}
	}
	return at;
}
