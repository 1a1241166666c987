/* Files of Python's configparser, as getmail reads them: sections, keys, values that go on in indented lines; and the
 * tuples of quoted strings that stand in such values. */
#ifndef MAILFERRY_CMD_IMPORT_INI_H
#define MAILFERRY_CMD_IMPORT_INI_H

#include "cmd/import.h"

struct import_item {
	struct slice section; /* as it is written */
	const char *key;      /* in lower case; NULL: only the section begins here */
	const char *value;    /* its lines, with line feeds between */
	int line;
};

/* Calls FN for each, in order. What is no such line is an error of IMP. */
typedef void import_item_fn(void *arg, const struct import_item *item);
void import_ini_read(struct import *imp, struct slice text, import_item_fn *fn, void *arg);

/* All quoted strings of TEXT in order, however they are nested: ("a", ("b", 'c')). 0, or -1 when a quote is never
 * closed or TEXT has something else than such strings. */
int import_ini_tuple(struct import *imp, int line, const char *text, struct import_list *out);

#endif
