/*
 * Runs a fuzz target over known inputs, for builds without libFuzzer. The
 * inputs are the files named, or else all files in the target's seeds folder.
 * Each input is also given cut short at every length: a parser may meet the end
 * anywhere. Prints TAP.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

enum { SEED_MAX = 1 << 20, PREFIXES_MAX = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An allocation of exactly the input's size, so that a sanitizer sees the first octet read behind it. */
static void replay(const char *data, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (copy == NULL)
		abort();
	if (n > 0)
		memcpy(copy, data, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static int replay_file(const char *path, int number)
{
	struct err e = { 0 };
	struct buf b;

	buf_init(&b, SEED_MAX);
	if (file_read(path, &b, &e) < 0) {
		printf("not ok %d - %s: %s\n", number, path, e.text);
		buf_free(&b);
		return -1;
	}
	for (size_t n = 0; n < b.n && n < PREFIXES_MAX; n++)
		replay(b.p, n);
	replay(b.p, b.n);
	buf_free(&b);
	printf("ok %d - %s\n", number, path);
	return 0;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int replay_folder(const char *program)
{
	const char *top = getenv("top_srcdir"), *name = strrchr(program, '/');
	char folder[4096], path[8192];
	struct dirent **list = NULL;
	int failed = 0, n;

	(void)snprintf(folder, sizeof folder, "%s/tests/fuzz/%s.seeds", top ? top : ".", name ? name + 1 : program);
	n = scandir(folder, &list, visible, alphasort);
	if (n <= 0) {
		printf("1..1\nnot ok 1 - no seeds in %s\n", folder);
		free(list);
		return 1;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
		failed |= replay_file(path, i + 1) < 0;
		free(list[i]);
	}
	free(list);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return replay_folder(argv[0]);
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++)
		failed |= replay_file(argv[i], i) < 0;
	return failed;
}
