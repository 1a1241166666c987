#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/mem.h"

int file_read_fd(int fd, const char *name, struct buf *out, struct err *e)
{
	for (;;) {
		size_t room = out->max - out->n;
		size_t want = room < 65536 ? room : 65536;
		char one;
		char *to;
		ssize_t got;

		if (want == 0) {
			/* Full: fine if the file ends here. */
			got = read(fd, &one, 1);
			if (got == 0)
				return 0;
			if (got > 0)
				return err_set(e, ERR_LIMIT, 0, "%s: larger than %zu bytes", name, out->max);
		} else {
			to = buf_reserve(out, want);
			if (to == NULL)
				return err_set(e, ERR_LIMIT, 0, "%s: not enough memory", name);
			got = read(fd, to, want);
			if (got > 0)
				buf_commit(out, (size_t)got);
		}
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return err_sys(e, errno, "%s", name);
	}
}

int file_unread(struct err *e, int errnum, const char *path)
{
	if (errnum != EACCES || geteuid() == 0)
		return err_sys(e, errnum, "can't read %s", path);
	return err_set(e, ERR_SYSTEM, errnum, "can't read %s: %s; run this as root, or as the user whom it belongs to",
		       path, strerror(errnum));
}

int file_read(const char *path, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	r = file_read_fd(fd, path, out, e);
	file_close(&fd);
	return r;
}

int file_write_all(int fd, const void *p, size_t n, struct err *e)
{
	const char *at = p;

	while (n > 0) {
		ssize_t put = write(fd, at, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_sys(e, errno, "write");
		if (put == 0)
			return err_sys(e, EIO, "write");
		at += put;
		n -= (size_t)put;
	}
	return 0;
}

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_strdup(".");
	if (slash == path)
		return mem_strdup("/");
	return slice_dup(slice_of(path, (size_t)(slash - path)));
}

int file_sync_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	if (fsync(fd) != 0)
		r = err_sys(e, errno, "sync %s", path);
	file_close(&fd);
	return r;
}

int file_sync_parent(const char *path, struct err *e)
{
	char *dir = dir_of(path);
	int r = file_sync_dir(dir, e);

	free(dir);
	return r;
}

/* OWNED: to UID and GID, and with exactly MODE. */
static int replace(const char *path, mode_t mode, bool owned, uid_t uid, gid_t gid, const void *p, size_t n,
		   struct err *e)
{
	char id[RANDOM_ID_SIZE];
	char *dir = dir_of(path);
	char *tmp;
	int fd, r = -1;

	random_id(id);
	tmp = mem_printf("%s.%s", path, id);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0) {
		(void)err_sys(e, errno, "%s", tmp);
		goto done;
	}
	if (owned && ((fchown(fd, uid, gid) != 0 && (uid != geteuid() || gid != getegid())) || fchmod(fd, mode) != 0)) {
		(void)err_sys(e, errno, "give %s its owner and mode; run this as root, or as the owner", tmp);
		goto undo;
	}
	if (file_write_all(fd, p, n, e) != 0) {
		(void)err_prefix(e, "%s", tmp);
		goto undo;
	}
	if (fsync(fd) != 0) {
		(void)err_sys(e, errno, "sync %s", tmp);
		goto undo;
	}
	if (close(fd) != 0) {
		fd = -1;
		(void)err_sys(e, errno, "close %s", tmp);
		goto undo;
	}
	fd = -1;
	if (rename(tmp, path) != 0) {
		(void)err_sys(e, errno, "rename %s to %s", tmp, path);
		goto undo;
	}
	r = file_sync_dir(dir, e);
	goto done;
undo:
	(void)unlink(tmp);
done:
	file_close(&fd);
	free(tmp);
	free(dir);
	return r;
}

int file_replace(const char *path, mode_t mode, const void *p, size_t n, struct err *e)
{
	return replace(path, mode, false, 0, 0, p, n, e);
}

int file_replace_as(const char *path, mode_t mode, uid_t uid, gid_t gid, const void *p, size_t n, struct err *e)
{
	return replace(path, mode, true, uid, gid, p, n, e);
}

int file_check_secret(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(e, errno, "%s", path);
	if ((st.st_mode & S_IRWXO) != 0)
		return err_set(e, ERR_CONFIG, 0,
			       "%s: holds a secret but everybody may read it (mode %04o): run: chmod o= %s", path,
			       (unsigned)(st.st_mode & 07777), path);
	return 0;
}

char *file_relative_to(const char *base, const char *path)
{
	char *dir, *whole;

	if (path[0] == '/')
		return mem_strdup(path);
	dir = dir_of(base);
	whole = mem_printf("%s/%s", dir, path);
	free(dir);
	return whole;
}

void file_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}
