/*
 * What the supervisor does for `mailferry sync' (cmd/sync.h). A job belongs to
 * one who asked; it orders runs, listens to what becomes of them, then has the
 * mail filed. It goes when that one hangs up, and nothing that runs does.
 */
#ifndef MAILFERRY_CMD_SYNC_JOB_H
#define MAILFERRY_CMD_SYNC_JOB_H

#include "cmd/fetcher.h"
#include "cmd/sync.h"

struct sync_job;

/* For a client at FD, a copy of which is taken. It is told nothing before the loop turns. -1 and E: a name that is not
 * known, a request that makes no sense, too many who ask. */
int sync_for_client(struct supervisor *sup, const struct sync_request *r, int fd, struct err *e);

/* The same for this process; its end stops the supervisor, with sup->sync_status. */
int sync_for_self(struct supervisor *sup, const struct sync_request *r, sync_event_fn *fn, void *arg, struct err *e);

/* How the schedule stands, told to a client. */
int sync_tell_plan(struct supervisor *sup, int fd, struct err *e);

/* ---- from the fetchers ---- */
void sync_source_runs(const struct fetcher *f);
void sync_source_progress(const struct fetcher *f);
void sync_source_line(const struct fetcher *f, const struct run_line *l);
void sync_source_ran(struct fetcher *f, const struct fetch_ran *r);
void sync_source_fails(struct fetcher *f, const char *words); /* its run did not take place, or was broken off */

void sync_source_gone(struct fetcher *f); /* the configuration names it no longer */

/* ---- from the supervisor ---- */
void sync_ask_lost(struct supervisor *sup); /* questions to the spool are not answered */
void sync_end_all(struct supervisor *sup, const char *words);
void sync_free_all(struct supervisor *sup);

/* Is ACCOUNT's mail to be filed for somebody who asked? */
bool sync_wants_account(const struct supervisor *sup, const char *account);

#endif
