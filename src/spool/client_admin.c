/* The door for people. */
#include "spool/admin.h"

#include <stdlib.h>

#include "base/mem.h"
#include "spool/call.h"

enum { ANSWER_MS = 60 * 1000 }; /* people wait no longer */

struct spool_admin {
	struct call call;
};

struct spool_admin *spool_admin_new(int fd)
{
	struct spool_admin *a = mem_alloc(sizeof *a);

	call_init(&a->call, fd);
	a->call.wait_ms = ANSWER_MS;
	return a;
}

void spool_admin_free(struct spool_admin **ap)
{
	if (*ap == NULL)
		return;
	call_free(&(*ap)->call);
	free(*ap);
	*ap = NULL;
}

static int run_query(struct call *c, enum request type, const struct query *q, struct slice *fields, struct err *e)
{
	call_begin(c, type);
	packets_put(&c->packets, &wire_query, q);
	return call_run(c, fields, e);
}

/* Reads one message off the front of FIELDS: its head, and the groups up to the next head. 1, 0 at the end, -1. */
static int take_record(struct slice *fields, struct spool_record *r, struct pool *a, struct err *e)
{
	struct slice rest = *fields, before;
	struct record_head head;
	struct ipc_field f;
	void *recipients, *deliveries, *steps;
	const char *start;

	do {
		if (!ipc_next(&rest, &f))
			return 0;
	} while (f.tag != GROUP_MESSAGE);
	if (wire_get(&wire_head, f.bytes, &head, a, e) != 0)
		return -1;
	start = rest.p;
	do {
		before = rest;
	} while (ipc_next(&rest, &f) && f.tag != GROUP_MESSAGE);
	*fields = before;
	rest = slice_of(start, (size_t)(before.p - start));
	*r = (struct spool_record){ .number = head.number,
				    .id = head.m.id,
				    .session = head.m.session,
				    .protocol = head.m.protocol,
				    .client = head.m.client,
				    .helo = head.m.helo,
				    .listener = head.m.listener,
				    .auth = head.m.auth,
				    .sender = head.m.sender,
				    .message_id = head.m.message_id,
				    .from = head.m.from,
				    .subject = head.m.subject,
				    .received_ms = head.m.received_ms,
				    .finished_ms = head.finished_ms,
				    .size = head.m.size };
	if (wire_get_all(&wire_record_recipient, rest, 0, SPOOL_RECIPIENTS_MAX, &recipients, &r->nrecipients, a, e) !=
		0 ||
	    wire_get_all(&wire_record_delivery, rest, 0, SPOOL_DELIVERIES_MAX, &deliveries, &r->ndeliveries, a, e) !=
		0 ||
	    wire_get_all(&wire_record_step, rest, 0, SIZE_MAX, &steps, &r->nsteps, a, e) != 0)
		return -1;
	r->recipients = recipients;
	r->deliveries = deliveries;
	r->steps = steps;
	return 1;
}

int spool_admin_find(struct spool_admin *s, const struct spool_query *q, spool_record_fn *fn, void *arg, struct err *e)
{
	struct query query = {
		.id = q->id, .account = q->account, .word = q->word, .states = q->states, .history = q->history
	};
	struct call *c = &s->call;

	do {
		struct slice fields;
		struct spool_record r;
		int got;

		if (run_query(c, REQUEST_FIND, &query, &fields, e) != 0)
			return -1;
		while ((got = take_record(&fields, &r, &c->pool, e)) > 0)
			if (fn(arg, &r) != 0)
				return 0;
		if (got < 0)
			return -1;
		query.from = c->reply.number;
	} while (query.from != 0);
	return 0;
}

int spool_admin_accounts(struct spool_admin *s, spool_account_fn *fn, void *arg, struct err *e)
{
	struct call *c = &s->call;
	const struct spool_account_row *rows;
	struct slice fields;
	void *all;
	size_t n;

	call_begin(c, REQUEST_ACCOUNTS);
	if (call_run(c, &fields, e) != 0 ||
	    wire_get_all(&wire_account, fields, 0, SIZE_MAX, &all, &n, &c->pool, e) != 0)
		return -1;
	rows = all;
	for (size_t i = 0; i < n; i++)
		if (fn(arg, &rows[i]) != 0)
			break;
	return 0;
}

int spool_admin_act(struct spool_admin *s, enum spool_action action, const struct spool_query *q, bool again,
		    spool_change_fn *fn, void *arg, struct err *e)
{
	struct query query = {
		.id = q->id, .account = q->account, .states = q->states, .action = (int)action, .again = again
	};
	struct call *c = &s->call;

	do {
		const struct spool_change *changes;
		struct slice fields;
		void *all;
		size_t n;

		if (run_query(c, REQUEST_ACT, &query, &fields, e) != 0 ||
		    wire_get_all(&wire_change, fields, 0, SIZE_MAX, &all, &n, &c->pool, e) != 0)
			return -1;
		changes = all;
		for (size_t i = 0; i < n && fn != NULL; i++)
			if (fn(arg, &changes[i]) != 0)
				return 0;
		query.from = c->reply.number;
	} while (query.from != 0);
	return 0;
}

int spool_admin_facts(struct spool_admin *a, const char *account, int64_t *at_ms, struct facts *f, struct err *e)
{
	const struct ask ask = { .text = account };
	struct call *c = &a->call;
	struct slice fields;
	struct buf text;
	int r = -1;

	*f = (struct facts){ .append_limit = UINT64_MAX };
	buf_init(&text, FACTS_MAX);
	call_begin(c, REQUEST_FACTS);
	packets_put(&c->packets, &wire_ask, &ask);
	if (call_run(c, &fields, e) == 0 && protocol_get_pieces(fields, &text, e) == 0)
		r = 0;
	*at_ms = r == 0 ? c->reply.number : 0;
	if (r == 0 && facts_read(buf_slice(&text), f) != 0)
		r = err_set(e, ERR_PROTOCOL, 0, "what is known of the store can't be read");
	buf_free(&text);
	return r;
}
