/* What is put right at the start, and what is thrown away in time. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "spool/fs.h"
#include "spool/inside.h"

enum { OLD_AT_ONCE = 200, MEMORY_AT_ONCE = 1000 };

static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* ---- directories ---- */

static int make_dir(const char *path, bool *made, struct err *e)
{
	if (mkdir(path, 0700) == 0) {
		*made = true;
		return 0;
	}
	return errno == EEXIST ? 0 : err_sys(e, errno, "make the directory %s", path);
}

static int check_fs(const char *dir, struct err *e)
{
	struct statfs fs;
	const char *name;

	if (statfs(dir, &fs) != 0)
		return err_sys(e, errno, "look at the file system of %s", dir);
	name = fs_network_name((unsigned long)fs.f_type & 0xffffffffUL);
	if (name == NULL)
		return 0;
	return err_set(
	    e, ERR_CONFIG, 0,
	    "the spool %s is on a network file system (%s), which can lose what it said it had written; set spool to a "
	    "directory on a local disk",
	    dir, name);
}

static int make_tree(struct spool_server *s, bool *made, struct err *e)
{
	if (make_dir(s->tmp_dir, made, e) != 0 || make_dir(s->body_dir, made, e) != 0)
		return -1;
	for (const char *c = letters; *c != '\0'; c++) {
		char *path = mem_printf("%s/%c", s->body_dir, *c);
		int r = make_dir(path, made, e);

		free(path);
		if (r != 0)
			return -1;
	}
	return 0;
}

int sweep_dirs(struct spool_server *s, struct err *e)
{
	const char *dir = s->options.dir;
	bool made = false, inner = false;
	char *parent;
	struct stat st;
	int r;

	s->tmp_dir = mem_printf("%s/tmp", dir);
	s->body_dir = mem_printf("%s/body", dir);
	if (make_dir(dir, &made, e) != 0)
		return -1;
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_CONFIG, 0, "the spool %s is not a directory", dir);
	if (st.st_uid == geteuid() && (st.st_mode & 077) != 0 && chmod(dir, 0700) != 0)
		return err_sys(e, errno, "take the spool %s from others", dir);
	if (check_fs(dir, e) != 0 || make_tree(s, &inner, e) != 0)
		return -1;
	if (inner && (file_sync_dir(s->body_dir, e) != 0 || file_sync_dir(dir, e) != 0))
		return -1;
	if (!made)
		return 0;
	parent = file_relative_to(dir, ".");
	r = file_sync_dir(parent, e);
	free(parent);
	return r;
}

/* ---- files ---- */

/* Calls FN for each file in DIR; stops when it returns other than 0. */
static int each_file(const char *dir, int (*fn)(struct spool_server *s, const char *dir, const char *name),
		     struct spool_server *s, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int r = 0;

	if (d == NULL)
		return err_sys(e, errno, "read the directory %s", dir);
	while (r == 0 && (errno = 0, entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			r = fn(s, dir, entry->d_name);
	if (r == 0 && errno != 0)
		r = err_sys(e, errno, "read the directory %s", dir);
	(void)closedir(d);
	return r;
}

static int remove_file(struct spool_server *s, const char *dir, const char *name)
{
	char *path = mem_printf("%s/%s", dir, name);

	(void)s;
	if (unlink(path) != 0)
		log_warning("sweep", LOG_STR("file", path), LOG_STR("reason", strerror(errno)));
	free(path);
	return 0;
}

/* Out of the way of what messages have, and not lost. */
static int keep_unknown(struct spool_server *s, const char *dir, const char *name)
{
	char *lost = mem_printf("%s/lost", s->options.dir), *from = mem_printf("%s/%s", dir, name);
	char *to = mem_printf("%s/%s", lost, name);
	bool made = false;
	struct err e = { 0 };
	int r = make_dir(lost, &made, &e);

	if (r == 0 && rename(from, to) != 0)
		r = err_sys(&e, errno, "move it to %s", lost);
	if (r == 0)
		r = file_sync_dir(lost, &e);
	log_warning("body-unknown", LOG_STR("file", from), LOG_STR("to", lost),
		    LOG_STR("reason", r == 0 ? "the database, which was put back or repaired, does not know it" : e.text));
	free(lost);
	free(from);
	free(to);
	return 0;
}

static int remove_unknown(struct spool_server *s, const char *dir, const char *name)
{
	int64_t one;
	int r = db_number(&s->db, &one, SQL_FILE_KNOWN, "t", name);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (s->doubtful)
		return keep_unknown(s, dir, name);
	log_info("sweep", LOG_STR("file", name), LOG_STR("reason", "a body that no message has"));
	return remove_file(s, dir, name);
}

static int found(struct spool_server *s, const char *dir, const char *name)
{
	(void)s;
	(void)dir;
	(void)name;
	return 1;
}

static int each_body(struct spool_server *s, int (*fn)(struct spool_server *s, const char *dir, const char *name),
		     struct err *e)
{
	int r = 0;

	for (const char *c = letters; *c != '\0' && r == 0; c++) {
		char *dir = mem_printf("%s/%c", s->body_dir, *c);

		r = each_file(dir, fn, s, e);
		free(dir);
	}
	return r;
}

int sweep_check_database(struct spool_server *s, const char *path, struct err *e)
{
	char *log;
	struct stat st;
	int r;

	if (lstat(path, &st) == 0 && st.st_size > 0)
		return 0;
	/* The database is made, and synced, before its log. */
	log = mem_printf("%s-wal", path);
	r = lstat(log, &st);
	free(log);
	if (r == 0 && st.st_size > 0)
		return err_set(e, ERR_CONFIG, 0,
			       "%s is missing, but its log %s-wal is there: put both back from a backup and start with --restored, or "
			       "move the log away to begin anew",
			       path, path);
	r = each_body(s, found, e);
	if (r < 0)
		return -1;
	if (r == 0)
		return 0;
	return err_set(
	    e, ERR_CONFIG, 0,
	    "%s is missing, but the spool holds messages (in %s): put the database back from a backup and start with "
	    "--restored, or move the files away to begin anew",
	    path, s->body_dir);
}

/* ---- at the start ---- */

static int check_bodies(struct spool_server *s)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_FILES, "");
	struct pool a = { 0 };
	int r;

	while ((r = db_step(&s->db, st)) == 1) {
		int64_t number = sqlite3_column_int64(st, 0), size = sqlite3_column_int64(st, 1);
		const bool shared = sqlite3_column_type(st, 3) != SQLITE_NULL;
		const int64_t least = sqlite3_column_int64(st, 3) + size;
		char *path = body_path(s, db_text(st, 2));
		struct stat at;
		const char *why = NULL;

		if (lstat(path, &at) != 0 || !S_ISREG(at.st_mode))
			why = "its body is missing from the spool";
		else if (shared ? at.st_size < least : at.st_size != size)
			why = "its body in the spool is damaged: it has another size";
		if (why != NULL) {
			log_error("body-damaged", LOG_STR("file", path), LOG_NUM("message", number),
				  LOG_STR("reason", why));
			if (message_set_aside(s, number, why, &a) != 0)
				r = -1;
		}
		free(path);
		pool_free(&a);
		if (r < 0) {
			db_done(st);
			return -1;
		}
	}
	return r;
}

/* A delivery that the backup still shows as waiting may have been filed after the backup was made. */
static int doubt_one(struct spool_server *s, int64_t number, struct pool *a)
{
	static const char reason[] = "the spool was put back from a backup: it may be in the folder already";
	struct delivery_row row;
	struct delivery_change c = { .reason = reason, .due = s->now, .doubt = s->now };

	if (delivery_load(s, number, &row, a) != 1)
		return -1;
	switch (row.state) {
	case DELIVERY_QUEUED:
	case DELIVERY_FLIGHT:
		c.to = DELIVERY_DOUBT;
		break;
	case DELIVERY_QUARANTINED:
	case DELIVERY_HELD:
		c.to = DELIVERY_PARKED;
		break;
	default:
		return 0;
	}
	return delivery_enter(s, &row, ACTOR_SPOOL, &c) == 1 ? 0 : -1;
}

static int doubt_all(struct spool_server *s)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_WAITING_ALL, "i", (int64_t)0);
	struct pool a = { 0 };
	int64_t *numbers = NULL;
	size_t n = 0, cap = 0;
	int r;

	while ((r = db_step(&s->db, st)) == 1) {
		if (n == cap) {
			cap = cap == 0 ? 256 : cap * 2;
			numbers = mem_resize(numbers, cap, sizeof numbers[0]);
		}
		numbers[n++] = sqlite3_column_int64(st, 0);
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		r = doubt_one(s, numbers[i], &a);
		pool_free(&a);
	}
	free(numbers);
	/* What was fetched after the backup is not remembered, and will be fetched again: status says so until a run
	 * went well. */
	if (r == 0)
		r = db_run(&s->db, SQL_SOURCE_RESTORED, "i", s->now);
	if (r == 0)
		log_warning("restored", LOG_NUM("in-doubt", n), LOG_NUM("sources", sqlite3_changes(s->db.handle)));
	return r;
}

int sweep_start(struct spool_server *s, struct err *e)
{
	int r = each_file(s->tmp_dir, remove_file, s, e), orphans = 0;

	if (r == 0)
		r = (orphans = orphans_any(s)) < 0 ? -1 : 0;
	/* They may have been taken in after the backup was made, or be those of messages that were lost. */
	s->doubtful = s->options.restored || orphans > 0;
	if (r == 0)
		r = each_body(s, remove_unknown, e);
	if (r != 0)
		return e != NULL && e->class != ERR_NONE ? -1
							 : err_set(e, ERR_SYSTEM, 0, "spool: %s", db_error(&s->db));
	if (db_run(&s->db, SQL_BEGIN, "") != 0 || setback_start(s) != 0 || orphans_adopt(s) != 0 ||
	    check_bodies(s) != 0 || (s->options.restored && doubt_all(s) != 0) ||
	    db_commit(&s->db) != 0)
		return err_set(e, ERR_SYSTEM, 0,
			       "the spool could not be put in order: %s: is its disk full or failing?",
			       db_error(&s->db));
	effects_commit(s);
	return 0;
}

/* ---- in time ---- */

static int drop_record(struct spool_server *s, int64_t message)
{
	if (db_run(&s->db, SQL_OLD_HISTORY, "i", message) != 0 ||
	    db_run(&s->db, SQL_OLD_DELIVERIES, "i", message) != 0 ||
	    db_run(&s->db, SQL_OLD_RECIPIENTS, "i", message) != 0 || db_run(&s->db, SQL_OLD_BODY, "i", message) != 0)
		return -1;
	/* What became of it stays known, for the original's sake. */
	if (db_run(&s->db, SQL_ORIGIN_SWEPT, "i", message) != 0)
		return -1;
	return db_run(&s->db, SQL_OLD_MESSAGE, "i", message);
}

static int drop_old(struct spool_server *s, bool *more)
{
	int64_t numbers[OLD_AT_ONCE];
	sqlite3_stmt *st = db_ask(&s->db, SQL_OLD, "ii", s->now - s->options.retention, (int64_t)OLD_AT_ONCE);
	size_t n = 0, origins = 0;
	int r;

	while ((r = db_step(&s->db, st)) == 1)
		numbers[n++] = sqlite3_column_int64(st, 0);
	if (r != 0 || db_run(&s->db, SQL_FORGET, "i", s->now) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (drop_record(s, numbers[i]) != 0)
			return -1;
	if (db_run(&s->db, SQL_MEMORY_OLD, "ii", s->now, (int64_t)MEMORY_AT_ONCE) != 0)
		return -1;
	*more = n == OLD_AT_ONCE || sqlite3_changes(s->db.handle) == MEMORY_AT_ONCE;
	if (origin_sweep(s, &origins) != 0)
		return -1;
	*more = *more || origins > 0;
	return 0;
}

bool sweep_old(struct spool_server *s)
{
	bool more = false;

	if (db_run(&s->db, SQL_BEGIN, "") == 0 && drop_old(s, &more) == 0) {
		int r = db_commit(&s->db);

		if (r == -2)
			server_fatal(s, "a commit failed, and so did taking it back");
		return r == 0 && more;
	}
	log_warning("sweep", LOG_STR("reason", db_error(&s->db)));
	if (db_in_transaction(&s->db))
		(void)db_run(&s->db, SQL_ROLLBACK, "");
	if (db_damaged(&s->db))
		server_fatal(s, "the database is damaged");
	return false;
}
