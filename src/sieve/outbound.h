/* Addresses that a script sends to (RFC 5228, 2.4.2.3). */
#ifndef MAILFERRY_SIEVE_OUTBOUND_H
#define MAILFERRY_SIEVE_OUTBOUND_H

#include "sieve/compiler.h"

/* TEXT must be "addr-spec" or "phrase <addr-spec>", with a domain; it becomes the bare addr-spec. */
void outbound_check(struct compiler *c, struct slice *text, struct pos at);

#endif
