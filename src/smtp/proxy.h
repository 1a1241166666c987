/*
 * The header that a load balancer puts in front of a connection to tell whose it
 * is: the PROXY protocol, version 1 (a line of text) and version 2 (binary). A
 * machine for bytes, which can be entered again at any of them. What it says is
 * only as good as whoever sent it; that is the caller's to know.
 */
#ifndef MAILFERRY_SMTP_PROXY_H
#define MAILFERRY_SMTP_PROXY_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
	PROXY_LINE_MAX = 107, /* octets of a header of version 1, with its line end */
	PROXY_HEADER_MAX = 4096 /* of one of version 2; more than addresses, a checksum and what a TLS proxy tells */
};

struct proxy {
	struct buf in; /* what has come of the header; owned */

	/* When it is complete: */
	bool told; /* it names a client; else the connection is the proxy's own (LOCAL, UNKNOWN) */
	struct sockaddr_storage client;
	socklen_t client_size;

	const char *why; /* when it is none: for the log */
};

void proxy_init(struct proxy *p);
void proxy_free(struct proxy *p);

/* Takes what belongs to the header off the front of IN: *USED octets, never one behind its end. 1: complete. 0: more is
 * needed, all of IN was taken. -1: this is no header, see WHY. */
int proxy_feed(struct proxy *p, struct slice in, size_t *used);

#endif
