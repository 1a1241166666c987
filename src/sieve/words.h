/* Strings that are lists of words, parted by blanks (RFC 5232, 2). */
#ifndef MAILFERRY_SIEVE_WORDS_H
#define MAILFERRY_SIEVE_WORDS_H

#include "base/slice.h"

size_t words_count(struct slice s);

/* The words of S, which OUT has room for; how many. */
size_t words_split(struct slice s, struct slice *out);

#endif
