/* The program mailferry-probe: started, told its account, and listened to. */
#include <errno.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/errand.h"
#include "cmd/probe.h"
#include "role/role.h"

enum { PATIENCE_MS = 60 * 1000 };

struct probe_run {
	const struct config *config;
	const struct config_server *server;
	const struct probe_options *options;
	struct errand errand, connect;
};

/* One of its own: a daemon need not run, and none but this program may make connections. */
static int start_connector(struct probe_run *p, struct err *e)
{
	if (errand_start(&p->connect, p->config, "connect", CONFIG_PART_CONNECT, NULL, e) != 0)
		return -1;
	return errand_go(&p->connect, e);
}

static int hand_connector(struct probe_run *p, struct err *e)
{
	int fd = errand_pair(&p->connect, "store", p->server->name, e), r;

	if (fd < 0)
		return -1;
	r = errand_hand(&p->errand, ROLE_CONNECT, fd, NULL, NULL, e);
	file_close(&fd);
	return r;
}

static int tell_all(struct probe_run *p, struct err *e)
{
	enum config_part part = p->server->of_source  ? CONFIG_PART_FETCH
				: p->server->of_relay ? CONFIG_PART_RELAY
						      : CONFIG_PART_STORE;

	if (start_connector(p, e) != 0)
		return err_prefix(e, "mailferry-connect");
	if (errand_start(&p->errand, p->config, "probe", part, p->server->name, e) != 0 || hand_connector(p, e) != 0 ||
	    errand_go(&p->errand, e) != 0)
		return -1;
	ipc_begin(&p->errand.out, PROBE_START, 0);
	ipc_put_number(&p->errand.out, PROBE_TAG_NUMBER, p->options->write ? 1 : 0);
	return errand_send(&p->errand, e);
}

/* ---- access tokens ---- */

/* It gets the token and not the way to tokens: it meets hostile bytes. */
static int tell_token(struct probe_run *p, bool fresh, struct err *e)
{
	struct err why = { 0 };
	char *token;
	int r;

	if (p->options->token == NULL)
		return err_set(e, ERR_PROTOCOL, 0, "mailferry-probe asks for a token that the account does not have");
	token = p->options->token(p->options->token_arg, fresh, &why);
	ipc_begin(&p->errand.out, PROBE_TOKEN, 0);
	if (token != NULL) {
		ipc_put_str(&p->errand.out, PROBE_TAG_TEXT, token);
	} else {
		ipc_put_number(&p->errand.out, PROBE_TAG_CLASS, why.class);
		ipc_put_str(&p->errand.out, PROBE_TAG_WHY, why.text);
	}
	r = errand_send(&p->errand, e);
	mem_wipe(p->errand.out.buf.p, p->errand.out.buf.n);
	mem_wipe_str(&token);
	return r;
}

/* ---- what it says ---- */

static int listen_to(struct probe_run *p, struct probe_report *r, struct err *e)
{
	while (!r->ended) {
		/* A step has several commands; each has its own limit in the probe. */
		int64_t wait = p->server->timeout * 4 + PATIENCE_MS;
		struct ipc_in in;

		if (errand_receive(&p->errand, &in, wait, e) != 0) {
			if (e->class == ERR_TEMP)
				return err_set(
				    e, ERR_TEMP, ETIMEDOUT,
				    "the probe of %s does not come to an end; check this machine's name server",
				    p->server->host);
			return -1;
		}
		if (in.type == PROBE_TOKEN) {
			if (tell_token(p, ipc_get_number(in.rest, PROBE_TAG_FRESH, 0) != 0, e) != 0)
				return -1;
		} else if (probe_report_take(r, &in) != 0) {
			return err_set(e, ERR_PROTOCOL, 0, "mailferry-probe said something that makes no sense");
		}
	}
	return 0;
}

int probe_account(const struct config *c, const struct config_server *a, const struct probe_options *o,
		  struct probe_report *r, struct err *e)
{
	struct probe_run p = { .config = c, .server = a, .options = o, .errand = ERRAND_NONE, .connect = ERRAND_NONE };
	int ret, status;

	ret = tell_all(&p, e);
	if (ret == 0)
		ret = listen_to(&p, r, e);
	status = errand_end(&p.errand, ret != 0 && e->code != EPIPE);
	(void)errand_end(&p.connect, true);
	if (ret != 0)
		errand_explain(&p.errand, status, e);
	return ret;
}
