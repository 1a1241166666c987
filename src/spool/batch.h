/* Group commit: see batch.c. */
#ifndef MAILFERRY_SPOOL_BATCH_H
#define MAILFERRY_SPOOL_BATCH_H

#include "spool/inside.h"

/* Takes requests that wait, up to a bound, runs them in one transaction, commits, does what follows and answers. */
void batch_run(struct spool_server *s);

/* Sends what OP has as its reply. */
void batch_answer(struct op *op);

#endif
