#include "config/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "config/value.h"

char *secret_line(struct slice text, const char *where, struct err *e)
{
	size_t n = slice_find(text, '\n');

	if (n > 0 && n < text.n && text.p[n - 1] == '\r')
		n--;
	if (n == 0)
		(void)err_set(e, ERR_CONFIG, 0, "%s: the first line is empty; it must be the password", where);
	else if (n > SECRET_LINE_MAX)
		(void)err_set(e, ERR_CONFIG, 0, "%s: the first line has more than %d octets", where, SECRET_LINE_MAX);
	else if (memchr(text.p, '\0', n) != NULL || memchr(text.p, '\r', n) != NULL)
		(void)err_set(e, ERR_CONFIG, 0, "%s: the first line holds a NUL or CR byte: this is no password",
			      where);
	else
		return slice_dup(slice_of(text.p, n));
	return NULL;
}

/* The file PATH into OUT. PRIVATE: its mode is checked. 0, or -1. */
static int take(const char *path, bool private, struct buf *out, struct err *e)
{
	struct stat st;
	int fd, ret = -1;

	/* One descriptor for check and reading: the file can't be changed for another between them. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0)
		(void)file_unread(e, errno, path);
	else if (!S_ISREG(st.st_mode))
		(void)err_set(e, ERR_CONFIG, 0, "%s is not a regular file", path);
	else if (!private || file_check_secret(fd, path, e) == 0)
		ret = buf_reserve(out, out->max) == NULL ? -1 : file_read_fd(fd, path, out, e);
	file_close(&fd);
	return ret;
}

static char *first_line(const char *path, bool private, struct err *e)
{
	char *secret = NULL;
	struct buf text;

	buf_init(&text, SECRET_FILE_MAX);
	if (take(path, private, &text, e) == 0)
		secret = secret_line(buf_slice(&text), path, e);
	buf_wipe(&text);
	return secret;
}

char *secret_read(const char *path, struct err *e)
{
	return first_line(path, true, e);
}

char *secret_text(const char *path, bool private, struct err *e)
{
	char *secret = NULL;
	struct buf text;

	buf_init(&text, SECRET_FILE_MAX);
	if (take(path, private, &text, e) != 0)
		goto done;
	if (text.n == 0 || memchr(text.p, '\0', text.n) != NULL)
		(void)err_set(e, ERR_CONFIG, 0, "%s is no text file, or empty", path);
	else
		secret = slice_dup(buf_slice(&text));
done:
	buf_wipe(&text);
	return secret;
}

static char *credential_path(const char *name, struct err *e)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");

	if (strchr(name, '/') != NULL || name[0] == '.' || name[0] == '\0') {
		(void)err_set(e, ERR_CONFIG, 0, "\"%s\" is no name of a credential: it has no / and begins with no dot",
			      name);
		return NULL;
	}
	if (directory == NULL) {
		(void)err_set(
		    e, ERR_CONFIG, 0,
		    "there is no $CREDENTIALS_DIRECTORY: systemd gives credentials to a service whose unit has "
		    "LoadCredential=%s:… or LoadCredentialEncrypted=",
		    name);
		return NULL;
	}
	return mem_printf("%s/%s", directory, name);
}

char *secret_credential(const char *name, struct err *e)
{
	char *path = credential_path(name, e), *secret;

	if (path == NULL)
		return NULL;
	/* Who may read it is systemd's affair: some versions let a group, by an access list that looks like more. */
	secret = first_line(path, false, e);
	free(path);
	return secret;
}

char *secret_credential_path(struct slice name, char *hint)
{
	char *text = slice_dup(name), *path;
	struct err e;

	path = credential_path(text, &e);
	if (path == NULL)
		(void)snprintf(hint, VALUE_HINT_SIZE, "%.*s", VALUE_HINT_SIZE - 1, e.text);
	free(text);
	return path;
}

struct remembered {
	struct remembered *next;
	char *name, *value;
};

char *secret_env(const char *name, struct err *e)
{
	static struct remembered *all; /* as long as the process lives: a reload asks again */
	struct remembered *r;
	char *value = getenv(name);

	for (r = all; r != NULL && strcmp(r->name, name) != 0; r = r->next)
		;
	if (value == NULL && r == NULL) {
		(void)err_set(e, ERR_CONFIG, 0,
			      "there is no environment variable %s; the process that starts mailferry must set it",
			      name);
		return NULL;
	}
	if (r == NULL) {
		r = mem_alloc(sizeof *r);
		r->name = mem_strdup(name);
		r->next = all;
		all = r;
	}
	if (value != NULL) {
		mem_wipe_str(&r->value);
		r->value = mem_strdup(value);
		/* In its place, too: /proc shows the memory that the environment had at the start. */
		mem_wipe(value, strlen(value));
		(void)unsetenv(name);
	}
	return secret_line(slice_str(r->value), name, e);
}
