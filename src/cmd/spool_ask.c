#include "cmd/spool_ask.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "ipc/channel.h"
#include "spool/protocol.h"

struct question {
	struct question *next;
	enum request type;
	int64_t from; /* the page that is asked for */
	spool_ask_account_fn *on_account;
	spool_ask_source_fn *on_source;
	void *arg;
	bool forgotten;
};

struct spool_ask {
	struct channel *channel; /* NULL: the spool is gone */
	struct parts parts;
	struct question *first, **last; /* the first one is asked */
	bool asked;
	uint32_t id;
	struct event *soon;
	void (*lost)(void *arg);
	void *arg;
};

static void ask_lost(struct spool_ask *a)
{
	if (a->channel == NULL)
		return;
	channel_free(&a->channel);
	a->lost(a->arg);
}

static void put_request(struct packets *p, const struct question *q)
{
	if (q->type == REQUEST_SOURCES) {
		const struct page_of page = { .number = q->from };

		packets_put(p, &wire_page, &page);
	}
}

static void ask_next(struct spool_ask *a)
{
	struct packets p = { 0 };
	struct err e;
	int r = 0;

	if (a->asked || a->first == NULL || a->channel == NULL)
		return;
	packets_begin(&p, (uint16_t)a->first->type, ++a->id);
	put_request(&p, a->first);
	for (size_t i = 0; i < p.n && r == 0; i++)
		r = channel_send(a->channel, &p.all[i], NULL, 0, &e);
	packets_free(&p);
	a->asked = true;
	if (r != 0)
		ask_lost(a);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ask_next(arg);
}

/* ---- answers ---- */

static void answer_end(const struct question *q, bool good)
{
	if (q->forgotten)
		return;
	if (q->on_account != NULL)
		q->on_account(q->arg, NULL, good);
	if (q->on_source != NULL)
		q->on_source(q->arg, NULL, good);
}

/* 0, or -1 when the answer makes no sense. */
static int answer_rows(struct question *q, struct slice fields, struct pool *pool, struct err *e)
{
	void *all;
	size_t n;

	if (q->type == REQUEST_ACCOUNTS) {
		if (wire_get_all(&wire_account, fields, 0, SIZE_MAX, &all, &n, pool, e) != 0)
			return -1;
		for (size_t i = 0; i < n && !q->forgotten; i++)
			q->on_account(q->arg, &((struct spool_account_row *)all)[i], true);
	} else if (q->type == REQUEST_SOURCES) {
		if (wire_get_all(&wire_source, fields, 0, SIZE_MAX, &all, &n, pool, e) != 0)
			return -1;
		for (size_t i = 0; i < n && !q->forgotten; i++)
			q->on_source(q->arg, &((struct spool_source_row *)all)[i], true);
	}
	return 0;
}

/* The whole answer to the first question. */
static int answer_take(struct spool_ask *a, struct slice fields, struct err *e)
{
	struct question *q = a->first;
	struct reply reply = { 0 };
	struct pool pool = { 0 };
	int r = protocol_get_one(&wire_reply, fields, &reply, &pool, e);

	a->asked = false;
	if (r == 0 && reply.class != ERR_NONE)
		log_warning("spool-did-not-say", LOG_NUM("request", q->type), LOG_STR("why", reply.text));
	if (r == 0 && reply.class == ERR_NONE)
		r = answer_rows(q, fields, &pool, e);
	if (r == 0 && reply.class == ERR_NONE && q->type != REQUEST_ACCOUNTS && reply.number > q->from) {
		q->from = reply.number;
		pool_free(&pool);
		return 0;
	}
	if (r == 0) {
		a->first = q->next;
		if (a->first == NULL)
			a->last = &a->first;
		answer_end(q, reply.class == ERR_NONE);
		free(q);
	}
	pool_free(&pool);
	return r;
}

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct spool_ask *a = arg;
	struct slice fields;
	struct err e = { 0 };
	int r;

	(void)fds;
	if (nfds != 0 || !a->asked || in->id != a->id || in->type != a->first->type)
		return -1;
	r = parts_take(&a->parts, in, &fields, &e);
	if (r == 0)
		return 0;
	if (r < 0 || answer_take(a, fields, &e) != 0) {
		log_warning("spool-answer-malformed", LOG_STR("why", e.text));
		return -1;
	}
	/* A callback may have freed much, but not us: see the header. The next question goes from the loop. */
	event_active(a->soon, EV_TIMEOUT, 0);
	return 0;
}

static void on_closed(void *arg, const struct err *e)
{
	(void)e;
	ask_lost(arg);
}

static const struct channel_handler handler = { on_message, on_closed };

struct spool_ask *spool_ask_new(struct event_base *base, int fd, void (*lost)(void *arg), void *arg)
{
	struct spool_ask *a = mem_alloc(sizeof *a);

	a->last = &a->first;
	a->lost = lost;
	a->arg = arg;
	parts_init(&a->parts);
	a->soon = event_new(base, -1, 0, on_soon, a);
	if (a->soon == NULL)
		abort();
	a->channel = channel_new(base, fd, &handler, a);
	return a;
}

void spool_ask_free(struct spool_ask **ap)
{
	struct spool_ask *a = *ap;

	if (a == NULL)
		return;
	*ap = NULL;
	while (a->first != NULL) {
		struct question *q = a->first;

		a->first = q->next;
		free(q);
	}
	channel_free(&a->channel);
	parts_free(&a->parts);
	event_free(a->soon);
	free(a);
}

/* ---- questions ---- */

static struct question *question_new(struct spool_ask *a, enum request type, void *arg)
{
	struct question *q = mem_alloc(sizeof *q);

	q->type = type;
	q->arg = arg;
	*a->last = q;
	a->last = &q->next;
	event_active(a->soon, EV_TIMEOUT, 0);
	return q;
}

void spool_ask_accounts(struct spool_ask *a, spool_ask_account_fn *fn, void *arg)
{
	question_new(a, REQUEST_ACCOUNTS, arg)->on_account = fn;
}

void spool_ask_sources(struct spool_ask *a, spool_ask_source_fn *fn, void *arg)
{
	question_new(a, REQUEST_SOURCES, arg)->on_source = fn;
}

void spool_ask_forget(struct spool_ask *a, const void *arg)
{
	for (struct question *q = a == NULL ? NULL : a->first; q != NULL; q = q->next)
		if (q->arg == arg)
			q->forgotten = true;
}
