/* One question to the spool at a time, blocking, for a store and for people. */
#ifndef MAILFERRY_SPOOL_CALL_H
#define MAILFERRY_SPOOL_CALL_H

#include "spool/protocol.h"

struct call {
	int fd;
	uint32_t id;
	struct buf frame;
	struct parts parts;
	struct packets packets; /* the request: fill it between call_begin and call_run */
	struct pool pool;	/* of the reply, until the next call_begin */
	struct reply reply;
	int64_t wait_ms; /* for each part of a reply; call_init says how long */
	int reply_fd;	 /* a descriptor that came with the reply, or -1; take it and set -1 */
};

void call_init(struct call *c, int fd); /* takes FD */
void call_free(struct call *c);

void call_begin(struct call *c, enum request type);

/* Sends the request and reads its reply; FIELDS holds its groups until the next call. A refusal of the spool is -1 with
 * its class and words. */
int call_run(struct call *c, struct slice *fields, struct err *e);

#endif
