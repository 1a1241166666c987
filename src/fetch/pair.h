/*
 * Which of the messages that are there are those that are remembered? A
 * multiset's question: several messages may bear one name, or be the same octet
 * by octet, and each remembered one answers for one of them only.
 */
#ifndef MAILFERRY_FETCH_PAIR_H
#define MAILFERRY_FETCH_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { PAIR_NONE = UINT32_MAX };

struct pair_end {
	struct slice key; /* name or hash */
	uint64_t size;
	uint32_t index; /* the caller's */
	bool exact;	/* only with one of the same size */
	uint32_t with;	/* result: the index of the other end, or PAIR_NONE */
};

/* Joins ends of A and B with the same key: those of the same size first, then the others unless one of them is exact.
 * Each is joined once. Sorts both arrays. O(n log n). */
void pair_up(struct pair_end *a, size_t na, struct pair_end *b, size_t nb);

#endif
