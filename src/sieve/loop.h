/* The loops around what is being compiled (RFC 5703, 3). */
#ifndef MAILFERRY_SIEVE_LOOP_H
#define MAILFERRY_SIEVE_LOOP_H

#include "sieve/compiler.h"

struct compile_loop {
	struct compile_loop *outer;
	struct slice name; /* SLICE_NONE: it has none */
	uint32_t breaks;   /* list of the jumps behind it, linked by their targets; COMPILE_NONE ends it */
};

#endif
