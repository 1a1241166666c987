/* A TCP connection to a host by name: each address gets a fair share of the time. Only the connector may use it. */
#ifndef MAILFERRY_ROLE_DIAL_H
#define MAILFERRY_ROLE_DIAL_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* A connected descriptor (blocking mode, close-on-exec), or -1 with host, port and cause; KEYS are what to check then:
 * "host and port of the account". Resolving is not bounded by TIMEOUT_MS: run it where it can be killed. */
int dial(const char *host, uint16_t port, const char *keys, int64_t timeout_ms, struct err *e);

/* Begins a connection without waiting for it: to the UNIX socket PATH, or, where PATH is empty, to HOST if that is an IP
 * address. The descriptor (non-blocking, close-on-exec), not yet connected perhaps; -1 and E, whose class is ERR_NONE
 * where HOST is a name. */
int dial_begin(const char *host, uint16_t port, struct slice path, struct err *e);

#endif
