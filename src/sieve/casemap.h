/* Titlecased and decomposed characters, as RFC 5051 has them. */
#ifndef MAILFERRY_SIEVE_CASEMAP_H
#define MAILFERRY_SIEVE_CASEMAP_H

#include "base/buf.h"

/* Appends S with each character in title case, then decomposed (canonically and for compatibility), and so on what it
 * became (RFC 5051, 2). What is no UTF-8 is binary: all of it stays as it is. 0, or -1 when OUT is full. */
int casemap_fold(struct slice s, struct buf *out);

/* Octets that the character at the front of S takes once it is folded, and *N that it takes now; 0 where there is none. */
size_t casemap_folded(struct slice s, size_t *n);

#endif
