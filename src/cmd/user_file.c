#include "cmd/user_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/users.h"

enum { OTHERS = 07, GROUP_READS = 040 };

/* Opens and locks the directory that holds PATH. */
static int directory_lock(const char *path, struct err *e)
{
	char *directory = file_relative_to(path, ".");
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0) {
		(void)err_sys(e, errno, "can't open %s", directory);
		goto done;
	}
	do
		r = flock(fd, LOCK_EX);
	while (r != 0 && errno == EINTR);
	if (r != 0) {
		(void)err_sys(e, errno, "can't lock %s", directory);
		file_close(&fd);
	}
done:
	free(directory);
	return fd;
}

/* A new file: whoever reads the configuration may read who may log in. */
static void like_configuration(struct user_file *f, const struct config *c)
{
	struct stat st;

	f->mode = 0600;
	if (stat(c->file, &st) != 0)
		return;
	if (geteuid() == 0) {
		f->uid = st.st_uid;
		f->gid = st.st_gid;
	}
	/* Without a change of group it would be ours that reads. */
	if ((st.st_mode & GROUP_READS) != 0 && (geteuid() == 0 || st.st_gid == getegid()))
		f->mode = 0640;
}

int user_file_open(struct user_file *f, const struct config *c, bool make, struct buf *errors)
{
	struct stat st;
	struct err e;

	*f = (struct user_file){ .directory = -1, .uid = geteuid(), .gid = getegid() };
	f->path = realpath(c->users, NULL);
	if (f->path == NULL)
		f->path = mem_strdup(c->users);
	f->directory = directory_lock(f->path, &e);
	if (f->directory < 0) {
		(void)buf_addf(errors, "%s\n", e.text);
		return -1;
	}
	if (make && stat(f->path, &st) != 0 && errno == ENOENT) {
		like_configuration(f, c);
		f->users = sasl_users_new();
		return 0;
	}
	if (users_load(c, &f->users, NULL, errors) != 0)
		return -1;
	if (stat(f->path, &st) == 0) {
		f->mode = st.st_mode & 0777 & ~(mode_t)OTHERS;
		f->uid = st.st_uid;
		f->gid = st.st_gid;
	}
	return 0;
}

int user_file_save(const struct user_file *f, struct err *e)
{
	struct buf text;
	int r = -1;

	buf_init(&text, SASL_USERS_TEXT_MAX);
	/* So much that it does not grow, which would leave copies behind. */
	if (buf_reserve(&text, sasl_users_count(f->users) * 512 + 1024) != NULL)
		sasl_users_print(f->users, &text);
	if (text.n == 0 || buf_failed(&text))
		(void)err_set(e, ERR_LIMIT, 0, "there are too many users for one file");
	else
		r = file_replace_as(f->path, f->mode, f->uid, f->gid, text.p, text.n, e);
	buf_wipe(&text);
	return r;
}

void user_file_close(struct user_file *f)
{
	sasl_users_free(&f->users);
	file_close(&f->directory);
	free(f->path);
	f->path = NULL;
}
