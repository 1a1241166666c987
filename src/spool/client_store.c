/* The door for a store. */
#include "spool/client.h"

#include <stdlib.h>

#include "base/mem.h"
#include "spool/call.h"

struct spool_store {
	struct call call;
};

struct spool_store *spool_store_new(int fd)
{
	struct spool_store *s = mem_alloc(sizeof *s);

	call_init(&s->call, fd);
	return s;
}

void spool_store_free(struct spool_store **sp)
{
	if (*sp == NULL)
		return;
	call_free(&(*sp)->call);
	free(*sp);
	*sp = NULL;
}

static int run_ask(struct call *c, enum request type, const struct ask *ask, struct slice *fields, struct err *e)
{
	call_begin(c, type);
	packets_put(&c->packets, &wire_ask, ask);
	return call_run(c, fields, e);
}

static int next(struct spool_store *s, bool more, size_t max, uint64_t max_bytes, struct spool_work **work, size_t *n,
		int64_t *next_due_ms, struct err *e)
{
	struct ask ask = { .more = more,
			   .count = max > SPOOL_BATCH_MAX ? SPOOL_BATCH_MAX : (int)max,
			   .octets = max_bytes > INT64_MAX ? INT64_MAX : (int64_t)max_bytes };
	struct call *c = &s->call;
	struct slice fields;
	struct work *got;
	void *all;

	*work = NULL;
	*n = 0;
	if (run_ask(c, REQUEST_NEXT, &ask, &fields, e) != 0)
		return -1;
	if (wire_get_all(&wire_work, fields, 0, SPOOL_BATCH_MAX, &all, n, &c->pool, e) != 0) {
		*n = 0;
		return -1;
	}
	got = all;
	*next_due_ms = c->reply.due;
	*work = mem_array(*n, sizeof **work);
	for (size_t i = 0; i < *n; i++) {
		struct spool_work *w = &(*work)[i];

		*w = got[i].w;
		w->id = mem_strdup(w->id);
		w->folder = mem_strdup(w->folder);
		w->flags = mem_strdup(w->flags == NULL ? "" : w->flags);
		w->floor_folder = mem_strdup(w->floor_folder);
		w->sender = mem_strdup(w->sender == NULL ? "" : w->sender);
		w->prefix = slice_dup(got[i].prefix);
		w->prefix_len = got[i].prefix.n;
	}
	return 0;
}

int spool_next(struct spool_store *s, size_t max, uint64_t max_bytes, struct spool_work **work, size_t *n,
	       int64_t *next_due_ms, struct err *e)
{
	return next(s, false, max, max_bytes, work, n, next_due_ms, e);
}

int spool_more(struct spool_store *s, size_t max, uint64_t max_bytes, struct spool_work **work, size_t *n,
	       int64_t *next_due_ms, struct err *e)
{
	return next(s, true, max, max_bytes, work, n, next_due_ms, e);
}

void spool_work_free(struct spool_work *work, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(work[i].id);
		free(work[i].folder);
		free(work[i].flags);
		free(work[i].floor_folder);
		free(work[i].sender);
		free(work[i].prefix);
	}
	free(work);
}

int spool_body(struct spool_store *s, int64_t message, char **bytes, size_t *len, int *fd, struct err *e)
{
	const struct ask ask = { .number = message };
	struct call *c = &s->call;
	struct slice fields;

	*bytes = NULL;
	*len = 0;
	*fd = -1;
	if (run_ask(c, REQUEST_BODY, &ask, &fields, e) != 0)
		return -1;
	if (c->reply_fd >= 0) {
		*fd = c->reply_fd;
		c->reply_fd = -1;
		return 0;
	}
	*bytes = slice_dup(c->reply.bytes);
	*len = c->reply.bytes.n;
	return 0;
}

int spool_bodies(struct spool_store *s, const int64_t *messages, size_t n, spool_bytes_fn *fn, void *arg, struct err *e)
{
	struct call *c = &s->call;
	struct slice fields;
	const struct body *got;
	void *all;

	call_begin(c, REQUEST_BODIES);
	for (size_t i = 0; i < n; i++) {
		const struct ask ask = { .number = messages[i] };

		packets_put(&c->packets, &wire_ask, &ask);
	}
	if (call_run(c, &fields, e) != 0 || wire_get_all(&wire_body, fields, 0, n, &all, &n, &c->pool, e) != 0)
		return -1;
	got = all;
	for (size_t i = 0; i < n; i++)
		fn(arg, got[i].number, got[i].bytes);
	return 0;
}

int spool_in_flight(struct spool_store *s, const struct spool_flight *f, size_t n, struct err *e)
{
	struct slice fields;

	call_begin(&s->call, REQUEST_IN_FLIGHT);
	for (size_t i = 0; i < n; i++)
		packets_put(&s->call.packets, &wire_flight, &f[i]);
	return call_run(&s->call, &fields, e);
}

int spool_settle(struct spool_store *s, const struct spool_outcome *o, size_t n, struct err *e)
{
	struct slice fields;

	call_begin(&s->call, REQUEST_SETTLE);
	for (size_t i = 0; i < n; i++)
		packets_put(&s->call.packets, &wire_outcome, &o[i]);
	return call_run(&s->call, &fields, e);
}

int spool_hold_account(struct spool_store *s, int64_t until_ms, const char *reason, int attempts, bool person,
		       struct err *e)
{
	const struct ask ask = { .time = until_ms, .count = attempts, .text = reason, .person = person };
	struct slice fields;

	return run_ask(&s->call, REQUEST_HOLD, &ask, &fields, e);
}

int spool_account(struct spool_store *s, int64_t *until_ms, int *attempts, struct err *e)
{
	struct call *c = &s->call;
	struct slice fields;

	call_begin(c, REQUEST_ACCOUNT);
	if (call_run(c, &fields, e) != 0)
		return -1;
	*until_ms = c->reply.due;
	*attempts = c->reply.attempts;
	return 0;
}

int spool_told(struct spool_store *s, int64_t *at_ms, struct err *e)
{
	struct call *c = &s->call;
	struct slice fields;

	call_begin(c, REQUEST_ACCOUNT);
	if (call_run(c, &fields, e) != 0)
		return -1;
	*at_ms = c->reply.number;
	return 0;
}

int spool_tell(struct spool_store *s, struct slice facts, struct err *e)
{
	struct slice fields;

	call_begin(&s->call, REQUEST_TELL);
	protocol_put_pieces(&s->call.packets, facts);
	return call_run(&s->call, &fields, e);
}
