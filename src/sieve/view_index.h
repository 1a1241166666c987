/* Finds fields by name without a look at all of them: a sender may write thousands, and a script ask thousands of
 * times. */
#ifndef MAILFERRY_SIEVE_VIEW_INDEX_H
#define MAILFERRY_SIEVE_VIEW_INDEX_H

#include "sieve/view.h"

struct gathered;

struct view_index *view_index_new(void);
void view_index_free(struct view_index **x);

/* The fields have changed: it is made anew when somebody asks. */
void view_index_forget(struct view_index *x);

/* The first field of H called NAME at index AT or later; H->n where there is none. *LOOKED is how many were looked at,
 * also to make the index. */
size_t view_index_find(struct view_index *x, const struct view_header *h, struct slice name, size_t at, size_t *looked);

/* What gather.c keeps of the fields until they change. */
struct gathered **view_index_gathered(struct view_index *x);

#endif
