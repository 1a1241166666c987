/* The door for people. */
#include "spool/admin.h"

#include <stdlib.h>
#include <string.h>

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
				    .size = head.m.size,
				    .source = head.source,
				    .origin_folder = head.folder,
				    .uidl = head.uidl,
				    .uid = head.uid,
				    .parent = head.parent,
				    .causes = head.causes };
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

/* ---- sources ---- */

static void add_counts(struct spool_source_counts *all, const struct spool_source_counts *c)
{
	for (size_t i = 0; i < sizeof all->fates / sizeof all->fates[0]; i++)
		all->fates[i] += c->fates[i];
	for (size_t i = 0; i < sizeof all->settled / sizeof all->settled[0]; i++)
		all->settled[i] += c->settled[i];
	all->removals += c->removals;
	all->absent += c->absent;
	if (c->oldest_absent_ms != 0 && (all->oldest_absent_ms == 0 || c->oldest_absent_ms < all->oldest_absent_ms))
		all->oldest_absent_ms = c->oldest_absent_ms;
}

/* Page after page; ROW's strings must not be of the call's pool. */
static int count_origins(struct call *c, struct spool_source_row *row, struct err *e)
{
	struct counts got = { .next.source = row->number, .more = true };

	while (got.more) {
		const struct page_of page = got.next;
		struct slice fields;

		call_begin(c, REQUEST_COUNTS);
		packets_put(&c->packets, &wire_page, &page);
		if (call_run(c, &fields, e) != 0 || protocol_get_one(&wire_counts, fields, &got, &c->pool, e) != 0)
			return -1;
		add_counts(&row->counts, &got.c);
	}
	return 0;
}

int spool_admin_sources(struct spool_admin *a, bool counts, spool_source_row_fn *fn, void *arg, struct err *e)
{
	struct page_of page = { 0 };
	struct call *c = &a->call;
	struct pool pool = { 0 };
	int r = 0;

	do {
		struct spool_source_row *rows;
		struct slice fields;
		void *all;
		size_t n = 0;

		call_begin(c, REQUEST_SOURCES);
		packets_put(&c->packets, &wire_page, &page);
		if (call_run(c, &fields, e) != 0 ||
		    wire_get_all(&wire_source, fields, 0, SIZE_MAX, &all, &n, &pool, e) != 0) {
			r = -1;
			break;
		}
		page.number = c->reply.number;
		rows = all;
		for (size_t i = 0; i < n && r == 0; i++) {
			if (counts && count_origins(c, &rows[i], e) != 0)
				r = -1;
			else if (fn(arg, &rows[i]) != 0)
				r = 1;
		}
	} while (r == 0 && page.number != 0);
	pool_free(&pool);
	return r < 0 ? -1 : 0;
}

int spool_admin_source_forget(struct spool_admin *a, const char *source, uint64_t *forgotten, struct err *e)
{
	const struct ask ask = { .text = source };
	struct call *c = &a->call;
	struct slice fields;

	call_begin(c, REQUEST_SOURCE_FORGET);
	packets_put(&c->packets, &wire_ask, &ask);
	if (call_run(c, &fields, e) != 0)
		return -1;
	*forgotten = (uint64_t)c->reply.number;
	return 0;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

/* By name, so that those of one name stand together. */
static int compare_entries(const void *va, const void *vb)
{
	const struct spool_import *a = &((const struct entry *)va)->i, *b = &((const struct entry *)vb)->i;
	int r = compare_text(a->folder, b->folder);

	if (r == 0)
		r = (a->uidvalidity > b->uidvalidity) - (a->uidvalidity < b->uidvalidity);
	if (r == 0)
		r = (a->uid > b->uid) - (a->uid < b->uid);
	if (r == 0)
		r = compare_text(a->name, b->name);
	return r == 0 ? (a->taken_ms > b->taken_ms) - (a->taken_ms < b->taken_ms) : r;
}

static bool same_name(const struct spool_import *a, const struct spool_import *b)
{
	return a->uidvalidity == b->uidvalidity && a->uid == b->uid && compare_text(a->folder, b->folder) == 0 &&
	       compare_text(a->name, b->name) == 0;
}

int spool_admin_source_import(struct spool_admin *a, const char *source, const struct spool_import *all, size_t n,
			      uint64_t *new, struct err *e)
{
	struct entry *entries = mem_array(n + 1, sizeof *entries);
	const struct ask ask = { .text = source };
	struct call *c = &a->call;
	int r = 0;

	*new = 0;
	for (size_t i = 0; i < n; i++)
		entries[i].i = all[i];
	qsort(entries, n, sizeof *entries, compare_entries);
	for (size_t i = 0; i < n; i++)
		entries[i].n = i > 0 && same_name(&entries[i].i, &entries[i - 1].i) ? entries[i - 1].n + 1 : 1;
	for (size_t done = 0; done < n && r == 0;) {
		struct slice fields;
		size_t some = 0;

		call_begin(c, REQUEST_SOURCE_IMPORT);
		packets_put(&c->packets, &wire_ask, &ask);
		for (; some < ORIGIN_BATCH_MAX && done + some < n; some++)
			packets_put(&c->packets, &wire_entry, &entries[done + some]);
		r = call_run(c, &fields, e);
		if (r == 0)
			*new += (uint64_t)c->reply.number;
		done += some;
	}
	free(entries);
	return r;
}
