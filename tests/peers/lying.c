/*
 * A file system that lies low, as a library in front of libc (LD_PRELOAD): notes
 * in a journal, which all programs under test share, what is written below one
 * directory and what is synced, and in which order. At a chosen operation the
 * power fails: whoever comes to it, or to a later one, waits for ever. What of
 * all that would be on the disk then is worked out by lib/power.py.
 *
 * A 250 that names a message is noted, too, before it leaves.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { K_WRITE = 1, K_TRUNCATE, K_CREATE, K_UNLINK, K_RENAME, K_MKDIR, K_SYNC, K_SAID };

struct head {
	_Atomic uint64_t tail;	 /* octets of the journal that are taken, this head included */
	_Atomic uint64_t ops;	 /* so far */
	_Atomic uint64_t cut_at; /* the operation before which the power fails; 0: never */
	_Atomic uint64_t cut;	 /* it has failed */
	uint64_t size;		 /* of the journal */
	char root[4000];	 /* the directory, absolute */
};

struct record {
	uint32_t len; /* with this; 0: not complete yet */
	uint32_t kind;
	uint64_t inode, at, n;
	uint32_t name, name2; /* octets of the names behind it; data is behind them */
};

static struct head *head;
static dev_t device;
static size_t root_len;

#define REAL(type, name, ...)                                                                                          \
	static type (*real)(__VA_ARGS__);                                                                              \
	if (real == NULL)                                                                                              \
	*(void **)&real = dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("LYING_JOURNAL");
	struct stat st;
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0)
		return;
	head = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (head == MAP_FAILED)
		head = NULL;
	if (head == NULL || stat(path, &st) != 0)
		return;
	root_len = strlen(head->root);
	device = st.st_dev; /* the journal stands on the same file system */
}

static void dark(void)
{
	atomic_store(&head->cut, 1);
	for (;;)
		pause();
}

/* Before an operation. */
static void gate(void)
{
	uint64_t n = atomic_fetch_add(&head->ops, 1), at = atomic_load(&head->cut_at);

	if (atomic_load(&head->cut) != 0 || (at != 0 && n >= at))
		dark();
}

static void note(enum kind kind, uint64_t inode, uint64_t at, const char *name, const char *name2, const void *p, size_t n)
{
	struct record r = { .kind = kind, .inode = inode, .at = at, .n = n };
	uint64_t where;
	char *to;

	r.name = name == NULL ? 0 : (uint32_t)strlen(name);
	r.name2 = name2 == NULL ? 0 : (uint32_t)strlen(name2);
	r.len = (uint32_t)((sizeof r + r.name + r.name2 + (p == NULL ? 0 : n) + 7) & ~(size_t)7);
	where = atomic_fetch_add(&head->tail, r.len);
	if (where + r.len > head->size) {
		static const char text[] = "lying: the journal is full\n";

		(void)!write(STDERR_FILENO, text, sizeof text - 1);
		abort();
	}
	to = (char *)head + where;
	memcpy(to + sizeof r, name == NULL ? "" : name, r.name);
	memcpy(to + sizeof r + r.name, name2 == NULL ? "" : name2, r.name2);
	if (p != NULL)
		memcpy(to + sizeof r + r.name + r.name2, p, n);
	memcpy(to + 4, (char *)&r + 4, sizeof r - 4);
	atomic_store((_Atomic uint32_t *)(void *)to, r.len);
}

static int is_below(const char *path)
{
	return head != NULL && strncmp(path, head->root, root_len) == 0 && (path[root_len] == '/' || path[root_len] == '\0');
}

/* The inode of a file (DIRECTORIES: or a directory) that could be below the directory, else 0. */
static uint64_t inode_of(int fd, int directories)
{
	struct stat st;
	int saved = errno;
	uint64_t inode = 0;

	if (head != NULL && fstat(fd, &st) == 0 && st.st_dev == device &&
	    (S_ISREG(st.st_mode) || (directories && S_ISDIR(st.st_mode))))
		inode = st.st_ino;
	errno = saved;
	return inode;
}

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
	REAL(int, "openat", int, const char *, int, ...);
	const int writes = (flags & O_ACCMODE) != O_RDONLY && is_below(path);
	struct stat st;
	int made, fd;

	if (!writes)
		return real(dir, path, flags, mode);
	gate();
	made = (flags & O_CREAT) != 0 && lstat(path, &st) != 0;
	fd = real(dir, path, flags, mode);
	if (fd < 0)
		return fd;
	if (made)
		note(K_CREATE, inode_of(fd, 0), 0, path, NULL, NULL, 0);
	else if ((flags & O_TRUNC) != 0)
		note(K_TRUNCATE, inode_of(fd, 0), 0, NULL, NULL, NULL, 0);
	return fd;
}

#define MODE(flags)                                                                                                    \
	mode_t mode = 0;                                                                                               \
	if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {                                                                  \
		va_list ap;                                                                                            \
		va_start(ap, flags);                                                                                   \
		mode = va_arg(ap, mode_t);                                                                             \
		va_end(ap);                                                                                            \
	}

int open(const char *path, int flags, ...)
{
	MODE(flags)
	return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	MODE(flags)
	return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	MODE(flags)
	return open_at(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
	MODE(flags)
	return open_at(dir, path, flags | O_LARGEFILE, mode);
}

static ssize_t write_at(int fd, const void *p, size_t n, off_t at)
{
	REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
	uint64_t inode = inode_of(fd, 0);
	ssize_t r;

	if (inode != 0)
		gate();
	r = real(fd, p, n, at);
	if (inode != 0 && r > 0)
		note(K_WRITE, inode, (uint64_t)at, NULL, NULL, p, (size_t)r);
	return r;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return write_at(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
	return write_at(fd, p, n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
	REAL(ssize_t, "write", int, const void *, size_t);
	uint64_t inode = fd == STDERR_FILENO ? 0 : inode_of(fd, 0);
	off_t at;
	ssize_t r;

	if (inode == 0)
		return real(fd, p, n);
	gate();
	at = lseek(fd, 0, SEEK_CUR);
	r = real(fd, p, n);
	if (r > 0)
		note(K_WRITE, inode, (uint64_t)at, NULL, NULL, p, (size_t)r);
	return r;
}

static int truncate_to(int fd, off_t n)
{
	REAL(int, "ftruncate64", int, off_t);
	uint64_t inode = inode_of(fd, 0);
	int r;

	if (inode != 0)
		gate();
	r = real(fd, n);
	if (inode != 0 && r == 0)
		note(K_TRUNCATE, inode, (uint64_t)n, NULL, NULL, NULL, 0);
	return r;
}

int ftruncate(int fd, off_t n)
{
	return truncate_to(fd, n);
}

int ftruncate64(int fd, off_t n)
{
	return truncate_to(fd, n);
}

/* Only the size that it may add matters: what it adds is zeros. */
static int allocate(int fd, int mode, off_t at, off_t n)
{
	REAL(int, "fallocate64", int, int, off_t, off_t);
	uint64_t inode = inode_of(fd, 0);
	struct stat before, after;
	int r;

	if (inode == 0)
		return real(fd, mode, at, n);
	gate();
	(void)fstat(fd, &before);
	r = real(fd, mode, at, n);
	if (r == 0 && fstat(fd, &after) == 0 && after.st_size != before.st_size)
		note(K_TRUNCATE, inode, (uint64_t)after.st_size, NULL, NULL, NULL, 0);
	return r;
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
	return allocate(fd, mode, at, n);
}

int fallocate64(int fd, int mode, off_t at, off_t n)
{
	return allocate(fd, mode, at, n);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
	return allocate(fd, 0, at, n) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off_t at, off_t n)
{
	return allocate(fd, 0, at, n) == 0 ? 0 : errno;
}

/* What stands in the journal before a sync begins is on the disk when it has ended. */
static int sync_with(int fd, int (*real)(int))
{
	uint64_t inode = inode_of(fd, 1), from = 0;
	int r;

	if (inode != 0) {
		gate();
		from = atomic_load(&head->tail);
	}
	/* The real disk is none of the test's business. */
	r = inode != 0 ? 0 : real(fd);
	if (inode != 0)
		note(K_SYNC, inode, from, NULL, NULL, NULL, 0);
	return r;
}

int fsync(int fd)
{
	REAL(int, "fsync", int);

	return sync_with(fd, real);
}

int fdatasync(int fd)
{
	REAL(int, "fdatasync", int);

	return sync_with(fd, real);
}

int unlink(const char *path)
{
	REAL(int, "unlink", const char *);
	int r;

	if (!is_below(path))
		return real(path);
	gate();
	r = real(path);
	if (r == 0)
		note(K_UNLINK, 0, 0, path, NULL, NULL, 0);
	return r;
}

int rename(const char *from, const char *to)
{
	REAL(int, "rename", const char *, const char *);
	int r;

	if (!is_below(from))
		return real(from, to);
	gate();
	r = real(from, to);
	if (r == 0)
		note(K_RENAME, 0, 0, from, to, NULL, 0);
	return r;
}

int mkdir(const char *path, mode_t mode)
{
	REAL(int, "mkdir", const char *, mode_t);
	struct stat st;
	int r;

	if (!is_below(path))
		return real(path, mode);
	gate();
	r = real(path, mode);
	if (r == 0 && stat(path, &st) == 0)
		note(K_MKDIR, st.st_ino, 0, path, NULL, NULL, 0);
	return r;
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	REAL(ssize_t, "send", int, const void *, size_t, int);
	static const char words[] = "Ok: queued as ";

	if (head != NULL && memmem(p, n, words, sizeof words - 1) != NULL) {
		if (atomic_load(&head->cut) != 0)
			dark();
		note(K_SAID, 0, 0, NULL, NULL, p, n);
	}
	return real(fd, p, n, flags);
}
