#include "cmd/table.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cmd/text.h"

enum { ROWS_WAITING = 500, CELL_BYTES = 4096, INDENT = 18 };

struct row {
	char *cells[TABLE_COLUMNS_MAX]; /* clean */
	size_t widths[TABLE_COLUMNS_MAX];
	char *note;
};

struct table {
	const struct table_column *columns;
	size_t n;
	size_t widths[TABLE_COLUMNS_MAX]; /* never shrink, so that blocks of rows fit below each other */
	struct row rows[ROWS_WAITING];
	size_t nrows;
	int titles_printed;
};

static char *clean(const char *s, size_t columns, size_t *width)
{
	struct buf b;

	buf_init(&b, CELL_BYTES);
	*width = text_clean(&b, s, columns);
	(void)buf_str(&b);
	return buf_take(&b, NULL);
}

struct table *table_new(const struct table_column *columns, size_t n)
{
	struct table *t = mem_alloc(sizeof *t);

	if (n > TABLE_COLUMNS_MAX)
		abort();
	t->columns = columns;
	t->n = n;
	return t;
}

static void print_cell(const struct table *t, size_t column, const char *text, size_t width)
{
	(void)fputs(text == NULL ? "" : text, stdout);
	if (column + 1 < t->n)
		(void)printf("%*s", (int)(t->widths[column] - width) + 2, "");
	else
		(void)putchar('\n');
}

static void print_titles(struct table *t)
{
	if (t->titles_printed++ > 0)
		return;
	for (size_t i = 0; i < t->n; i++)
		print_cell(t, i, t->columns[i].title, slice_str(t->columns[i].title).n);
}

static void print_rows(struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		size_t title = slice_str(t->columns[i].title).n;

		if (title > t->widths[i])
			t->widths[i] = title;
		for (size_t r = 0; r < t->nrows; r++)
			if (t->rows[r].widths[i] > t->widths[i])
				t->widths[i] = t->rows[r].widths[i];
	}
	if (t->nrows > 0)
		print_titles(t);
	for (size_t r = 0; r < t->nrows; r++) {
		struct row *row = &t->rows[r];

		for (size_t i = 0; i < t->n; i++) {
			print_cell(t, i, row->cells[i], row->widths[i]);
			free(row->cells[i]);
		}
		if (row->note != NULL)
			(void)printf("%*s%s\n", INDENT, "", row->note);
		free(row->note);
	}
	t->nrows = 0;
}

void table_row(struct table *t, const char *const *cells, const char *note)
{
	struct row *row = &t->rows[t->nrows++];
	size_t ignored;

	for (size_t i = 0; i < t->n; i++)
		row->cells[i] = clean(cells[i], t->columns[i].widest, &row->widths[i]);
	row->note = note == NULL || note[0] == '\0' ? NULL : clean(note, 0, &ignored);
	if (t->nrows == ROWS_WAITING)
		print_rows(t);
}

void table_end(struct table **tp)
{
	if (*tp == NULL)
		return;
	print_rows(*tp);
	free(*tp);
	*tp = NULL;
}
