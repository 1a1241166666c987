/* Errors of one configuration: lines "FILE:LINE: key `accounts.office.port': expected …, got …". */
#ifndef MAILFERRY_CONFIG_REPORT_H
#define MAILFERRY_CONFIG_REPORT_H

#include "base/buf.h"
#include "base/slice.h"

struct source;

enum { REPORT_ERRORS_MAX = 50, REPORT_PATH_SIZE = 256 };

struct report {
	struct buf *out; /* the caller's */
	const struct source *source;
	unsigned n; /* errors so far, also those beyond REPORT_ERRORS_MAX, which are only counted */
};

/* LINE counts in the joined text of the source, from 1; 0 names the file alone. PATH may be NULL. */
void report_error(struct report *r, unsigned line, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Tells how many errors were not printed, if any. */
void report_end(struct report *r);

/* Appends TEXT so that a terminal can show it: cut after MAX octets, control characters as \xNN. */
void report_quote(struct buf *out, struct slice text, size_t max);

#endif
