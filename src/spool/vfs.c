#include "spool/vfs.h"

#include <sqlite3.h>

#include "base/buf.h"

/* SQLite's VFS for Unix takes less than 128 KB in one write. */
enum { GATHER_MAX = 96 * 1024 };

struct log_file {
	sqlite3_file file;
	struct buf bytes; /* written by SQLite, not yet to the file: from AT on */
	sqlite3_int64 at;
	sqlite3_int64 under[]; /* the file of the VFS below; SQLite aligns to eight octets */
};

static sqlite3_file *under(sqlite3_file *f)
{
	return (sqlite3_file *)(void *)((struct log_file *)(void *)f)->under;
}

/* A failure belongs to the write or sync that is answered with it; what was gathered is dropped, as SQLite then drops
 * the transaction that it is of. */
static int flush(sqlite3_file *f)
{
	struct log_file *l = (struct log_file *)(void *)f;
	int rc = SQLITE_OK;

	if (l->bytes.n > 0)
		rc = under(f)->pMethods->xWrite(under(f), l->bytes.p, (int)l->bytes.n, l->at);
	buf_clear(&l->bytes);
	return rc;
}

static int log_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct log_file *l = (struct log_file *)(void *)f;
	int rc;

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

static int log_close(sqlite3_file *f)
{
	int rc = flush(f), closed = under(f)->pMethods->xClose(under(f));

	buf_free(&((struct log_file *)(void *)f)->bytes);
	return rc != SQLITE_OK ? rc : closed;
}

static int log_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	int rc = flush(f);

	return rc != SQLITE_OK ? rc : under(f)->pMethods->xRead(under(f), p, n, at);
}

static int log_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	int rc = flush(f);

	return rc != SQLITE_OK ? rc : under(f)->pMethods->xTruncate(under(f), n);
}

static int log_sync(sqlite3_file *f, int flags)
{
	int rc = flush(f);

	return rc != SQLITE_OK ? rc : under(f)->pMethods->xSync(under(f), flags);
}

static int log_size(sqlite3_file *f, sqlite3_int64 *n)
{
	int rc = flush(f);

	return rc != SQLITE_OK ? rc : under(f)->pMethods->xFileSize(under(f), n);
}

static int log_lock(sqlite3_file *f, int level)
{
	return under(f)->pMethods->xLock(under(f), level);
}

static int log_unlock(sqlite3_file *f, int level)
{
	return under(f)->pMethods->xUnlock(under(f), level);
}

static int log_reserved(sqlite3_file *f, int *out)
{
	return under(f)->pMethods->xCheckReservedLock(under(f), out);
}

static int log_control(sqlite3_file *f, int op, void *arg)
{
	return under(f)->pMethods->xFileControl(under(f), op, arg);
}

static int log_sector(sqlite3_file *f)
{
	return under(f)->pMethods->xSectorSize(under(f));
}

static int log_device(sqlite3_file *f)
{
	return under(f)->pMethods->xDeviceCharacteristics(under(f));
}

/* Version 1: without shared memory, which exclusive locking does not need. */
static const sqlite3_io_methods log_methods = { .iVersion = 1,
						.xClose = log_close,
						.xRead = log_read,
						.xWrite = log_write,
						.xTruncate = log_truncate,
						.xSync = log_sync,
						.xFileSize = log_size,
						.xLock = log_lock,
						.xUnlock = log_unlock,
						.xCheckReservedLock = log_reserved,
						.xFileControl = log_control,
						.xSectorSize = log_sector,
						.xDeviceCharacteristics = log_device };

static int gathering_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	sqlite3_vfs *below = vfs->pAppData;
	struct log_file *l = (struct log_file *)(void *)f;
	int rc;

	if ((flags & SQLITE_OPEN_WAL) == 0)
		return below->xOpen(below, name, f, flags, out);
	f->pMethods = NULL;
	buf_init(&l->bytes, GATHER_MAX);
	rc = below->xOpen(below, name, under(f), flags, out);
	if (rc == SQLITE_OK)
		f->pMethods = &log_methods;
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
		vfs.szOsFile = (int)sizeof(struct log_file) + below->szOsFile;
		vfs.pAppData = below;
		vfs.pNext = NULL;
		vfs.xOpen = gathering_open;
		if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
			return NULL;
	}
	return vfs.zName;
}
