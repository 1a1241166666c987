/*
 * One run, now: `mailferry sync' and `mailferry copy'. Sources are fetched, then
 * the mail that waits for the accounts concerned is filed. The running daemon
 * does it where there is one, else a supervisor in this process, without
 * listeners, that ends with the run.
 *
 * Whoever does it, what happens is told by the same events.
 */
#ifndef MAILFERRY_CMD_SYNC_H
#define MAILFERRY_CMD_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "fetch/run.h"
#include "ipc/message.h"

struct sync_request {
	enum run_mode mode;	  /* RUN_DRY touches no account */
	const char *copy_to;	  /* RUN_COPY, and RUN_DRY of a copy: the account; NAMES is one source then */
	const char *const *names; /* sources and accounts; none: all sources, then all accounts */
	size_t n;
};

enum sync_kind {
	SYNC_SOURCE = 200, /* NAME, STATE: a source that is to be fetched. The first events name all of them */
	SYNC_PROGRESS,	   /* NAME, PROGRESS: a few a second at most */
	SYNC_LINE,	   /* NAME, LINE */
	SYNC_RAN,     /* NAME, PROGRESS (its sums), END, WORDS, STARTED_MS, ENDED_MS, NEXT_MS: a run of it has ended */
	SYNC_ACCOUNT, /* NAME, STATE, and how its mail is: once a second at most, when it changed */
	SYNC_DONE,    /* STATUS, WORDS; the last one */
	SYNC_TICK     /* nothing happened for half a second: for whoever draws a clock */
};

enum sync_state {
	SYNC_WAITS, /* for its turn, or until a run of another mode has ended; WORDS say for what */
	SYNC_RUNS,  /* source: it is fetched. Account: mail is being filed */
	SYNC_ENDED  /* source: SYNC_RAN has said how. Account: nothing is due now, or it is held: HELD */
};

struct sync_event {
	enum sync_kind kind;
	const char *name;
	enum sync_state state;
	const char *words; /* for people, "" where there is nothing to say */
	struct run_progress progress;
	struct run_line line;
	enum run_end end;
	int64_t started_ms, ended_ms; /* wall clock; STARTED_MS also with SYNC_SOURCE that runs */
	bool attached;		      /* SYNC_SOURCE: the run was under way already when it was asked for */
	uint64_t lost; /* SYNC_LINE, SYNC_RAN: that many lines before it were not sent, as the reader was too slow */
	/* SYNC_ACCOUNT. Deliveries: */
	uint64_t waiting; /* queued, in flight, in doubt */
	uint64_t filed;	  /* since this sync began */
	uint64_t stuck;	  /* quarantined, parked, held: for a person */
	int64_t next_ms;  /* wall clock: when what waits is tried next; SYNC_RAN: the next run. INT64_MAX: not known */
	bool held;	  /* the account takes nothing now: WORDS */
	/* SYNC_DONE: exit status. EX_OK; EX_TEMPFAIL: something waits for better times (a server away, a held account);
	 * EX_UNAVAILABLE: a person must act; EX_PROTOCOL: a server broke its protocol; EX_NOINPUT: no such NAME */
	int status;
};

/* EV and its strings live until the call returns. Other than 0: hang up, the run goes on without us (in the daemon), or
 * is ended. */
typedef int sync_event_fn(void *arg, const struct sync_event *ev);

/* Asks the daemon that listens at CONTROL. 0 after SYNC_DONE or when FN hung up; -1 and E: class ERR_TEMP with code
 * ENOENT or ECONNREFUSED when no daemon runs; else its words, for instance that it knows no such NAME. Ending this
 * process does not end the run. */
int sync_by_daemon(const char *control, const char *file, const struct sync_request *r, sync_event_fn *fn, void *arg,
		   struct err *e);

/* Does it in this process. SETUP is loaded from FILE, and is taken over. Exit status; when it could not even begin, it
 * was logged why and FN was not called. */
struct setup;
int sync_alone(const char *file, struct setup *setup, const struct sync_request *r, sync_event_fn *fn, void *arg);

/* ---- how they travel ---- */

/* The fields of a request (behind CONTROL_TAG_WANT in CONTROL_HELLO), and the way back; the latter is -1 when they make
 * no sense. Free OUT's NAMES and COPY_TO with sync_request_free. */
void sync_put_request(struct ipc_out *out, const struct sync_request *r);
int sync_get_request(struct slice fields, struct sync_request *out);
void sync_request_free(struct sync_request *r);

void sync_put_event(struct ipc_out *out, const struct sync_event *ev); /* begins OUT */
/* 0, or -1 when it is none. Strings of OUT are owned: sync_event_clear. */
int sync_get_event(const struct ipc_in *in, struct sync_event *out);
void sync_event_clear(struct sync_event *ev);

/* ---- CONTROL_WANT_SOURCES: how the schedule stands. One message a source and account, then one with NAME "" ---- */
enum plan_state {
	PLAN_WAITS,  /* for its time: NEXT_MS; or for a word from `mailferry sync', INT64_MAX */
	PLAN_QUEUED, /* as many as may run at once do */
	PLAN_RUNS,   /* since SINCE_MS */
	PLAN_IDLE,   /* waits for news at the source since SINCE_MS; looks at NEXT_MS anyway */
	PLAN_HELD    /* after a failure, until NEXT_MS: WORDS */
};
struct plan_row {
	const char *name;
	bool is_source; /* else an account with `at' */
	enum plan_state state;
	int64_t since_ms, next_ms;    /* wall clock */
	unsigned failures;	      /* in a row */
	bool person;		      /* a person must mend something; not HELD: the rest goes on by schedule */
	const char *words;	      /* what is wrong, or "" */
	struct run_progress progress; /* RUNS */
};
void plan_put_row(struct ipc_out *out, const struct plan_row *row); /* begins OUT */
int plan_get_row(const struct ipc_in *in, struct plan_row *out);    /* as sync_get_event */
void plan_row_clear(struct plan_row *row);

typedef int plan_row_fn(void *arg, const struct plan_row *row);

/* Asks the daemon. */
int plan_by_daemon(const char *control, const char *file, plan_row_fn *fn, void *arg, struct err *e);

#endif
