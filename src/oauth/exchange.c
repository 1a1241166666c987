#include "oauth/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/step.h"

enum { FORM_MAX = 256 * 1024, TEXT_MAX = 20 * 1024 };

enum tag {
	TAG_VERDICT = 1,
	TAG_CLASS,
	TAG_TEXT,
	TAG_ACCESS,
	TAG_REFRESH,
	TAG_EXPIRES,
	TAG_RETRY,
	TAG_DEVICE_CODE,
	TAG_USER_CODE,
	TAG_URI,
	TAG_URI_COMPLETE,
	TAG_INTERVAL,
	TAG_FRESH,
	TAG_UNWRITTEN,
	TAG_SERIAL
};

void exchange_result_free(struct exchange_result *r)
{
	grant_answer_free(&r->answer);
}

/* What the answer brought goes to disk. */
static void keep(const struct exchange_order *o, struct token_store *store, struct exchange_result *out)
{
	struct stored_token next = o->stored;
	char *refresh = out->answer.refresh_token;
	bool first = o->request.step == GRANT_CODE || o->request.step == GRANT_DEVICE_POLL;

	if (o->request.step != GRANT_REFRESH && !first)
		return;
	if (refresh == NULL && first) {
		out->answer.verdict = GRANT_REFUSED;
		(void)err_set(&out->err, ERR_CONFIG, 0,
			      "the provider let %s %s in but gave no refresh token: see that scope asks for one "
			      "(Microsoft: offline_access), and that the client is of a kind that gets one",
			      config_kind(o->server), o->server->name);
		return;
	}
	/* The same one again is none that was rotated. */
	out->fresh = first || (refresh != NULL && strcmp(refresh, o->request.value) != 0);
	if (!out->fresh && !o->touch)
		return;
	next.refresh_token = refresh != NULL ? refresh : (char *)(uintptr_t)o->request.value;
	next.refreshed = clock_wall_ms();
	if (first)
		next.signed_in = next.refreshed;
	if (token_store_write(store, o->server->name, &next, &out->err) == 0)
		out->serial = next.serial;
	else
		out->unwritten = out->fresh;
}

void exchange_run(const struct exchange_order *o, int fd, struct tls_client *tls, struct token_store *store, int64_t by,
		  struct exchange_result *out)
{
	const char *endpoint = grant_endpoint(o->server, o->request.step);
	char hint[200];
	struct http_reply reply;
	struct buf form;
	struct url url;
	int ret = -1;

	*out = (struct exchange_result){ .answer.verdict = GRANT_LATER };
	http_reply_init(&reply);
	buf_init(&form, FORM_MAX);
	if (endpoint == NULL || url_parse(endpoint, &url, hint) != 0) {
		out->answer.verdict = GRANT_REFUSED;
		(void)err_set(&out->err, ERR_CONFIG, 0, "%s %s has no endpoint to ask", config_kind(o->server),
			      o->server->name);
	} else if (grant_form(o->server, &o->request, &form, &out->err) != 0) {
		out->answer.verdict = GRANT_REFUSED;
	} else {
		ret = http_post(fd, &url, tls, buf_slice(&form), by, &reply, &out->err);
		fd = -1;
		if (ret != 0) {
			out->answer.verdict = out->err.class == ERR_CONFIG ? GRANT_REFUSED : GRANT_LATER;
			(void)err_prefix(&out->err, "no access token for %s %s", config_kind(o->server),
					 o->server->name);
		}
	}
	file_close(&fd);
	step("token: the endpoint has answered");
	if (ret == 0 && grant_reply(o->server, o->request.step, &reply, &out->answer, &out->err) == GRANT_OK &&
	    o->request.step != GRANT_DEVICE_START)
		keep(o, store, out);
	mem_wipe(form.p, form.cap);
	buf_free(&form);
	http_reply_free(&reply);
}

void exchange_put(const struct exchange_result *r, struct ipc_out *out)
{
	const struct grant_answer *a = &r->answer;

	ipc_put_number(out, TAG_VERDICT, a->verdict);
	if (r->err.class != ERR_NONE) {
		ipc_put_number(out, TAG_CLASS, r->err.class);
		ipc_put_str(out, TAG_TEXT, r->err.text);
	}
	ipc_put_str(out, TAG_ACCESS, a->access_token);
	ipc_put_str(out, TAG_REFRESH, a->refresh_token);
	ipc_put_number(out, TAG_EXPIRES, a->expires_in);
	ipc_put_number(out, TAG_RETRY, a->retry_after);
	ipc_put_str(out, TAG_DEVICE_CODE, a->device_code);
	ipc_put_str(out, TAG_USER_CODE, a->user_code);
	ipc_put_str(out, TAG_URI, a->verification_uri);
	ipc_put_str(out, TAG_URI_COMPLETE, a->verification_uri_complete);
	ipc_put_number(out, TAG_INTERVAL, a->interval);
	ipc_put_number(out, TAG_FRESH, r->fresh);
	ipc_put_number(out, TAG_UNWRITTEN, r->unwritten);
	ipc_put_number(out, TAG_SERIAL, r->serial);
}

int exchange_get(struct slice in, struct exchange_result *r)
{
	int64_t verdict = ipc_get_number(in, TAG_VERDICT, -1);
	struct grant_answer *a = &r->answer;
	char *text;

	*r = (struct exchange_result){ 0 };
	if (verdict < GRANT_OK || verdict > GRANT_REFUSED)
		return -1;
	a->verdict = (enum grant_verdict)verdict;
	text = ipc_get_str(in, TAG_TEXT, TEXT_MAX);
	if (text != NULL)
		(void)err_set(&r->err, (enum err_class)ipc_get_number(in, TAG_CLASS, ERR_TEMP), 0, "%s", text);
	free(text);
	a->access_token = ipc_get_str(in, TAG_ACCESS, TEXT_MAX);
	a->refresh_token = ipc_get_str(in, TAG_REFRESH, TEXT_MAX);
	a->expires_in = ipc_get_number(in, TAG_EXPIRES, 0);
	a->retry_after = ipc_get_number(in, TAG_RETRY, 0);
	a->device_code = ipc_get_str(in, TAG_DEVICE_CODE, TEXT_MAX);
	a->user_code = ipc_get_str(in, TAG_USER_CODE, TEXT_MAX);
	a->verification_uri = ipc_get_str(in, TAG_URI, TEXT_MAX);
	a->verification_uri_complete = ipc_get_str(in, TAG_URI_COMPLETE, TEXT_MAX);
	a->interval = ipc_get_number(in, TAG_INTERVAL, 0);
	r->fresh = ipc_get_number(in, TAG_FRESH, 0) != 0;
	r->unwritten = ipc_get_number(in, TAG_UNWRITTEN, 0) != 0;
	r->serial = ipc_get_number(in, TAG_SERIAL, 0);
	return 0;
}
