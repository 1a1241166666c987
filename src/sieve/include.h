/* Scripts within scripts (RFC 6609): the list of those that a program includes. */
#ifndef MAILFERRY_SIEVE_INCLUDE_H
#define MAILFERRY_SIEVE_INCLUDE_H

#include "sieve/compiler.h"

/* P is an outermost script: it is the first of its own list, where it has a name. */
void include_begin(struct sieve_program *p, const struct sieve_scripts *scripts);

#endif
