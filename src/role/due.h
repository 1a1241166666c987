/*
 * What the roles have in common that work off what is due to one place, an
 * account's store or the relay: they listen to the supervisor meanwhile, bear it
 * when roles behind their sockets are replaced, and leave when nothing has been
 * due for a while.
 */
#ifndef MAILFERRY_ROLE_DUE_H
#define MAILFERRY_ROLE_DUE_H

#include "intake/notice.h"
#include "role/role.h"
#include "role/token.h"
#include "spool/client.h"

/* The seam to the worker of such a role, which knows nothing of it. */
struct due_worker {
	/* 1: something was done; 0: nothing is due before *NEXT_MS (wall clock); -1: end the process. */
	int (*turn)(void *worker, int64_t *next_ms);
	void (*hurry)(void *worker, int64_t ms); /* what is under way has that long */
	void (*rest)(void *worker);		 /* ends the connection, if there is one */
	int64_t hurry_ms;
};

struct due {
	struct role role;
	const struct due_worker *functions;
	void *worker;		  /* NULL: not yet */
	const char *account;	  /* as connector and token role know it */
	int64_t connect_ms;	  /* how long a connection may take */
	struct token_asker asker; /* of access tokens */
	struct buf frame;
	bool stop; /* the supervisor said so, or is gone */
	bool more; /* it said that there is work */
};

/* role_begin, and then. */
void due_begin(struct due *d, const char *name, const struct due_worker *functions);
void due_free(struct due *d);

/* ---- for a worker's setup: ARG is a struct due ---- */
void due_wake(void *arg);
int due_connect(void *arg, struct err *e);
char *due_token(void *arg, bool fresh, struct err *e);

/* The operator is told. What the supervisor does not hear is still in the log and in the queue's listing. */
void due_notice(struct due *d, enum notice_kind kind, const char *reason);

/* Instead of due_run: nothing goes out for WHY before AGAIN (wall clock), as only a person can mend it. Mail waits with
 * this reason, instead of a process that starts again and again. What the process returns. */
int due_refuse(struct due *d, struct spool_store *spool, enum notice_kind kind, int64_t again_ms, const char *why);

/* Works until it is told to stop, or nothing was due for a while. What the process returns. */
int due_run(struct due *d);

#endif
