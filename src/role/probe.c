/*
 * mailferry-probe: what is the store of one account, or one source, like? Started by `mailferry
 * probe' and by nobody else; it says what it finds over its socket.
 */
#include "role/probe.h"

#include <stdlib.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fetch/source.h"
#include "imap/session.h"
#include "ipc/channel.h"
#include "msg/special_use.h"
#include "net/crypto.h"
#include "net/sasl.h"
#include "net/tls.h"
#include "relay/session.h"
#include "role/connect.h"
#include "role/role.h"

enum { RELAY_CONNECT_MS = 60 * 1000, TOKEN_MAX = 16 * 1024, TOKEN_WAIT_MS = 5 * 60 * 1000, USES_BYTES = 200 };

struct probe {
	struct role role;
	const struct config_server *server;
	const struct config_source *source; /* NULL: it is the store of an account */
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

static int connect_now(void *arg, struct err *e)
{
	const struct probe *p = arg;

	return connect_account(p->role.connect, p->server->name,
			       p->server->timeout > 0 ? p->server->timeout : RELAY_CONNECT_MS, e);
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

/* ---- a source ---- */

/* How many messages are in each folder that would be fetched; -1 for one that can't be opened. */
static int count_folders(struct probe *p, const struct source_driver *driver, struct source_session *s,
			 const struct source_folder *folders, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct source_mark now = { 0 };
		char uses[USES_BYTES];
		bool same = false, can;

		if (i == PROBE_FOLDERS_MAX) {
			say_number(p, SURVEY_FOLDERS_CUT, 1);
			break;
		}
		can = driver->enter(s, &folders[i], false, NULL, &now, &same, e) == 0;
		if (!can && e->class != ERR_PERM)
			return -1;
		special_use_names(folders[i].uses, uses, sizeof uses);
		ipc_begin(&p->out, PROBE_FOLDER, 0);
		put_text(p, PROBE_TAG_TEXT, folders[i].name);
		put_text(p, PROBE_TAG_USE, uses);
		ipc_put_number(&p->out, PROBE_TAG_NUMBER, can ? (int64_t)now.exists : -1);
		say(p);
	}
	return 0;
}

/* Logs in as a fetcher does, looks, and leaves. Folders are opened for reading only. */
static void source_look(struct probe *p, struct tls_client *tls)
{
	const struct source_driver *driver = p->source->protocol == CONFIG_POP3 ? &source_pop3 : &source_imap;
	const struct source_login login = { .source = p->source,
					    .tls = tls,
					    .connect = connect_now,
					    .token = p->server->oauth ? ask_token : NULL,
					    .wake_fd = -1,
					    .arg = p,
					    .deadline = clock_mono_ms() + p->source->deadline };
	int64_t begin = clock_mono_ms();
	struct source_folder *folders = NULL;
	struct source_session *s;
	struct err e = { 0 };
	size_t n = 0;
	int r;

	s = driver->open(&login, &e);
	say_step(p, SURVEY_LOGIN, clock_mono_ms() - begin, s == NULL ? &e : NULL);
	if (s == NULL)
		return;
	begin = clock_mono_ms();
	r = driver->folders(s, &folders, &n, &e);
	if (r == 0)
		r = count_folders(p, driver, s, folders, n, &e);
	say_step(p, SURVEY_LIST, clock_mono_ms() - begin, r == 0 ? NULL : &e);
	source_folders_free(folders, n);
	if (r == 0)
		(void)driver->leave(&s, &e);
	else
		driver->abort(&s);
}

/* ---- the relay ---- */

/* As far as mail could be sent, and no further. */
static void relay_look(struct probe *p, struct tls_client *tls)
{
	const struct relay_login login = { .server = p->server,
					   .hostname = p->role.config->hostname,
					   .tls = tls,
					   .token = p->server->oauth ? ask_token : NULL,
					   .wake_fd = -1,
					   .arg = p };
	int64_t begin = clock_mono_ms();
	struct relay_session *s = NULL;
	struct tls_facts facts;
	struct err e = { 0 };
	struct buf offers;
	int fd = connect_now(p, &e);

	if (fd >= 0)
		s = relay_session_open(fd, &login, &e);
	say_step(p, SURVEY_LOGIN, clock_mono_ms() - begin, s == NULL ? &e : NULL);
	if (s == NULL)
		return;
	if (relay_session_tls(s, &facts)) {
		say_text(p, SURVEY_TLS_VERSION, facts.version);
		say_text(p, SURVEY_TLS_CIPHER, facts.cipher);
		say_text(p, SURVEY_NAMES, facts.cert.names);
		say_text(p, SURVEY_ISSUER, facts.cert.issuer);
		say_text(p, SURVEY_PIN, facts.cert.pin);
	}
	if (relay_session_mechanism(s) != NULL)
		say_text(p, SURVEY_MECHANISM, relay_session_mechanism(s));
	buf_init(&offers, PROBE_TEXT_MAX);
	offers_print(relay_session_offers(s), &offers);
	say_text(p, SURVEY_CAPABILITIES, buf_str(&offers));
	buf_free(&offers);
	relay_session_close(&s);
}

int main(void)
{
	struct probe p = { .server = NULL };
	struct survey_sink sink = { say_step, say_text, say_number, say_folder, say_quota, &p };
	struct survey survey = { .connect = connect_now, .token = ask_token, .arg = &p, .sink = &sink };
	struct err e = { 0 }, lost = { 0 };
	struct ipc_in in;

	role_begin(&p.role, "probe");
	ipc_out_init(&p.out);
	buf_init(&p.frame, IPC_MAX);
	if (p.role.config->nsources == 1) {
		p.source = &p.role.config->sources[0];
		p.server = &p.source->server;
	} else if (p.role.config->relay != NULL) {
		p.server = &p.role.config->relay->server;
	} else if (p.role.config->naccounts == 1) {
		p.server = &p.role.config->accounts[0].server;
	}
	if (p.server == NULL || p.role.connect < 0) {
		log_error("role-start-failed", LOG_STR("what", "a probe needs its account or source, and the connector"));
		return EX_SOFTWARE;
	}
	survey.server = p.server;
	survey.hostname = p.role.config->hostname;
	imap_start();
	crypto_start();
	sasl_start();
	if (p.server->tls != CONFIG_TLS_NONE)
		survey.tls = tls_client_of(p.server, &e);
	role_ready(&p.role);
	if (ipc_receive(p.role.socket, &p.frame, &in, NULL, NULL, -1, &lost) != 0 || in.type != PROBE_START)
		leave(&lost);
	survey.write = ipc_get_number(in.rest, PROBE_TAG_NUMBER, 0) == 1;
	if (p.server->tls != CONFIG_TLS_NONE && survey.tls == NULL)
		say_step(&p, SURVEY_ENCRYPT, 0, &e);
	else if (p.source != NULL)
		source_look(&p, survey.tls);
	else if (p.server->of_relay)
		relay_look(&p, survey.tls);
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
