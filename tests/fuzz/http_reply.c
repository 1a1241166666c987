/*
 * The reply of a token endpoint, from its first octet to tokens or an error. The
 * first octet of the input says where the reply is cut in two, which must not
 * change what is read, and which request it answers.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "oauth/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char name[] = "a", user[] = "u@office.example", endpoint[] = "https://login.example.net/token",
	    secret[] = "s3cr3t";

/* 1, 0 or -1, as the parser says at the end of the connection. */
static int read_reply(struct slice bytes, size_t at, struct http_reply *r)
{
	struct http_parser *p;
	struct err e = { 0 };
	int ret;

	http_reply_init(r);
	p = http_parser_new(r);
	ret = http_parser_feed(p, slice_of(bytes.p, at), false, &e);
	if (ret == 0)
		ret = http_parser_feed(p, slice_skip(bytes, at), false, &e);
	if (ret == 0)
		ret = http_parser_feed(p, SLICE_NONE, true, &e);
	if (ret == 0 || (ret < 0) != (e.class == ERR_PROTOCOL) || r->body.n > HTTP_BODY_MAX)
		abort();
	http_parser_free(&p);
	return ret;
}

static void check_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~')
			abort();
	}
}

/* What one process tells the other must come as it went. */
static void carry(const struct exchange_result *r)
{
	struct exchange_result back;
	struct ipc_out out;
	struct ipc_in in;
	struct err e;

	ipc_out_init(&out);
	ipc_begin(&out, 1, 1);
	exchange_put(r, &out);
	if (buf_failed(&out.buf) || ipc_parse(buf_slice(&out.buf), &in, &e) != 0 || exchange_get(in.rest, &back) != 0)
		abort();
	if (back.answer.verdict != r->answer.verdict ||
	    (r->answer.access_token != NULL && strcmp(back.answer.access_token, r->answer.access_token) != 0))
		abort();
	exchange_result_free(&back);
	ipc_out_free(&out);
}

static void understand(const struct http_reply *reply, enum grant_step step)
{
	struct config_server a = { .name = name, .user = user, .oauth = true };
	struct exchange_result r = { 0 };

	a.token.token_endpoint = endpoint;
	a.token.client_secret = secret;
	(void)grant_reply(&a, step, reply, &r.answer, &r.err);
	if (r.answer.verdict == GRANT_OK && step != GRANT_DEVICE_START && r.answer.access_token == NULL)
		abort();
	if (r.answer.verdict != GRANT_OK && r.err.text[0] == '\0')
		abort();
	if (strstr(r.err.text, secret) != NULL)
		abort();
	check_text(r.err.text);
	if (r.answer.access_token != NULL)
		check_text(r.answer.access_token);
	if (r.answer.refresh_token != NULL)
		check_text(r.answer.refresh_token);
	carry(&r);
	exchange_result_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_of((const char *)data, size);
	struct http_reply whole, cut;
	enum grant_step step;
	int ret;

	if (size < 2)
		return 0;
	step = (enum grant_step)(data[0] % (GRANT_DEVICE_POLL + 1));
	bytes = slice_skip(bytes, 2);
	ret = read_reply(bytes, bytes.n, &whole);
	if (read_reply(bytes, data[1] * bytes.n / 255, &cut) != ret || cut.status != whole.status ||
	    !slice_eq(buf_slice(&cut.body), buf_slice(&whole.body)))
		abort();
	if (ret == 1)
		understand(&whole, step);
	/* The JSON alone, with each status that matters. */
	http_reply_free(&whole);
	http_reply_init(&whole);
	(void)buf_add_slice(&whole.body, bytes);
	whole.status = (int[]){ 200, 400, 401, 429 }[data[1] % 4];
	understand(&whole, step);
	http_reply_free(&whole);
	http_reply_free(&cut);
	return 0;
}
