/* "${hex: 24}" and "${unicode: 20ac}" in strings (RFC 5228, 2.4.2.4). */
#ifndef MAILFERRY_SIEVE_ENCODED_H
#define MAILFERRY_SIEVE_ENCODED_H

#include "sieve/compiler.h"

/* Decodes what is such a sequence in *S, whose new form is the program's; what is none stays. 0, or -1 after an error: a
 * number that is no character. */
int encoded_decode(struct compiler *c, struct slice *s, struct pos at);

#endif
