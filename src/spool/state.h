/*
 * The legal states of a delivery and who may change which into which: the one
 * table that every change goes through. docs/spool.md holds the same table with
 * its meanings; a test compares them.
 */
#ifndef MAILFERRY_SPOOL_STATE_H
#define MAILFERRY_SPOOL_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "spool/types.h"

enum state_actor {
	ACTOR_INTAKE = 1, /* who takes mail in: makes deliveries */
	ACTOR_STORE,	  /* the store of the delivery's account */
	ACTOR_ADMIN,	  /* a person */
	ACTOR_SPOOL	  /* the spool itself: a store that ended, a damaged body, a restored backup */
};

enum { STATE_NONE = 0 }; /* a delivery that is not there yet */

struct state_rule {
	int from, to; /* enum delivery_state, or STATE_NONE */
	enum state_actor actor;
};
extern const struct state_rule state_rules[];
extern const size_t state_nrules;

bool state_legal(int from, int to, enum state_actor actor);
const char *state_actor_name(enum state_actor actor);

/* Nothing will happen to it any more. */
bool state_final(enum delivery_state s);

#endif
