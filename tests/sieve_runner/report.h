/* What is told of a file: a line for each failure, then how many passed and failed. */
#ifndef MAILFERRY_TESTS_REPORT_H
#define MAILFERRY_TESTS_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/slice.h"

struct report {
	FILE *out; /* NULL: nothing is told */
	char *test; /* the one that runs, or NULL */
	bool failing; /* and it failed */
	unsigned long passed, failed;
};

void report_begin(struct report *r, struct slice test);
void report_end(struct report *r);

/* The test that runs failed, at LINE of FILE (which it may include). */
void report_fail(struct report *r, const char *file, unsigned line, struct slice reason);

/* The whole file failed: TEXT are lines that say where and why. */
void report_abort(struct report *r, struct slice text);

/* Once, at the end. Exit status: 0 when no test failed; with EXPECT_FAILURE, when each that began did. */
int report_finish(struct report *r, bool expect_failure);

#endif
