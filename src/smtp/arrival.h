/*
 * Connections from a proxy that has not yet said whose they are (smtp/proxy.h).
 * They get no banner; a header that is late, broken or missing ends them with a
 * line in the log. Nothing behind the header is read: that is the session's, or
 * the first octet of TLS.
 */
#ifndef MAILFERRY_SMTP_ARRIVAL_H
#define MAILFERRY_SMTP_ARRIVAL_H

#include <stdbool.h>
#include <sys/socket.h>

struct event_base;
struct config_listener;
struct arrivals;

/* The header of a connection is complete: FD is the callee's. SA is the client's address, TOLD by the proxy; else, for a
 * connection of the proxy's own, the proxy's. */
typedef void arrival_fn(void *arg, const struct config_listener *l, int fd, const struct sockaddr *sa, socklen_t len,
			bool told);

struct arrivals *arrivals_new(struct event_base *base, arrival_fn *fn, void *arg);
void arrivals_free(struct arrivals **a); /* cuts off what waits */

unsigned arrivals_count(const struct arrivals *a);

/* Takes FD (non-blocking), which SA connected. */
void arrivals_add(struct arrivals *a, const struct config_listener *l, int fd, const struct sockaddr *sa,
		  socklen_t len);

/* Cuts off what waits. */
void arrivals_stop(struct arrivals *a);

#endif
