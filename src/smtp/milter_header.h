/* A header block as fields that a milter may change. */
#ifndef MAILFERRY_SMTP_MILTER_HEADER_H
#define MAILFERRY_SMTP_MILTER_HEADER_H

#include "base/buf.h"
#include "base/slice.h"
#include "smtp/milter_edits.h"

struct milter_field {
	struct slice name; /* empty for a line that is no field */
	struct slice raw;  /* all of it, with its line end */
	char *owned;	   /* what RAW and NAME point into, if it is new */
};

struct milter_header { /* all zero at the start */
	struct milter_field *all; /* owned */
	size_t n;
};

/* BLOCK, with or without its empty line, outlives H. */
void milter_header_init(struct milter_header *h, struct slice block);

/* Carries out an edit of a header field. 0, or -1: its name is none, or there are too many fields; nothing was done.
 * Whatever the value holds, what comes out is one field: a line end in it becomes a fold, and other control characters '?'.
 */
int milter_header_apply(struct milter_header *h, const struct milter_edit *e, bool leading_space);

/* The block with its empty line; OUT fails when it is too small. */
void milter_header_print(const struct milter_header *h, struct buf *out);

void milter_header_free(struct milter_header *h);

/* VALUE (raw, behind the colon) as a milter is told it: folds end in LF alone; without KEEP_SPACE blanks in front go. */
void milter_value_print(struct slice value, bool keep_space, struct buf *out);

#endif
