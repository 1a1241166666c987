/* The fields of a fetcher, and what its files share. */
#ifndef MAILFERRY_ROLE_FETCH_IMPL_H
#define MAILFERRY_ROLE_FETCH_IMPL_H

#include "intake/intake.h"
#include "ipc/channel.h"
#include "net/tls.h"
#include "role/fetch.h"
#include "role/role.h"
#include "role/token.h"
#include "spool/client.h"
#include "spool/source.h"

struct event;
struct event_base;

struct fetch {
	struct role role;
	const struct config_source *source;
	struct event_base *base;
	struct channel *supervisor;
	struct event *until; /* ends a turn of the loop */
	int wake_fd;	     /* an epoll of the two sockets whose channels live on BASE */
	struct spool_intake *spool;
	struct spool_source *memory;
	struct intake *intake;
	struct run_dry *dry;
	struct tls_client *tls;
	struct err tls_err; /* why there is none */
	struct token_asker asker;
	size_t told; /* accounts of which facts came */
	bool lost;   /* the spool */
	bool handed; /* a new socket to the connector or the token role has come */
	bool asked;  /* for a run */
	bool called; /* ASKED or LOST: it does not wait for news any longer */
	bool fixed;  /* MODE and COPY_TO are those of this process */
	enum run_mode mode;
	char *copy_to;
	int64_t said_ms;  /* monotonic; the newest report of progress */
	int64_t runs_ms;  /* up to when runs for news are paid for */
	int64_t lines_ms; /* up to when lines are paid for */
};

/* ---- fetch.c ---- */

/* To the supervisor; OUT is freed. */
void fetch_say(struct fetch *f, struct ipc_out *out);

/* Whatever BASE has to do now. */
void fetch_turn(struct fetch *f);

/* One turn of the loop, at most until MONO_MS. */
void fetch_turn_until(struct fetch *f, int64_t mono_ms);

/* ---- fetch_run.c ---- */

/* One run, told to spool and supervisor. True: it stays, and waits for news. */
bool fetch_run(struct fetch *f);

/* Waits at the source. True when there should be another run; false when that is not possible. SHORT_ONES (0 at first)
 * counts waits that broke off at once. */
bool fetch_wait(struct fetch *f, unsigned *short_ones);

#endif
