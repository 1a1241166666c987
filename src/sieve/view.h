/*
 * The header of the message as tests see it: a field is decoded, and its
 * addresses are parsed, once a run, when a test first asks.
 */
#ifndef MAILFERRY_SIEVE_VIEW_H
#define MAILFERRY_SIEVE_VIEW_H

#include "sieve/run.h"

/* Whether NAME can be the name of a field (RFC 5322, 2.2). One that can't is no error, but no field has it (RFC
 * 5228, 2.4.2.2). */
bool view_is_name(struct slice name);

/* The next field called NAME, at *AT or later; *AT moves behind it. 1 and *FIELD, its index; 0 when there is none; -1
 * after run_error. Start with *AT as 0. */
int view_next(struct run *r, struct slice name, size_t *at, size_t *field);

/* Its value: unfolded, encoded words decoded, blanks at both ends gone. 0, or -1 after run_error. */
int view_text(struct run *r, size_t field, struct slice *text);

/* The addresses in it. Where none could be read, one that is not valid, with the text as it stands. */
int view_addresses(struct run *r, size_t field, const struct address_view **all, size_t *n);

/* A single address as it stands in an envelope; "" is the null one. */
int view_address(struct run *r, struct slice text, struct address_view *out);

#endif
