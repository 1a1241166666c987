/*
 * One list of deliveries on its way to the store, and the supply of what its
 * lanes ask for: the next part of the queue in flight by the spool's record,
 * more from the spool, batches, bodies.
 */
#ifndef MAILFERRY_STORE_SUPPLY_H
#define MAILFERRY_STORE_SUPPLY_H

#include "store/worker_impl.h"

struct sending {
	struct worker *w;
	bool more;	      /* the spool may be asked for more */
	size_t taken;	      /* so far */
	bool stop;	      /* nothing more is to be sent */
	bool halt;	      /* … in this pass: a batch was refused, and what became of it comes first */
	int64_t settled;      /* clock_mono_ms, the last time */
	bool lost;	      /* the spool is gone, or could not record an outcome */
	bool refused;	      /* the spool did not record a flight: why */
	bool broke;	      /* a connection broke: why */
	const char *broke_at; /* … and the folder that the store was busy with, or NULL */
	struct err why_refused, why_broke;
};

/* What is too large for the store is not even offered. */
void supply_check_size(const struct worker *w, struct job *j);

/* Those of JOBS that are ready, mailbox by mailbox, as one command can only be for one. */
void supply_enqueue(struct worker *w, struct job **jobs, size_t n);

/* struct lane_user's "next" and "load"; ARG is the sending. */
int supply_next(void *arg, struct lane *l, struct job **out, struct err *e);
int supply_load(void *arg, struct job *j, struct err *e);

#endif
