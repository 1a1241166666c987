/*
 * A table on standard output, its columns as wide as what stands in them. Rows
 * wait until there are enough to know the widths, so any number may be added.
 */
#ifndef MAILFERRY_CMD_TABLE_H
#define MAILFERRY_CMD_TABLE_H

#include <stddef.h>

enum { TABLE_COLUMNS_MAX = 12 };

struct table_column {
	const char *title;
	size_t widest; /* columns; longer text is cut */
};

struct table;
struct table *table_new(const struct table_column *columns, size_t n); /* COLUMNS must outlive the table */

/* A row of as many texts as there are columns (NULL: empty), cleaned here. NOTE, cleaned too, stands on a line of its
 * own below; NULL: none. */
void table_row(struct table *t, const char *const *cells, const char *note);

/* Prints what waits, and frees. A table without rows prints nothing. */
void table_end(struct table **t);

#endif
