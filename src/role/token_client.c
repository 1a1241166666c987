#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ipc/channel.h"
#include "role/token.h"

static uint32_t last_id; /* of a request */

enum { TEXT_MAX = 511, URL_TEXT_MAX = 8 * 1024, CODE_MAX = 200, URL_ANSWER_MAX = 16 * 1024 };

/* The answer with number ID; those of requests that were given up are passed over. */
static int receive(int socket, uint32_t id, int64_t timeout_ms, struct buf *frame, struct ipc_in *in, struct err *e)
{
	int64_t until = clock_mono_ms() + timeout_ms, left;

	do {
		left = until - clock_mono_ms();
		if (ipc_receive(socket, frame, in, NULL, NULL, left < 0 ? 0 : left, e) != 0)
			return -1;
	} while (in->id != id);
	return 0;
}

/* One request and its answer, which must be of TYPE and stands in FRAME. 0, or -1 with what the role said. */
static int ask(int socket, const struct ipc_out *out, uint16_t type, int64_t timeout_ms, struct buf *frame,
	       struct ipc_in *in, struct err *e)
{
	enum err_class class;
	char *text;

	if (socket < 0)
		return err_set(e, ERR_TEMP, 0,
			       "the role token, which holds the access tokens, does not run; mailferry's log says why");
	if (ipc_send(socket, out, NULL, 0, e) != 0 || receive(socket, last_id, timeout_ms, frame, in, e) != 0) {
		e->class = e->class == ERR_TEMP && e->code == ETIMEDOUT ? ERR_LIMIT : ERR_TEMP;
		return err_prefix(e, "the role token, which holds the access tokens, does not answer");
	}
	if (in->type != TOKEN_DONE && in->type != type)
		return err_set(e, ERR_PROTOCOL, 0, "the token role gave an answer that is none");
	text = ipc_get_str(in->rest, TOKEN_TAG_TEXT, TEXT_MAX);
	if (text == NULL && in->type == type)
		return 0;
	class = (enum err_class)ipc_get_number(in->rest, TOKEN_TAG_CLASS, ERR_TEMP);
	(void)err_set(e, class == ERR_CONFIG || class == ERR_INPUT ? class : ERR_TEMP, 0, "%s",
		      text == NULL ? "the token role did not say why it failed" : text);
	free(text);
	return -1;
}

/* The frame held a secret. */
static void forget(struct buf *frame)
{
	mem_wipe(frame->p, frame->cap);
	buf_free(frame);
}

char *token_get(struct token_asker *asker, bool fresh, struct err *e)
{
	struct ipc_out out;
	struct buf frame;
	struct ipc_in in;
	char *token = NULL;

	buf_init(&frame, IPC_MAX);
	ipc_out_init(&out);
	ipc_begin(&out, TOKEN_GET, ++last_id);
	ipc_put_str(&out, TOKEN_TAG_ACCOUNT, asker->account);
	ipc_put_number(&out, TOKEN_TAG_SERIAL, fresh ? asker->serial : 0);
	ipc_put_number(&out, TOKEN_TAG_PERSON, asker->person);
	if (ask(asker->socket, &out, TOKEN_DONE, TOKEN_TIMEOUT_MS, &frame, &in, e) == 0) {
		token = ipc_get_str(in.rest, TOKEN_TAG_TOKEN, TOKEN_MAX);
		asker->serial = ipc_get_number(in.rest, TOKEN_TAG_SERIAL, 0);
		if (token == NULL)
			(void)err_set(e, ERR_PROTOCOL, 0, "the token role gave an answer without a token");
	} else if (e->class == ERR_LIMIT) {
		e->class = ERR_TEMP;
	}
	ipc_out_free(&out);
	forget(&frame);
	return token;
}

int token_sign_in(int socket, const char *account, const char *redirect, struct token_please *p, struct err *e)
{
	struct ipc_out out;
	struct buf frame;
	struct ipc_in in;
	int ret;

	*p = (struct token_please){ 0 };
	buf_init(&frame, IPC_MAX);
	ipc_out_init(&out);
	ipc_begin(&out, TOKEN_SIGN_IN, ++last_id);
	ipc_put_str(&out, TOKEN_TAG_ACCOUNT, account);
	ipc_put_str(&out, TOKEN_TAG_URL, redirect);
	ret = ask(socket, &out, TOKEN_PLEASE, TOKEN_TIMEOUT_MS, &frame, &in, e);
	if (ret == 0) {
		p->url = ipc_get_str(in.rest, TOKEN_TAG_URL, URL_TEXT_MAX);
		p->user_code = ipc_get_str(in.rest, TOKEN_TAG_CODE, CODE_MAX);
		p->expires = ipc_get_number(in.rest, TOKEN_TAG_EXPIRES, clock_wall_ms());
		if (p->url == NULL)
			ret = err_set(e, ERR_PROTOCOL, 0, "the token role gave an answer without a URL");
	}
	ipc_out_free(&out);
	forget(&frame);
	return ret;
}

void token_please_free(struct token_please *p)
{
	free(p->url);
	free(p->user_code);
	*p = (struct token_please){ 0 };
}

/* OUT, which is freed, and an answer that says nothing more. */
static int ask_done(int socket, struct ipc_out *out, int64_t timeout_ms, struct err *e)
{
	struct buf frame;
	struct ipc_in in;
	int ret;

	buf_init(&frame, IPC_MAX);
	ret = ask(socket, out, TOKEN_DONE, timeout_ms, &frame, &in, e);
	ipc_out_free(out);
	forget(&frame);
	return ret;
}

int token_sign_in_code(int socket, const char *account, const char *answer, struct err *e)
{
	struct ipc_out out;

	if (slice_str(answer).n > URL_ANSWER_MAX)
		return err_set(e, ERR_INPUT, 0, "the URL is too long to be the one that the browser came back to");
	ipc_out_init(&out);
	ipc_begin(&out, TOKEN_CODE, ++last_id);
	ipc_put_str(&out, TOKEN_TAG_ACCOUNT, account);
	ipc_put_str(&out, TOKEN_TAG_URL, answer);
	return ask_done(socket, &out, TOKEN_TIMEOUT_MS, e);
}

int token_sign_in_wait(int socket, const char *account, int64_t timeout_ms, struct err *e)
{
	struct ipc_out out;

	ipc_out_init(&out);
	ipc_begin(&out, TOKEN_WAIT, ++last_id);
	ipc_put_str(&out, TOKEN_TAG_ACCOUNT, account);
	return ask_done(socket, &out, timeout_ms, e);
}
