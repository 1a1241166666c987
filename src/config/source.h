/*
 * The text of a configuration: the file itself and what it names by
 * `@include "file"`, joined, and where each line of it came from.
 */
#ifndef MAILFERRY_CONFIG_SOURCE_H
#define MAILFERRY_CONFIG_SOURCE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"
#include "config/report.h"

enum {
	SOURCE_MAX = 8 * 1024 * 1024, /* octets in all: room for 100,000 addresses */
	SOURCE_FILES_MAX = 100,
	SOURCE_INCLUDES_MAX = 10 /* files within each other */
};

struct source_file {
	char *name;	/* as given, for errors */
	char *readable; /* why it may hold no secret, or NULL when it may */
};

struct source_span { /* from this line of the text on, lines are those of that file */
	unsigned line, file, file_line;
};

struct source {
	struct source_file *files;
	size_t nfiles;
	struct source_span *spans;
	size_t nspans;
	struct buf text; /* valid UTF-8 without NULs, every line ended by LF; may hold secrets */
	unsigned lines;
};

void source_init(struct source *s);
void source_free(struct source *s); /* wipes the text */

/* Reads FILE and what it includes. 0, or -1 when R got an error. */
int source_read(struct source *s, const char *file, struct report *r);

/* Takes TEXT instead; it may include nothing. */
int source_text(struct source *s, const char *name, struct slice text, struct report *r);

/* Appends "FILE:LINE" of a line of the text. */
void source_where(const struct source *s, unsigned line, struct buf *out);

/* The file that a line of the text came from. */
const struct source_file *source_file(const struct source *s, unsigned line);

#endif
