/*
 * A session on a socket: reads into one buffer that all share, so that an idle
 * session holds none, and writes what the session says. Input and output are
 * bounded; a client that does not read, or does not leave, is cut off.
 */
#ifndef MAILFERRY_SMTP_CONN_H
#define MAILFERRY_SMTP_CONN_H

#include <stdint.h>

#include "smtp/session.h"

struct event_base;
struct tls_server;
struct smtp_conn;

/* What all connections share. */
struct smtp_conns {
	struct event_base *base;
	struct smtp_service *service;
	struct tls_server *tls; /* NULL: no certificates */
	struct smtp_conn *first;
	unsigned n;
	void (*closed)(void *arg, struct smtp_source *source); /* a connection is gone */
	void *arg;
};

/* Takes FD (non-blocking) and greets. EARLY: see smtp_session_greet. */
void smtp_conn_open(struct smtp_conns *all, int fd, const struct smtp_origin *origin, bool early);

/* Ends what is over its time. To be called a few times a second. */
void smtp_conns_tick(struct smtp_conns *all);

/* Asks every session to end, see smtp_session_stop. */
void smtp_conns_stop(struct smtp_conns *all, bool gently);

/* Cuts off what is left. */
void smtp_conns_close(struct smtp_conns *all);

#endif
