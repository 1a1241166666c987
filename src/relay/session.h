/*
 * One connection to the relay: greeting, EHLO, TLS, login, then transactions. It
 * blocks in waits that end at a deadline; a wake descriptor is watched meanwhile.
 */
#ifndef MAILFERRY_RELAY_SESSION_H
#define MAILFERRY_RELAY_SESSION_H

#include "config/config.h"
#include "net/tls.h"
#include "relay/client.h"

struct relay_session;

struct relay_login {
	const struct config_server *server;
	const char *hostname;	/* ours, for EHLO */
	struct tls_client *tls; /* NULL where tls is "none" */
	/* An access token for a server with oauth: from mem_alloc, or NULL and E. FRESH: the one before was refused. */
	char *(*token)(void *arg, bool fresh, struct err *e);
	int wake_fd; /* -1: none */
	void (*wake)(void *arg); /* it is readable; may call relay_session_hurry */
	void *arg;
};

/* Takes FD. L lives as long as the session. NULL and E: ERR_CONFIG where a person must act. */
struct relay_session *relay_session_open(int fd, const struct relay_login *l, struct err *e);

/* QUIT, where the connection still can. */
void relay_session_close(struct relay_session **s);

const struct offers *relay_session_offers(const struct relay_session *s);
const char *relay_session_mechanism(const struct relay_session *s); /* NULL: nobody logged in */
bool relay_session_tls(const struct relay_session *s, struct tls_facts *out);

/* What is sent, and what becomes of it. */
struct relay_supply {
	struct relay_transaction *(*next)(void *arg); /* NULL: none is left */
	/* All content but for the last piece of T went out, and the server can't take that for a message. From the end on
	 * it may have it: T must be on record before. False: it is not sent. */
	bool (*commit)(void *arg, struct relay_transaction *t);
	/* The next piece of content, valid until the next call, 64 KB at most; *LAST with the last. 0, or -1: it can't be
	 * had, and T is not sent. */
	int (*read)(void *arg, struct relay_transaction *t, struct slice *piece, bool *last);
	/* The outcomes of T are there. False: no more transactions. */
	bool (*over)(void *arg, struct relay_transaction *t);
	void *arg;
};

/* Sends until there is no next. 0; or -1 and E when the connection is of no use any more, every transaction that was
 * begun being over: ERR_CONFIG where a person must act. */
int relay_session_run(struct relay_session *s, const struct relay_supply *supply, struct err *e);

/* The process must end: what was sent whole may have its answer until MONO_MS, all else ends now. */
void relay_session_hurry(struct relay_session *s, int64_t mono_ms);

/* Has the server closed, or said that it will, while nothing was asked of it? */
bool relay_session_gone(struct relay_session *s);

#endif
