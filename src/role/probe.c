/*
 * mailferry-probe: what is the store of one account like? Started by `mailferry
 * probe' and by nobody else; it says what it finds over its socket.
 */
#include "role/probe.h"

#include <stdlib.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/mem.h"
#include "imap/session.h"
#include "ipc/channel.h"
#include "net/tls.h"
#include "role/dial.h"
#include "role/role.h"

enum { TOKEN_MAX = 16 * 1024, TOKEN_WAIT_MS = 5 * 60 * 1000 };

struct probe {
	struct role role;
	const struct config_server *server;
	struct ipc_out out;
	struct buf frame;
};

/* Nobody is left to hear it. */
static _Noreturn void leave(const struct err *e)
{
	log_debug("probe-alone", LOG_STR("reason", e->text));
	exit(EX_TEMPFAIL);
}

static void say(struct probe *p)
{
	struct err e;

	if (ipc_send(p->role.socket, &p->out, NULL, 0, &e) != 0)
		leave(&e);
}

static void put_text(struct probe *p, uint16_t tag, const char *text)
{
	struct slice s = slice_str(text);

	s.n = s.n > PROBE_TEXT_MAX ? PROBE_TEXT_MAX : s.n;
	ipc_put_bytes(&p->out, tag, s);
}

static void say_step(void *arg, enum survey_step step, int64_t ms, const struct err *e)
{
	struct probe *p = arg;

	ipc_begin(&p->out, PROBE_STEP, 0);
	ipc_put_number(&p->out, PROBE_TAG_KEY, step);
	ipc_put_number(&p->out, PROBE_TAG_NUMBER, ms);
	if (e != NULL) {
		ipc_put_number(&p->out, PROBE_TAG_CLASS, e->class);
		ipc_put_number(&p->out, PROBE_TAG_CODE, e->code);
		put_text(p, PROBE_TAG_WHY, e->text);
	}
	say(p);
}

static void say_text(void *arg, enum survey_fact fact, const char *text)
{
	struct probe *p = arg;

	ipc_begin(&p->out, PROBE_FACT, 0);
	ipc_put_number(&p->out, PROBE_TAG_KEY, fact);
	put_text(p, PROBE_TAG_TEXT, text);
	say(p);
}

static void say_number(void *arg, enum survey_fact fact, int64_t n)
{
	struct probe *p = arg;

	ipc_begin(&p->out, PROBE_FACT, 0);
	ipc_put_number(&p->out, PROBE_TAG_KEY, fact);
	ipc_put_number(&p->out, PROBE_TAG_NUMBER, n);
	say(p);
}

static void say_folder(void *arg, const char *name, const char *mailbox, const char *use)
{
	struct probe *p = arg;

	ipc_begin(&p->out, PROBE_FOLDER, 0);
	put_text(p, PROBE_TAG_TEXT, name);
	put_text(p, PROBE_TAG_MAILBOX, mailbox);
	put_text(p, PROBE_TAG_USE, use);
	say(p);
}

static void say_quota(void *arg, const char *root, const char *resource, uint64_t used, uint64_t most)
{
	struct probe *p = arg;

	ipc_begin(&p->out, PROBE_QUOTA, 0);
	put_text(p, PROBE_TAG_TEXT, root);
	put_text(p, PROBE_TAG_USE, resource);
	ipc_put_number(&p->out, PROBE_TAG_NUMBER, used > INT64_MAX ? INT64_MAX : (int64_t)used);
	ipc_put_number(&p->out, PROBE_TAG_MOST, most > INT64_MAX ? INT64_MAX : (int64_t)most);
	say(p);
}

/* Its own connection: it has no connector, and lives for this one. */
static int connect_now(void *arg, struct err *e)
{
	const struct probe *p = arg;

	return dial(p->server->host, p->server->port, "host and port of the account", p->server->timeout, e);
}

static char *ask_token(void *arg, bool fresh, struct err *e)
{
	struct probe *p = arg;
	struct ipc_in in;
	char *token, *why;

	ipc_begin(&p->out, PROBE_TOKEN, 0);
	ipc_put_number(&p->out, PROBE_TAG_FRESH, fresh);
	say(p);
	if (ipc_receive(p->role.socket, &p->frame, &in, NULL, NULL, TOKEN_WAIT_MS, e) != 0)
		return NULL;
	token = ipc_get_str(in.rest, PROBE_TAG_TEXT, TOKEN_MAX);
	if (token == NULL) {
		why = ipc_get_str(in.rest, PROBE_TAG_WHY, PROBE_TEXT_MAX);
		(void)err_set(e, (enum err_class)ipc_get_number(in.rest, PROBE_TAG_CLASS, ERR_CONFIG), 0, "%s",
			      why == NULL ? "there is no access token" : why);
		free(why);
	}
	mem_wipe(p->frame.p, p->frame.cap);
	return token;
}

int main(void)
{
	struct probe p = { .server = NULL };
	struct survey_sink sink = { say_step, say_text, say_number, say_folder, say_quota, &p };
	struct survey survey = { .connect = connect_now, .token = ask_token, .arg = &p, .sink = &sink };
	struct ipc_in in;
	struct err e = { 0 };

	role_begin(&p.role, "probe");
	ipc_out_init(&p.out);
	buf_init(&p.frame, IPC_MAX);
	if (p.role.config->naccounts != 1) {
		log_error("role-start-failed", LOG_STR("what", "a probe needs its account"));
		return EX_SOFTWARE;
	}
	survey.server = p.server = &p.role.config->accounts[0].server;
	survey.hostname = p.role.config->hostname;
	imap_start();
	role_ready(&p.role);
	if (ipc_receive(p.role.socket, &p.frame, &in, NULL, NULL, -1, &e) != 0 || in.type != PROBE_START)
		leave(&e);
	survey.write = ipc_get_number(in.rest, PROBE_TAG_NUMBER, 0) == 1;
	if (p.server->tls != CONFIG_TLS_NONE && (survey.tls = tls_client_of(p.server, &e)) == NULL)
		say_step(&p, SURVEY_ENCRYPT, 0, &e);
	else
		(void)survey_run(&survey, &e);
	ipc_begin(&p.out, PROBE_END, 0);
	say(&p);
	tls_client_free(&survey.tls);
	ipc_out_free(&p.out);
	buf_free(&p.frame);
	role_free(&p.role);
	return 0;
}
