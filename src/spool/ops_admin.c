/* What people see and do. Every request answers one page, so that none holds up mail for long. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "spool/inside.h"

enum { PAGE_RECORDS = 50, PAGE_OCTETS = 512 * 1024, PAGE_SPAN = 2000, PAGE_CHANGES = 200 };

static int decode_query(struct op *op, struct slice fields, struct err *e)
{
	op->request = pool_alloc(&op->pool, sizeof(struct query));
	return protocol_get_one(&wire_query, fields, op->request, &op->pool, e);
}

/* WORD as a pattern for LIKE that finds it anywhere. */
static char *like_pattern(struct pool *a, const char *word)
{
	struct buf b;
	char *pattern;

	if (word == NULL)
		return NULL;
	buf_init(&b, 3 * (size_t)PROTOCOL_TEXT);
	(void)buf_add_char(&b, '%');
	for (const char *c = word; *c != '\0'; c++) {
		if (*c == '%' || *c == '_' || *c == '\\')
			(void)buf_add_char(&b, '\\');
		(void)buf_add_char(&b, *c);
	}
	(void)buf_add_char(&b, '%');
	pattern = pool_text(a, buf_slice(&b));
	buf_free(&b);
	return pattern;
}

/* ---- one page of messages ---- */

struct page {
	int64_t numbers[PAGE_RECORDS];
	size_t n;
	int64_t next; /* where the next page begins, 0 at the end */
};

/* The messages behind q->from that Q meets, in order. */
static int find_page(struct spool_server *s, const struct query *q, struct pool *a, struct page *page)
{
	const char *pattern = like_pattern(a, q->word), *id = q->id;
	bool waiting = q->states != 0 && (q->states & ~SPOOL_WAITING) == 0;
	int64_t last, upto;
	sqlite3_stmt *st;
	int r = 0;

	page->n = 0;
	page->next = 0;
	if (db_number(&s->db, &last, SQL_LAST_MESSAGE, "") != 1)
		return -1;
	/* What waits has an index; all others are walked, a stretch at a time. */
	upto = waiting && pattern == NULL && q->account == NULL && id == NULL ? last
	       : q->from < last						      ? q->from + PAGE_SPAN
									      : last;
	if (waiting)
		st = db_ask(&s->db, SQL_FIND_WAITING, "iittti", q->from, upto, q->account, pattern, id,
			    (int64_t)q->states);
	else
		st = db_ask(&s->db, SQL_FIND_ALL, "iittti", q->from, upto, q->account, pattern, id, (int64_t)q->states);
	while (page->n < PAGE_RECORDS && (r = db_step(&s->db, st)) == 1)
		page->numbers[page->n++] = sqlite3_column_int64(st, 0);
	if (page->n == PAGE_RECORDS) {
		db_done(st);
		page->next = page->numbers[PAGE_RECORDS - 1];
		return 0;
	}
	if (r < 0)
		return -1;
	if (upto < last)
		page->next = upto;
	return 0;
}

/* A queue id is found at once. 1 when Q was answered so. */
static int find_id(struct spool_server *s, const struct query *q, struct page *page)
{
	int r;

	if (q->id == NULL || q->from != 0)
		return 0;
	r = db_number(&s->db, &page->numbers[0], SQL_FIND_ID, "t", q->id);
	page->n = r == 1;
	page->next = 0;
	return r;
}

/* ---- showing ---- */

static int put_head(struct spool_server *s, struct op *op, int64_t number)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_MESSAGE, "i", number), *from;
	struct record_head h = { 0 };
	int r = db_step(&s->db, st);

	if (r != 1)
		return r;
	h.number = number;
	h.m = (struct spool_message){ .id = db_text(st, 1),
				      .session = db_text(st, 2),
				      .protocol = db_text(st, 3),
				      .client = db_text(st, 4),
				      .helo = db_text(st, 5),
				      .listener = db_text(st, 6),
				      .auth = db_text(st, 7),
				      .sender = db_text(st, 8),
				      .message_id = db_text(st, 9),
				      .from = db_text(st, 10),
				      .subject = db_text(st, 11),
				      .received_ms = sqlite3_column_int64(st, 12),
				      .size = (uint64_t)sqlite3_column_int64(st, 13) };
	h.finished_ms = sqlite3_column_int64(st, 14);
	h.parent = db_text(st, 15);
	h.causes = db_text(st, 16);
	from = db_ask(&s->db, SQL_ORIGIN_OF, "i", number);
	r = db_step(&s->db, from);
	if (r == 1) {
		h.source = db_text(from, 0);
		h.folder = db_text(from, 1);
		h.uid = (uint32_t)sqlite3_column_int64(from, 2);
		h.uidl = h.uid == 0 ? db_text(from, 3) : NULL;
	}
	packets_put(&op->reply, &wire_head, &h);
	if (r == 1)
		db_done(from);
	db_done(st);
	return r < 0 ? -1 : 1;
}

static int put_recipients(struct spool_server *s, struct op *op, int64_t message)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_RECIPIENTS, "i", message);
	int r;

	while ((r = db_step(&s->db, st)) == 1) {
		const struct spool_record_recipient row = { db_text(st, 0), db_text(st, 1), db_text(st, 2) };

		packets_put(&op->reply, &wire_record_recipient, &row);
	}
	return r;
}

static int put_deliveries(struct spool_server *s, struct op *op, int64_t message)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_DELIVERIES, "i", message);
	int r;

	while ((r = db_step(&s->db, st)) == 1) {
		struct spool_record_delivery d = { .number = sqlite3_column_int64(st, 0),
						   .id = db_text(st, 2),
						   .account = db_text(st, 3),
						   .state = (enum delivery_state)sqlite3_column_int(st, 4),
						   .folder = db_text(st, 5),
						   .flags = db_text(st, 6),
						   .rule = db_text(st, 7),
						   .note = db_text(st, 8),
						   .since_ms = sqlite3_column_int64(st, 11),
						   .reason = db_text(st, 12),
						   .attempts = sqlite3_column_int(st, 13),
						   .doubt_ms = sqlite3_column_int64(st, 14),
						   .uidvalidity = (uint32_t)sqlite3_column_int64(st, 18),
						   .uid = (uint32_t)sqlite3_column_int64(st, 19) };

		if (d.state == DELIVERY_QUEUED || d.state == DELIVERY_DOUBT)
			d.due_ms = sqlite3_column_int64(st, 10);
		packets_put(&op->reply, &wire_record_delivery, &d);
	}
	return r;
}

static enum op_result run_find(struct spool_server *s, struct op *op)
{
	const struct query *q = op->request;
	struct reply reply = { 0 };
	struct page page;
	int r = find_id(s, q, &page);

	if (r < 0 || (r == 0 && find_page(s, q, &op->pool, &page) != 0))
		return OP_FAILED;
	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	for (size_t i = 0; i < page.n; i++) {
		r = put_head(s, op, page.numbers[i]);
		if (r < 0 || (r == 1 && (put_recipients(s, op, page.numbers[i]) != 0 ||
					 put_deliveries(s, op, page.numbers[i]) != 0 ||
					 (q->history && history_put(s, op, page.numbers[i]) != 0))))
			return OP_FAILED;
		if (op->reply.total > PAGE_OCTETS && i + 1 < page.n) {
			page.next = page.numbers[i];
			break;
		}
	}
	reply.number = page.next;
	op_reply(op, &reply);
	return op->reply.failed ? OP_FAILED : OP_DONE;
}

/* ---- accounts ---- */

static struct spool_account_row *account_row(struct spool_account_row *rows, size_t *n, const char *name,
					     struct pool *a)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(rows[i].account, name) == 0)
			return &rows[i];
	rows[*n] = (struct spool_account_row){ .account = pool_text(a, slice_str(name)), .next_due_ms = INT64_MAX };
	return &rows[(*n)++];
}

static uint64_t waits_for_store(const struct spool_account_row *row)
{
	return row->waiting[DELIVERY_QUEUED] + row->waiting[DELIVERY_FLIGHT] + row->waiting[DELIVERY_DOUBT];
}

/* Since when its oldest mail waits, and when its last was filed. ROW->oldest_ms holds the oldest message's number. */
static int fill_times(struct spool_server *s, struct spool_account_row *row)
{
	struct account *a = server_account(s, row->account);
	int64_t oldest = row->oldest_ms;

	row->oldest_ms = 0;
	if (oldest != 0 && db_number(&s->db, &row->oldest_ms, SQL_RECEIVED, "i", oldest) < 0)
		return -1;
	if (a->filed == 0) {
		if (db_number(&s->db, &a->filed, SQL_FILED, "t", a->name) < 0)
			return -1;
		a->filed = a->filed == 0 ? -1 : a->filed;
	}
	row->filed_ms = a->filed > 0 ? a->filed : 0;
	row->filed = a->nfiled;
	return 0;
}

/* What waits for an account that there is not is tried by nobody, whatever its last hold said. */
static void fill_unknown(struct spool_server *s, struct spool_account_row *row)
{
	if (!s->knows || server_account(s, row->account)->known || waits_for_store(row) == 0)
		return;
	row->hold_until_ms = row->next_due_ms = INT64_MAX;
	row->hold_person = true;
	row->hold_reason = account_is_relay(row->account)
			       ? "the configuration has no relay; give it one, or drop what waits for it (mailferry queue delete)"
			       : "the configuration names no such account; name it again, or drop what waits for it (mailferry "
				 "queue delete)";
}

static int fill_accounts(struct spool_server *s, struct spool_account_row *rows, size_t max, size_t *n, struct pool *a)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_ACCOUNTS, "");
	int r;

	for (const struct account *known = s->accounts; known != NULL && *n < max; known = known->next)
		rows[(*n)++] = (struct spool_account_row){ .account = pool_text(a, slice_str(known->name)),
							   .next_due_ms = INT64_MAX };
	while ((r = db_step(&s->db, st)) == 1 && *n < max) {
		struct spool_account_row *row = account_row(rows, n, db_text(st, 0), a);
		int state = sqlite3_column_int(st, 1);

		row->waiting[state] = (uint64_t)sqlite3_column_int64(st, 2);
		if (row->oldest_ms == 0 || sqlite3_column_int64(st, 4) < row->oldest_ms)
			row->oldest_ms = sqlite3_column_int64(st, 4);
		if (state <= DELIVERY_DOUBT && sqlite3_column_int64(st, 3) < row->next_due_ms)
			row->next_due_ms = sqlite3_column_int64(st, 3);
	}
	if (r < 0)
		return -1;
	db_done(st);
	st = db_ask(&s->db, SQL_HOLDS, "");
	while ((r = db_step(&s->db, st)) == 1 && *n < max) {
		struct spool_account_row *row = account_row(rows, n, db_text(st, 0), a);

		/* A hold that is over counts until mail went through, if there is any to try it with. */
		if (sqlite3_column_int64(st, 1) <= s->now && waits_for_store(row) == 0)
			continue;
		row->hold_until_ms = sqlite3_column_int64(st, 1);
		row->hold_attempts = sqlite3_column_int(st, 2);
		row->hold_reason = db_text(st, 3) == NULL ? NULL : pool_text(a, slice_str(db_text(st, 3)));
		row->hold_person = sqlite3_column_int(st, 4) != 0;
		if (row->next_due_ms != INT64_MAX && row->next_due_ms < row->hold_until_ms)
			row->next_due_ms = row->hold_until_ms;
	}
	if (r < 0)
		return -1;
	db_done(st);
	for (size_t i = 0; i < *n; i++) {
		if (fill_times(s, &rows[i]) != 0)
			return -1;
		fill_unknown(s, &rows[i]);
	}
	return 0;
}

static enum op_result run_accounts(struct spool_server *s, struct op *op)
{
	enum { ROWS_MAX = 10000 };
	struct spool_account_row *rows = mem_array(ROWS_MAX, sizeof *rows);
	static const struct reply reply = { 0 };
	size_t n = 0;
	int r = fill_accounts(s, rows, ROWS_MAX, &n, &op->pool);

	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	for (size_t i = 0; i < n && r == 0; i++)
		packets_put(&op->reply, &wire_account, &rows[i]);
	free(rows);
	op_reply(op, &reply);
	return r != 0 || op->reply.failed ? OP_FAILED : OP_DONE;
}

/* ---- acting ---- */

/* What ACTION makes of a delivery in state FROM, 0 and words when it can't be done. */
static enum delivery_state target(enum spool_action action, const struct delivery_row *row, bool again,
				  const char **refused)
{
	const bool relay = account_is_relay(row->account);
	const enum delivery_state from = row->state;
	static const char *const words[] = {
		[DELIVERY_FLIGHT] = "it is being sent; try again in a moment",
		[DELIVERY_DONE] = "it is in its folder already",
		[DELIVERY_MERGED] = "another delivery of the message counts for it",
		[DELIVERY_DELETED] = "it was deleted",
	};

	*refused = relay && from == DELIVERY_DONE ? "it was sent already" : words[from];
	switch (action) {
	case SPOOL_RETRY:
		if (relay && !again && (from == DELIVERY_DOUBT || from == DELIVERY_PARKED)) {
			*refused = "nobody can look whether the relay sent it: --again sends it again, perhaps a second "
				   "time; if it arrived, delete it";
			return 0;
		}
		if (from == DELIVERY_DOUBT || from == DELIVERY_PARKED)
			return again ? DELIVERY_QUEUED : DELIVERY_DOUBT;
		if (from == DELIVERY_QUEUED || from == DELIVERY_QUARANTINED)
			return DELIVERY_QUEUED;
		if (from == DELIVERY_HELD)
			*refused = "it is held; release it instead";
		break;
	case SPOOL_HOLD:
		if (from == DELIVERY_QUEUED)
			return DELIVERY_HELD;
		if (from == DELIVERY_HELD || from == DELIVERY_QUARANTINED || from == DELIVERY_PARKED)
			*refused = "it waits for you already";
		if (from == DELIVERY_DOUBT)
			*refused = relay ? "it may have been sent already"
					 : "it may be in its folder already; it will not be sent before that is known";
		break;
	case SPOOL_RELEASE:
		if (from == DELIVERY_HELD || from == DELIVERY_QUARANTINED)
			return DELIVERY_QUEUED;
		if (from == DELIVERY_QUEUED)
			*refused = "it is not held";
		if (from == DELIVERY_DOUBT || from == DELIVERY_PARKED)
			*refused = relay ? "it may have been sent already; retry --again sends it again"
					 : "it may be in its folder already; retry looks for it, retry --again sends it again";
		break;
	default:
		if (from != DELIVERY_FLIGHT && !state_final(from))
			return DELIVERY_DELETED;
		break;
	}
	return 0;
}

static int act_on(struct spool_server *s, struct op *op, const struct query *q, const struct delivery_row *row,
		  const char *message)
{
	struct spool_change change = { message, row->id, row->account, row->state, row->state, NULL };
	struct delivery_change c = { .due = s->now, .doubt = row->doubt };
	int r = 1;

	c.to = target((enum spool_action)q->action, row, q->again, &change.refused);
	if (c.to != 0 && account_has_taken(server_account(s, row->account), row->number)) {
		c.to = 0;
		change.refused = "its store is at work on it; try again in a moment";
	}
	if (c.to != 0) {
		change.refused = NULL;
		change.after = c.to;
		if (c.to == DELIVERY_DELETED)
			c.reason = "deleted by the operator";
		r = delivery_enter(s, row, ACTOR_ADMIN, &c);
		if (r == 1)
			r = message_settled(s, row->message) == 0 ? 1 : -1;
		log_info("operator", LOG_STR("delivery", row->id), LOG_STR("from", delivery_state_name(row->state)),
			 LOG_STR("to", delivery_state_name(c.to)));
	}
	if (r != 1)
		return -1;
	packets_put(&op->reply, &wire_change, &change);
	return 0;
}

/* All that Q meets of one message. */
static int act_on_message(struct spool_server *s, struct op *op, const struct query *q, int64_t message,
			  size_t *changes)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_MESSAGE, "i", message);
	int64_t numbers[SPOOL_DELIVERIES_MAX];
	const char *id;
	bool whole;
	int n, r = db_step(&s->db, st);

	if (r != 1)
		return r;
	id = pool_text(&op->pool, slice_str(db_text(st, 1)));
	db_done(st);
	whole = q->id == NULL || strcmp(q->id, id) == 0;
	n = delivery_numbers(s, SQL_DELIVERIES, message, numbers);
	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		struct delivery_row row;

		if (delivery_load(s, numbers[i], &row, &op->pool) != 1)
			return -1;
		if ((!whole && strcmp(row.id, q->id) != 0) ||
		    (q->account != NULL && strcmp(row.account, q->account) != 0) ||
		    (q->states != 0 && (q->states & SPOOL_STATE(row.state)) == 0) ||
		    /* Who names nothing in particular does not mean what is over. */
		    (q->id == NULL && state_final(row.state)))
			continue;
		if (act_on(s, op, q, &row, id) != 0)
			return -1;
		++*changes;
	}
	return 0;
}

static int lift_holds(struct spool_server *s, const struct query *q)
{
	if (q->action != SPOOL_RETRY || q->from != 0 || q->id != NULL)
		return 0;
	for (struct account *a = s->accounts; a != NULL; a = a->next)
		a->dirty = true;
	return db_run(&s->db, SQL_HOLDS_LIFT, "t", q->account);
}

static enum op_result run_act(struct spool_server *s, struct op *op)
{
	struct query q = *(const struct query *)op->request;
	struct reply reply = { 0 };
	struct page page;
	size_t changes = 0;
	int r;

	if (q.action < SPOOL_RETRY || q.action > SPOOL_DELETE || q.word != NULL)
		return OP_BROKEN;
	if (lift_holds(s, &q) != 0)
		return OP_FAILED;
	r = find_id(s, &q, &page);
	if (r == 0 && q.states == 0 && q.id == NULL)
		q.states = SPOOL_WAITING;
	if (r < 0 || (r == 0 && find_page(s, &q, &op->pool, &page) != 0))
		return OP_FAILED;
	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	for (size_t i = 0; i < page.n; i++) {
		if (act_on_message(s, op, &q, page.numbers[i], &changes) != 0)
			return OP_FAILED;
		if (changes > PAGE_CHANGES && i + 1 < page.n) {
			page.next = page.numbers[i];
			break;
		}
	}
	reply.number = page.next;
	op_reply(op, &reply);
	return op->reply.failed ? OP_FAILED : OP_DONE;
}

const struct verb verbs_admin[] = {
	{ .type = REQUEST_FIND, .name = "find", .peers = SPOOL_PEER_ADMIN, .decode = decode_query, .run = run_find },
	{ .type = REQUEST_ACCOUNTS, .name = "accounts", .peers = SPOOL_PEER_ADMIN, .run = run_accounts },
	{ .type = REQUEST_ACT, .name = "act", .peers = SPOOL_PEER_ADMIN, .decode = decode_query, .run = run_act },
	{ 0 },
};
