/* Sets of IMAP flags as scripts make them (RFC 5232, 2). */
#ifndef MAILFERRY_SIEVE_FLAGS_H
#define MAILFERRY_SIEVE_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

enum {
	FLAGS_MAX = 64, /* of one set */
	FLAG_LENGTH_MAX = 128
};

/* Each flag is there once, whatever its case. */
struct flag_set {
	struct slice all[FLAGS_MAX];
	size_t n;
};

/* A set that holds the text of its flags itself: it may change a million times. Not to be copied. */
struct flag_store {
	struct flag_set set;
	char text[FLAGS_MAX][FLAG_LENGTH_MAX];
};

/* What a message may be stored with: the five system flags but never \Recent, and keywords (RFC 3501, 9: flag-keyword).
 * *FLAG becomes its usual form. */
bool flag_settable(struct slice *flag);

/* A flag that can't be set, or that the set has no room for, is left out. */
void flags_add(struct flag_set *set, struct slice flag);
void flags_remove(struct flag_set *set, struct slice flag);

/* TO becomes SET, whose flags may lie in TO. */
void flags_keep(struct flag_store *to, const struct flag_set *set);

#endif
