/* The memory of a source, for its fetcher. It may touch only its own source's: a number of another's puts it out. */
#include <string.h>

#include "base/log.h"
#include "spool/inside.h"

/* Each request answers one page, so that none holds up mail for long. */
enum { PAGE_ORIGINS = 2000, PAGE_OCTETS = 512 * 1024, PAGE_FOLDERS = 1000, FOLDERS_MAX = 100 * 1000 };

static const char *source_of(const struct op *op)
{
	return op->peer->source->name;
}

static enum op_result not_its(struct op *op, int64_t number)
{
	log_warning("not-its-memory", LOG_STR("source", source_of(op)), LOG_STR("request", op->verb->name),
		    LOG_NUM("number", number));
	return OP_BROKEN;
}

static int decode_page(struct op *op, struct slice fields, struct err *e)
{
	op->request = pool_alloc(&op->pool, sizeof(struct page_of));
	return protocol_get_one(&wire_page, fields, op->request, &op->pool, e);
}

/* Answers a page that stands in the reply already. */
static enum op_result end_page(struct op *op)
{
	static const struct reply reply = { 0 };

	op_reply(op, &reply);
	return op->reply.failed ? OP_FAILED : OP_DONE;
}

/* ---- folders ---- */

static enum op_result run_folders(struct spool_server *s, struct op *op)
{
	struct page_of page = *(const struct page_of *)op->request;
	sqlite3_stmt *st = db_ask(&s->db, SQL_FOLDERS, "ti", source_of(op), page.number);
	size_t n = 0;
	int r;

	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	while ((r = db_step(&s->db, st)) == 1) {
		const struct origin_folder f = { .number = sqlite3_column_int64(st, 0),
						 .name = db_text(st, 1),
						 .uidvalidity = (uint32_t)sqlite3_column_int64(st, 2),
						 .uidnext = (uint32_t)sqlite3_column_int64(st, 3),
						 .modseq = (uint64_t)sqlite3_column_int64(st, 4),
						 .exists = (uint32_t)sqlite3_column_int64(st, 5),
						 .listed_ms = sqlite3_column_int64(st, 6) };

		if (n == PAGE_FOLDERS || op->reply.total > PAGE_OCTETS) {
			db_done(st);
			packets_put(&op->reply, &wire_page, &page);
			break;
		}
		packets_put(&op->reply, &wire_folder, &f);
		page.number = f.number;
		n++;
	}
	return r < 0 ? OP_FAILED : end_page(op);
}

static int decode_folder(struct op *op, struct slice fields, struct err *e)
{
	op->request = pool_alloc(&op->pool, sizeof(struct origin_folder));
	return protocol_get_one(&wire_folder, fields, op->request, &op->pool, e);
}

static enum op_result refuse(struct op *op, int class, const char *text)
{
	const struct reply reply = { .class = class, .text = text };

	op_reply(op, &reply);
	return OP_DONE;
}

static int folder_find(struct spool_server *s, const char *source, const struct origin_folder *f, int64_t *number)
{
	return db_number(&s->db, number, SQL_FOLDER_FIND, "tti", source, f->name == NULL ? "" : f->name,
			 (int64_t)f->uidvalidity);
}

int origin_folder_make(struct spool_server *s, const char *source, const struct origin_folder *f, int64_t *number, bool *full)
{
	int64_t in_source = 0, count = 0;
	sqlite3_stmt *st;
	int r = folder_find(s, source, f, number);

	*full = false;
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (db_run(&s->db, SQL_SOURCE_ADD, "t", source) != 0)
		return -1;
	st = db_ask(&s->db, SQL_SOURCE, "t", source);
	if (db_step(&s->db, st) != 1)
		return -1;
	in_source = sqlite3_column_int64(st, 15);
	db_done(st);
	if (db_number(&s->db, &count, SQL_FOLDERS_COUNT, "i", in_source) != 1)
		return -1;
	if (count >= FOLDERS_MAX) {
		*full = true;
		return 0;
	}
	if (db_run(&s->db, SQL_FOLDER_ADD, "tti", source, f->name == NULL ? "" : f->name, (int64_t)f->uidvalidity) != 0)
		return -1;
	*number = sqlite3_last_insert_rowid(s->db.handle);
	return 0;
}

static enum op_result run_folder_put(struct spool_server *s, struct op *op)
{
	const struct origin_folder *f = op->request;
	struct reply reply = { .number = f->number };
	bool full = false;

	if (f->number != 0) {
		int r = origin_owner(s, f->number, source_of(op));

		if (r < 0)
			return OP_FAILED;
		if (r == 2)
			return not_its(op, f->number);
		if (r == 0)
			return refuse(op, ERR_PERM, "the memory of this folder was dropped meanwhile");
	} else if (origin_folder_make(s, source_of(op), f, &reply.number, &full) != 0) {
		return OP_FAILED;
	}
	if (full)
		return refuse(op, ERR_LIMIT, "too many folders are remembered of this source");
	if (db_run(&s->db, SQL_FOLDER_SET, "iiiii", reply.number, (int64_t)f->uidnext, (int64_t)f->modseq,
		   (int64_t)f->exists, f->listed_ms) != 0)
		return OP_FAILED;
	op_reply(op, &reply);
	return OP_DONE;
}

static enum op_result run_folder_drop(struct spool_server *s, struct op *op)
{
	const struct ask *ask = op->request;
	int r = origin_owner(s, ask->number, source_of(op));

	if (r < 0)
		return OP_FAILED;
	if (r == 2)
		return not_its(op, ask->number);
	if (r == 1 && db_run(&s->db, SQL_FOLDER_DROP, "i", ask->number) != 0)
		return OP_FAILED;
	return op_done(op);
}

/* ---- origins ---- */

/* Puts rows of ST until the reply is full; PAGE then stands at the one put last, by UID or BY_TIME. 1 when it is full, 0,
 * -1. */
static int put_origins(struct spool_server *s, struct op *op, sqlite3_stmt *st, struct page_of *page, bool by_time,
		       size_t *n)
{
	int r;

	while ((r = db_step(&s->db, st)) == 1) {
		struct spool_origin o;

		if (*n == PAGE_ORIGINS || op->reply.total > PAGE_OCTETS) {
			db_done(st);
			return 1;
		}
		origin_read(st, &o);
		packets_put(&op->reply, &wire_origin, &o);
		page->key = by_time ? o.taken_ms : o.uid;
		page->number = o.number;
		++*n;
	}
	return r;
}

static enum op_result run_origins(struct spool_server *s, struct op *op)
{
	struct page_of page = *(const struct page_of *)op->request;
	int r = origin_owner(s, page.folder, source_of(op));
	size_t n = 0;

	if (r < 0)
		return OP_FAILED;
	if (r == 2)
		return not_its(op, page.folder);
	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	if (r == 0)
		return end_page(op);
	r = put_origins(s, op, db_ask(&s->db, SQL_ORIGINS_SAME, "iii", page.folder, page.key, page.number), &page,
			false, &n);
	if (r == 0)
		r = put_origins(s, op, db_ask(&s->db, SQL_ORIGINS_NEXT, "ii", page.folder, page.key), &page, false,
				&n);
	if (r < 0)
		return OP_FAILED;
	if (r == 1)
		packets_put(&op->reply, &wire_page, &page);
	return end_page(op);
}

/* What PAGE wants of its folder in its phase, from its place on. 1 when the reply is full, 0, -1. */
static int put_pending(struct spool_server *s, struct op *op, struct page_of *page, size_t *n)
{
	const int64_t handled = page->phase, fates = page->fates, settled = page->settled;
	int r = put_origins(s, op,
			    db_ask(&s->db, SQL_PENDING_SAME, "iiiiiii", page->folder, handled, page->key, page->number,
				   page->before, fates, settled),
			    page, true, n);

	if (r != 0)
		return r;
	return put_origins(s, op,
			   db_ask(&s->db, SQL_PENDING_NEXT, "iiiiiii", page->folder, handled, page->key, page->number,
				  page->before, fates, settled),
			   page, true, n);
}

/* Where the page after this one begins: behind the last that was put. 1; 0 at the end; -1. */
static int next_pending(struct spool_server *s, struct op *op, struct page_of *page)
{
	int r = 1;

	if (page->folder != 0 && page->handled && !page->phase) {
		page->phase = true;
	} else {
		r = db_number(&s->db, &page->folder, SQL_SOURCE_FOLDER_NEXT, "ti", source_of(op), page->folder);
		page->phase = false;
	}
	page->key = page->number = 0;
	return r;
}

static enum op_result run_pending(struct spool_server *s, struct op *op)
{
	struct page_of page = *(const struct page_of *)op->request;
	size_t n = 0;
	int r;

	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	r = page.folder == 0 ? next_pending(s, op, &page) : origin_owner(s, page.folder, source_of(op));
	if (r == 2)
		return not_its(op, page.folder);
	for (size_t steps = 0; r == 1 && steps < PAGE_FOLDERS; steps++) {
		r = put_pending(s, op, &page, &n);
		if (r == 1)
			break;
		if (r == 0)
			r = next_pending(s, op, &page);
	}
	if (r < 0)
		return OP_FAILED;
	if (r == 1)
		packets_put(&op->reply, &wire_page, &page);
	return end_page(op);
}

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
	int r = origin_known(s, source_of(op), o, &row, &op->pool);

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
	r = origin_known(s, source_of(op), &place, &other, &op->pool);
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
		r = origin_owner(s, folder, source_of(op));
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
		r = db_run(&s->db, SQL_ORIGIN_TRIED, "iitibi", c->o.number, (int64_t)c->o.fate, c->o.reason,
			   (int64_t)c->o.size, origin_head(&c->o), s->now);
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
			return not_its(op, all[i].o.number);
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
	return end_page(op);
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
	ran->source = op->peer->source == NULL ? ask.text : source_of(op);
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
	sqlite3_stmt *st = db_ask(&s->db, SQL_SOURCE, "t", source_of(op));
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
	return end_page(op);
}

#define MEMORY(number, word, ...) { .type = (number), .name = (word), .peers = SPOOL_PEER_MEMORY, __VA_ARGS__ }

const struct verb verbs_source[] = {
	MEMORY(REQUEST_FOLDERS, "folders", .reads = true, .decode = decode_page, .run = run_folders),
	MEMORY(REQUEST_FOLDER_PUT, "folder-put", .decode = decode_folder, .run = run_folder_put),
	MEMORY(REQUEST_FOLDER_DROP, "folder-drop", .decode = op_decode_ask, .run = run_folder_drop),
	MEMORY(REQUEST_ORIGINS, "origins", .reads = true, .decode = decode_page, .run = run_origins),
	MEMORY(REQUEST_PENDING, "pending", .reads = true, .decode = decode_page, .run = run_pending),
	MEMORY(REQUEST_ORIGIN_CHANGE, "origin-change", .decode = decode_changes, .run = run_change),
	MEMORY(REQUEST_MINE, "mine", .reads = true, .decode = decode_ids, .run = run_mine),
	{ .type = REQUEST_RAN,
	  .name = "ran",
	  .peers = SPOOL_PEER_MEMORY | SPOOL_PEER_ADMIN,
	  .decode = decode_run,
	  .run = run_ran },
	MEMORY(REQUEST_LAST, "last", .reads = true, .run = run_last),
	{ 0 },
};
