/*
 * Asking the connector for a connection. A store may have that of its account,
 * a fetcher that of its source, one request at a time; the command line (role
 * "admin") that of any; the token role those to the endpoints of accounts and
 * sources with oauth and no others,
 * up to CONNECT_AT_ONCE at a time, each answered under the id of its request.
 * A receiver may have those to milters, by their names, in the same way; they
 * may be still on their way when they are handed over (see role/milters.h).
 */
#ifndef MAILFERRY_ROLE_CONNECT_H
#define MAILFERRY_ROLE_CONNECT_H

#include <stdint.h>

#include "base/err.h"

enum connect_message { CONNECT_OPEN = 1, CONNECT_DONE };
enum connect_tag {
	CONNECT_TAG_ACCOUNT = 1,
	CONNECT_TAG_TIMEOUT,
	CONNECT_TAG_CLASS,
	CONNECT_TAG_TEXT,
	CONNECT_TAG_PEER,
	CONNECT_TAG_ENDPOINT, /* enum connect_endpoint; not given: the mail server */
	CONNECT_TAG_CODE      /* errno of what failed, where there is one */
};
enum connect_endpoint { CONNECT_STORE, CONNECT_TOKEN, CONNECT_DEVICE, CONNECT_MILTER };
enum { CONNECT_AT_ONCE = 32 };

/* A TCP connection to the store of ACCOUNT, whose host and port only the configuration names. Blocks up to TIMEOUT_MS.
 * The descriptor (blocking mode, close-on-exec), or -1 with a text that names host, port and cause. */
int connect_account(int socket, const char *account, int64_t timeout_ms, struct err *e);

#endif
