/* A store's work and outcomes. It may touch only its own account's deliveries: a number of another's puts it out. */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "spool/inside.h"

enum { WORK_OCTETS = IPC_MAX * 4, WORDS_MAX = 600 };

int op_decode_ask(struct op *op, struct slice fields, struct err *e)
{
	op->request = pool_alloc(&op->pool, sizeof(struct ask));
	return protocol_get_one(&wire_ask, fields, op->request, &op->pool, e);
}

int op_decode_list(struct op *op, const struct wire_table *t, struct slice fields, struct err *e)
{
	struct op_list *l = pool_alloc(&op->pool, sizeof *l);

	op->request = l;
	return wire_get_all(t, fields, 1, SPOOL_BATCH_MAX, &l->all, &l->n, &op->pool, e);
}

enum op_result op_done(struct op *op)
{
	static const struct reply reply = { 0 };

	op_reply(op, &reply);
	return OP_DONE;
}

/* The delivery NUMBER if it is of this store's account. 1; 0 and the store is to be put out; -1. */
static int own_delivery(struct spool_server *s, struct op *op, int64_t number, struct delivery_row *row)
{
	int r = delivery_load(s, number, row, &op->pool);

	if (r == 1 && strcmp(row->account, op->peer->account->name) == 0)
		return 1;
	if (r >= 0)
		log_warning("not-its-delivery", LOG_STR("account", op->peer->account->name),
			    LOG_STR("request", op->verb->name), LOG_NUM("delivery", number));
	return r < 0 ? -1 : 0;
}

/* ---- next ---- */

/* What was in flight when the store before this one ended may have been sent. */
static int doubt_flights(struct spool_server *s, struct account *a, struct pool *pool)
{
	struct delivery_change c = { .to = DELIVERY_DOUBT,
				     .due = s->now,
				     .doubt = s->now,
				     .reason = "the store program ended before it knew the outcome",
				     .sent = true };
	int64_t number;
	int r;

	while ((r = db_number(&s->db, &number, SQL_FLIGHTS, "t", a->name)) == 1) {
		struct delivery_row row;

		if (delivery_load(s, number, &row, pool) != 1 || delivery_enter(s, &row, ACTOR_SPOOL, &c) != 1)
			return -1;
	}
	return r;
}

/* Writes the delivery NUMBER as work. 1; 0 when it does not fit any more; -1. */
static int put_work(struct spool_server *s, struct op *op, int64_t number, bool first, uint64_t *octets)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_DUE, "i", number);
	struct work work = { 0 };
	int64_t one;
	int r = db_step(&s->db, st);

	if (r != 1)
		return -1;
	work.w = (struct spool_work){ .number = number,
				      .message = sqlite3_column_int64(st, 1),
				      .id = (char *)(uintptr_t)db_text(st, 2),
				      .state = (enum delivery_state)sqlite3_column_int(st, 3),
				      .folder = (char *)(uintptr_t)db_text(st, 4),
				      .flags = (char *)(uintptr_t)db_text(st, 5),
				      .size = (uint64_t)sqlite3_column_int64(st, 7),
				      .internal_ms = sqlite3_column_int64(st, 8),
				      .create = sqlite3_column_int(st, 9) != 0,
				      .attempts = sqlite3_column_int(st, 10),
				      .doubt_ms = sqlite3_column_int64(st, 11),
				      .floor_uidvalidity = (uint32_t)sqlite3_column_int64(st, 12),
				      .floor_uidnext = (uint32_t)sqlite3_column_int64(st, 13),
				      .floor_folder = (char *)(uintptr_t)db_text(st, 14),
				      .sender = (char *)(uintptr_t)db_text(st, 15) };
	work.prefix = db_bytes(st, 6);
	r = db_number(&s->db, &one, SQL_INBOX_TOO, "iti", work.w.message, op->peer->account->name, number);
	work.w.inbox_too = r == 1;
	if (r >= 0) {
		uint64_t size = work.w.size + work.prefix.n;

		r = first || (size <= *octets && op->reply.total < WORK_OCTETS) ? 1 : 0;
		*octets -= size < *octets ? size : *octets;
		if (r == 1)
			packets_put(&op->reply, &wire_work, &work);
	}
	db_done(st);
	return r;
}

static int put_due(struct spool_server *s, struct op *op, enum sql which, size_t max, uint64_t *octets, size_t *n)
{
	struct account *a = op->peer->account;
	sqlite3_stmt *st = db_ask(&s->db, which, "ti", a->name, s->now);
	int r = 0;

	while (*n < max && (r = db_step(&s->db, st)) == 1) {
		int64_t number = sqlite3_column_int64(st, 0);

		if (account_has_taken(a, number))
			continue;
		r = put_work(s, op, number, *n == 0, octets);
		if (r != 1)
			break;
		account_take(s, a, number);
		++*n;
	}
	if (st != NULL)
		db_done(st);
	return r < 0 ? -1 : 0;
}

static enum op_result run_next(struct spool_server *s, struct op *op)
{
	const struct ask *ask = op->request;
	struct account *a = op->peer->account;
	uint64_t octets = (uint64_t)ask->octets;
	size_t n = 0, max = (size_t)ask->count;
	struct reply reply = { .due = INT64_MAX };
	int64_t until = 0;

	if (!a->woken) {
		if (doubt_flights(s, a, &op->pool) != 0)
			return OP_FAILED;
		a->woken = true;
		effect_add(s, (struct effect){ .kind = EFFECT_WAKE, .account = a, .number = 0 });
	}
	if (max > SPOOL_BATCH_MAX)
		max = SPOOL_BATCH_MAX;
	/* A store that does not ask for more is through with what it was given; what it left undone is due as before.
	 */
	if (!ask->more)
		a->ntaken = 0;
	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	if (db_number(&s->db, &until, SQL_HOLD_GET, "t", a->name) < 0)
		return OP_FAILED;
	if (until <= s->now && (put_due(s, op, SQL_DUE_DOUBT, max, &octets, &n) != 0 ||
				put_due(s, op, SQL_DUE_QUEUED, max, &octets, &n) != 0))
		return OP_FAILED;
	a->idle = n == 0;
	a->told = false;
	a->dirty = true;
	if (due_of(s, a, &reply.due) != 0)
		return OP_FAILED;
	op_reply(op, &reply);
	return op->reply.failed ? OP_FAILED : OP_DONE;
}

/* ---- in flight ---- */

static int decode_flights(struct op *op, struct slice fields, struct err *e)
{
	return op_decode_list(op, &wire_flight, fields, e);
}

static int fly(struct spool_server *s, const struct delivery_row *row, const struct spool_flight *f)
{
	struct delivery_change c = { .to = DELIVERY_FLIGHT, .due = row->due, .doubt = row->doubt };
	bool known =
	    row->floor_uidvalidity != 0 && row->floor_mailbox != NULL && strcmp(row->floor_mailbox, f->mailbox) == 0;
	bool same = known && f->uidvalidity == row->floor_uidvalidity;
	int r = delivery_enter(s, row, ACTOR_STORE, &c);

	/* The floor never rises: what an earlier attempt left may lie above it. */
	if (r != 1 || (known && f->uidvalidity == 0) || (same && row->floor_uidnext <= f->uidnext))
		return r;
	r = db_run(&s->db, SQL_SET_FLOOR, "itii", row->number, f->mailbox, (int64_t)f->uidvalidity,
		   (int64_t)f->uidnext);
	return r == 0 ? 1 : -1;
}

static enum op_result run_in_flight(struct spool_server *s, struct op *op)
{
	const struct op_list *l = op->request;
	const struct spool_flight *all = l->all;

	for (size_t i = 0; i < l->n; i++) {
		struct delivery_row row;
		int r = own_delivery(s, op, all[i].number, &row);

		if (r == 1)
			r = fly(s, &row, &all[i]);
		else if (r == 0)
			return OP_BROKEN;
		if (r < 0)
			return OP_FAILED;
		if (r == 0) {
			/* All or nothing: an answer other than yes means that no byte is sent. */
			struct reply reply = { .class = ERR_PERM,
					       .text = "a delivery is no longer waiting to be sent" };

			if (db_run(&s->db, SQL_BACK, "") != 0)
				return OP_FAILED;
			op_reply(op, &reply);
			return OP_DONE;
		}
	}
	return op_done(op);
}

/* ---- outcomes ---- */

static int decode_outcomes(struct op *op, struct slice fields, struct err *e)
{
	return op_decode_list(op, &wire_outcome, fields, e);
}

static int go_elsewhere(struct spool_server *s, struct op *op, const struct delivery_row *row,
			const struct spool_outcome *o)
{
	struct delivery_change c = { .to = DELIVERY_QUEUED, .due = s->now, .reason = o->reason, .sent = o->sent };
	const char *folder = folder_normal(o->folder == NULL || o->folder[0] == '\0' ? "INBOX" : o->folder);
	const char *note = o->reason == NULL ? row->note : o->reason;
	int64_t other;
	int r = db_number(&s->db, &other, SQL_SAME_FOLDER, "itti", row->message, row->account, folder, row->number);

	if (r < 0)
		return -1;
	if (r == 1)
		c.to = DELIVERY_MERGED;
	r = delivery_enter(s, row, ACTOR_STORE, &c);
	if (r != 1)
		return r;
	if (row->note != NULL && o->reason != NULL) {
		char *both = mem_printf("%s; %s", row->note, o->reason);

		note = pool_text(&op->pool, slice_str(both));
		free(both);
	}
	return db_run(&s->db, SQL_SET_FOLDER, "itt", row->number, folder, note) == 0 ? 1 : -1;
}

static int settle(struct spool_server *s, struct op *op, const struct delivery_row *row, const struct spool_outcome *o)
{
	struct delivery_change c = {
		.due = o->due_ms == 0 ? s->now : o->due_ms, .reason = o->reason, .sent = o->sent, .unsent = o->unsent
	};
	char words[WORDS_MAX];
	int r;

	switch (o->kind) {
	case OUTCOME_DONE:
		c.to = DELIVERY_DONE;
		(void)snprintf(words, sizeof words, "%s %.200s%s%.300s",
			       account_is_relay(row->account)	? "sent to"
			       : row->state == DELIVERY_DOUBT ? "found in"
							      : "taken into",
			       o->folder == NULL ? row->folder : o->folder, o->reason == NULL ? "" : ": ",
			       o->reason == NULL ? "" : o->reason);
		c.words = words;
		r = delivery_enter(s, row, ACTOR_STORE, &c);
		if (r == 1 && db_run(&s->db, SQL_SET_DONE, "iiitt", row->number, (int64_t)o->uidvalidity,
				     (int64_t)o->uid, o->folder, o->reason) != 0)
			r = -1;
		op->peer->account->filed = s->now;
		op->peer->account->nfiled += r == 1;
		return r;
	case OUTCOME_RETRY:
		c.to = DELIVERY_QUEUED;
		if (o->unsent && db_run(&s->db, SQL_SET_FLOOR, "itii", row->number, NULL, (int64_t)0, (int64_t)0) != 0)
			return -1;
		break;
	case OUTCOME_REFUSED:
		c.to = DELIVERY_QUARANTINED;
		break;
	case OUTCOME_DOUBT:
		c.to = DELIVERY_DOUBT;
		c.doubt = row->state == DELIVERY_DOUBT && row->doubt != 0 ? row->doubt : s->now;
		break;
	case OUTCOME_PARKED:
		c.to = DELIVERY_PARKED;
		c.doubt = row->doubt != 0 ? row->doubt : s->now;
		break;
	default:
		return go_elsewhere(s, op, row, o);
	}
	return delivery_enter(s, row, ACTOR_STORE, &c);
}

static enum op_result run_settle(struct spool_server *s, struct op *op)
{
	const struct op_list *l = op->request;
	const struct spool_outcome *all = l->all;
	struct reply reply = { 0 };

	for (size_t i = 0; i < l->n; i++) {
		struct delivery_row row;
		int r = own_delivery(s, op, all[i].number, &row);

		if (r == 0)
			return OP_BROKEN;
		if (r == 1)
			r = settle(s, op, &row, &all[i]);
		if (r < 0)
			return OP_FAILED;
		if (r == 0) {
			reply.class = ERR_PERM;
			reply.text = "an outcome that its delivery can't have was not recorded; the others were";
			continue;
		}
		effect_add(s, (struct effect){ .kind = EFFECT_UNTAKE, .account = op->peer->account, .number = row.number });
		if (message_settled(s, row.message) != 0)
			return OP_FAILED;
	}
	op_reply(op, &reply);
	return OP_DONE;
}

/* ---- the account ---- */

static enum op_result run_hold(struct spool_server *s, struct op *op)
{
	const struct ask *ask = op->request;
	struct account *a = op->peer->account;
	bool lift = ask->time == 0;
	char until[CLOCK_STAMP_SIZE];

	if (db_run(&s->db, SQL_HOLD_SET, "tiiti", a->name, ask->time, (int64_t)(lift ? 0 : ask->count),
		   lift ? NULL : ask->text, (int64_t)(!lift && ask->person)) != 0)
		return OP_FAILED;
	a->dirty = true;
	/* What the store was given and has not begun is free again. */
	for (size_t i = 0; i < a->ntaken && !lift; i++)
		effect_add(s, (struct effect){ .kind = EFFECT_UNTAKE, .account = a, .number = a->taken[i] });
	if (!lift) {
		clock_stamp(ask->time, until);
		log_warning("account-held", LOG_STR("account", a->name), LOG_STR("until", until),
			    LOG_STR("reason", ask->text));
	}
	return op_done(op);
}

static enum op_result run_account(struct spool_server *s, struct op *op)
{
	struct reply reply = { 0 };
	sqlite3_stmt *st = db_ask(&s->db, SQL_HOLD_GET, "t", op->peer->account->name);
	int r = db_step(&s->db, st);

	if (r < 0)
		return OP_FAILED;
	if (r == 1) {
		reply.due = sqlite3_column_int64(st, 0);
		reply.attempts = sqlite3_column_int(st, 1);
		db_done(st);
	}
	if (db_number(&s->db, &reply.number, SQL_FACTS_GET, "t", op->peer->account->name) < 0)
		return OP_FAILED;
	op_reply(op, &reply);
	return OP_DONE;
}

const struct verb verbs_store[] = {
	{ .type = REQUEST_NEXT, .name = "next", .peers = SPOOL_PEER_STORE, .decode = op_decode_ask, .run = run_next },
	{ .type = REQUEST_IN_FLIGHT,
	  .name = "in-flight",
	  .peers = SPOOL_PEER_STORE,
	  .decode = decode_flights,
	  .run = run_in_flight },
	{ .type = REQUEST_SETTLE,
	  .name = "settle",
	  .peers = SPOOL_PEER_STORE,
	  .decode = decode_outcomes,
	  .run = run_settle },
	{ .type = REQUEST_HOLD, .name = "hold", .peers = SPOOL_PEER_STORE, .decode = op_decode_ask, .run = run_hold },
	{ .type = REQUEST_ACCOUNT, .name = "account", .peers = SPOOL_PEER_STORE, .run = run_account },
	{ 0 },
};
