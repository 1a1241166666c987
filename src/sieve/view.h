/*
 * The header of the message, as it is now, as tests see it, and that of a part:
 * a field is decoded, and its addresses are parsed, once, when a test first
 * asks.
 */
#ifndef MAILFERRY_SIEVE_VIEW_H
#define MAILFERRY_SIEVE_VIEW_H

#include "sieve/run.h"

struct field_view;
struct view_index;

struct view_field {
	struct slice name;	 /* empty for a line that is no field */
	struct slice value;	 /* raw */
	struct field_view *seen; /* NULL: nobody asked yet */
	bool kept;		 /* what "replace" preserved: no script deletes it (RFC 5703, 5) */
};

struct view_header {
	struct view_field *fields;
	size_t n;
	struct arena *arena; /* for what is seen */
	struct view_index *index; /* view_index.h; not owned; NULL: there is none */
};

/* Whether NAME can be the name of a field (RFC 5322, 2.2). One that can't is no error, but no field has it (RFC
 * 5228, 2.4.2.2). */
bool view_is_name(struct slice name);

/* The next field of H called NAME, at *AT or later; *AT moves behind it. 1 and *FIELD, its index; 0 when there is none;
 * -1 after run_error. Start with *AT as 0. */
int view_find(struct run *r, const struct view_header *h, struct slice name, size_t *at, size_t *field);

/* Its value: unfolded, encoded words decoded, blanks at both ends gone. 0, or -1 after run_error. */
int view_value(struct run *r, const struct view_header *h, size_t field, struct slice *text);

/* The addresses in it. Where none could be read, one that is not valid, with the text as it stands. Valid until the next
 * call: those of a header with very many are not kept. */
int view_list(struct run *r, const struct view_header *h, size_t field, const struct address_view **all, size_t *n);

/* Where what is found in the value that view_value gave is kept (keyset.h). */
struct known **view_known(const struct view_header *h, size_t field);

/* The header of the message itself, or of what an included script has as such (parts.h); NULL after run_error. */
const struct view_header *view_message(struct run *r);

/* The same of that header. A change of the header (RFC 5293) changes the indices. */
int view_next(struct run *r, struct slice name, size_t *at, size_t *field);
int view_text(struct run *r, size_t field, struct slice *text);
int view_addresses(struct run *r, size_t field, const struct address_view **all, size_t *n);

/* A single address as it stands in an envelope; "" is the null one. */
int view_address(struct run *r, struct slice text, struct address_view *out);

#endif
