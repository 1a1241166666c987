/* What a new worker is handed: its name, its part of the configuration, its descriptors, and "go". */
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "cmd/supervisor.h"
#include "cmd/token_directory.h"
#include "role/role.h"
#include "smtp/tally.h"

static const enum config_part parts[SLOT_KINDS] = {
	[SLOT_RECEIVER] = CONFIG_PART_RECEIVER, [SLOT_FETCH] = CONFIG_PART_FETCH,     [SLOT_STORE] = CONFIG_PART_STORE,
	[SLOT_RELAY] = CONFIG_PART_RELAY,
	[SLOT_TOKEN] = CONFIG_PART_TOKEN,	[SLOT_CONNECT] = CONFIG_PART_CONNECT, [SLOT_SPOOL] = CONFIG_PART_SPOOL,
};

/* Worker, the message in the making, and where an error goes: what every function here needs. */
struct telling {
	struct worker *w;
	struct ipc_out out;
	struct err *e;
};

static int tell_send(struct telling *t, int fd)
{
	return channel_send(t->w->channel, &t->out, &fd, fd < 0 ? 0 : 1, t->e);
}

/* A memory file with the bytes, which TYPE announces under NAME. */
static int tell_bytes(struct telling *t, enum role_message type, const char *name, const void *p, size_t n)
{
	int fd = setup_memory_file("mailferry", p, n, t->e);
	int r;

	if (fd < 0)
		return -1;
	ipc_begin(&t->out, (uint16_t)type, 0);
	ipc_put_str(&t->out, ROLE_TAG_NAME, name);
	r = tell_send(t, fd);
	(void)close(fd);
	return r;
}

static int tell_name(struct telling *t)
{
	struct supervisor *sup = t->w->sup;

	ipc_begin(&t->out, ROLE_NAME, 0);
	ipc_put_str(&t->out, ROLE_TAG_ROLE, slot_kind_names[t->w->kind]);
	ipc_put_str(&t->out, ROLE_TAG_NAME, t->w->account);
	ipc_put_number(&t->out, ROLE_TAG_LEVEL, sup->level);
	ipc_put_number(&t->out, ROLE_TAG_PARENT, getpid());
	ipc_put_number(&t->out, ROLE_TAG_RESTORED, t->w->kind == SLOT_SPOOL && sup->restored);
	return tell_send(t, -1);
}

static int tell_config(struct telling *t)
{
	struct supervisor *sup = t->w->sup;
	const char *name = t->w->account[0] == '\0' ? NULL : t->w->account;
	struct buf part;
	int r;

	buf_init(&part, SUPERVISOR_PART_MAX);
	r = config_render(sup->setup->config, parts[t->w->kind], name, &part);
	if (r != 0)
		(void)err_set(t->e, ERR_LIMIT, 0, "its part of the configuration is too large");
	else
		r = tell_bytes(t, ROLE_CONFIG, NULL, part.p, part.n);
	if (t->w->kind == SLOT_SPOOL) {
		buf_clear(&sup->spool_part);
		(void)buf_add_slice(&sup->spool_part, buf_slice(&part));
	}
	mem_wipe(part.p, part.n);
	buf_free(&part);
	return r;
}

static int tell_listeners(struct telling *t)
{
	const struct setup *s = t->w->sup->setup;

	for (size_t i = 0; i < s->config->nlisteners; i++) {
		ipc_begin(&t->out, ROLE_LISTENER, 0);
		ipc_put_str(&t->out, ROLE_TAG_NAME, s->config->listeners[i].name);
		if (tell_send(t, s->listeners[i].fd) != 0)
			return -1;
	}
	return 0;
}

static int tell_meter(struct telling *t)
{
	ipc_begin(&t->out, ROLE_METER, 0);
	return tell_send(t, t->w->sup->meter);
}

/* The first place that nobody has; TALLY_PLACES where there is none. */
static unsigned free_place(const struct worker *w)
{
	for (unsigned place = 0; place < TALLY_PLACES; place++) {
		const struct worker *x = w->sup->workers;

		while (x != NULL && (x == w || x->kind != SLOT_RECEIVER || x->place != place))
			x = x->next;
		if (x == NULL)
			return place;
	}
	return TALLY_PLACES;
}

static int tell_tally(struct telling *t)
{
	t->w->place = free_place(t->w);
	tally_clear(t->w->sup->tally, t->w->place);
	ipc_begin(&t->out, ROLE_TALLY, 0);
	ipc_put_number(&t->out, ROLE_TAG_PLACE, t->w->place);
	return tell_send(t, t->w->sup->tally);
}

static int tell_tickets(struct telling *t)
{
	int r;

	ipc_begin(&t->out, ROLE_TICKETS, 0);
	tickets_put(t->w->sup, &t->out);
	r = tell_send(t, -1);
	mem_wipe(t->out.buf.p, t->out.buf.n);
	return r;
}

static int tell_rules(struct telling *t)
{
	const struct rules *rules = &t->w->sup->setup->rules;

	for (size_t i = 0; i < rules->n; i++)
		if ((rules->all[i].named || rules->all[i].used || rules->all[i].list) &&
		    tell_bytes(t, ROLE_RULES, rules->all[i].path, rules->all[i].text, rules->all[i].len) != 0)
			return -1;
	return 0;
}

static int tell_users(struct telling *t)
{
	const struct setup *s = t->w->sup->setup;

	return s->users == NULL ? 0 : tell_bytes(t, ROLE_USERS, s->config->users, s->users_text.p, s->users_text.n);
}

static int tell_peer(struct telling *t, enum slot_kind server, enum role_message type)
{
	struct worker *w = worker_of_kind(t->w->sup, server);

	if (w == NULL)
		return err_set(t->e, ERR_TEMP, 0, "the role %s is not there", slot_kind_names[server]);
	return worker_pair(w, t->w, (uint16_t)type, t->e);
}

/* A store or fetcher goes without it, and says what is missing. */
static int tell_token(struct telling *t)
{
	const struct config_server *server = config_server(t->w->sup->setup->config, t->w->account);

	if (server == NULL || !server->oauth || worker_of_kind(t->w->sup, SLOT_TOKEN) == NULL)
		return 0;
	return tell_peer(t, SLOT_TOKEN, ROLE_TOKEN);
}

static int tell_token_directory(struct telling *t)
{
	struct supervisor *sup = t->w->sup;
	int fd = token_directory_open(sup->setup->config->token_directory, &sup->identity, t->e);
	int r;

	if (fd < 0)
		return -1;
	ipc_begin(&t->out, ROLE_TOKEN_DIRECTORY, 0);
	r = tell_send(t, fd);
	(void)close(fd);
	return r;
}

static int tell_steps_and_go(struct telling *t)
{
	const int fds[] = { t->w->sup->steps, t->w->sup->killer };

	if (fds[0] >= 0 && fds[1] >= 0) {
		ipc_begin(&t->out, ROLE_STEPS, 0);
		if (channel_send(t->w->channel, &t->out, fds, 2, t->e) != 0)
			return -1;
	}
	ipc_begin(&t->out, ROLE_GO, 0);
	return tell_send(t, -1);
}

int worker_tell(struct worker *w, struct err *e)
{
	bool fetch = w->kind == SLOT_FETCH, logs_in = slot_kind_files(w->kind) || fetch;
	struct telling t = { .w = w, .e = e };
	int r = -1;

	ipc_out_init(&t.out);
	if (tell_name(&t) != 0 || tell_config(&t) != 0)
		goto out;
	if (w->kind == SLOT_RECEIVER && (tell_listeners(&t) != 0 || tell_meter(&t) != 0 || tell_tally(&t) != 0 ||
					 tell_tickets(&t) != 0 || tell_users(&t) != 0))
		goto out;
	if ((w->kind == SLOT_RECEIVER || fetch) && tell_rules(&t) != 0)
		goto out;
	if ((w->kind == SLOT_RECEIVER || logs_in) && tell_peer(&t, SLOT_SPOOL, ROLE_SPOOL) != 0)
		goto out;
	if (fetch && tell_peer(&t, SLOT_SPOOL, ROLE_MEMORY) != 0)
		goto out;
	if ((logs_in || w->kind == SLOT_TOKEN) && tell_peer(&t, SLOT_CONNECT, ROLE_CONNECT) != 0)
		goto out;
	/* A receiver takes mail also while there is no connector, and is told of it later. */
	if (w->kind == SLOT_RECEIVER && w->sup->setup->config->nmilters > 0 &&
	    worker_of_kind(w->sup, SLOT_CONNECT) != NULL && tell_peer(&t, SLOT_CONNECT, ROLE_CONNECT) != 0)
		goto out;
	if (logs_in && tell_token(&t) != 0)
		goto out;
	if (w->kind == SLOT_TOKEN && tell_token_directory(&t) != 0)
		goto out;
	r = tell_steps_and_go(&t);
out:
	ipc_out_free(&t.out);
	return r;
}
