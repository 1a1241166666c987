/* mailferry-receiver: SMTP and LMTP sessions on the listeners' sockets, rules, and the way into the spool. */
#include <event2/event.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "intake/intake.h"
#include "intake/notice.h"
#include "ipc/channel.h"
#include "msg/charset.h"
#include "net/crypto.h"
#include "net/sasl_server.h"
#include "net/tls_server.h"
#include "role/milters.h"
#include "role/role.h"
#include "role/rules.h"
#include "smtp/meter.h"
#include "smtp/tally.h"
#include "smtp/server.h"
#include "spool/client.h"

enum { SPARE_DESCRIPTORS = 128, ASK_SECONDS = 1, SPARE_MEMORY = 8 * 1024 * 1024, MAPPED_FROM = 1024 * 1024 };

struct receiver {
	struct role role;
	struct event_base *base;
	struct channel *supervisor;
	struct spool_intake *spool;
	struct intake *intake;
	struct sasl_users *users; /* NULL: nobody can log in */
	struct smtp_server *server;
	struct meter *meter;
	struct tally *tally;
	struct tls_server *tls; /* NULL: no certificates */
	struct milters *milters; /* NULL: no listener has any */
	struct event *turn;	 /* intake wants another turn of the loop */
	struct event *ask; /* for the spool, while it is lost */
};

static _Noreturn void fail(const char *what, const char *why)
{
	log_error("receiver-failed", LOG_STR("what", what), LOG_STR("error", why));
	exit(EX_CONFIG);
}

/* A session is a descriptor, and so is a large message on its way; the limits that shells hand down are for neither. */
static void raise_descriptors(const struct config *c)
{
	rlim_t want = 2;
	struct rlimit limit;

	/* Milters come on top: a connection to each. */
	for (size_t i = 0; i < c->nlisteners; i++)
		if (c->listeners[i].nmilters + 2 > want)
			want = c->listeners[i].nmilters + 2;
	want = want * (rlim_t)c->limits.sessions + SPARE_DESCRIPTORS;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < c->limits.sessions + SPARE_DESCRIPTORS)
		log_warning(
		    "few-descriptors", LOG_NUM("descriptors", limit.rlim_cur), LOG_NUM("sessions", c->limits.sessions),
		    LOG_STR("effect", "fewer sessions than the limit allows; raise the hard limit of open files"));
}

/* The memory of a message serves the next one, instead of being given back and filled with zeros by the kernel for each of
 * them. Without sessions it is given back (smtp/server.c). */
static void keep_memory(void)
{
	(void)mallopt(M_TRIM_THRESHOLD, SPARE_MEMORY);
	(void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
}

static void compile_rules(struct receiver *r)
{
	struct buf errors;

	buf_init(&errors, 64 * 1024);
	if (rules_compile(&r->role, r->intake, &errors) != 0)
		fail("the rules do not compile", buf_str(&errors));
	buf_free(&errors);
}

static void read_users(struct receiver *r)
{
	const struct role_rules *u = &r->role.users;
	struct buf errors;

	if (u->path == NULL)
		return;
	buf_init(&errors, 64 * 1024);
	r->users = sasl_users_parse(u->path, slice_of(u->text, u->len), &errors);
	if (r->users == NULL)
		fail("the users can't be read", buf_str(&errors));
	role_forget_users(&r->role);
	buf_free(&errors);
	sasl_server_warm();
}

static void facts_told(void *arg, const char *account, int64_t at_ms, struct facts *f)
{
	struct receiver *r = arg;

	if (at_ms != 0)
		log_debug("facts", LOG_STR("account", account), LOG_NUM("folders", f->n),
			  LOG_NUM("append-limit", f->append_limit == UINT64_MAX ? 0 : f->append_limit));
	if (strcmp(account, CONFIG_RELAY) == 0)
		intake_set_relay_facts(r->intake, at_ms, f);
	else
		intake_set_facts(r->intake, account, at_ms, f);
}

static void watch_facts(struct receiver *r)
{
	const struct config *c = r->role.config;
	const char **names = mem_array(c->naccounts + 1, sizeof *names);
	size_t n;

	for (n = 0; n < c->naccounts; n++)
		names[n] = c->accounts[n].name;
	if (c->relay != NULL)
		names[n++] = CONFIG_RELAY;
	spool_facts_watch(r->spool, names, n, facts_told, r);
	free(names);
}

static void spool_gone(void *arg)
{
	const struct timeval soon = { .tv_sec = ASK_SECONDS };
	struct receiver *r = arg;

	log_error("spool-gone", LOG_STR("effect", "mail is refused with 451 until it is back"));
	intake_set_lost(r->intake, true);
	(void)evtimer_add(r->ask, &soon);
}

/* The supervisor hands out a spool that was started again; of one that runs on without us it does not know. */
static void on_ask(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval again = { .tv_sec = ASK_SECONDS };
	struct receiver *r = arg;
	struct ipc_out out;
	struct err e;

	(void)fd;
	(void)what;
	if (r->supervisor == NULL || !intake_lost(r->intake))
		return;
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_SPOOL, 0);
	if (channel_send(r->supervisor, &out, NULL, 0, &e) != 0)
		log_warning("supervisor-not-told", LOG_STR("reason", e.text));
	ipc_out_free(&out);
	(void)evtimer_add(r->ask, &again);
}

static void last_ended(void *arg)
{
	struct receiver *r = arg;

	(void)event_base_loopbreak(r->base);
}

/* From the supervisor: its account is one of ours, and its text bounded. */
static void on_notice(struct receiver *r, struct slice fields)
{
	int64_t kind = ipc_get_number(fields, ROLE_TAG_KIND, NOTICE_HELD);
	char *account = ipc_get_str(fields, ROLE_TAG_NAME, ROLE_TEXT_MAX);
	char *text = ipc_get_str(fields, ROLE_TAG_TEXT, ROLE_TEXT_MAX);

	if (account != NULL && text != NULL)
		intake_notice(r->intake,
			      kind > NOTICE_HELD && kind < NOTICE_KINDS ? (enum notice_kind)kind : NOTICE_HELD, account, text);
	free(account);
	free(text);
}

/* Keys are whole, or they are none. */
static void use_tickets(struct receiver *r, struct slice keys)
{
	if (r->tls != NULL && keys.n % TLS_TICKET_KEY_SIZE == 0)
		tls_server_tickets(r->tls, keys.p, keys.n / TLS_TICKET_KEY_SIZE);
}

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct receiver *r = arg;

	switch (in->type) {
	case ROLE_STOP:
		smtp_server_stop(r->server);
		return 0;
	case ROLE_DRAIN:
		smtp_server_drain(r->server);
		return 0;
	case ROLE_SPOOL:
		if (nfds != 1)
			return -1;
		spool_intake_replace(r->spool, fds[0]);
		fds[0] = -1;
		intake_set_lost(r->intake, false);
		(void)evtimer_del(r->ask);
		log_info("spool-back");
		return 0;
	case ROLE_CONNECT:
		if (nfds != 1)
			return -1;
		if (r->milters != NULL) {
			milters_connector(r->milters, fds[0]);
			fds[0] = -1;
		}
		return 0;
	case ROLE_NOTICE:
		on_notice(r, in->rest);
		return 0;
	case ROLE_TICKETS:
		use_tickets(r, ipc_get_bytes(in->rest, ROLE_TAG_KEYS));
		return 0;
	default:
		return 0;
	}
}

/* Without a supervisor there is nobody who would start anything again: end at once, nothing unanswered is lost. */
static void on_closed(void *arg, const struct err *e)
{
	struct receiver *r = arg;

	log_error("supervisor-gone", LOG_STR("error", e->text));
	channel_free(&r->supervisor);
	(void)event_base_loopbreak(r->base);
}

static const struct channel_handler handler = { on_message, on_closed };

/* Reads certificates and keys, and starts OpenSSL. The keys' text is needed no longer. */
static void start_tls(struct receiver *r)
{
	struct config *c = r->role.config;
	struct err e;

	r->tls = tls_server_new(c, &e);
	if (r->tls == NULL && e.class != ERR_NONE)
		fail("a certificate can't be used", e.text);
	for (size_t i = 0; i < c->ncertificates; i++)
		mem_wipe_str(&c->certificates[i].key_pem);
	use_tickets(r, slice_of(r->role.tickets, r->role.ntickets));
	mem_wipe(r->role.tickets, r->role.ntickets);
	smtp_server_use_tls(r->server, r->tls);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct receiver *r = arg;

	(void)fd;
	(void)what;
	intake_turn(r->intake);
}

static void ask_turn(void *arg)
{
	static const struct timeval now = { 0 };
	struct receiver *r = arg;

	(void)evtimer_add(r->turn, &now);
}

/* Where a listener names milters: their connections come from the connector, also later. */
static void use_milters(struct receiver *r)
{
	bool any = false;

	for (size_t i = 0; i < r->role.config->nlisteners; i++)
		any = any || r->role.config->listeners[i].nmilters > 0;
	if (!any)
		return;
	r->milters = milters_new(r->base);
	if (r->role.connect >= 0)
		milters_connector(r->milters, r->role.connect);
	r->role.connect = -1;
	smtp_server_milters(r->server, milters_dialer(r->milters));
}

int main(void)
{
	struct receiver r = { 0 };
	struct err e;

	role_begin(&r.role, "receiver");
	keep_memory();
	raise_descriptors(r.role.config);
	r.base = event_base_new();
	if (r.base == NULL)
		fail("no event loop", "event_base_new failed");
	r.ask = evtimer_new(r.base, on_ask, &r);
	if (r.ask == NULL)
		fail("no event loop", "evtimer_new failed");
	if (r.role.spool < 0)
		fail("no spool", "the supervisor gave no socket to it");
	r.spool = spool_intake_new(r.base, r.role.spool, spool_gone, &r);
	r.role.spool = -1;
	r.intake = intake_new(r.role.config, &intake_spool_client, r.spool);
	compile_rules(&r);
	read_users(&r);
	watch_facts(&r);
	r.meter = meter_open(r.role.meter, &e);
	if (r.meter == NULL)
		fail("clients can't be counted", e.text);
	r.tally = tally_open(r.role.tally, r.role.place, &e);
	if (r.tally == NULL)
		fail("clients of other receivers can't be known", e.text);
	r.server = smtp_server_new(r.base, r.role.config, r.intake, r.tally, last_ended, &r);
	smtp_server_meter(r.server, r.meter);
	start_tls(&r);
	smtp_server_users(r.server, r.users);
	r.turn = evtimer_new(r.base, on_turn, &r);
	if (r.turn == NULL)
		fail("no event loop", "evtimer_new failed");
	intake_set_turns(r.intake, ask_turn, &r);
	use_milters(&r);
	for (size_t i = 0; i < r.role.nlisteners; i++) {
		struct role_listener *l = &r.role.listeners[i];

		if (smtp_server_listen(r.server, l->name, l->fd, &e) != 0)
			fail("a listener can't be used", e.text);
		l->fd = -1;
	}
	r.supervisor = channel_new(r.base, r.role.socket, &handler, &r);
	charset_warm();
	crypto_start();
	role_ready(&r.role);
	(void)event_base_dispatch(r.base);

	smtp_server_free(&r.server);
	milters_free(&r.milters);
	event_free(r.turn);
	meter_close(&r.meter);
	tally_close(&r.tally);
	tls_server_free(&r.tls);
	sasl_users_free(&r.users);
	intake_free(&r.intake);
	spool_intake_free(&r.spool);
	channel_free(&r.supervisor);
	event_free(r.ask);
	event_base_free(r.base);
	role_free(&r.role);
	log_info("stopped");
	return 0;
}
