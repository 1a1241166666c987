/* Asking the connector for a connection. One request at a time on a socket. */
#ifndef MAILFERRY_ROLE_CONNECT_H
#define MAILFERRY_ROLE_CONNECT_H

#include <stdint.h>

#include "base/err.h"

enum connect_message { CONNECT_OPEN = 1, CONNECT_DONE };
enum connect_tag { CONNECT_TAG_ACCOUNT = 1, CONNECT_TAG_TIMEOUT, CONNECT_TAG_CLASS, CONNECT_TAG_TEXT, CONNECT_TAG_PEER };

/* A TCP connection to the store of ACCOUNT, whose host and port only the configuration names. Blocks up to TIMEOUT_MS.
 * The descriptor (blocking mode, close-on-exec), or -1 with a text that names host, port and cause. */
int connect_account(int socket, const char *account, int64_t timeout_ms, struct err *e);

#endif
