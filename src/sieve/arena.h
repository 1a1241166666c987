/*
 * Memory that is freed all at once: what a compilation or a run makes lives
 * until its end. Nothing in an arena is freed by itself.
 */
#ifndef MAILFERRY_SIEVE_ARENA_H
#define MAILFERRY_SIEVE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* owned; the newest first */
	size_t left;		    /* free bytes at the end of the newest chunk */
	size_t used, max;	    /* octets taken from the system, and how many may be */
};

/* Nothing is allocated until something is asked for. */
void arena_init(struct arena *a, size_t max);
void arena_free(struct arena *a);

/* N zeroed octets, aligned for anything; NULL when the maximum or the machine's memory is reached. */
void *arena_try(struct arena *a, size_t n);

/* The same for N elements of SIZE octets. */
void *arena_array(struct arena *a, size_t n, size_t size);

#endif
