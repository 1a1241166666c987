/* Is somebody in our own network? */
#ifndef MAILFERRY_NET_LAN_H
#define MAILFERRY_NET_LAN_H

#include <stdbool.h>
#include <sys/socket.h>

/* Loopback, private (RFC 1918; RFC 4193) and link-local addresses, and sockets that are not of the Internet at all. */
bool lan_address(const struct sockaddr *sa);

/* The other end of the connection FD; false when it can't be told. */
bool lan_peer(int fd);

#endif
