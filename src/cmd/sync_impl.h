/* The fields of a sync job, and what its files share. */
#ifndef MAILFERRY_CMD_SYNC_IMPL_H
#define MAILFERRY_CMD_SYNC_IMPL_H

#include "cmd/sync_job.h"

enum sync_stage {
	SYNC_BEGINS,
	SYNC_FETCHES,
	SYNC_FILES,
	SYNC_OVER, /* the last event is on its way */
	SYNC_TELLS /* no sync: a client is told how the schedule stands */
};

struct sync_part { /* a source or an account */
	char *name;
	enum sync_state state;
	bool attached;			/* source: to a run that was under way */
	uint64_t lost;			/* source: lines that were left out, and not yet told of */
	bool based;			/* account: BASE is known */
	uint64_t base;			/* deliveries that were filed before */
	bool seen;			/* account: the answer in hand has a row of it */
	unsigned looks;			/* account: rows seen since its mail was ordered to be filed */
	int64_t moved_ms;		/* monotonic: when its numbers changed last */
	uint64_t waiting, filed, stuck; /* as told last */
};

struct sync_job {
	struct sync_job *next;
	struct supervisor *sup;
	enum run_mode mode;
	enum fetcher_task task;
	char *copy_to;
	struct channel *client; /* or: */
	sync_event_fn *fn;
	void *arg;
	struct event *tick;
	enum sync_stage stage;
	struct sync_part *sources, *accounts;
	size_t nsources, naccounts;
	int64_t files_ms; /* SYNC_FILES: since when */
	int64_t told_ms;  /* when the newest SYNC_TICK was told */
	bool asked;	  /* the spool, for the accounts */
	unsigned unsaid;  /* times in a row that it could not say */
	int64_t over_ms;  /* monotonic: since when it is over */
	int status;
	bool broken; /* the client is gone or too slow: freed by the next tick */
};

/* ---- sync_job.c ---- */
struct sync_job *sync_job_new(struct supervisor *sup, enum sync_stage stage, int fd, struct err *e); /* FD -1: for us */
void sync_job_free(struct sync_job *j);
/* It ends with the next turn of the loop: whoever goes through the jobs now still finds it. */
void sync_break(struct sync_job *j);
void sync_worse(struct sync_job *j, int status);
void sync_done(struct sync_job *j, const char *words);

/* ---- sync_tell.c ---- */
void sync_send(struct sync_job *j, const struct ipc_out *out); /* to its client */
void sync_emit(struct sync_job *j, struct sync_event *ev);     /* fills in what all events have */

/* ---- sync_order.c ---- */
void sync_plan(struct sync_job *j); /* tells how the schedule stands, and is over */

/* ---- sync_file.c ---- */
void sync_watch(struct sync_job *j); /* asks the spool how the accounts' mail is, unless it was asked */
void sync_file(struct sync_job *j);  /* the sources are done: has the mail filed */
void sync_file_left(struct sync_job *j); /* the job goes: accounts that it opened for nothing close again */

#endif
