/* Who speaks to the spool, and what each asks. */
#include <errno.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "spool/batch.h"
#include "spool/inside.h"

enum {
	PENDING_OPS = 400, /* so many are not kept waiting for more */
	PENDING_OCTETS = 6 * 1024 * 1024,
	HELD_MAX = 32 * 1024 * 1024, /* of one peer's requests */
	LAZY_MS = 100
};

/* ---- requests ---- */

static const struct verb *find_verb(uint16_t type)
{
	static const struct verb *const families[] = { verbs_intake, verbs_store,  verbs_body,	 verbs_admin,
						       verbs_facts,  verbs_source, verbs_origin, verbs_sources, verbs_reply,
						       verbs_memory };

	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
		for (const struct verb *v = families[i]; v->type != 0; v++)
			if (v->type == type)
				return v;
	return NULL;
}

static struct op *op_new(struct peer *p, const struct verb *v, uint32_t id)
{
	struct op *op = mem_alloc(sizeof *op);

	op->peer = p;
	op->verb = v;
	op->id = id;
	op->reply_fd = -1;
	p->refs++;
	return op;
}

static void peer_unref(struct peer *p)
{
	if (--p->refs > 0)
		return;
	for (struct peer **at = &p->server->peers; *at != NULL; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	if (p->source != NULL)
		fetcher_left(p);
	parts_free(&p->parts);
	free(p->unsaid);
	free(p);
}

void op_free(struct op *op)
{
	struct peer *p = op->peer;

	upload_drop_bodies(op);
	if (op->bundle != NULL)
		bundle_unref(op);
	p->held -= op->octets;
	file_close(&op->reply_fd);
	packets_free(&op->reply);
	pool_free(&op->pool);
	free(op);
	peer_unref(p);
}

void op_reply(struct op *op, const struct reply *reply)
{
	if (op->reply.n == 0)
		packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	packets_put(&op->reply, &wire_reply, reply);
}

void server_fail(struct spool_server *s, struct op *op, enum spool_answer answer, const char *text)
{
	bool takes_in = (op->peer->role & (SPOOL_PEER_INTAKE | SPOOL_PEER_FETCH)) != 0;
	struct reply reply = { .class = takes_in ? ERR_NONE : ERR_TEMP, .answer = (int)answer, .text = text };
	struct err e = { 0 };

	/* Who is told that nothing was kept finds nothing. */
	upload_drop_bodies(op);
	if (op->peer->channel != NULL && !op->verb->silent && !s->dead) {
		packets_free(&op->reply);
		op_reply(op, &reply);
		if (channel_send(op->peer->channel, &op->reply.all[0], NULL, 0, &e) != 0)
			op->peer->broken = op->peer->broken || e.code != EPIPE;
	}
	op_free(op);
}

void server_queue(struct spool_server *s, struct op *op)
{
	op->next = NULL;
	*s->last = op;
	s->last = &op->next;
	s->npending++;
	s->pending_octets += op->octets;
	s->nloud += !op->verb->silent;
	if (s->npending >= PENDING_OPS || s->pending_octets >= PENDING_OCTETS)
		event_active(s->now_event, EV_TIMEOUT, 0);
	else if (s->nloud > 0)
		event_active(s->soon, EV_TIMEOUT, 0);
	else if (!evtimer_pending(s->lazy, NULL))
		server_start_timer(s->lazy, LAZY_MS);
}

/* ---- peers ---- */

const char *peer_name(const struct peer *p)
{
	if (p->account != NULL)
		return p->account->name;
	return p->source == NULL ? NULL : p->source->name;
}

static void attach_store(struct spool_server *s, struct account *a);

static void peer_gone(struct peer *p)
{
	struct spool_server *s = p->server;
	struct account *a = p->account;

	if (p->channel == NULL)
		return;
	channel_free(&p->channel);
	while (p->uploads != NULL)
		upload_close(s, p->uploads);
	for (struct bundle *b = s->bundles, *next; b != NULL; b = next) {
		next = b->next;
		if (b->peer == p)
			bundle_leave(b);
	}
	if (a != NULL && a->store == p) {
		a->store = NULL;
		a->ntaken = 0;
		a->told = false;
		a->dirty = true;
		attach_store(s, a);
		server_start_timer(s->due_timer, 0);
	}
	peer_unref(p);
}

static void on_closed(void *arg, const struct err *e)
{
	struct peer *p = arg;

	/* Otherwise something that it said may be lost. */
	if (p->role == SPOOL_PEER_INTAKE && e->code == EPIPE && !p->broken)
		server_queue(p->server, op_new(p, &verb_left, 0));
	if (e->class == ERR_PROTOCOL || p->broken) {
		p->broken = true;
		log_warning("spool-peer-broken", LOG_NUM("role", p->role), LOG_STR("name", peer_name(p)),
			    LOG_STR("reason", e->text));
	}
	peer_gone(p);
}

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct peer *p = arg;
	struct err e = { 0 };
	struct slice fields;
	const struct verb *v;
	struct op *op;
	int r;

	(void)fds;
	if (nfds > 0)
		return -1;
	r = parts_take(&p->parts, in, &fields, &e);
	if (r == 0)
		return 0;
	v = r < 0 ? NULL : find_verb(in->type);
	if (v == NULL || (v->peers & p->role) == 0) {
		log_warning("request-forbidden", LOG_NUM("role", p->role), LOG_NUM("type", in->type),
			    LOG_STR("reason", e.text));
		return -1;
	}
	op = op_new(p, v, in->id);
	if (v->decode != NULL && v->decode(op, fields, &e) != 0) {
		log_warning("request-malformed", LOG_NUM("role", p->role), LOG_STR("request", v->name),
			    LOG_STR("reason", e.text));
		op_free(op);
		return -1;
	}
	op->octets = op->pool.total;
	/* It is to be synced with the batch that it is in. */
	if (op->bundle != NULL)
		op->octets += ((const struct spool_message *)op->request)->size;
	p->held += op->octets;
	if (v->at_once) {
		(void)v->run(p->server, op);
		batch_answer(op);
		op_free(op);
		return 0;
	}
	if (v->reads && v->run(p->server, op) == OP_DONE) {
		batch_answer(op);
		op_free(op);
		return 0;
	}
	packets_free(&op->reply);
	file_close(&op->reply_fd);
	if (p->held > HELD_MAX) {
		server_fail(p->server, op, SPOOL_FULL, "too much waits already");
		return 0;
	}
	upload_publish(p->server, op);
	return 0;
}

static const struct channel_handler handler = { on_message, on_closed };

struct peer *peer_new(struct spool_server *s, int fd, enum spool_peer role)
{
	struct peer *p = mem_alloc(sizeof *p);

	p->server = s;
	p->role = role;
	p->refs = 1;
	p->serial = s->last_serial = (s->last_serial + 1) & INT32_MAX;
	parts_init(&p->parts);
	p->next = s->peers;
	s->peers = p;
	p->channel = channel_new(s->base, fd, &handler, p);
	return p;
}

/* The next store of an account may speak once the one before is gone and all that it said was read. */
static void attach_store(struct spool_server *s, struct account *a)
{
	int fd = a->waiting;

	if (fd < 0 || a->store != NULL)
		return;
	a->waiting = -1;
	a->store = peer_new(s, fd, SPOOL_PEER_STORE);
	a->store->account = a;
	a->woken = a->idle = false;
}

struct account *server_account(struct spool_server *s, const char *name)
{
	struct account **at = &s->accounts;
	size_t n = 0;

	for (; *at != NULL; at = &(*at)->next, n++)
		if (strcmp((*at)->name, name) == 0)
			return *at;
	*at = mem_alloc(sizeof **at);
	(*at)->name = mem_strdup(name);
	(*at)->waiting = -1;
	(*at)->work = INT64_MAX;
	return *at;
}

void spool_server_know(struct spool_server *s, const char *account)
{
	server_account(s, account)->known = s->knows = true;
}

void spool_server_peer(struct spool_server *s, int fd, enum spool_peer role, const char *name)
{
	struct account *a;

	if (s->dead || s->stopping) {
		file_close(&fd);
		return;
	}
	if (role == SPOOL_PEER_FETCH || role == SPOOL_PEER_MEMORY) {
		fetcher_add(s, fd, role, name);
		return;
	}
	if (role != SPOOL_PEER_STORE) {
		(void)peer_new(s, fd, role);
		return;
	}
	a = server_account(s, name);
	file_close(&a->waiting);
	a->waiting = fd;
	attach_store(s, a);
}

void peers_drop_broken(struct spool_server *s)
{
	for (struct peer *p = s->peers, *next; p != NULL; p = next) {
		next = p->next;
		if (p->broken && p->channel != NULL) {
			log_warning("spool-peer-put-out", LOG_NUM("role", p->role), LOG_STR("name", peer_name(p)));
			peer_gone(p);
		}
	}
}

void peers_free(struct spool_server *s)
{
	while (s->peers != NULL)
		peer_gone(s->peers);
}
