/*
 * The relay's worker: takes what is due for the account `relay' from the spool,
 * sends it, and tells the spool what became of each recipient. It may be killed
 * at any moment: what was in flight is in doubt for the next worker.
 */
#ifndef MAILFERRY_RELAY_WORKER_H
#define MAILFERRY_RELAY_WORKER_H

#include "relay/session.h"
#include "spool/client.h"

struct relay_worker;

struct relay_worker_setup {
	const struct config *config; /* with a relay */
	struct spool_store *spool;
	struct tls_client *tls; /* NULL where tls is "none" */
	/* A new connection to the relay, or -1 and E. */
	int (*connect)(void *arg, struct err *e);
	char *(*token)(void *arg, bool fresh, struct err *e); /* as struct relay_login's */
	/* Nothing goes out for a reason that only a person can mend. */
	void (*held)(void *arg, const char *reason);
	/* A message waits for a person: it was refused, given up, or its answer was lost. */
	void (*waits)(void *arg, const char *reason);
	int wake_fd; /* readable during a wait: WAKE, which may call relay_worker_hurry */
	void (*wake)(void *arg);
	void *arg;
};

struct relay_worker *relay_worker_new(const struct relay_worker_setup *setup);
void relay_worker_free(struct relay_worker **w); /* says QUIT */

enum relay_turn {
	RELAY_BUSY, /* something was done: come again at once */
	RELAY_IDLE, /* nothing is due before *NEXT_DUE_MS (wall clock) */
	RELAY_LOST  /* the spool is gone, or could not record an outcome: end the process */
};
enum relay_turn relay_worker_turn(struct relay_worker *w, int64_t *next_due_ms);

/* The process must end: an answer that is under way has MS milliseconds to come. */
void relay_worker_hurry(struct relay_worker *w, int64_t ms);

/* Ends the connection, if there is one. */
void relay_worker_rest(struct relay_worker *w);

#endif
