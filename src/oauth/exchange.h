/*
 * One exchange with an endpoint, in a process of its own: it may hang, and is
 * killed at its deadline then. A refresh token that comes with the answer is
 * written down here, before anybody hears of the access token. What came out
 * travels to the keeper as one message.
 */
#ifndef MAILFERRY_OAUTH_EXCHANGE_H
#define MAILFERRY_OAUTH_EXCHANGE_H

#include "ipc/message.h"
#include "oauth/grant.h"
#include "oauth/token_store.h"

enum { EXCHANGE_MS = 30 * 1000 };

struct exchange_order {
	const struct config_server *server;
	struct grant_request request;
	struct stored_token stored; /* what is on disk; binding and times are those of the next one */
	bool touch;		    /* write it anew though the refresh token stays the same: `refreshed' is old */
};

struct exchange_result {
	struct grant_answer answer;
	struct err err; /* of a verdict that is not GRANT_OK, or of writing */
	bool fresh;	/* a refresh token came */
	bool unwritten; /* and could not be written: answer.refresh_token is the only copy */
	int64_t serial; /* of what is on disk now; 0: nothing was written */
};

/* Takes FD, a connection to the endpoint. Blocks until BY (clock_mono_ms) at the latest, but for the disk. */
void exchange_run(const struct exchange_order *order, int fd, struct tls_client *tls, struct token_store *store,
		  int64_t by, struct exchange_result *out);
void exchange_result_free(struct exchange_result *r);

/* The result as fields of a message, and back: 0, or -1 when they make no sense. */
void exchange_put(const struct exchange_result *r, struct ipc_out *out);
int exchange_get(struct slice fields, struct exchange_result *r);

#endif
