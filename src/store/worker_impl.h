/* The fields of a worker, and what its files share. */
#ifndef MAILFERRY_STORE_WORKER_IMPL_H
#define MAILFERRY_STORE_WORKER_IMPL_H

#include "store/append.h"
#include "store/floors.h"
#include "store/quiet.h"
#include "store/tell.h"
#include "store/turn.h"
#include "store/trouble.h"
#include "store/worker.h"

enum {
	TAKE_MAX = 500,			  /* deliveries asked for at once */
	TAKE_BYTES_MAX = 64 * 1024 * 1024 /* and octets, but at least one */
};

struct worker {
	struct worker_setup setup;
	const struct config_account *account;
	struct spool_store *spool;
	struct lane lanes[APPEND_LANES_MAX]; /* connections; the first is the one that also looks and asks */
	unsigned lanes_max;		     /* what the store lets us have, as far as we know */
	int64_t lanes_again;		     /* clock_mono_ms: then more may be tried again */
	struct floors floors;
	struct quiet quiet;
	unsigned window; /* messages without an answer on a connection, at most; halved by each that breaks */
	unsigned batch;	 /* messages in one command, at most; the same */
	bool batch_bad;	 /* the store does not understand a command with several */
	unsigned stored; /* since this worker started */
	unsigned passed, refused; /* OKs and NOs to APPEND, since the first connection was made */
	int attempts;		  /* account-level failures in a row */
	bool known;		  /* attempts was asked for */
	int64_t newest_doubt;	  /* clock_mono_ms of the newest doubt that this worker made */
	int64_t hurry;
	int64_t used;		/* when the connections were used last (clock_mono_ms) */
	unsigned stored_before; /* when the account's state was told last */
	struct trouble trouble;
	bool no_keywords;    /* the store answered BAD to some, and hung up or was hung up on */
	uint64_t size_limit; /* the account is full: only smaller mail may still fit */
	struct turn turn;	     /* of this turn */
	struct tell tell;
};

/* ---- answer.c: what replies do to jobs. ARG is the worker. ---- */
void worker_answered(void *arg, struct job *j, enum verdict v, const struct imap_reply *r);
void worker_refused(void *arg, struct job **jobs, size_t n, const struct imap_reply *r);

/* The job may be stored or not; it is to be looked for at DUE (wall clock, 0: now). SILENT: the store did not hang up
 * but fell silent. SUSPECT: this message may be the cause. */
void worker_doubt(struct worker *w, struct job *j, int64_t due, bool silent, bool suspect, const char *reason);

/* ---- connection.c ---- */
/* The first connection is there and good: 0, or -1 with w->trouble set. */
int worker_log_in(struct worker *w);
/* More of them for N messages, where the account may have some. That there are fewer is no trouble. */
void worker_open_lanes(struct worker *w, size_t n);
void worker_hang_up(struct worker *w);
/* The store says, in the words WHY, that there are too many. */
void worker_fewer_lanes(struct worker *w, const char *why);

/* ---- send.c ---- */
/* Sends JOBS and, while all goes well, more that is due. 0, or -1 when the spool is lost. */
int worker_deliver(struct worker *w, struct job **jobs, size_t n);

/* ---- worker.c ---- */
/* Reports those of JOBS that have an outcome, and forgets them. 0, or -1: then they stay in flight in the spool, and the
 * next worker looks. */
int worker_settle(struct worker *w, struct job **jobs, size_t n);

#endif
