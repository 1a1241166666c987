/* svtest [--expect-failure] [-W DIR] FILE …: runs files of tests, one after the other, against the rules engine. */
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/file.h"
#include "base/mem.h"
#include "suite.h"

static int read_file(void *arg, const char *path, struct buf *out, struct err *e)
{
	(void)arg;
	return file_read(path, out, e);
}

/* The absolute name of the directory that holds PATH, from malloc; NULL where it is none. */
static char *folder_of(const char *path)
{
	char *copy = mem_strdup(path), *folder = realpath(dirname(copy), NULL);

	free(copy);
	return folder;
}

static int usage(void)
{
	(void)fputs("usage: svtest [--expect-failure] [-W DIR] FILE ...\n", stderr);
	return EX_USAGE;
}

static int run(const char *path, bool expect_failure)
{
	char *folder = folder_of(path);
	struct suite s;
	struct buf text;
	struct err e;
	int status;

	buf_init(&text, SIEVE_SCRIPT_MAX + 1);
	if (folder == NULL || file_read(path, &text, &e) != 0) {
		(void)fprintf(stderr, "svtest: %s\n", folder == NULL ? path : e.text);
		free(folder);
		return EX_NOINPUT;
	}
	suite_init(&s, path, folder, read_file, NULL, stdout);
	suite_run(&s, buf_slice(&text));
	status = report_finish(&s.report, expect_failure);
	suite_free(&s);
	buf_free(&text);
	free(folder);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option known[] = { { "expect-failure", no_argument, NULL, 'f' }, { NULL, 0, NULL, 0 } };
	bool expect_failure = false;
	int c, worst = 0;

	/* What is worked on is in memory, so that -W is taken and needs nothing. */
	while ((c = getopt_long(argc, argv, "W:", known, NULL)) != -1) {
		if (c == 'f')
			expect_failure = true;
		else if (c != 'W')
			return usage();
	}
	if (optind == argc)
		return usage();
	for (int i = optind; i < argc; i++) {
		int status = run(argv[i], expect_failure);

		if (status > worst)
			worst = status;
	}
	return worst;
}
