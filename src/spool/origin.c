/* Rows of the fetchers' memory: what several requests share. */
#include <string.h>

#include "spool/inside.h"

enum { SWEEP_AT_ONCE = 2000 };

static const unsigned char no_head[ORIGIN_HEAD_SIZE];

void origin_read(sqlite3_stmt *st, struct spool_origin *o)
{
	struct slice head = db_bytes(st, 5);

	*o = (struct spool_origin){ .number = sqlite3_column_int64(st, 0),
				    .folder = sqlite3_column_int64(st, 1),
				    .uid = (uint32_t)sqlite3_column_int64(st, 2),
				    .name = db_text(st, 3),
				    .size = (uint64_t)sqlite3_column_int64(st, 4),
				    .fate = (enum origin_fate)sqlite3_column_int(st, 6),
				    .settled = (enum origin_settled)sqlite3_column_int(st, 7),
				    .message = sqlite3_column_int64(st, 8),
				    .taken_ms = sqlite3_column_int64(st, 9),
				    .absent_ms = sqlite3_column_int64(st, 10),
				    .absent = (unsigned)sqlite3_column_int64(st, 11),
				    .removal = sqlite3_column_int(st, 12) != 0,
				    .handled = sqlite3_column_int(st, 13) != 0,
				    .reason = db_text(st, 14),
				    .tries = (unsigned)sqlite3_column_int64(st, 15),
				    .tried_ms = sqlite3_column_int64(st, 16) };
	if (head.n == sizeof o->head)
		memcpy(o->head, head.p, head.n);
}

int origin_owner(struct spool_server *s, int64_t folder, const char *source)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_FOLDER_OF, "i", folder);
	int r = db_step(&s->db, st);

	if (r != 1)
		return r;
	if (db_text(st, 0)[0] == '\0')
		r = 0;
	else
		r = strcmp(db_text(st, 0), source) == 0 ? 1 : 2;
	db_done(st);
	return r;
}

/* The first row of ST, its strings of A; 1, 0, -1. */
static int first(struct spool_server *s, sqlite3_stmt *st, struct spool_origin *row, struct pool *a)
{
	int r = db_step(&s->db, st);

	if (r != 1)
		return r;
	origin_read(st, row);
	row->name = pool_text(a, slice_str(row->name));
	row->reason = row->reason == NULL ? NULL : pool_text(a, slice_str(row->reason));
	db_done(st);
	return 1;
}

int origin_known(struct spool_server *s, const char *source, const struct spool_origin *o, struct spool_origin *row,
		 struct pool *a)
{
	int owner = origin_owner(s, o->folder, source);
	int r = 0;

	*row = (struct spool_origin){ 0 };
	if (owner != 1)
		return owner;
	if (o->number != 0) {
		r = first(s, db_ask(&s->db, SQL_ORIGIN, "i", o->number), row, a);
		if (r == 1 && row->folder != o->folder) {
			owner = origin_owner(s, row->folder, source);
			if (owner == 2 || owner < 0)
				return owner;
			if (owner == 0) /* it went with its folder */
				r = 0;
		}
	}
	/* Two rows for one UID must not be: what stands there already counts, whatever number was named. */
	if (r >= 0 && o->uid != 0 && (r == 0 || row->folder != o->folder || row->uid != o->uid)) {
		struct spool_origin there;
		int found = first(s, db_ask(&s->db, SQL_ORIGIN_FIND, "ii", o->folder, (int64_t)o->uid), &there, a);

		if (found == 1)
			*row = there;
		if (found != 0)
			r = found;
	}
	if (r == 0)
		*row = (struct spool_origin){ 0 };
	return r < 0 ? -1 : 1;
}

struct slice origin_head(const struct spool_origin *o)
{
	return memcmp(o->head, no_head, sizeof no_head) == 0 ? SLICE_NONE
							     : slice_of((const char *)o->head, sizeof o->head);
}

int origin_write(struct spool_server *s, int64_t number, const struct spool_origin *o)
{
	struct slice head = origin_head(o);
	int64_t taken = o->taken_ms == 0 ? s->now : o->taken_ms;

	if (number != 0)
		return db_run(&s->db, SQL_ORIGIN_SET, "iibiiiitiit", number, (int64_t)o->size, head, (int64_t)o->fate,
			      (int64_t)o->settled, o->message, taken, o->reason, o->folder, (int64_t)o->uid,
			      o->name == NULL ? "" : o->name);
	return db_run(&s->db, SQL_ORIGIN_ADD, "iitibiiiit", o->folder, (int64_t)o->uid, o->name == NULL ? "" : o->name,
		      (int64_t)o->size, head, (int64_t)o->fate, (int64_t)o->settled, o->message, taken, o->reason);
}

int origin_settle(struct spool_server *s, int64_t message)
{
	return db_run(&s->db, SQL_ORIGIN_SETTLE, "i", message);
}

int origin_sweep(struct spool_server *s, size_t *n)
{
	int64_t folder;
	int r = db_number(&s->db, &folder, SQL_FOLDER_DROPPED, "");

	*n = 0;
	if (r != 1)
		return r;
	if (db_run(&s->db, SQL_ORIGINS_SWEEP, "ii", folder, (int64_t)SWEEP_AT_ONCE) != 0)
		return -1;
	*n = (size_t)sqlite3_changes(s->db.handle);
	if (*n > 0)
		return 0;
	*n = 1;
	return db_run(&s->db, SQL_FOLDER_GONE, "i", folder);
}
