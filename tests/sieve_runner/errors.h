/* The errors since the last clear, one text each, which test_error compares. */
#ifndef MAILFERRY_TESTS_ERRORS_H
#define MAILFERRY_TESTS_ERRORS_H

#include "base/buf.h"

struct errors {
	char **all;
	size_t n;
};

enum { ERRORS_MAX = 200 /* the rest is left out */ };

void errors_add(struct errors *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void errors_add_lines(struct errors *e, struct slice lines); /* one each line */
void errors_clear(struct errors *e);

#endif
