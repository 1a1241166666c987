/* The memory of a source, for its fetcher. It may touch only its own source's: a number of another's puts it out. */
#include <string.h>

#include "base/log.h"
#include "spool/inside.h"

/* Each request answers one page, so that none holds up mail for long. */
enum { PAGE_ORIGINS = 2000, PAGE_OCTETS = 512 * 1024, PAGE_FOLDERS = 1000, FOLDERS_MAX = 100 * 1000 };

const char *op_source(const struct op *op)
{
	return op->peer->source->name;
}

enum op_result op_not_its(struct op *op, int64_t number)
{
	log_warning("not-its-memory", LOG_STR("source", op_source(op)), LOG_STR("request", op->verb->name),
		    LOG_NUM("number", number));
	return OP_BROKEN;
}

static int decode_page(struct op *op, struct slice fields, struct err *e)
{
	op->request = pool_alloc(&op->pool, sizeof(struct page_of));
	return protocol_get_one(&wire_page, fields, op->request, &op->pool, e);
}

enum op_result op_end_page(struct op *op)
{
	static const struct reply reply = { 0 };

	op_reply(op, &reply);
	return op->reply.failed ? OP_FAILED : OP_DONE;
}

/* ---- folders ---- */

static enum op_result run_folders(struct spool_server *s, struct op *op)
{
	struct page_of page = *(const struct page_of *)op->request;
	sqlite3_stmt *st = db_ask(&s->db, SQL_FOLDERS, "ti", op_source(op), page.number);
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
						 .listed_ms = sqlite3_column_int64(st, 6),
						 .mailbox = db_text(st, 7) };

		if (n == PAGE_FOLDERS || op->reply.total > PAGE_OCTETS) {
			db_done(st);
			packets_put(&op->reply, &wire_page, &page);
			break;
		}
		packets_put(&op->reply, &wire_folder, &f);
		page.number = f.number;
		n++;
	}
	return r < 0 ? OP_FAILED : op_end_page(op);
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
	const char *name = f->name == NULL ? "" : f->name;

	if (f->mailbox == NULL)
		return db_number(&s->db, number, SQL_FOLDER_ANY, "tti", source, name, (int64_t)f->uidvalidity);
	return db_number(&s->db, number, SQL_FOLDER_FIND, "ttit", source, name, (int64_t)f->uidvalidity, f->mailbox);
}

int origin_folder_make(struct spool_server *s, const char *source, const struct origin_folder *f, int64_t *number,
		       bool *full)
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
	if (db_run(&s->db, SQL_FOLDER_ADD, "ttit", source, f->name == NULL ? "" : f->name, (int64_t)f->uidvalidity,
		   f->mailbox == NULL ? "" : f->mailbox) != 0)
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
		int r = origin_owner(s, f->number, op_source(op));

		if (r < 0)
			return OP_FAILED;
		if (r == 2)
			return op_not_its(op, f->number);
		if (r == 0)
			return refuse(op, ERR_PERM, "the memory of this folder was dropped meanwhile");
	} else if (origin_folder_make(s, op_source(op), f, &reply.number, &full) != 0) {
		return OP_FAILED;
	}
	if (full)
		return refuse(op, ERR_LIMIT, "too many folders are remembered of this source");
	if (db_run(&s->db, SQL_FOLDER_SET, "iiiii", reply.number, (int64_t)f->uidnext, (int64_t)f->modseq,
		   (int64_t)f->exists, f->listed_ms) != 0 ||
	    (f->mailbox != NULL && f->mailbox[0] != '\0' &&
	     db_run(&s->db, SQL_FOLDER_MAILBOX, "it", reply.number, f->mailbox) != 0))
		return OP_FAILED;
	op_reply(op, &reply);
	return OP_DONE;
}

static enum op_result run_folder_drop(struct spool_server *s, struct op *op)
{
	const struct ask *ask = op->request;
	int r = origin_owner(s, ask->number, op_source(op));

	if (r < 0)
		return OP_FAILED;
	if (r == 2)
		return op_not_its(op, ask->number);
	if (r == 1 && db_run(&s->db, SQL_FOLDER_DROP, "i", ask->number) != 0)
		return OP_FAILED;
	return op_done(op);
}

/* ---- origins ---- */

static bool is_wanted(const struct page_of *page, const struct spool_origin *o)
{
	return (page->fates >> o->fate & 1) != 0 && (page->settled >> o->settled & 1) != 0 &&
	       !(o->removal && o->absent > 0) && o->taken_ms <= page->before && (!o->handled || page->handled);
}

/* Puts rows of ST, only PENDING ones or all, until the page is full: so many were put, or looked at. PAGE then stands
 * at the last. 1 when it is full, 0, -1. */
static int put_origins(struct spool_server *s, struct op *op, sqlite3_stmt *st, struct page_of *page, bool pending,
		       size_t *n)
{
	int r;

	while ((r = db_step(&s->db, st)) == 1) {
		struct spool_origin o;

		if (*n >= PAGE_ORIGINS || op->reply.total > PAGE_OCTETS) {
			db_done(st);
			return 1;
		}
		origin_read(st, &o);
		if (!pending || is_wanted(page, &o))
			packets_put(&op->reply, &wire_origin, &o);
		page->key = pending ? o.taken_ms : o.uid;
		page->number = o.number;
		++*n;
	}
	return r;
}

static enum op_result run_origins(struct spool_server *s, struct op *op)
{
	struct page_of page = *(const struct page_of *)op->request;
	int r = origin_owner(s, page.folder, op_source(op));
	size_t n = 0;

	if (r < 0)
		return OP_FAILED;
	if (r == 2)
		return op_not_its(op, page.folder);
	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	if (r == 0)
		return op_end_page(op);
	r = put_origins(s, op, db_ask(&s->db, SQL_ORIGINS_SAME, "iii", page.folder, page.key, page.number), &page,
			false, &n);
	if (r == 0)
		r = put_origins(s, op, db_ask(&s->db, SQL_ORIGINS_NEXT, "ii", page.folder, page.key), &page, false, &n);
	if (r < 0)
		return OP_FAILED;
	if (r == 1)
		packets_put(&op->reply, &wire_page, &page);
	return op_end_page(op);
}

/* What PAGE wants of its folder in its phase, from its place on. 1 when the reply is full, 0, -1. */
static int put_pending(struct spool_server *s, struct op *op, struct page_of *page, size_t *n)
{
	const int64_t fate = page->phase / 2, handled = page->phase % 2;
	int r;

	if (page->absent)
		return put_origins(s, op, db_ask(&s->db, SQL_ABSENT, "ii", page->folder, page->number), page, true, n);
	r = put_origins(s, op,
			db_ask(&s->db, SQL_PENDING_SAME, "iiiii", page->folder, fate, handled, page->key, page->number),
			page, true, n);
	if (r != 0)
		return r;
	return put_origins(
	    s, op, db_ask(&s->db, SQL_PENDING_NEXT, "iiiii", page->folder, fate, handled, page->key, page->before),
	    page, true, n);
}

/* The next phase of this folder that PAGE wants. */
static bool next_phase(struct page_of *page)
{
	while (!page->absent && ++page->phase <= 2 * ORIGIN_REFUSED + 1)
		if ((page->fates >> page->phase / 2 & 1) != 0 && (page->phase % 2 == 0 || page->handled))
			return true;
	return false;
}

/* Where to go on when nothing is left in this phase. 1; 0 at the end; -1. */
static int next_pending(struct spool_server *s, struct op *op, struct page_of *page)
{
	int r = 1;

	if (page->folder == 0 || !next_phase(page)) {
		r = db_number(&s->db, &page->folder, SQL_SOURCE_FOLDER_NEXT, "ti", op_source(op), page->folder);
		page->phase = 1;
		if (r == 1 && !page->absent && !next_phase(page))
			r = 0; /* no fate at all is wanted */
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
	r = page.folder == 0 ? next_pending(s, op, &page) : origin_owner(s, page.folder, op_source(op));
	if (r == 2)
		return op_not_its(op, page.folder);
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
	return op_end_page(op);
}

#define MEMORY(number, word, ...)                                                                                      \
	{                                                                                                              \
		.type = (number), .name = (word), .peers = SPOOL_PEER_MEMORY, __VA_ARGS__                              \
	}

const struct verb verbs_source[] = {
	MEMORY(REQUEST_FOLDERS, "folders", .reads = true, .decode = decode_page, .run = run_folders),
	MEMORY(REQUEST_FOLDER_PUT, "folder-put", .decode = decode_folder, .run = run_folder_put),
	MEMORY(REQUEST_FOLDER_DROP, "folder-drop", .decode = op_decode_ask, .run = run_folder_drop),
	MEMORY(REQUEST_ORIGINS, "origins", .reads = true, .decode = decode_page, .run = run_origins),
	MEMORY(REQUEST_PENDING, "pending", .reads = true, .decode = decode_page, .run = run_pending),
	{ 0 },
};
