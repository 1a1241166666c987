/* Sources, for people. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "spool/inside.h"

enum { PAGE_SOURCES = 500, PAGE_COUNTED = 5000, PAGE_FOLDERS = 1000 };

/* ---- what there is ---- */

static int decode_page(struct op *op, struct slice fields, struct err *e)
{
	op->request = pool_alloc(&op->pool, sizeof(struct page_of));
	return protocol_get_one(&wire_page, fields, op->request, &op->pool, e);
}

static enum op_result run_sources(struct spool_server *s, struct op *op)
{
	const struct page_of *page = op->request;
	sqlite3_stmt *st = db_ask(&s->db, SQL_SOURCES, "i", page->number);
	struct reply reply = { 0 };
	size_t n = 0;
	int r;

	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	while ((r = db_step(&s->db, st)) == 1) {
		struct spool_source_row row = { .number = sqlite3_column_int64(st, 15),
						.source = db_text(st, 16),
						.restored_ms = sqlite3_column_int64(st, 17) };
		int64_t folders = 0;

		source_run_read(st, &row.run);
		if (db_number(&s->db, &folders, SQL_FOLDERS_COUNT, "i", row.number) < 0) {
			db_done(st);
			return OP_FAILED;
		}
		row.folders = (uint64_t)folders;
		packets_put(&op->reply, &wire_source, &row);
		if (++n == PAGE_SOURCES) {
			reply.number = row.number;
			db_done(st);
			break;
		}
	}
	op_reply(op, &reply);
	return r < 0 || op->reply.failed ? OP_FAILED : OP_DONE;
}

static void count(struct spool_source_counts *c, const struct spool_origin *o)
{
	if (o->fate > 0 && o->fate <= ORIGIN_REFUSED)
		c->fates[o->fate]++;
	if (o->fate == ORIGIN_TAKEN && o->settled <= ORIGIN_STUCK)
		c->settled[o->settled]++;
	c->removals += o->removal && o->absent == 0;
	c->absent += o->absent > 0;
	if (o->absent_ms != 0 && (c->oldest_absent_ms == 0 || o->absent_ms < c->oldest_absent_ms))
		c->oldest_absent_ms = o->absent_ms;
}

/* Counts rows of ST until the page is full. 1 when it is, 0, -1. */
static int count_rows(struct spool_server *s, sqlite3_stmt *st, struct counts *out, size_t *n)
{
	int r;

	while ((r = db_step(&s->db, st)) == 1) {
		struct spool_origin o;

		if (++*n > PAGE_COUNTED) {
			db_done(st);
			return 1;
		}
		origin_read(st, &o);
		count(&out->c, &o);
		out->next.key = o.uid;
		out->next.number = o.number;
	}
	return r;
}

static enum op_result run_counts(struct spool_server *s, struct op *op)
{
	const struct page_of *page = op->request;
	struct counts out = { .next = *page };
	static const struct reply reply = { 0 };
	size_t n = 0;

	for (size_t folders = 0; folders < PAGE_FOLDERS && !out.more; folders++) {
		int r = 0;

		if (out.next.folder != 0) {
			const struct page_of at = out.next;

			r = count_rows(s, db_ask(&s->db, SQL_ORIGINS_SAME, "iii", at.folder, at.key, at.number), &out,
				       &n);
			if (r == 0)
				r = count_rows(s, db_ask(&s->db, SQL_ORIGINS_NEXT, "ii", at.folder, at.key), &out, &n);
			if (r < 0)
				return OP_FAILED;
			if (r == 1) {
				out.more = true;
				break;
			}
		}
		r = db_number(&s->db, &out.next.folder, SQL_FOLDER_NEXT, "ii", page->source, out.next.folder);
		if (r < 0)
			return OP_FAILED;
		if (r == 0)
			goto end;
		out.next.key = out.next.number = 0;
	}
	out.more = true;
end:
	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	packets_put(&op->reply, &wire_counts, &out);
	op_reply(op, &reply);
	return op->reply.failed ? OP_FAILED : OP_DONE;
}

/* ---- forgetting ---- */

static int decode_source(struct op *op, struct slice fields, struct err *e)
{
	struct ask *ask = pool_alloc(&op->pool, sizeof *ask);

	op->request = ask;
	if (protocol_get_one(&wire_ask, fields, ask, &op->pool, e) != 0)
		return -1;
	if (ask->text == NULL || ask->text[0] == '\0' || strlen(ask->text) > PROTOCOL_NAME)
		return err_set(e, ERR_PROTOCOL, 0, "no source is named");
	return 0;
}

static enum op_result run_forget(struct spool_server *s, struct op *op)
{
	const struct ask *ask = op->request;
	sqlite3_stmt *st = db_ask(&s->db, SQL_SOURCE, "t", ask->text);
	struct reply reply = { 0 };
	int64_t source;
	int r = db_step(&s->db, st);

	if (r < 0)
		return OP_FAILED;
	if (r == 1) {
		source = sqlite3_column_int64(st, 15);
		db_done(st);
		if (db_number(&s->db, &reply.number, SQL_ORIGINS_COUNT, "i", source) < 0 ||
		    db_run(&s->db, SQL_FOLDERS_DROP, "i", source) != 0 ||
		    db_run(&s->db, SQL_SOURCE_DROP, "i", source) != 0)
			return OP_FAILED;
		log_info("source-forgotten", LOG_STR("source", ask->text), LOG_NUM("origins", reply.number));
	}
	op_reply(op, &reply);
	return OP_DONE;
}

/* ---- taking over ---- */

struct import {
	const char *source;
	struct entry *all;
	size_t n;
};

static int decode_import(struct op *op, struct slice fields, struct err *e)
{
	struct import *i = pool_alloc(&op->pool, sizeof *i);
	void *all;

	if (decode_source(op, fields, e) != 0)
		return -1;
	i->source = ((const struct ask *)op->request)->text;
	op->request = i;
	if (wire_get_all(&wire_entry, fields, 1, ORIGIN_BATCH_MAX, &all, &i->n, &op->pool, e) != 0)
		return -1;
	i->all = all;
	return 0;
}

/* 1 when E was not known, 0, -1. */
static int import_one(struct spool_server *s, const char *source, const struct entry *e, bool *full)
{
	const struct origin_folder f = { .name = e->i.folder, .uidvalidity = e->i.uidvalidity };
	struct spool_origin o = { .uid = e->i.uid,
				  .name = e->i.name,
				  .fate = ORIGIN_KNOWN,
				  .settled = ORIGIN_DELIVERED,
				  .taken_ms = e->i.taken_ms };
	int64_t known = 0;
	sqlite3_stmt *st;
	int r;

	if (origin_folder_make(s, source, &f, &o.folder, full) != 0)
		return -1;
	if (*full)
		return 0;
	if (e->i.uid != 0) {
		st = db_ask(&s->db, SQL_ORIGIN_FIND, "ii", o.folder, (int64_t)e->i.uid);
		r = db_step(&s->db, st);
		if (r == 1)
			db_done(st);
		if (r != 0)
			return r < 0 ? -1 : 0;
	} else if (e->i.name == NULL || e->i.name[0] == '\0') {
		return 0;
	} else {
		if (db_number(&s->db, &known, SQL_ORIGIN_NAMES, "it", o.folder, e->i.name) < 0)
			return -1;
		if (known >= (int64_t)e->n)
			return 0;
	}
	return origin_write(s, 0, &o) == 0 ? 1 : -1;
}

static enum op_result run_import(struct spool_server *s, struct op *op)
{
	const struct import *i = op->request;
	struct reply reply = { 0 };
	bool full = false;

	for (size_t k = 0; k < i->n && !full; k++) {
		int r = import_one(s, i->source, &i->all[k], &full);

		if (r < 0)
			return OP_FAILED;
		reply.number += r;
	}
	if (full || s->low) {
		if (db_run(&s->db, SQL_BACK, "") != 0)
			return OP_FAILED;
		reply.class = full ? ERR_LIMIT : ERR_TEMP;
		reply.text = full ? "too many folders are remembered of this source"
				  : "its disk is nearly full (the setting \"reserve\"): make room first";
	}
	op_reply(op, &reply);
	return OP_DONE;
}

#define PEOPLE(number, word, ...)                                                                                      \
	{                                                                                                              \
		.type = (number), .name = (word), .peers = SPOOL_PEER_ADMIN, __VA_ARGS__                               \
	}

const struct verb verbs_sources[] = {
	PEOPLE(REQUEST_SOURCES, "sources", .reads = true, .decode = decode_page, .run = run_sources),
	PEOPLE(REQUEST_COUNTS, "counts", .reads = true, .decode = decode_page, .run = run_counts),
	PEOPLE(REQUEST_SOURCE_FORGET, "source-forget", .decode = decode_source, .run = run_forget),
	PEOPLE(REQUEST_SOURCE_IMPORT, "source-import", .decode = decode_import, .run = run_import),
	{ 0 },
};
