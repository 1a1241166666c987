/* The files that many bodies are written to, on the side of who takes mail in. */
#ifndef MAILFERRY_SPOOL_CLIENT_BUNDLE_H
#define MAILFERRY_SPOOL_CLIENT_BUNDLE_H

#include "base/err.h"
#include "base/slice.h"

struct bundle_end {
	int fd; /* -1: none */
	int64_t number;
	uint64_t used;
};

/* One that is written to, and the next one, so that nobody waits for it. */
struct bundles {
	struct bundle_end now, next;
	bool asked; /* for the next one */
};

void bundles_init(struct bundles *b);
void bundles_close(struct bundles *b); /* the spool that they were of is gone */

/* Takes FD over as the next one. */
void bundles_take(struct bundles *b, int fd, int64_t number);

/* Is there room for SIZE octets? *LEFT: number of one that is done with and is to be given back, or 0. *ASK: another one
 * should be asked for. */
bool bundles_room(struct bundles *b, uint64_t size, int64_t *left, bool *ask);

/* Writes BODY, for which there is room: where it stands. 0 or -1. */
int bundles_put(struct bundles *b, struct slice body, uint64_t *number, uint64_t *at, struct err *e);

/* A body in NUMBER was not taken: what stands in it may be broken. True when it was in use and is to be given back. */
bool bundles_give_up(struct bundles *b, uint64_t number);

#endif
