/* Variables that the scripts of a run share (RFC 6609, 3.4). */
#ifndef MAILFERRY_SIEVE_GLOBALS_H
#define MAILFERRY_SIEVE_GLOBALS_H

#include "sieve/run.h"

enum { GLOBALS_MAX = 256, GLOBALS_BYTES_MAX = 1024 * 1024 };

/* The one called NAME; where it is not there, a new one when MAKE is set, else NULL. NULL after run_error too. It stays
 * where it is until the run ends. */
struct buf *globals_find(struct run *r, struct slice name, bool make);

/* VALUE is not too long. 0, or -1 after run_error. */
int globals_set(struct run *r, struct buf *variable, struct slice value);

void globals_free(struct globals **g);

#endif
