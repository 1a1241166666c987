#include "spool/vfs.h"

#include <sqlite3.h>
#include <string.h>

#include "base/buf.h"

/* SQLite's VFS for Unix takes less than 128 KB in one write. A frame of the log is its page behind a small head: reads
 * that are no further apart than that are of frames that stand beside each other. */
enum { GATHER_MAX = 96 * 1024, AHEAD_MAX = 64 * 1024, GAP_MAX = 24 };

struct gathered_file {
	sqlite3_file file;
	struct buf bytes; /* written by SQLite, not yet to the file: from AT on */
	sqlite3_int64 at;
	struct buf ahead; /* of the log: read from the file, from AHEAD_AT on, and not changed since */
	sqlite3_int64 ahead_at;
	sqlite3_int64 read_to; /* where the read before ended */
	bool log;
	sqlite3_int64 under[]; /* the file of the VFS below; SQLite aligns to eight octets */
};

static struct gathered_file *gathered(sqlite3_file *f)
{
	return (struct gathered_file *)(void *)f;
}

static sqlite3_file *under(sqlite3_file *f)
{
	return (sqlite3_file *)(void *)gathered(f)->under;
}

/* A failure belongs to the write or sync that is answered with it; what was gathered is dropped, as SQLite then drops
 * the transaction that it is of, or takes the checkpoint for not done. */
static int flush(sqlite3_file *f)
{
	struct gathered_file *l = gathered(f);
	int rc = SQLITE_OK;

	if (l->bytes.n > 0)
		rc = under(f)->pMethods->xWrite(under(f), l->bytes.p, (int)l->bytes.n, l->at);
	buf_clear(&l->bytes);
	return rc;
}

static int gathered_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct gathered_file *l = gathered(f);
	int rc;

	buf_clear(&l->ahead);
	if (l->bytes.n > 0 && (at != l->at + (sqlite3_int64)l->bytes.n || l->bytes.n + (size_t)n > GATHER_MAX)) {
		rc = flush(f);
		if (rc != SQLITE_OK)
			return rc;
	}
	if (l->bytes.n == 0)
		l->at = at;
	if (buf_add(&l->bytes, p, (size_t)n) == 0)
		return SQLITE_OK;
	/* No memory for it: what was gathered before must not be lost by that. */
	rc = flush(f);
	return rc != SQLITE_OK ? rc : under(f)->pMethods->xWrite(under(f), p, n, at);
}

static int gathered_close(sqlite3_file *f)
{
	int rc = flush(f), closed = under(f)->pMethods->xClose(under(f));

	buf_free(&gathered(f)->bytes);
	buf_free(&gathered(f)->ahead);
	return rc != SQLITE_OK ? rc : closed;
}

/* A checkpoint reads frames by the number of their page; most stand in the log in that order, too. */
static bool read_ahead(struct gathered_file *l, void *p, int n, sqlite3_int64 at)
{
	char *to;

	if (at < l->ahead_at || at + n > l->ahead_at + (sqlite3_int64)l->ahead.n) {
		if (!l->log || at < l->read_to || at > l->read_to + GAP_MAX || n > AHEAD_MAX)
			return false;
		buf_clear(&l->ahead);
		to = buf_reserve(&l->ahead, AHEAD_MAX);
		/* Near its end the file is read as it is asked for. */
		if (to == NULL ||
		    under(&l->file)->pMethods->xRead(under(&l->file), to, AHEAD_MAX, at) != SQLITE_OK)
			return false;
		buf_commit(&l->ahead, AHEAD_MAX);
		l->ahead_at = at;
	}
	memcpy(p, l->ahead.p + (at - l->ahead_at), (size_t)n);
	return true;
}

static int gathered_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	struct gathered_file *l = gathered(f);
	int rc = flush(f);
	bool have = rc == SQLITE_OK && read_ahead(l, p, n, at);

	l->read_to = at + n;
	return rc != SQLITE_OK || have ? rc : under(f)->pMethods->xRead(under(f), p, n, at);
}

static int gathered_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	int rc = flush(f);

	buf_clear(&gathered(f)->ahead);
	return rc != SQLITE_OK ? rc : under(f)->pMethods->xTruncate(under(f), n);
}

static int gathered_sync(sqlite3_file *f, int flags)
{
	int rc = flush(f);

	return rc != SQLITE_OK ? rc : under(f)->pMethods->xSync(under(f), flags);
}

static int gathered_size(sqlite3_file *f, sqlite3_int64 *n)
{
	int rc = flush(f);

	return rc != SQLITE_OK ? rc : under(f)->pMethods->xFileSize(under(f), n);
}

static int gathered_lock(sqlite3_file *f, int level)
{
	return under(f)->pMethods->xLock(under(f), level);
}

static int gathered_unlock(sqlite3_file *f, int level)
{
	return under(f)->pMethods->xUnlock(under(f), level);
}

static int gathered_reserved(sqlite3_file *f, int *out)
{
	return under(f)->pMethods->xCheckReservedLock(under(f), out);
}

static int gathered_control(sqlite3_file *f, int op, void *arg)
{
	return under(f)->pMethods->xFileControl(under(f), op, arg);
}

static int gathered_sector(sqlite3_file *f)
{
	return under(f)->pMethods->xSectorSize(under(f));
}

static int gathered_device(sqlite3_file *f)
{
	return under(f)->pMethods->xDeviceCharacteristics(under(f));
}

/* Version 1: without shared memory, which exclusive locking does not need. */
static const sqlite3_io_methods gathered_methods = { .iVersion = 1,
						     .xClose = gathered_close,
						     .xRead = gathered_read,
						     .xWrite = gathered_write,
						     .xTruncate = gathered_truncate,
						     .xSync = gathered_sync,
						     .xFileSize = gathered_size,
						     .xLock = gathered_lock,
						     .xUnlock = gathered_unlock,
						     .xCheckReservedLock = gathered_reserved,
						     .xFileControl = gathered_control,
						     .xSectorSize = gathered_sector,
						     .xDeviceCharacteristics = gathered_device };

static int gathering_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	sqlite3_vfs *below = vfs->pAppData;
	struct gathered_file *l = gathered(f);
	int rc;

	if ((flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)) == 0)
		return below->xOpen(below, name, f, flags, out);
	f->pMethods = NULL;
	buf_init(&l->bytes, GATHER_MAX);
	buf_init(&l->ahead, AHEAD_MAX);
	l->ahead_at = l->read_to = 0;
	l->log = (flags & SQLITE_OPEN_WAL) != 0;
	rc = below->xOpen(below, name, under(f), flags, out);
	if (rc == SQLITE_OK)
		f->pMethods = &gathered_methods;
	return rc;
}

const char *vfs_gathering(const char *name)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *below = sqlite3_vfs_find(name);

	if (below == NULL)
		return NULL;
	if (vfs.zName == NULL) {
		vfs = *below;
		vfs.zName = "mailferry";
		vfs.szOsFile = (int)sizeof(struct gathered_file) + below->szOsFile;
		vfs.pAppData = below;
		vfs.pNext = NULL;
		vfs.xOpen = gathering_open;
		if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
			return NULL;
	}
	return vfs.zName;
}
