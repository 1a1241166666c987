/*
 * The database file: opening it safely, statements by name, commits that are
 * either there or will never be, checkpoints.
 */
#ifndef MAILFERRY_SPOOL_DB_H
#define MAILFERRY_SPOOL_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/slice.h"
#include "spool/sql.h"

struct db {
	sqlite3 *handle;
	sqlite3_stmt *cache[SQL_STATEMENTS];
	char *path;
	int rc;		/* of the last call that failed */
	int wal_frames; /* in the log, and since then no checkpoint was tried */
	int wal_stuck;	/* as many were there at a checkpoint that failed; 0: the last one did not */
	off_t wal_keep; /* size that the log may have, octets */
};

/* Opens or makes PATH; *MADE says that it was made. VFS is NULL but in tests. ROOM is what the disk has free,
 * octets: it bounds the log. One of an older version is brought up to
 * this one; a damaged database, one of another program or of a newer version is an error that says what to do. */
int db_open(struct db *d, const char *path, const char *vfs, int64_t room, bool *made, struct err *e);
void db_close(struct db *d); /* with a checkpoint if it can be had */

/* Runs a statement with no rows. TYPES: i int64_t, t const char * (may be NULL), b struct slice (p NULL: SQL NULL). 0
 * or -1. */
int db_run(struct db *d, enum sql s, const char *types, ...);

/* The same for one with rows: step it until it gives 0 or -1, or end it with db_done. What was bound must live as long.
 */
sqlite3_stmt *db_ask(struct db *d, enum sql s, const char *types, ...);
int db_step(struct db *d, sqlite3_stmt *st); /* 1 a row, 0 the end, -1 */
void db_done(sqlite3_stmt *st);

/* The number in the first column of the first row: 1, 0 when there is none, -1. */
int db_number(struct db *d, int64_t *out, enum sql s, const char *types, ...);

const char *db_text(sqlite3_stmt *st, int column); /* NULL for SQL NULL; until the next step */
struct slice db_bytes(sqlite3_stmt *st, int column);

bool db_in_transaction(const struct db *d);
bool db_damaged(const struct db *d); /* the last failure means that the file is not a sound database */
bool db_full(const struct db *d);    /* … that the disk is full */
const char *db_error(const struct db *d);

/* Commits. -1: nothing of it is there, nor will it come back; -2: nobody can know before the database is opened again.
 */
int db_commit(struct db *d);

bool db_wal_is_large(const struct db *d);
void db_checkpoint(struct db *d);

/* Gives some free pages back to the file system when most of the file is free. */
void db_shrink(struct db *d);

#endif
