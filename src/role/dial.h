/* A TCP connection to a host by name: each address gets a fair share of the time. Only the connector may use it. */
#ifndef MAILFERRY_ROLE_DIAL_H
#define MAILFERRY_ROLE_DIAL_H

#include <stdint.h>

#include "base/err.h"

/* A connected descriptor (blocking mode, close-on-exec), or -1 with host, port and cause; KEYS are what to check then:
 * "host and port of the account". Resolving is not bounded by TIMEOUT_MS: run it where it can be killed. */
int dial(const char *host, uint16_t port, const char *keys, int64_t timeout_ms, struct err *e);

#endif
