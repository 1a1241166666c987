/* The directory of refresh tokens: what is on disk, and who may read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "keeper_tools.h"

static char *path_of(const char *name)
{
	return mem_printf("%s/%s", tested.dir, name);
}

static void put(const char *name, const char *text, mode_t mode)
{
	char *path = path_of(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	struct err e;

	assert_int_equal(file_write_all(fd, text, strlen(text), &e), 0);
	(void)fchmod(fd, mode);
	(void)close(fd);
	free(path);
}

#define FILE_TEXT(serial, token)                                                                                       \
	"{\"version\":1,\"serial\":" serial ",\"binding\":\"b\",\"refresh_token\":\"" token "\"}"

static void what_a_crash_left_is_settled(void **state)
{
	static const struct {
		const char *final, *fresh; /* NULL: not there */
		const char *token;	   /* that is good then; NULL: none, "": the file is damaged */
	} rows[] = {
		{ NULL, NULL, NULL },
		{ FILE_TEXT("1", "old"), NULL, "old" },
		{ FILE_TEXT("1", "old"), FILE_TEXT("2", "new"), "new" },
		{ NULL, FILE_TEXT("1", "new"), "new" },
		{ FILE_TEXT("3", "old"), FILE_TEXT("2", "stale"), "old" },
		{ FILE_TEXT("1", "old"), "", "old" },
		{ FILE_TEXT("1", "old"), "{\"version\":1,\"serial\":2,\"bind", "old" },
		{ NULL, "{\"version\":1", NULL },
		{ "garbage", FILE_TEXT("2", "new"), "new" },
		{ "garbage", NULL, "" },
		{ "", NULL, "" },
		{ FILE_TEXT("0", "old"), NULL, "" },
		{ FILE_TEXT("1", "o\\nld"), NULL, "" },
		{ "{\"version\":2,\"serial\":1,\"binding\":\"b\",\"refresh_token\":\"x\"}", NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *final = path_of("a.token"), *fresh = path_of("a.token.new");
		struct stored_token s;
		struct err e;
		int ret;

		(void)unlink(final);
		if (rows[i].final != NULL)
			put("a.token", rows[i].final, 0600);
		if (rows[i].fresh != NULL)
			put("a.token.new", rows[i].fresh, 0600);
		tested_store_open();
		ret = token_store_read(tested.store, "a", &s, &e);
		if (ret != (rows[i].token == NULL ? 0 : rows[i].token[0] == '\0' ? -1 : 1))
			fail_msg("row %zu: %d", i, ret);
		if (ret == 1)
			assert_string_equal(s.refresh_token, rows[i].token);
		if (ret < 0)
			assert_true(e.class == ERR_CONFIG && strstr(e.text, "a.token") != NULL);
		assert_int_equal(access(fresh, F_OK), -1);
		stored_token_free(&s);
		token_store_free(&tested.store);
		free(final);
		free(fresh);
	}
}

static void files_are_closed_to_others(void **state)
{
	struct stored_token s = { .refresh_token = mem_strdup("r1"), .binding = mem_strdup("b") }, back;
	char *path = path_of("a.token");
	struct stat st;
	struct err e;

	(void)state;
	tested_store_open();
	assert_int_equal(token_store_write(tested.store, "a", &s, &e), 0);
	assert_int_equal(s.serial, 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	(void)chmod(path, 0640);
	assert_int_equal(token_store_read(tested.store, "a", &back, &e), -1);
	assert_non_null(strstr(e.text, "open to others"));
	/* A name that would lead elsewhere is none. */
	assert_int_equal(token_store_write(tested.store, "../a", &s, &e), -1);
	assert_int_equal(token_store_write(tested.store, "", &s, &e), -1);
	assert_int_equal(token_store_read(tested.store, "a/b", &back, &e), -1);
	(void)unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(token_store_read(tested.store, "a", &back, &e), -1);
	assert_int_equal(token_store_remove(tested.store, "a", &e), 0);
	assert_int_equal(token_store_read(tested.store, "a", &back, &e), 0);
	stored_token_free(&s);
	free(path);
}

static void one_process_at_a_time_has_the_directory(void **state)
{
	struct token_store *second;
	struct err e;

	(void)state;
	tested_store_open();
	second = token_store_new(tested_directory(), 200, &e);
	assert_null(second);
	assert_non_null(strstr(e.text, "another mailferry uses the token directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_crash_left_is_settled),
		TEST(files_are_closed_to_others),
		TEST(one_process_at_a_time_has_the_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
