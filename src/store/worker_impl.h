/* The fields of a worker, and what its files share. */
#ifndef MAILFERRY_STORE_WORKER_IMPL_H
#define MAILFERRY_STORE_WORKER_IMPL_H

#include "imap/session.h"
#include "store/append.h"
#include "store/quiet.h"
#include "store/trouble.h"
#include "store/worker.h"

struct worker {
	struct worker_setup setup;
	const struct config_account *account;
	struct spool_store *spool;
	struct imap *session; /* NULL: not connected */
	int64_t session_since;
	struct append_habits habits;
	struct quiet quiet;
	unsigned window;      /* messages without an answer; halved by each broken connection */
	unsigned stored;      /* since this worker started */
	int attempts;	      /* account-level failures in a row */
	bool known;	      /* attempts was asked for */
	int64_t newest_doubt; /* wall clock of the newest doubt that this worker made */
	int64_t hurry;
	int64_t used;		/* when the session was used last (clock_mono_ms) */
	unsigned stored_before; /* when the account's state was told last */
	struct trouble trouble;
};

/* store/answer.c: what a tagged reply does to its job (append's "answered"; ARG is the worker). */
void worker_answered(void *arg, struct job *j, enum verdict v, const struct imap_reply *r);

/* The job may be stored or not; it is to be looked for at DUE (wall clock, 0: now). SILENT: the store did not hang up
 * but fell silent. SUSPECT: this message may be the cause. */
void worker_doubt(struct worker *w, struct job *j, int64_t due, bool silent, bool suspect, const char *reason);

#endif
