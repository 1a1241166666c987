/* What a script remembers from one message to the next (duplicate, vacation). The run asks by keys; who runs it keeps them
 * (sieve.h: memory, plan.h: wanted). */
#ifndef MAILFERRY_SIEVE_REMEMBER_H
#define MAILFERRY_SIEVE_REMEMBER_H

#include "sieve/run.h"

enum { REMEMBER_KEYS_MAX = 50 /* of one run */ };

/* Is KEY remembered? 1, 0, or -1 after run_error. Of one that the input does not tell, 0: the plan then says that it is
 * wanted, and the run is made again. Keys of different commands must differ in how they begin. */
int remember_known(struct run *r, struct slice key);

/* KEY is to be remembered for SECONDS; see struct plan_memory. 0, or -1 after run_error. */
int remember_add(struct run *r, struct slice key, uint64_t seconds, bool once);

#endif
