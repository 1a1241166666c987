/* Since when deliveries in doubt have been left alone: the time from which the settle time counts. */
#ifndef MAILFERRY_STORE_QUIET_H
#define MAILFERRY_STORE_QUIET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUIET_MAX = 100000 };

struct quiet {
	struct quiet_one {
		int64_t number; /* the delivery */
		int64_t since;	/* monotonic: a wall clock that jumps ahead would end the wait too early */
		bool silent;	/* the store fell silent, instead of hanging up: it takes longer to be believed */
	} * all;
	size_t n, room;
};

void quiet_free(struct quiet *q);

/* The connection of delivery NUMBER ended at SINCE (monotonic); overrides what was known. */
void quiet_note(struct quiet *q, int64_t number, int64_t since, bool silent);

/* How much of the settle time of NUMBER is left at NOW (monotonic), in milliseconds; 0: none. A delivery that is not known
 * yet was left alone for AGE by now (not above 0: from now on). */
int64_t quiet_left(struct quiet *q, int64_t number, int64_t age, int64_t now, int64_t settle);

void quiet_forget(struct quiet *q, int64_t number);

#endif
