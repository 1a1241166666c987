/* mailferry-spool: the only program that opens the spool. */
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "role/role.h"
#include "spool/server.h"

struct program {
	struct role role;
	struct event_base *base;
	struct channel *supervisor;
	struct spool_server *server;
};

/* What the supervisor does not hear is still in the log, the status and the queue's listing. */
static void tell(struct program *p, struct ipc_out *out, const char *account)
{
	struct err e;

	if (channel_send(p->supervisor, out, NULL, 0, &e) != 0)
		log_warning("supervisor-not-told", LOG_STR("account", account), LOG_STR("reason", e.text));
	ipc_out_free(out);
}

static void on_due(void *arg, const char *account)
{
	struct program *p = arg;
	struct ipc_out out;

	if (p->supervisor == NULL)
		return;
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_DUE, 0);
	ipc_put_str(&out, ROLE_TAG_NAME, account);
	ipc_put_number(&out, ROLE_TAG_TIME, 0);
	tell(p, &out, account);
}

static void on_held(void *arg, const char *reason)
{
	struct program *p = arg;
	struct ipc_out out;

	if (p->supervisor == NULL)
		return;
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_NOTICE, 0);
	ipc_put_str(&out, ROLE_TAG_TEXT, reason);
	tell(p, &out, CONFIG_RELAY);
}

static void on_fatal(void *arg)
{
	(void)arg;
	/* Not a step more: what is on the disk now is what the next start finds. */
	_exit(EX_IOERR);
}

static void on_stopped(void *arg)
{
	struct program *p = arg;

	(void)event_base_loopbreak(p->base);
}

static int take_peer(struct program *p, struct slice fields, int *fds, size_t nfds)
{
	static const struct {
		const char *name;
		enum spool_peer role;
	} rows[] = {
		{ "receiver", SPOOL_PEER_INTAKE }, { "store", SPOOL_PEER_STORE },	 { "admin", SPOOL_PEER_ADMIN },
		{ "relay", SPOOL_PEER_STORE },
		{ "fetch", SPOOL_PEER_FETCH },	   { "memory", SPOOL_PEER_MEMORY },
	};
	enum { NAMED = SPOOL_PEER_STORE | SPOOL_PEER_FETCH | SPOOL_PEER_MEMORY };
	char *role = ipc_get_str(fields, ROLE_TAG_ROLE, 100), *name = ipc_get_str(fields, ROLE_TAG_NAME, 1000);
	int r = -1;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0] && role != NULL && nfds == 1; i++) {
		bool named = (rows[i].role & NAMED) != 0;

		if (strcmp(rows[i].name, role) != 0 || (named && (name == NULL || name[0] == '\0')))
			continue;
		spool_server_peer(p->server, fds[0], rows[i].role, named ? name : "");
		fds[0] = -1;
		r = 0;
	}
	free(role);
	free(name);
	return r;
}

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct program *p = arg;
	char *account;

	switch (in->type) {
	case ROLE_PEER:
		return take_peer(p, in->rest, fds, nfds);
	case ROLE_LIFT:
		account = ipc_get_str(in->rest, ROLE_TAG_NAME, 1000);
		spool_server_lift(p->server, account);
		free(account);
		return 0;
	case ROLE_STOP:
		spool_server_stop(p->server);
		return 0;
	default:
		return -1;
	}
}

static void on_closed(void *arg, const struct err *e)
{
	struct program *p = arg;

	log_warning("supervisor-gone", LOG_STR("reason", e->text));
	channel_free(&p->supervisor);
	spool_server_stop(p->server);
}

static const struct channel_handler handler = { on_message, on_closed };

/* A descriptor for each large message on its way and for each peer. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max < 16384 ? limit.rlim_max : 16384;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(void)
{
	struct program p = { 0 };
	struct spool_options options = { .due = on_due, .held = on_held, .fatal = on_fatal, .stopped = on_stopped, .arg = &p };
	struct err e = { 0 };

	role_begin(&p.role, "spool");
	raise_descriptors();
	options.dir = p.role.config->spool;
	options.reserve = p.role.config->reserve;
	if (options.reserve < p.role.config->limits.message_size)
		options.reserve = p.role.config->limits.message_size;
	options.retention = p.role.config->retention;
	options.restored = p.role.restored;
	options.relay_for = p.role.config->relay_for;
	options.nrelay_for = p.role.config->nrelay_for;
	options.rules_daily = p.role.config->limits.rules_daily;
	options.memory_max = p.role.config->limits.rules_memory;
	p.base = event_base_new();
	if (p.base == NULL)
		abort();
	p.server = spool_server_new(p.base, &options, &e);
	if (p.server == NULL) {
		log_error("spool-not-opened", LOG_STR("reason", e.text));
		return e.class == ERR_CONFIG ? EX_CONFIG : EX_IOERR;
	}
	for (size_t i = 0; i < p.role.config->naccounts; i++)
		spool_server_know(p.server, p.role.config->accounts[i].name);
	if (p.role.config->relay != NULL)
		spool_server_know(p.server, CONFIG_RELAY);
	p.role.work_directory = open(options.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	role_ready(&p.role);
	p.supervisor = channel_new(p.base, p.role.socket, &handler, &p);
	p.role.socket = -1;
	(void)event_base_dispatch(p.base);
	spool_server_free(&p.server);
	channel_free(&p.supervisor);
	event_base_free(p.base);
	role_free(&p.role);
	return 0;
}
