#include "cmd/users.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"

static int read_all(const char *path, struct buf *text, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r = -1;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_CONFIG, 0,
			       "%s, which the key users names, does not exist; make it with: mailferry user add NAME", path);
	if (fd < 0 || fstat(fd, &st) != 0)
		(void)file_unread(e, errno, path);
	else if (!S_ISREG(st.st_mode))
		(void)err_set(e, ERR_CONFIG, 0, "%s is not a regular file", path);
	else if (file_check_secret(fd, path, e) == 0)
		r = file_read_fd(fd, path, text, e);
	file_close(&fd);
	return r;
}

int users_read(const struct config *c, struct buf *text, struct buf *errors)
{
	struct err e;

	if (c->users == NULL || read_all(c->users, text, &e) == 0)
		return 0;
	(void)buf_addf(errors, "%s\n", e.text);
	return -1;
}

int users_parse(const struct config *c, const struct buf *text, struct sasl_users **out, struct buf *errors)
{
	*out = c->users == NULL ? NULL : sasl_users_parse(c->users, buf_slice(text), errors);
	return c->users != NULL && *out == NULL ? -1 : 0;
}

int users_load(const struct config *c, struct sasl_users **out, struct buf *text, struct buf *errors)
{
	struct buf own;
	int r;

	*out = NULL;
	buf_init(&own, SASL_USERS_TEXT_MAX);
	if (text == NULL)
		text = &own;
	r = users_read(c, text, errors) == 0 ? users_parse(c, text, out, errors) : -1;
	buf_wipe(&own);
	return r;
}
