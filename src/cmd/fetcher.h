/*
 * Sources in the supervisor: when each is fetched, what its fetcher is told, and
 * what that says. A fetcher that a reload replaces is reaped before the next one
 * of its source starts, so that no two runs of a source overlap.
 */
#ifndef MAILFERRY_CMD_FETCHER_H
#define MAILFERRY_CMD_FETCHER_H

#include "cmd/supervisor.h"
#include "cmd/agenda.h"
#include "role/fetch.h"

enum fetcher_stage {
	FETCHER_AWAY,  /* no process */
	FETCHER_COMES, /* it starts, or was told to run and has not begun */
	FETCHER_RUNS,
	FETCHER_IDLES, /* waits for news at the source */
	FETCHER_ENDS   /* was told to leave, or has said how its run went */
};

/* What one process of a source is made for: nothing else is asked of it. */
enum fetcher_task { TASK_FETCH, TASK_DRY, TASK_COPY, TASK_DRY_COPY, TASKS };

struct fetcher {
	struct slot *slot;
	struct agenda_plan plan;
	struct schedule *at; /* owned; of the plan */
	struct agenda_past past;
	bool known;  /* the spool has told of the last run */
	bool polled; /* `push' is asked for, but the server can't tell of news */
	uint16_t draw;
	enum fetcher_stage stage;
	int64_t since_ms; /* wall clock: of the stage */
	int64_t queued;	  /* monotonic: since when it waits because too many run; 0: it does not */
	int64_t deadline; /* ms that a run may take */
	struct event *overdue;
	bool again;    /* the run in hand was ordered from a process that waited for news */
	bool overran;  /* the run was ended at its deadline */
	bool replaced; /* the configuration is another one by now: it does not stay */
	enum fetcher_task task;
	bool wanted[TASKS];	      /* runs that a person asks for */
	char *copy_to;		      /* owned; account of the copy that is wanted or under way */
	struct run_progress progress; /* of the run in hand; its folder is owned */
	char words[500];	      /* what was wrong with the last run, "" */
};

/* ---- fetcher.c: when ---- */
struct fetcher *fetcher_new(struct slot *s);
void fetcher_free(struct fetcher **f);
struct fetcher *fetcher_of_name(struct supervisor *sup, const char *name); /* NULL: no such source */
void fetcher_configure(struct fetcher *f); /* takes over what the configuration says now */

/* Milliseconds until its process should start; 0: now; -1: not before something else happens. */
int64_t fetcher_wait(struct fetcher *f);

/* ms: how long it waits for news at most. */
int64_t fetcher_poll(const struct fetcher *f);

/* When it runs next, by the schedule. */
struct agenda_next fetcher_next(struct fetcher *f);

/* COPY_TO tells a dry copy from a dry run. */
enum fetcher_task fetcher_task_of(enum run_mode mode, const char *copy_to);

/* A person asks for a run: it follows as soon as it may. COPY_TO: for copies. 0, or -1 and E when that can't be. */
int fetcher_want(struct fetcher *f, enum fetcher_task task, const char *copy_to, struct err *e);

/* What made it fail may have been put right: it is tried now. OAUTH_ONLY: those that log in with access tokens. */
void fetcher_lift(struct fetcher *f);
void fetchers_lift(struct supervisor *sup, bool oauth_only);

/* Asks the spool for the last runs of those of which it has not told. */
void fetchers_learn(struct supervisor *sup);

/* Once a minute: notices a sleep. */
void fetchers_minute(struct supervisor *sup);

/* ---- fetcher_run.c: the life of a process ---- */
void fetcher_enter(struct fetcher *f, enum fetcher_stage stage);
void fetcher_starts(struct fetcher *f); /* a process was made */
void fetcher_ready(struct fetcher *f);	/* it works: is told to run */
void fetcher_ended(struct fetcher *f, const struct worker *w, int status);
void fetcher_replace(struct fetcher *f); /* after a reload */

/* ROLE_PROGRESS, ROLE_LINE, ROLE_RAN. 0, or -1 when it may not say that. */
int fetcher_says(struct worker *w, const struct ipc_in *in);

#endif
