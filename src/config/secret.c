#include "config/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

enum { SECRET_FILE_MAX = 64 * 1024, SECRET_MAX = 1000 };

/* The first line, or NULL. Nothing of it may show in an error. */
static char *line_take(struct slice text, const char *path, struct err *e)
{
	size_t n = slice_find(text, '\n');

	if (n > 0 && n < text.n && text.p[n - 1] == '\r')
		n--;
	if (n == 0)
		(void)err_set(e, ERR_CONFIG, 0, "%s: the first line is empty; it must be the password", path);
	else if (n > SECRET_MAX)
		(void)err_set(e, ERR_CONFIG, 0, "%s: the first line has more than %d octets", path, SECRET_MAX);
	else if (memchr(text.p, '\0', n) != NULL || memchr(text.p, '\r', n) != NULL)
		(void)err_set(e, ERR_CONFIG, 0, "%s: the first line holds a NUL or CR byte: this is no password", path);
	else
		return slice_dup(slice_of(text.p, n));
	return NULL;
}

char *secret_read(const char *path, struct err *e)
{
	char *secret = NULL;
	struct stat st;
	struct buf text;
	int fd;

	buf_init(&text, SECRET_FILE_MAX);
	/* One descriptor for check and reading: the file can't be changed for another between them. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)file_unread(e, errno, path);
		goto done;
	}
	if (!S_ISREG(st.st_mode)) {
		(void)err_set(e, ERR_CONFIG, 0, "%s is not a regular file", path);
		goto done;
	}
	if (file_check_secret(fd, path, e) != 0 || file_read_fd(fd, path, &text, e) != 0)
		goto done;
	secret = line_take(buf_slice(&text), path, e);
done:
	file_close(&fd);
	mem_wipe(text.p, text.n);
	buf_free(&text);
	return secret;
}
