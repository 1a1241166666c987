#include "role/milters.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "ipc/channel.h"
#include "role/connect.h"

enum { TEXT_MAX = 400 };

struct request {
	struct request *next;
	uint32_t id;
	char *milter; /* owned */
	int64_t timeout_ms;
	milter_dialed_fn *fn;
	void *arg;
};

struct milters {
	struct event_base *base;
	struct channel *connector; /* NULL: it is away; requests wait, and whoever made them cancels them in time */
	struct request *requests;
	uint32_t last_id;
	struct milter_dialer dialer;
};

static struct request **find(struct milters *m, uint64_t id)
{
	struct request **p = &m->requests;

	while (*p != NULL && (*p)->id != id)
		p = &(*p)->next;
	return p;
}

static void request_free(struct request *r)
{
	free(r->milter);
	free(r);
}

/* The callee may ask for more, or cancel others. */
static void answer(struct request **at, int fd, const struct err *e)
{
	struct request *r = *at;

	*at = r->next;
	r->fn(r->arg, fd, e);
	request_free(r);
}

static void ask(struct milters *m, const struct request *r)
{
	struct ipc_out out;
	struct err e;

	ipc_out_init(&out);
	ipc_begin(&out, CONNECT_OPEN, r->id);
	ipc_put_str(&out, CONNECT_TAG_ACCOUNT, r->milter);
	ipc_put_number(&out, CONNECT_TAG_ENDPOINT, CONNECT_MILTER);
	ipc_put_number(&out, CONNECT_TAG_TIMEOUT, r->timeout_ms);
	if (channel_send(m->connector, &out, NULL, 0, &e) != 0)
		log_warning("connector-not-asked", LOG_STR("milter", r->milter), LOG_STR("reason", e.text));
	ipc_out_free(&out);
}

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct milters *m = arg;
	struct request **at = find(m, in->id);
	struct err e;
	char *text;
	int fd;

	if (in->type != CONNECT_DONE)
		return -1;
	if (*at == NULL)
		return 0; /* cancelled */
	if (nfds == 1 && fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0) {
		fd = fds[0];
		fds[0] = -1;
		answer(at, fd, NULL);
		return 0;
	}
	text = ipc_get_str(in->rest, CONNECT_TAG_TEXT, TEXT_MAX);
	(void)err_set(&e, ERR_TEMP, 0, "%s", text == NULL ? "the connector did not say why it failed" : text);
	free(text);
	answer(at, -1, &e);
	return 0;
}

static void on_closed(void *arg, const struct err *e)
{
	struct milters *m = arg;

	log_debug("connector-gone", LOG_STR("reason", e->text));
	channel_free(&m->connector);
}

static const struct channel_handler handler = { on_message, on_closed };

static uint64_t dial(void *arg, const char *milter, int64_t timeout_ms, milter_dialed_fn *fn, void *fn_arg)
{
	struct milters *m = arg;
	struct request *r = mem_alloc(sizeof *r);

	if (++m->last_id == 0)
		m->last_id = 1;
	*r = (struct request){ m->requests, m->last_id, mem_strdup(milter), timeout_ms, fn, fn_arg };
	m->requests = r;
	if (m->connector != NULL)
		ask(m, r);
	return r->id;
}

static void cancel(void *arg, uint64_t handle)
{
	struct milters *m = arg;
	struct request **at = find(m, handle), *r = *at;

	if (r == NULL)
		return;
	*at = r->next;
	request_free(r);
}

struct milters *milters_new(struct event_base *base)
{
	struct milters *m = mem_alloc(sizeof *m);

	m->base = base;
	m->dialer = (struct milter_dialer){ .dial = dial, .cancel = cancel, .arg = m };
	return m;
}

void milters_free(struct milters **milters)
{
	struct milters *m = *milters;

	if (m == NULL)
		return;
	while (m->requests != NULL)
		cancel(m, m->requests->id);
	channel_free(&m->connector);
	free(m);
	*milters = NULL;
}

void milters_connector(struct milters *m, int fd)
{
	channel_free(&m->connector);
	m->connector = channel_new(m->base, fd, &handler, m);
	/* What the old one was asked it does not answer any more. */
	for (struct request *r = m->requests; r != NULL; r = r->next)
		ask(m, r);
}

const struct milter_dialer *milters_dialer(struct milters *m)
{
	return &m->dialer;
}
