/* Who asks the token role: stores, fetchers and the command line. */
#include "role/token.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "role/token_impl.h"

enum { PEERS_MAX = 2500, NAME_MAX_BYTES = 4096, ANSWER_MAX_BYTES = 16 * 1024 };

/* Somebody who may ask: a store, a fetcher, the command line. */
struct peer {
	struct peer *next;
	struct token *token;
	struct channel *channel;
	uint64_t asker; /* its number */
	char *account;	/* or source, of a store or fetcher; NULL: any, and may sign in */
	bool asks;	/* waits for an answer */
	uint16_t wants; /* type of the answer */
	uint32_t id;	/* of its request */
};

static void peer_free(struct peer *p)
{
	struct peer **at = &p->token->peers;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->token->npeers--;
	keeper_forget(p->token->keeper, p->asker);
	channel_free(&p->channel);
	free(p->account);
	free(p);
}

void token_answer(void *arg, uint64_t asker, const struct keeper_answer *a)
{
	struct token *t = arg;
	struct peer *p = t->peers;
	struct ipc_out out;
	struct err e;

	while (p != NULL && p->asker != asker)
		p = p->next;
	if (p == NULL || !p->asks)
		return;
	p->asks = false;
	ipc_out_init(&out);
	ipc_begin(&out, a->err != NULL ? TOKEN_DONE : p->wants, p->id);
	if (a->err != NULL) {
		ipc_put_number(&out, TOKEN_TAG_CLASS, a->err->class);
		ipc_put_str(&out, TOKEN_TAG_TEXT, a->err->text);
	} else if (a->token != NULL) {
		ipc_put_str(&out, TOKEN_TAG_TOKEN, a->token);
		ipc_put_number(&out, TOKEN_TAG_SERIAL, a->serial);
		ipc_put_number(&out, TOKEN_TAG_EXPIRES, a->expires);
	} else if (a->url != NULL) {
		ipc_put_str(&out, TOKEN_TAG_URL, a->url);
		ipc_put_str(&out, TOKEN_TAG_CODE, a->user_code);
		ipc_put_number(&out, TOKEN_TAG_EXPIRES, a->expires);
	}
	/* One that is gone is noticed by the loop. */
	(void)channel_send(p->channel, &out, NULL, 0, &e);
	mem_wipe(out.buf.p, out.buf.cap);
	ipc_out_free(&out);
}

/* 0, or -1 when the peer may not ask that. */
static int peer_asks(struct peer *p, const struct ipc_in *in, const char *account)
{
	struct keeper *k = p->token->keeper;
	char *url = ipc_get_str(in->rest, TOKEN_TAG_URL, ANSWER_MAX_BYTES);
	int ret = 0;

	switch (in->type) {
	case TOKEN_GET:
		if (p->account == NULL && ipc_get_number(in->rest, TOKEN_TAG_PERSON, 0) == 1)
			keeper_urge(k, account);
		keeper_get(k, p->asker, account, ipc_get_number(in->rest, TOKEN_TAG_SERIAL, 0));
		break;
	case TOKEN_SIGN_IN:
		p->wants = TOKEN_PLEASE;
		keeper_sign_in(k, p->asker, account, url);
		break;
	case TOKEN_CODE:
		if (url != NULL)
			keeper_code(k, p->asker, account, url);
		else
			ret = -1;
		break;
	case TOKEN_WAIT:
		keeper_wait(k, p->asker, account);
		break;
	default:
		ret = -1;
	}
	mem_wipe_str(&url);
	return ret;
}

static int on_request(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct peer *p = arg;
	struct token *t = p->token;
	char *account = ipc_get_str(in->rest, TOKEN_TAG_ACCOUNT, NAME_MAX_BYTES);
	int ret = -1;

	(void)fds;
	/* One that asks again no longer waits for the answer before. */
	keeper_forget(t->keeper, p->asker);
	if (nfds == 0 && account != NULL &&
	    (p->account == NULL || (strcmp(p->account, account) == 0 && in->type == TOKEN_GET))) {
		p->asks = true;
		p->wants = TOKEN_DONE;
		p->id = in->id;
		ret = peer_asks(p, in, account);
	}
	free(account);
	if (ret == 0)
		token_turn(t);
	return ret;
}

static void on_peer_closed(void *arg, const struct err *e)
{
	struct peer *p = arg;

	if (e->class == ERR_PROTOCOL)
		log_warning("asker-put-out", LOG_STR("account", p->account), LOG_STR("reason", e->text));
	peer_free(p);
}

static const struct channel_handler peer_handler = { .message = on_request, .closed = on_peer_closed };

void token_peer_new(struct token *t, struct slice fields, int *fd)
{
	char *role = ipc_get_str(fields, ROLE_TAG_ROLE, NAME_MAX_BYTES);
	bool admin = role != NULL && strcmp(role, "admin") == 0;
	struct peer *p;

	free(role);
	if (t->npeers == PEERS_MAX) {
		log_error("too-many-askers", LOG_NUM("askers", t->npeers));
		return;
	}
	p = mem_alloc(sizeof *p);
	p->token = t;
	p->asker = ++t->askers;
	p->account = admin ? NULL : ipc_get_str(fields, ROLE_TAG_NAME, NAME_MAX_BYTES);
	if (!admin && p->account == NULL)
		p->account = mem_strdup("");
	p->channel = channel_new(t->base, *fd, &peer_handler, p);
	*fd = -1;
	p->next = t->peers;
	t->peers = p;
	t->npeers++;
}

void token_peers_free(struct token *t)
{
	while (t->peers != NULL)
		peer_free(t->peers);
}
