/*
 * Milters on sockets, in the receiver's event loop. Connections are asked for, as
 * the receiver makes none; those that a milter lets be used again are kept for a
 * while for the next session.
 */
#ifndef MAILFERRY_SMTP_MILTER_LINK_H
#define MAILFERRY_SMTP_MILTER_LINK_H

#include <stdint.h>

#include "base/err.h"
#include "smtp/milter_chain.h"

struct event_base;
struct milter_pool;

/* FD (non-blocking, perhaps not yet connected) is the callee's; or -1 and E. */
typedef void milter_dialed_fn(void *arg, int fd, const struct err *e);

/* Who makes connections. FN is called once, from the event loop and not from inside dial, unless it is cancelled. */
struct milter_dialer {
	uint64_t (*dial)(void *arg, const char *milter, int64_t timeout_ms, milter_dialed_fn *fn, void *fn_arg);
	void (*cancel)(void *arg, uint64_t handle);
	void *arg;
};

/* D outlives it. */
struct milter_pool *milter_pool_new(struct event_base *base, const struct milter_dialer *d);
void milter_pool_free(struct milter_pool **p); /* all chains are gone by then */

const struct milter_wires *milter_pool_wires(struct milter_pool *p);

#endif
