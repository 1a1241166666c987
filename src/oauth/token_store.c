#include "oauth/token_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"

enum { FILE_TEXT_MAX = 64 * 1024, FORMAT = 1, LOOK_MS = 100 };

#define SUFFIX	   ".token"
#define NEW_SUFFIX ".token.new"
#define LOCK	   "lock"

struct token_store {
	int directory, lock;
};

void stored_token_free(struct stored_token *t)
{
	mem_wipe_str(&t->refresh_token);
	free(t->binding);
	*t = (struct stored_token){ 0 };
}

/* Accounts are called so in the configuration, and nothing else may become a path. From mem_alloc, or NULL. */
static char *name_make(const char *account, const char *suffix)
{
	for (const char *c = account; *c != '\0'; c++) {
		if (!ascii_is_alpha(*c) && !ascii_is_digit(*c) && *c != '-' && *c != '_')
			return NULL;
	}
	return account[0] == '\0' ? NULL : mem_printf("%s%s", account, suffix);
}

/* ---- the text of a file ---- */

static char *text_make(const struct stored_token *t)
{
	json_t *root = json_pack("{s:i,s:I,s:I,s:I,s:s,s:s}", "version", FORMAT, "serial", (json_int_t)t->serial,
				 "signed_in", (json_int_t)t->signed_in, "refreshed", (json_int_t)t->refreshed,
				 "binding", t->binding, "refresh_token", t->refresh_token);
	char *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2));

	json_decref(root);
	return text;
}

static bool good_text(json_t *j)
{
	const char *text = json_string_value(j);

	for (size_t i = 0; text != NULL && i < json_string_length(j); i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return json_string_length(j) > 0;
}

static int text_parse(struct slice text, struct stored_token *out)
{
	json_t *root = text.n == 0 ? NULL : json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	json_t *refresh = json_object_get(root, "refresh_token"), *binding = json_object_get(root, "binding");
	json_int_t serial = json_integer_value(json_object_get(root, "serial"));
	int ret = -1;

	*out = (struct stored_token){ 0 };
	if (json_integer_value(json_object_get(root, "version")) == FORMAT && serial > 0 && good_text(refresh) &&
	    good_text(binding)) {
		*out = (struct stored_token){
			.refresh_token = mem_strdup(json_string_value(refresh)),
			.binding = mem_strdup(json_string_value(binding)),
			.signed_in = json_integer_value(json_object_get(root, "signed_in")),
			.refreshed = json_integer_value(json_object_get(root, "refreshed")),
			.serial = serial,
		};
		ret = 0;
	}
	if (json_is_string(refresh))
		mem_wipe((void *)(uintptr_t)json_string_value(refresh), json_string_length(refresh));
	json_decref(root);
	return ret;
}

/* 1, 0: not there, -1 and E. */
static int file_take(const struct token_store *s, const char *name, struct stored_token *out, struct err *e)
{
	int fd = openat(s->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), ret = -1;
	struct stat st;
	struct buf text;

	*out = (struct stored_token){ 0 };
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)err_sys(e, errno, "open the file %s of the token directory", name);
		file_close(&fd);
		return -1;
	}
	buf_init(&text, FILE_TEXT_MAX);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		(void)err_set(e, ERR_CONFIG, 0,
			      "the file %s of the token directory is not mailferry's own, or open to others; remove it "
			      "and sign in again",
			      name);
	else if (file_read_fd(fd, name, &text, e) == 0 && text_parse(buf_slice(&text), out) != 0)
		(void)err_set(e, ERR_CONFIG, 0,
			      "the file %s of the token directory is damaged; put it back from a backup, or remove it "
			      "and sign in again",
			      name);
	else if (out->refresh_token != NULL)
		ret = 1;
	file_close(&fd);
	mem_wipe(text.p, text.cap);
	buf_free(&text);
	return ret;
}

/* ---- writing ---- */

static int directory_sync(const struct token_store *s, struct err *e)
{
	return fsync(s->directory) == 0 ? 0 : err_sys(e, errno, "sync the token directory");
}

static int file_make(const struct token_store *s, const char *name, const char *text, struct err *e)
{
	int fd, ret;

	(void)unlinkat(s->directory, name, 0);
	fd = openat(s->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, errno, "make the file %s in the token directory", name);
	ret = file_write_all(fd, text, strlen(text), e);
	if (ret == 0 && fsync(fd) != 0)
		ret = err_sys(e, errno, "sync the file %s of the token directory", name);
	if (close(fd) != 0 && ret == 0)
		ret = err_sys(e, errno, "close the file %s of the token directory", name);
	if (ret != 0)
		(void)unlinkat(s->directory, name, 0);
	return ret;
}

int token_store_write(struct token_store *s, const char *account, struct stored_token *t, struct err *e)
{
	char *name = name_make(account, SUFFIX), *fresh = name_make(account, NEW_SUFFIX), *text = NULL;
	int ret = -1;

	t->serial++;
	if (name != NULL)
		text = text_make(t);
	step("token: before the refresh token is written");
	if (text == NULL)
		(void)err_set(e, ERR_CONFIG, 0, "account %s: its refresh token can't be written down", account);
	else
		ret = file_make(s, fresh, text, e);
	step("token: the refresh token is written");
	if (ret == 0 && renameat(s->directory, fresh, s->directory, name) != 0)
		ret = err_sys(e, errno, "rename the file %s of the token directory", fresh);
	step("token: the refresh token has its name");
	if (ret == 0)
		ret = directory_sync(s, e);
	step("token: the refresh token is safe");
	mem_wipe_str(&text);
	free(fresh);
	free(name);
	return ret;
}

int token_store_read(struct token_store *s, const char *account, struct stored_token *out, struct err *e)
{
	char *name = name_make(account, SUFFIX);
	int ret = name == NULL ? err_set(e, ERR_CONFIG, 0, "account %s: no file can be called so", account)
			       : file_take(s, name, out, e);

	free(name);
	return ret;
}

int token_store_remove(struct token_store *s, const char *account, struct err *e)
{
	char *name = name_make(account, SUFFIX);
	int ret = 0;

	if (name != NULL && unlinkat(s->directory, name, 0) != 0 && errno != ENOENT)
		ret = err_sys(e, errno, "remove the file %s from the token directory", name);
	free(name);
	return ret != 0 ? ret : directory_sync(s, e);
}

/* ---- opening ---- */

/* NAME is a file that a crash left before it got its name: it counts when it is whole and newer than the other. */
static int leftover_settle(const struct token_store *s, const char *name, struct err *e)
{
	char *final = slice_dup(slice_of(name, strlen(name) - strlen(".new")));
	struct stored_token fresh = { 0 }, old = { 0 };
	int fd = -1, ret = 0;
	struct err why;

	if (file_take(s, name, &fresh, &why) == 1 &&
	    (file_take(s, final, &old, &why) != 1 || old.serial < fresh.serial)) {
		fd = openat(s->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fsync(fd) != 0 || renameat(s->directory, name, s->directory, final) != 0)
			ret = err_sys(e, errno, "take over the file %s of the token directory", name);
		file_close(&fd);
		if (ret == 0)
			log_info("refresh-token-recovered", LOG_STR("file", final));
	} else if (unlinkat(s->directory, name, 0) != 0) {
		ret = err_sys(e, errno, "remove the file %s from the token directory", name);
	}
	stored_token_free(&fresh);
	stored_token_free(&old);
	free(final);
	return ret;
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcmp(name + n - m, suffix) == 0;
}

static int leftovers_settle(const struct token_store *s, struct err *e)
{
	int copy = openat(s->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	if (d == NULL) {
		ret = err_sys(e, errno, "read the token directory");
		file_close(&copy);
		return ret;
	}
	while (ret == 0 && (entry = readdir(d)) != NULL) {
		if (ends_with(entry->d_name, NEW_SUFFIX))
			ret = leftover_settle(s, entry->d_name, e);
	}
	(void)closedir(d);
	return ret == 0 ? directory_sync(s, e) : ret;
}

static int lock_take(struct token_store *s, int64_t wait_ms, struct err *e)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000 * 1000 };
	int64_t until = clock_mono_ms() + wait_ms;

	s->lock = openat(s->directory, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return err_sys(e, errno, "make the file " LOCK " in the token directory");
	while (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, errno, "lock the token directory");
		if (clock_mono_ms() >= until)
			return err_set(e, ERR_TEMP, EBUSY,
				       "another mailferry uses the token directory: give this one a token_directory of "
				       "its own");
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

struct token_store *token_store_new(int directory, int64_t wait_ms, struct err *e)
{
	struct token_store *s = mem_alloc(sizeof *s);

	*s = (struct token_store){ .directory = directory, .lock = -1 };
	if (lock_take(s, wait_ms, e) != 0 || leftovers_settle(s, e) != 0)
		token_store_free(&s);
	return s;
}

void token_store_free(struct token_store **s)
{
	if (*s == NULL)
		return;
	file_close(&(*s)->lock);
	file_close(&(*s)->directory);
	free(*s);
	*s = NULL;
}

void token_store_descriptors(const struct token_store *s, int *directory, int *lock)
{
	*directory = s->directory;
	*lock = s->lock;
}
