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
		int64_t since;	/* wall clock */
		bool silent;	/* the store fell silent, instead of hanging up: it takes longer to be believed */
	} * all;
	size_t n, room;
};

void quiet_free(struct quiet *q);

/* The connection of delivery NUMBER ended at SINCE; overrides what was known. */
void quiet_note(struct quiet *q, int64_t number, int64_t since, bool silent);

/* When the settle time of NUMBER is over. A delivery that is not known yet was left alone since SINCE (0: NOW). */
int64_t quiet_until(struct quiet *q, int64_t number, int64_t since, int64_t now, int64_t settle);

void quiet_forget(struct quiet *q, int64_t number);

#endif
