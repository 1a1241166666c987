/* Sockets between roles. */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "cmd/fetcher.h"
#include "cmd/spool_ask.h"
#include "cmd/supervisor.h"
#include "cmd/sync_job.h"
#include "role/role.h"

int worker_peer(struct worker *server, const char *role, const char *name, struct err *e)
{
	struct ipc_out out;
	int pair[2], r;

	if (ipc_pair(pair, e) != 0)
		return -1;
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_PEER, 0);
	ipc_put_str(&out, ROLE_TAG_ROLE, role);
	ipc_put_str(&out, ROLE_TAG_NAME, name);
	r = worker_send(server, &out, pair[0]);
	ipc_out_free(&out);
	(void)close(pair[0]);
	if (r == 0)
		return pair[1];
	(void)close(pair[1]);
	return err_set(e, ERR_TEMP, 0, "another role that it needs is ending");
}

int worker_pair(struct worker *server, struct worker *client, uint16_t type, struct err *e)
{
	/* A copy of a mailbox has a memory of its own (spool/source.h). */
	char *name = mem_printf("%s%s", client->copies && server->kind == SLOT_SPOOL ? "copy:" : "", client->account);
	const char *role = type == ROLE_MEMORY ? "memory" : slot_kind_names[client->kind];
	int fd = worker_peer(server, role, name, e), r = -1;
	struct ipc_out out;

	free(name);
	if (fd < 0)
		return -1;
	ipc_out_init(&out);
	ipc_begin(&out, type, 0);
	r = worker_send(client, &out, fd);
	if (r != 0)
		(void)err_set(e, ERR_TEMP, 0, "it is ending");
	ipc_out_free(&out);
	(void)close(fd);
	return r;
}

/* What W is told when a server of KIND was started again; 0: nothing. Stores and fetchers end by themselves when
 * they lose the spool. */
static uint16_t hand_out_type(const struct worker *w, enum slot_kind kind)
{
	bool logs_in = slot_kind_files(w->kind) || w->kind == SLOT_FETCH;
	const struct config_server *server;

	if (kind == SLOT_SPOOL)
		return w->kind == SLOT_RECEIVER ? ROLE_SPOOL : 0;
	if (kind == SLOT_CONNECT && w->kind == SLOT_RECEIVER)
		return w->sup->setup->config->nmilters > 0 ? ROLE_CONNECT : 0;
	if (kind == SLOT_CONNECT)
		return logs_in || w->kind == SLOT_TOKEN ? ROLE_CONNECT : 0;
	server = logs_in ? config_server(w->sup->setup->config, w->account) : NULL;
	return server != NULL && server->oauth ? ROLE_TOKEN : 0;
}

/* A server that was started again: who had the old one gets a socket to the new one. */
void worker_hand_out(struct worker *server)
{
	for (struct worker *w = server->sup->workers; w != NULL; w = w->next) {
		uint16_t type = hand_out_type(w, server->kind);
		struct err e = { 0 };

		if (type != 0 && w->state <= WORKER_DRAINING && worker_pair(server, w, type, &e) != 0)
			log_warning("role-not-connected", LOG_STR("kind", slot_kind_names[w->kind]),
				    LOG_STR("account", w->account), LOG_STR("what", e.text));
	}
}

static void on_ask_lost(void *arg)
{
	struct supervisor *sup = arg;

	spool_ask_free(&sup->ask);
	sync_ask_lost(sup);
}

void worker_ask(struct worker *w)
{
	struct supervisor *sup = w->sup;
	struct err e = { 0 };
	int fd = worker_peer(w, "admin", "", &e);

	on_ask_lost(sup);
	if (fd < 0)
		return;
	sup->ask = spool_ask_new(sup->base, fd, on_ask_lost, sup);
	fetchers_learn(sup);
	slots_learn_hours(sup);
}
