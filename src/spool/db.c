#include "spool/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "spool/vfs.h"

enum {
	PAGE = 4096,
	CHECK_MAX = 64 * 1024 * 1024,
	SHRINK_PAGES = 1024,
	WAL_MOST = 16 * 1024 * 1024,
	WAL_LEAST = 1024 * 1024,
	WAL_SHARE = 16 /* one part in so many of what is free */
};

/* ---- statements ---- */

static sqlite3_stmt *prepare(struct db *d, enum sql s)
{
	if (d->cache[s] == NULL) {
		int rc = sqlite3_prepare_v3(d->handle, sql_text[s], -1, SQLITE_PREPARE_PERSISTENT, &d->cache[s], NULL);

		if (rc != SQLITE_OK) {
			d->rc = sqlite3_extended_errcode(d->handle);
			/* Only a damaged file, a failing disk or exhausted memory can do that to a constant. */
			log_error("spool-statement", LOG_STR("reason", sqlite3_errmsg(d->handle)),
				  LOG_NUM("statement", s));
			return NULL;
		}
	}
	return d->cache[s];
}

static void bind(sqlite3_stmt *st, const char *types, va_list ap)
{
	for (int i = 1; types[i - 1] != '\0'; i++) {
		struct slice b;
		const char *t;

		switch (types[i - 1]) {
		case 'i':
			(void)sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
			break;
		case 'n': {
			const int64_t *n = va_arg(ap, const int64_t *);

			(void)(n == NULL ? sqlite3_bind_null(st, i) : sqlite3_bind_int64(st, i, *n));
			break;
		}
		case 't':
			t = va_arg(ap, const char *);
			(void)sqlite3_bind_text(st, i, t, -1, SQLITE_STATIC);
			break;
		default:
			b = va_arg(ap, struct slice);
			(void)sqlite3_bind_blob64(st, i, b.p, b.n, SQLITE_STATIC);
			break;
		}
	}
}

int db_step(struct db *d, sqlite3_stmt *st)
{
	int rc;

	if (st == NULL)
		return -1;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		d->rc = sqlite3_extended_errcode(d->handle);
	(void)sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

void db_done(sqlite3_stmt *st)
{
	(void)sqlite3_reset(st);
}

int db_run(struct db *d, enum sql s, const char *types, ...)
{
	sqlite3_stmt *st = prepare(d, s);
	va_list ap;

	if (st == NULL)
		return -1;
	va_start(ap, types);
	bind(st, types, ap);
	va_end(ap);
	return db_step(d, st) == 0 ? 0 : -1;
}

sqlite3_stmt *db_ask(struct db *d, enum sql s, const char *types, ...)
{
	sqlite3_stmt *st = prepare(d, s);
	va_list ap;

	if (st == NULL)
		return NULL;
	va_start(ap, types);
	bind(st, types, ap);
	va_end(ap);
	return st;
}

int db_number(struct db *d, int64_t *out, enum sql s, const char *types, ...)
{
	sqlite3_stmt *st = prepare(d, s);
	va_list ap;
	int r;

	if (st == NULL)
		return -1;
	va_start(ap, types);
	bind(st, types, ap);
	va_end(ap);
	r = db_step(d, st);
	if (r == 1) {
		*out = sqlite3_column_int64(st, 0);
		db_done(st);
	}
	return r;
}

const char *db_text(sqlite3_stmt *st, int column)
{
	return (const char *)sqlite3_column_text(st, column);
}

struct slice db_bytes(sqlite3_stmt *st, int column)
{
	const char *p = sqlite3_column_blob(st, column);

	return slice_of(p, (size_t)sqlite3_column_bytes(st, column));
}

/* ---- failures ---- */

bool db_in_transaction(const struct db *d)
{
	return sqlite3_get_autocommit(d->handle) == 0;
}

bool db_damaged(const struct db *d)
{
	int rc = d->rc & 0xff;

	return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB;
}

bool db_full(const struct db *d)
{
	return (d->rc & 0xff) == SQLITE_FULL;
}

const char *db_error(const struct db *d)
{
	return sqlite3_errstr(d->rc);
}

static int mark(struct db *d)
{
	if (db_in_transaction(d) && db_run(d, SQL_ROLLBACK, "") != 0 && db_in_transaction(d))
		return -1;
	/* Outside a transaction, so this is one of its own. */
	return db_run(d, SQL_MARK, "");
}

/*
 * A failed commit may have left its frames, whole, in the log: they would count
 * when the database is next opened. The mark takes their place there. Where the
 * disk is full a checkpoint may make room, as the log then starts again.
 */
int db_commit(struct db *d)
{
	int rc;

	if (db_run(d, SQL_COMMIT, "") == 0)
		return 0;
	rc = d->rc;
	log_error("spool-commit-failed", LOG_STR("reason", db_error(d)), LOG_NUM("code", rc));
	step("spool: after a failed commit");
	if (mark(d) != 0) {
		db_checkpoint(d);
		if (mark(d) != 0) {
			log_error("spool-mark-failed", LOG_STR("reason", db_error(d)), LOG_NUM("code", d->rc));
			return -2;
		}
	}
	d->rc = rc;
	return -1;
}

/* ---- the log ---- */

bool db_wal_is_large(const struct db *d)
{
	return d->wal_frames - d->wal_stuck > d->wal_keep / PAGE;
}

void db_checkpoint(struct db *d)
{
	int log = 0, done = 0;

	/* Not TRUNCATE: the file keeps its size, so that a commit writes into blocks that are there and its sync has no
	 * file size to record. */
	int rc = sqlite3_wal_checkpoint_v2(d->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &done);

	if (rc != SQLITE_OK) {
		d->rc = sqlite3_extended_errcode(d->handle);
		log_warning("spool-checkpoint", LOG_STR("reason", db_error(d)), LOG_NUM("code", d->rc));
	}
	/* After a failure: again when as much was written once more, or nothing is to be done, and not at every commit. */
	d->wal_stuck = rc == SQLITE_OK ? 0 : d->wal_frames;
	d->wal_frames = 0;
}

static int on_wal(void *arg, sqlite3 *handle, const char *name, int frames)
{
	struct db *d = arg;

	(void)handle;
	(void)name;
	d->wal_frames = frames; /* in the log, not yet in the database */
	return SQLITE_OK;
}

/* Fills the log file with zeros up to what it will need, once: no commit then waits for the file system to grow it.
 * Without room it grows as it must. */
static void wal_prepare(struct db *d, int64_t room)
{
	static const char zeros[64 * 1024];
	char *wal = mem_printf("%s-wal", d->path);
	int fd = open(wal, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	free(wal);
	d->wal_keep = room / WAL_SHARE < WAL_MOST ? room / WAL_SHARE : WAL_MOST;
	if (d->wal_keep < WAL_LEAST)
		d->wal_keep = WAL_LEAST;
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0) {
		off_t at = st.st_size;

		/* The last batch before a checkpoint goes beyond. */
		while (at < d->wal_keep + d->wal_keep / 2) {
			ssize_t n = pwrite(fd, zeros, sizeof zeros, at);

			if (n <= 0) {
				if (n < 0 && errno == EINTR)
					continue;
				/* A part is no use, and a full disk needs the room. */
				(void)!ftruncate(fd, st.st_size);
				break;
			}
			at += n;
		}
		(void)fdatasync(fd);
	}
	file_close(&fd);
}

void db_shrink(struct db *d)
{
	sqlite3_stmt *st;
	int64_t free_pages = 0, pages = 0;

	if (sqlite3_prepare_v2(d->handle,
			       "SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count", -1,
			       &st, NULL) != SQLITE_OK)
		return;
	if (sqlite3_step(st) == SQLITE_ROW) {
		free_pages = sqlite3_column_int64(st, 0);
		pages = sqlite3_column_int64(st, 1);
	}
	(void)sqlite3_finalize(st);
	if (free_pages > 4 * SHRINK_PAGES && free_pages > pages / 2)
		(void)sqlite3_exec(d->handle, "PRAGMA incremental_vacuum(1024)", NULL, NULL, NULL);
}

/* ---- opening ---- */

static int fail(struct db *d, struct err *e, const char *what)
{
	d->rc = sqlite3_extended_errcode(d->handle);
	if (db_damaged(d))
		return err_set(
		    e, ERR_PERM, 0,
		    "%s is damaged (%s). Stop mailferry, keep a copy of the whole spool directory, then put a backup "
		    "back (and start with --restored) or recover it with: sqlite3 %s .recover",
		    d->path, sqlite3_errmsg(d->handle), d->path);
	return err_set(e, (d->rc & 0xff) == SQLITE_FULL ? ERR_TEMP : ERR_SYSTEM, 0, "%s: %s: %s", d->path, what,
		       sqlite3_errmsg(d->handle));
}

static int execute(struct db *d, const char *text, struct err *e)
{
	return sqlite3_exec(d->handle, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(d, e, text);
}

static int pragma_text(struct db *d, const char *text, char *out, size_t cap, struct err *e)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(d->handle, text, -1, &st, NULL);

	out[0] = '\0';
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW) {
			const char *t = db_text(st, 0);

			(void)sqlite3_snprintf((int)cap, out, "%s", t == NULL ? "" : t);
		}
		rc = sqlite3_finalize(st);
	}
	return rc == SQLITE_OK ? 0 : fail(d, e, text);
}

static int pragma_number(struct db *d, const char *text, long *out, struct err *e)
{
	char value[32];

	if (pragma_text(d, text, value, sizeof value, e) != 0)
		return -1;
	*out = strtol(value, NULL, 10);
	return 0;
}

static int check(struct db *d, long *version, struct err *e)
{
	char text[200];
	long application, pages, tables;

	if (pragma_number(d, "PRAGMA user_version", version, e) != 0 ||
	    pragma_number(d, "PRAGMA application_id", &application, e) != 0 ||
	    pragma_number(d, "PRAGMA page_count", &pages, e) != 0 ||
	    pragma_number(d, "SELECT count(*) FROM sqlite_schema", &tables, e) != 0)
		return -1;
	/* One that a kill left before it had anything in it is made now. */
	if (tables == 0 && (pages == 0 || (*version == 0 && application == 0))) {
		*version = 0;
		return 0;
	}
	if (application != SQL_APPLICATION)
		return err_set(e, ERR_CONFIG, 0, "%s belongs to another program; give mailferry a directory of its own",
			       d->path);
	if (*version < 1 || *version > SQL_VERSION)
		return err_set(e, ERR_CONFIG, 0,
			       "%s was written by another version of mailferry (format %ld, this one knows %d)",
			       d->path, *version, SQL_VERSION);
	if (pages > CHECK_MAX / PAGE)
		return 0;
	if (pragma_text(d, "PRAGMA quick_check(1)", text, sizeof text, e) != 0)
		return -1;
	if (strcmp(text, "ok") != 0) {
		for (char *c = text; *c != '\0'; c++)
			if (*c == '\n')
				*c = ' ';
		return err_set(
		    e, ERR_PERM, 0,
		    "%s is damaged (%s). Stop mailferry, keep a copy of the whole spool directory, then put a backup "
		    "back (and start with --restored) or recover it with: sqlite3 %s .recover",
		    d->path, text, d->path);
	}
	return 0;
}

/* From VERSION (0: an empty file) to ours: all of it or nothing. */
static int upgrade(struct db *d, long version, struct err *e)
{
	char *text;
	int r;

	if (version == SQL_VERSION)
		return 0;
	text = mem_printf("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", SQL_APPLICATION, SQL_VERSION);
	r = execute(d, "BEGIN IMMEDIATE", e);
	if (r == 0 && version == 0)
		r = execute(d, sql_schema, e);
	for (long i = version == 0 ? 1 : version; r == 0 && i < SQL_VERSION; i++)
		r = execute(d, sql_steps[i - 1], e);
	if (r == 0)
		r = execute(d, text, e);
	free(text);
	if (r == 0 && version != 0)
		log_info("spool-upgraded", LOG_NUM("from", version), LOG_NUM("to", SQL_VERSION));
	return r;
}

int db_open(struct db *d, const char *path, const char *vfs, int64_t room, bool *made, struct err *e)
{
	long version = 0;
	int keep = 1;

	*d = (struct db){ .path = mem_strdup(path) };
	/* One thread, and nobody reads its memory statistics. Refused once SQLite runs, which does no harm. */
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (sqlite3_open_v2(path, &d->handle,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
			    vfs_gathering(vfs)) != SQLITE_OK)
		return fail(d, e, "open");
	(void)sqlite3_extended_result_codes(d->handle, 1);
	/* The order matters: page size and vacuum before the file is made, exclusive locking before the log is opened,
	 * so that its index stays in memory. A page that does not fit is kept in memory, not spilled: a batch is
	 * bounded, and the disk then sees nothing of a batch before its commit. */
	if (execute(d,
		    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL;"
		    "PRAGMA temp_store = MEMORY; PRAGMA cache_spill = OFF; PRAGMA secure_delete = OFF;"
		    "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -8000",
		    e) != 0 ||
	    execute(d, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0", e) != 0 ||
	    check(d, &version, e) != 0)
		return -1;
	*made = version == 0;
	if (upgrade(d, version, e) != 0)
		return -1;
	(void)sqlite3_file_control(d->handle, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
	db_checkpoint(d);
	wal_prepare(d, room);
	(void)sqlite3_wal_hook(d->handle, on_wal, d);
	d->rc = SQLITE_OK;
	return 0;
}

void db_close(struct db *d)
{
	for (size_t i = 0; i < SQL_STATEMENTS; i++) {
		(void)sqlite3_finalize(d->cache[i]);
		d->cache[i] = NULL;
	}
	(void)sqlite3_close(d->handle);
	d->handle = NULL;
	free(d->path);
	d->path = NULL;
}
