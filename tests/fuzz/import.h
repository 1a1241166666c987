/* What the fuzz targets of the readers of other programs' files have in common. */
#ifndef MAILFERRY_TESTS_FUZZ_IMPORT_H
#define MAILFERRY_TESTS_FUZZ_IMPORT_H

#include <stdlib.h>

#include "cmd/import.h"
#include "config/report.h"
#include "config/syntax.h"

/* Whatever was read: what is printed is a configuration in its form, and no control character is in it. */
static inline void import_check(void (*read)(struct import *imp, const char *file, struct slice text),
				const uint8_t *data, size_t size)
{
	struct syntax lines = { 0 };
	struct report report;
	struct buf out, errors;
	struct import imp;

	if (size > IMPORT_FILE_MAX)
		return;
	import_init(&imp, "fuzz");
	read(&imp, "rc", slice_of((const char *)data, size));
	import_names(&imp);
	buf_init(&out, 64 * 1024 * 1024);
	buf_init(&errors, 1 << 16);
	import_print(&imp, NULL, &out);
	for (size_t i = 0; i < out.n; i++)
		if ((unsigned char)out.p[i] < 0x20 && out.p[i] != '\n' && out.p[i] != '\t')
			abort();
	report = (struct report){ .out = &errors };
	if (imp.nsources <= 100 && !buf_failed(&out) && syntax_check(buf_slice(&out), &lines, &report) != 0)
		abort();
	syntax_free(&lines);
	buf_free(&errors);
	buf_free(&out);
	import_free(&imp);
}

#endif
