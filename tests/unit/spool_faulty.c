#include "spool_faulty.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

struct faulty_shared *shared;

struct faulty {
	sqlite3_file base;
	sqlite3_io_methods methods;
	sqlite3_file *real;
	bool log;
};

static bool fails(const sqlite3_file *f, bool write)
{
	int n;

	if (shared->fail_at == 0 || (shared->database && ((const struct faulty *)(const void *)f)->log))
		return false;
	n = ++shared->calls;
	if (shared->full && !write)
		return false;
	return shared->sticky ? n >= shared->fail_at : n == shared->fail_at;
}

#define REAL(f) (((struct faulty *)(void *)(f))->real)

static int f_close(sqlite3_file *f)
{
	int rc = REAL(f)->pMethods == NULL ? SQLITE_OK : REAL(f)->pMethods->xClose(REAL(f));

	free(REAL(f));
	return rc;
}

static int f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}

/* A write of many pages can end behind any of them: each piece counts. */
static int f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	enum { PIECE = 4120 };
	const char *from = p;
	int rc = SQLITE_OK;

	while (n > 0 && rc == SQLITE_OK) {
		int some = n < PIECE ? n : PIECE;

		if (fails(f, true)) {
			(void)REAL(f)->pMethods->xWrite(REAL(f), from, some / 2, at);
			return shared->full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
		}
		rc = REAL(f)->pMethods->xWrite(REAL(f), from, some, at);
		from += some;
		at += some;
		n -= some;
	}
	return rc;
}

static int f_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	return fails(f, true) ? SQLITE_IOERR_TRUNCATE : REAL(f)->pMethods->xTruncate(REAL(f), n);
}

static int f_sync(sqlite3_file *f, int flags)
{
	/* The data is in the file none the less: that is the hard case. */
	return fails(f, false) ? SQLITE_IOERR_FSYNC : REAL(f)->pMethods->xSync(REAL(f), flags);
}

static int f_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return REAL(f)->pMethods->xFileSize(REAL(f), n);
}

static int f_lock(sqlite3_file *f, int level)
{
	return REAL(f)->pMethods->xLock(REAL(f), level);
}

static int f_unlock(sqlite3_file *f, int level)
{
	return REAL(f)->pMethods->xUnlock(REAL(f), level);
}

static int f_reserved(sqlite3_file *f, int *out)
{
	return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}

static int f_control(sqlite3_file *f, int op, void *arg)
{
	return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}

static int f_sector(sqlite3_file *f)
{
	return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int f_device(sqlite3_file *f)
{
	return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static const sqlite3_io_methods methods = { .iVersion = 1,
					    .xClose = f_close,
					    .xRead = f_read,
					    .xWrite = f_write,
					    .xTruncate = f_truncate,
					    .xSync = f_sync,
					    .xFileSize = f_size,
					    .xLock = f_lock,
					    .xUnlock = f_unlock,
					    .xCheckReservedLock = f_reserved,
					    .xFileControl = f_control,
					    .xSectorSize = f_sector,
					    .xDeviceCharacteristics = f_device };

static int f_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	sqlite3_vfs *real = vfs->pAppData;
	struct faulty *file = (struct faulty *)(void *)f;
	int rc;

	file->real = mem_alloc((size_t)real->szOsFile);
	file->log = (flags & SQLITE_OPEN_WAL) != 0;
	rc = real->xOpen(real, name, file->real, flags, out);
	f->pMethods = rc == SQLITE_OK ? &methods : NULL;
	if (rc != SQLITE_OK)
		free(file->real);
	return rc;
}

void faulty_install(void)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);

	vfs = *real;
	vfs.zName = "faulty";
	vfs.szOsFile = sizeof(struct faulty);
	vfs.pAppData = real;
	vfs.pNext = NULL;
	vfs.xOpen = f_open;
	(void)sqlite3_vfs_register(&vfs, 0);
	/* A kill at a step takes the process group. */
	(void)setpgid(0, 0);
}
