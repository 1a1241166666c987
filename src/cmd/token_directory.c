#include "cmd/token_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

enum { OTHERS = 077 };

#define GRANTS "grants"

/* Opens the directory NAME below AT, made if it is not there, the parent synced by the caller. */
static int directory_open(int at, const char *name, const char *path, bool *made, struct err *e)
{
	int fd;

	*made = mkdirat(at, name, 0700) == 0;
	if (!*made && errno == ENOENT)
		return err_set(
		    e, ERR_CONFIG, ENOENT,
		    "the token directory %s can't be made: the directory above it does not exist; make that, "
		    "or set token_directory to another path",
		    path);
	if (!*made && errno != EEXIST)
		return err_sys(e, errno, "make the token directory %s", path);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : err_sys(e, errno, "open the token directory %s", path);
}

/* Ours, or where that can be done made so, and closed to all others. */
static int directory_guard(int fd, const char *path, uid_t uid, gid_t gid, bool give, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(e, errno, "look at the token directory %s", path);
	if (st.st_uid != uid) {
		if (!give || st.st_uid != 0)
			return err_set(
			    e, ERR_CONFIG, 0,
			    "the token directory %s belongs to somebody else; give it to the user with number "
			    "%u, or set token_directory to a path that does not exist yet",
			    path, (unsigned)uid);
		if (fchown(fd, uid, gid) != 0)
			return err_sys(e, errno, "give the token directory %s to its user", path);
	}
	if ((st.st_mode & OTHERS) != 0 && fchmod(fd, 0700) != 0)
		return err_sys(e, errno, "close the token directory %s to others", path);
	return 0;
}

int token_directory_open(const char *path, const struct identity *id, struct err *e)
{
	char *inside = mem_printf("%s/" GRANTS, path);
	int outer, fd = -1;
	bool made;

	outer = directory_open(AT_FDCWD, path, path, &made, e);
	if (outer < 0 || (made && file_sync_parent(path, e) != 0) ||
	    directory_guard(outer, path, geteuid(), getegid(), false, e) != 0)
		goto done;
	fd = directory_open(outer, GRANTS, inside, &made, e);
	if (fd < 0)
		goto done;
	if (directory_guard(fd, inside, id->uid, id->gid, id->drop, e) != 0)
		file_close(&fd);
	else if (made && fsync(outer) != 0) {
		(void)err_sys(e, errno, "sync the token directory %s", path);
		file_close(&fd);
	}
done:
	file_close(&outer);
	free(inside);
	return fd;
}
