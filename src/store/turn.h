/*
 * The deliveries of one turn of a worker: taken from the spool in pages, placed
 * in a queue in the order in which they are to be sent, and let go when they
 * are settled, so that a long queue needs no more memory than a short one.
 */
#ifndef MAILFERRY_STORE_TURN_H
#define MAILFERRY_STORE_TURN_H

#include "store/job.h"

struct page {
	struct page *next;
	struct spool_work *work;
	struct job *jobs;
	size_t n, open; /* OPEN: not settled */
};

struct turn {
	struct page *pages;
	struct job **queue;    /* AT…RECORDED are in flight by the spool's record, RECORDED…N only have a floor */
	size_t at, recorded, n, room;
	struct job **done; /* stored, to be settled soon */
	size_t ndone, done_room;
	size_t open; /* jobs in all pages that are not settled */
};

/* Takes over what the spool handed out. */
struct page *turn_add(struct turn *t, struct spool_work *work, size_t n);
void turn_free(struct turn *t);

void turn_queue(struct turn *t, struct job *j); /* at the end */
void turn_done(struct turn *t, struct job *j);

/* J is settled: its page goes with its last job, and J with it. Takes care that the queue does not name it. */
void turn_forget(struct turn *t, struct job *j);

/* Calls FN for each job that is not settled. */
void turn_each(struct turn *t, void (*fn)(void *arg, struct job *j), void *arg);

/* Those in STATE, into an array of the caller's: free() it. */
struct job **turn_pick(struct turn *t, enum job_state state, size_t *n);

#endif
