/* Lists that rules may ask (RFC 6134), by name: addresses, domains and other texts, without case. */
#ifndef MAILFERRY_INTAKE_LISTS_H
#define MAILFERRY_INTAKE_LISTS_H

#include <stdbool.h>

#include "base/slice.h"

struct lists;

/* A line each of TEXT; empty ones and those that begin with "#" are left out. *LISTS may be NULL before. */
void lists_add(struct lists **lists, const char *name, struct slice text);
void lists_free(struct lists **lists);

/* Is VALUE in list NAME? The address "a@b.example" is there also as "@b.example"; the domain "b.example" too. SLICE_NONE: is
 * there such a list? LISTS may be NULL. */
bool lists_has(const struct lists *lists, struct slice name, struct slice value);

/* Line number I of what is left, in some order. */
bool lists_member(const struct lists *lists, struct slice name, size_t i, struct slice *member);

#endif
