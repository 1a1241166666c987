/*
 * One account's worker: takes due deliveries from the spool, sends them or looks
 * for them, and tells the spool what became of each. It may be killed at any
 * moment: what was in flight is in doubt for the next worker.
 */
#ifndef MAILFERRY_STORE_WORKER_H
#define MAILFERRY_STORE_WORKER_H

#include "config/config.h"
#include "net/tls.h"
#include "spool/client.h"

struct worker;

struct worker_setup {
	const struct config_account *account;
	struct spool_store *spool;
	struct tls_client *tls; /* NULL where the account's tls is "none" */
	/* A new connection to the account's host, or -1 and E. */
	int (*connect)(void *arg, struct err *e);
	/* An access token for an account with `oauth', NULL else; as struct imap_login's. */
	char *(*token)(void *arg, bool fresh, struct err *e);
	/* The account was held for a reason that only a person can mend, or as the mailbox is full. May be NULL. */
	void (*notice)(void *arg, const char *reason);
	/* Called during waits and between steps when WAKE_FD is readable: may call worker_hurry. */
	int wake_fd;
	void (*wake)(void *arg);
	void *arg;
};

struct worker *worker_new(const struct worker_setup *setup);
void worker_free(struct worker **w); /* logs out */

enum worker_turn {
	WORKER_BUSY, /* something was done: come again at once */
	WORKER_IDLE, /* nothing is due before *NEXT_DUE_MS (wall clock) */
	WORKER_LOST  /* the spool is gone, or could not record an outcome: end the process */
};
enum worker_turn worker_turn(struct worker *w, int64_t *next_due_ms);

/* Everything under way must end within MS milliseconds; what has no answer by then is in doubt. */
void worker_hurry(struct worker *w, int64_t ms);

/* Logs out of the store, if logged in. */
void worker_rest(struct worker *w);

#endif
