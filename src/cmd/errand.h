/*
 * A role that a command starts for itself, without a supervisor: `mailferry
 * probe' and `mailferry login' are the parents of such programs, which meet what
 * is hostile as the unprivileged user. They are told what role.h has, over one
 * socket, and end when it is closed.
 */
#ifndef MAILFERRY_CMD_ERRAND_H
#define MAILFERRY_CMD_ERRAND_H

#include <sys/types.h>

#include "base/err.h"
#include "config/config.h"
#include "ipc/channel.h"

struct errand {
	const char *role; /* "probe" */
	pid_t pid;	  /* 0: it does not run */
	int socket;	  /* blocking; -1: none */
	struct ipc_out out;
	struct buf frame; /* of errand_receive; may hold secrets: errand_end wipes it */
};

#define ERRAND_NONE ((struct errand){ .socket = -1 })

/* Starts mailferry-ROLE (ROLE must live on) and hands it its name and PART of C. 0, or -1 and E; errand_end it in
 * either case. */
int errand_start(struct errand *r, const struct config *c, const char *role, enum config_part part, const char *account,
		 struct err *e);

/* Hands it FD with a message of TYPE that bears ROLE and NAME (NULL: without); the caller keeps FD. */
int errand_hand(struct errand *r, uint16_t type, int fd, const char *role, const char *name, struct err *e);

/* A socket to R, which takes its other end for the peer ROLE, of NAME, as the supervisor tells it (ROLE_PEER). The caller's;
 * -1 and E. */
int errand_pair(struct errand *r, const char *role, const char *name, struct err *e);

/* That was all: waits until it works. */
int errand_go(struct errand *r, struct err *e);

/* What R's `out' holds, sent; and what it says next, into R's `frame'. At its end E says why, as far as that is known.
 */
int errand_send(struct errand *r, struct err *e);
int errand_receive(struct errand *r, struct ipc_in *in, int64_t timeout_ms, struct err *e);

/* Closes the socket and waits until it has ended. KILL: it is not to be waited for long. Its status, as of wait(2). */
int errand_end(struct errand *r, bool kill);

/* Puts into E why R ended before its time, if STATUS says. */
void errand_explain(const struct errand *r, int status, struct err *e);

#endif
