/* What a fetcher notes: changes of origins, whose mail it met, how a run went. It may touch only its own source's. */
#include <string.h>

#include "spool/inside.h"

/* ---- changes ---- */

static int decode_changes(struct op *op, struct slice fields, struct err *e)
{
	struct op_list *l = pool_alloc(&op->pool, sizeof *l);

	op->request = l;
	return wire_get_all(&wire_origin_change, fields, 1, ORIGIN_BATCH_MAX, &l->all, &l->n, &op->pool, e);
}

static bool is_taken(const struct spool_origin *row)
{
	return row->number != 0 && row->fate == ORIGIN_TAKEN;
}

/* 1, 2 when it names what is another source's, -1. */
static int add(struct spool_server *s, struct op *op, const struct spool_origin *o)
{
	struct spool_origin row;
	struct spool_origin new = *o;
	int r = origin_known(s, op_source(op), o, &row, &op->pool);

	if (r != 1)
		return r == 0 ? 1 : r;
	if (o->fate == 0 || o->fate == ORIGIN_TAKEN)
		return 2;
	if (is_taken(&row))
		return 1;
	new.message = 0;
	return origin_write(s, row.number, &new) == 0 ? 1 : -1;
}

static int rename_to(struct spool_server *s, struct op *op, const struct spool_origin *o)
{
	struct spool_origin place = *o, other;
	int r;

	place.number = 0;
	r = origin_known(s, op_source(op), &place, &other, &op->pool);
	if (r != 1)
		return r == 0 ? 1 : r;
	if (other.number != 0 && other.number != o->number) {
		bool mine_goes = is_taken(&other);

		if (db_run(&s->db, SQL_ORIGIN_FORGET, "i", mine_goes ? o->number : other.number) != 0)
			return -1;
		if (mine_goes)
			return 1;
	}
	return db_run(&s->db, SQL_ORIGIN_RENAME, "iiiti", o->number, o->folder, (int64_t)o->uid,
		      o->name == NULL ? "" : o->name, (int64_t)o->size) == 0
		   ? 1
		   : -1;
}

static int change_one(struct spool_server *s, struct op *op, const struct origin_change *c)
{
	int64_t folder = 0;
	int r;

	if (c->act == ORIGIN_ADD)
		return add(s, op, &c->o);
	r = db_number(&s->db, &folder, SQL_ORIGIN_FOLDER, "i", c->o.number);
	if (r == 1)
		r = origin_owner(s, folder, op_source(op));
	if (r != 1)
		return r == 0 ? 1 : r;
	switch (c->act) {
	case ORIGIN_PRESENT:
		r = db_run(&s->db, SQL_ORIGIN_PRESENT, "i", c->o.number);
		break;
	case ORIGIN_ABSENT:
		r = db_run(&s->db, SQL_ORIGIN_ABSENT, "ii", c->o.number, s->now);
		break;
	case ORIGIN_REMOVAL:
		r = db_run(&s->db, SQL_ORIGIN_REMOVAL, "i", c->o.number);
		break;
	case ORIGIN_TRIED:
		if (c->o.fate == 0 || c->o.fate == ORIGIN_TAKEN)
			return 2;
		r = db_run(&s->db, SQL_ORIGIN_TRIED, "iitibii", c->o.number, (int64_t)c->o.fate, c->o.reason,
			   (int64_t)c->o.size, origin_head(&c->o),
			   s->now, c->o.tried_ms <= 0 ? s->now : c->o.tried_ms);
		break;
	case ORIGIN_HANDLED:
		r = db_run(&s->db, SQL_ORIGIN_HANDLED, "i", c->o.number);
		break;
	case ORIGIN_RENAME:
		return rename_to(s, op, &c->o);
	default:
		r = db_run(&s->db, SQL_ORIGIN_FORGET, "i", c->o.number);
		break;
	}
	return r == 0 ? 1 : -1;
}

static enum op_result run_change(struct spool_server *s, struct op *op)
{
	const struct op_list *l = op->request;
	const struct origin_change *all = l->all;

	for (size_t i = 0; i < l->n; i++) {
		int r = change_one(s, op, &all[i]);

		if (r < 0)
			return OP_FAILED;
		if (r == 2)
			return op_not_its(op, all[i].o.number);
	}
	return op_done(op);
}

/* ---- what is its own, and how it went ---- */

static int decode_ids(struct op *op, struct slice fields, struct err *e)
{
	struct op_list *l = pool_alloc(&op->pool, sizeof *l);

	op->request = l;
	return wire_get_all(&wire_id, fields, 0, ORIGIN_BATCH_MAX, &l->all, &l->n, &op->pool, e);
}

static enum op_result run_mine(struct spool_server *s, struct op *op)
{
	const struct op_list *l = op->request;
	const struct id *all = l->all;

	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	for (size_t i = 0; i < l->n; i++) {
		const struct id known = { .number = all[i].number };
		int64_t one;
		int r = db_number(&s->db, &one, SQL_MINE, "t", all[i].id);

		if (r < 0)
			return OP_FAILED;
		if (r == 1)
			packets_put(&op->reply, &wire_id, &known);
	}
	return op_end_page(op);
}

struct ran {
	const char *source;
	struct source_run run;
};

/* Who is bound to a source tells of that one; the supervisor, of a fetcher that it had to end. */
static int decode_run(struct op *op, struct slice fields, struct err *e)
{
	struct ran *ran = pool_alloc(&op->pool, sizeof *ran);
	struct ask ask = { 0 };

	op->request = ran;
	if (protocol_get_one(&wire_run, fields, &ran->run, &op->pool, e) != 0)
		return -1;
	if (op->peer->source == NULL && protocol_get_one(&wire_ask, fields, &ask, &op->pool, e) != 0)
		return -1;
	ran->source = op->peer->source == NULL ? ask.text : op_source(op);
	if (ran->source == NULL || ran->source[0] == '\0' || strlen(ran->source) > PROTOCOL_NAME)
		return err_set(e, ERR_PROTOCOL, 0, "no source is named");
	return 0;
}

static enum op_result run_ran(struct spool_server *s, struct op *op)
{
	const struct ran *ran = op->request;
	const struct source_run *r = &ran->run;
	int64_t good = r->ended_ms != 0 && r->end != NULL && strcmp(r->end, "ok") == 0;

	if (db_run(&s->db, SQL_SOURCE_ADD, "t", ran->source) != 0 ||
	    db_run(&s->db, SQL_SOURCE_RAN, "tiiittiiiiiiii", ran->source, r->started_ms, r->ended_ms, good, r->end,
		   r->words, (int64_t)r->messages, (int64_t)r->octets, (int64_t)r->skipped, (int64_t)r->known,
		   (int64_t)r->removed, (int64_t)r->moved, (int64_t)r->marked, r->next_ms) != 0)
		return OP_FAILED;
	return op_done(op);
}

void source_run_read(sqlite3_stmt *st, struct source_run *r)
{
	*r = (struct source_run){ .started_ms = sqlite3_column_int64(st, 0),
				  .ended_ms = sqlite3_column_int64(st, 1),
				  .ok_ms = sqlite3_column_int64(st, 2),
				  .failures = (unsigned)sqlite3_column_int64(st, 3),
				  .end = db_text(st, 4),
				  .words = db_text(st, 5),
				  .messages = (uint64_t)sqlite3_column_int64(st, 6),
				  .octets = (uint64_t)sqlite3_column_int64(st, 7),
				  .skipped = (uint64_t)sqlite3_column_int64(st, 8),
				  .known = (uint64_t)sqlite3_column_int64(st, 9),
				  .removed = (uint64_t)sqlite3_column_int64(st, 10),
				  .moved = (uint64_t)sqlite3_column_int64(st, 11),
				  .marked = (uint64_t)sqlite3_column_int64(st, 12),
				  .total = (uint64_t)sqlite3_column_int64(st, 13),
				  .next_ms = sqlite3_column_int64(st, 14) };
}

static enum op_result run_last(struct spool_server *s, struct op *op)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_SOURCE, "t", op_source(op));
	int r = db_step(&s->db, st);

	if (r < 0)
		return OP_FAILED;
	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	if (r == 1) {
		struct source_run run;

		source_run_read(st, &run);
		packets_put(&op->reply, &wire_run, &run);
		db_done(st);
	}
	return op_end_page(op);
}

#define MEMORY(number, word, ...)                                                                                      \
	{                                                                                                              \
		.type = (number), .name = (word), .peers = SPOOL_PEER_MEMORY, __VA_ARGS__                              \
	}

const struct verb verbs_origin[] = {
	MEMORY(REQUEST_ORIGIN_CHANGE, "origin-change", .decode = decode_changes, .run = run_change),
	MEMORY(REQUEST_MINE, "mine", .reads = true, .decode = decode_ids, .run = run_mine),
	MEMORY(REQUEST_LAST, "last", .reads = true, .run = run_last),
	{ .type = REQUEST_RAN,
	  .name = "ran",
	  .peers = SPOOL_PEER_MEMORY | SPOOL_PEER_ADMIN,
	  .decode = decode_run,
	  .run = run_ran },
	{ 0 },
};
