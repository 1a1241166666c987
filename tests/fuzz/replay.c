/*
 * Runs a fuzz target over known inputs, for builds without libFuzzer. The
 * inputs are the files named, or else all files in the target's seeds folder.
 * Each input is also given cut short at every length: a parser may meet the end
 * anywhere; and as the target changes it by its grammar, if it has one. Prints
 * TAP.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

enum { SEED_MAX = 1 << 20, PREFIXES_MAX = 2048, ROUNDS = 300, CHANGED_MAX = 16 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
/* A target may know the grammar of its inputs. */
__attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

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

/* In place of libFuzzer's: an octet becomes another. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
{
	(void)max;
	if (size > 0)
		data[size / 2] ^= 0x15;
	return size;
}

/* What the grammar makes of an input, and of that, and so on: always the same. */
static void replay_changed(const char *data, size_t n)
{
	uint8_t *changed = malloc(CHANGED_MAX);
	size_t now = 0;

	if (changed == NULL)
		abort();
	for (unsigned seed = 0; seed < ROUNDS; seed++) {
		/* From the beginning, before it is all chaos. */
		if (seed % 10 == 0) {
			now = n < CHANGED_MAX ? n : CHANGED_MAX;
			memcpy(changed, data, now);
		}
		now = LLVMFuzzerCustomMutator(changed, now, CHANGED_MAX, seed);
		replay((const char *)changed, now);
	}
	free(changed);
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
	if (LLVMFuzzerCustomMutator != NULL && b.n > 0)
		replay_changed(b.p, b.n);
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
