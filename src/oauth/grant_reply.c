/* Replies of token and device endpoints (RFC 6749, 5; RFC 8628, 3.2 and 3.5). */
#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "oauth/grant_impl.h"

enum {
	TOKEN_BYTES_MAX = 16 * 1024,
	TEXT_BYTES_MAX = 2000,
	HOUR_S = 3600,
	EXPIRES_MAX_S = 30 * 24 * HOUR_S,
	INTERVAL_S = 5,
	INTERVAL_MAX_S = 300,
	THROTTLED_MS = 60 * 1000 /* when a server that has too much to do does not say how long */
};

/* A member that is text of 1 to MAX printable ASCII characters (RFC 6749, appendix A), from mem_alloc; NULL else. */
static char *text_take(json_t *root, const char *name, size_t max)
{
	json_t *j = json_object_get(root, name);
	const char *text = json_string_value(j);
	size_t n = json_string_length(j);

	if (text == NULL || n == 0 || n > max)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return NULL;
	}
	return slice_dup(slice_of(text, n));
}

/* A number of seconds, which some servers write as text. In milliseconds. */
static int64_t seconds_take(json_t *root, const char *name, int64_t otherwise_s, int64_t most_s)
{
	json_t *j = json_object_get(root, name);
	struct slice text = slice_of(json_string_value(j), json_string_length(j));
	int64_t s = otherwise_s;
	uint64_t n;

	if (json_is_integer(j))
		s = json_integer_value(j);
	else if (json_is_real(j) && json_real_value(j) >= 1 && json_real_value(j) <= (double)most_s)
		s = (int64_t)json_real_value(j);
	else if (text.p != NULL && slice_number(text, INT64_MAX, &n) == 0)
		s = (int64_t)n;
	if (s < 1)
		s = otherwise_s;
	return (s > most_s ? most_s : s) * 1000;
}

static void wipe_strings(json_t *root)
{
	const char *name;
	json_t *j;

	json_object_foreach(root, name, j)
	{
		if (json_is_string(j))
			mem_wipe((void *)(uintptr_t)json_string_value(j), json_string_length(j));
	}
}

static enum grant_verdict nonsense(const struct config_server *a, const char *what, struct err *e)
{
	(void)err_set(e, ERR_TEMP, 0, "the token endpoint of %s %s (%s) answers with %s", config_kind(a), a->name,
		      a->token.token_endpoint, what);
	return GRANT_LATER;
}

static enum grant_verdict tokens_read(const struct config_server *a, json_t *root, struct grant_answer *out,
				      struct err *e)
{
	const char *type = json_string_value(json_object_get(root, "token_type"));
	json_t *refresh = json_object_get(root, "refresh_token");

	if (type != NULL && !slice_eq_nocase(slice_str(type), SLICE_LIT("bearer")))
		return nonsense(a, "a token that is no bearer token", e);
	out->access_token = text_take(root, "access_token", TOKEN_BYTES_MAX);
	out->refresh_token = text_take(root, "refresh_token", TOKEN_BYTES_MAX);
	if (out->access_token == NULL)
		return nonsense(a, "no access token that can be used", e);
	/* The old one may be void now: better no token than one that is lost. */
	if (out->refresh_token == NULL && json_is_string(refresh) && json_string_length(refresh) > 0)
		return nonsense(a, "a refresh token that can't be used", e);
	out->expires_in = seconds_take(root, "expires_in", HOUR_S, EXPIRES_MAX_S);
	return GRANT_OK;
}

static enum grant_verdict device_read(const struct config_server *a, json_t *root, struct grant_answer *out,
				      struct err *e)
{
	out->device_code = text_take(root, "device_code", TOKEN_BYTES_MAX);
	out->user_code = text_take(root, "user_code", TEXT_BYTES_MAX);
	out->verification_uri = text_take(root, "verification_uri", TEXT_BYTES_MAX);
	if (out->verification_uri == NULL) /* as it was called in drafts of the RFC */
		out->verification_uri = text_take(root, "verification_url", TEXT_BYTES_MAX);
	out->verification_uri_complete = text_take(root, "verification_uri_complete", TEXT_BYTES_MAX);
	out->expires_in = seconds_take(root, "expires_in", 15 * 60, HOUR_S);
	out->interval = seconds_take(root, "interval", INTERVAL_S, INTERVAL_MAX_S);
	if (out->device_code == NULL || out->user_code == NULL || out->verification_uri == NULL)
		return nonsense(a, "no device code that can be used", e);
	return GRANT_OK;
}

static enum grant_verdict error_read(const struct config_server *a, enum grant_step step, json_t *root, int status,
				     struct err *e)
{
	json_t *error = json_object_get(root, "error");
	const char *word = json_string_value(error);
	const char *words = json_string_value(json_object_get(root, "error_description"));

	/* {"error": {"status": …, "message": …}} */
	if (json_is_object(error)) {
		word = json_string_value(json_object_get(error, "status"));
		words = json_string_value(json_object_get(error, "message"));
	}
	return grant_explain(a, step, word == NULL ? "" : word, words, status, e);
}

enum grant_verdict grant_reply(const struct config_server *a, enum grant_step step, const struct http_reply *r,
			       struct grant_answer *out, struct err *e)
{
	json_t *root = NULL;
	bool object;

	*out = (struct grant_answer){ .retry_after = r->retry_after };
	if (r->body.n > 0)
		root = json_loadb(r->body.p, r->body.n, JSON_REJECT_DUPLICATES, NULL);
	object = json_is_object(root);
	if (r->status >= 300 && r->status < 400)
		out->verdict = nonsense(a, "a redirect, which is not followed: correct the endpoint", e);
	else if (r->status == 200 && !object)
		out->verdict = nonsense(a, "something that is no JSON object: correct the endpoint", e);
	else if (r->status == 200 && json_object_get(root, "error") == NULL)
		out->verdict = step == GRANT_DEVICE_START ? device_read(a, root, out, e) : tokens_read(a, root, out, e);
	else
		out->verdict = error_read(a, step, object ? root : NULL, r->status == 200 ? 400 : r->status, e);
	if (out->verdict == GRANT_LATER && r->status == 429 && out->retry_after == 0)
		out->retry_after = THROTTLED_MS;
	if (object)
		wipe_strings(root);
	json_decref(root);
	return out->verdict;
}

void grant_answer_free(struct grant_answer *a)
{
	mem_wipe_str(&a->access_token);
	mem_wipe_str(&a->refresh_token);
	mem_wipe_str(&a->device_code);
	mem_wipe_str(&a->user_code);
	mem_wipe_str(&a->verification_uri);
	mem_wipe_str(&a->verification_uri_complete);
	*a = (struct grant_answer){ 0 };
}
