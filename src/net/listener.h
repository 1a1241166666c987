/* Listening sockets: "192.0.2.1:25", "[2001:db8::1]:25", "unix:/path". */
#ifndef MAILFERRY_NET_LISTENER_H
#define MAILFERRY_NET_LISTENER_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"

/* A bound, listening, non-blocking, close-on-exec socket, or -1 with a text that names ADDRESS and says what to do. An
 * IPv6 address takes IPv6 only. A UNIX socket that nobody listens on any more is replaced; one that somebody listens
 * on, and a path that is no socket, are not. Port 0 lets the kernel choose. */
int listener_bind(const char *address, struct err *e);

/* The other end of an accepted connection, for people: "192.0.2.7:41234", "[2001:db8::7]:41234", "unix". An IPv4 client on
 * a socket that takes both (RFC 4291, 2.5.5.2) has its IPv4 address. */
enum { LISTENER_NAME_SIZE = 80 };
void listener_peer_name(const struct sockaddr *sa, socklen_t len, char out[LISTENER_NAME_SIZE]);

/* Just its address; "" for a UNIX socket. */
void listener_peer_ip(const struct sockaddr *sa, socklen_t len, char out[LISTENER_NAME_SIZE]);

#endif
