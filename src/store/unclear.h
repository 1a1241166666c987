/*
 * Batches that the store refused. RFC 3502 wants them stored whole or not at
 * all, but not every store keeps to that, and one bad message must not stop the
 * others: so it is found out what became of each.
 */
#ifndef MAILFERRY_STORE_UNCLEAR_H
#define MAILFERRY_STORE_UNCLEAR_H

#include "store/recover.h"

/* For each of JOBS (JOB_UNCLEAR): done; or JOB_READY, to be sent alone, because it is certainly not stored; or, when the
 * folder does not tell, still JOB_UNCLEAR: a doubt. The commands were answered, so nothing is stored later. 0, or -1 and E
 * when the connection is over. */
int unclear_jobs(struct recover *rc, struct job **jobs, size_t n, struct err *e);

#endif
