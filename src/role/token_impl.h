/* The fields of the token role, and what its files share. */
#ifndef MAILFERRY_ROLE_TOKEN_IMPL_H
#define MAILFERRY_ROLE_TOKEN_IMPL_H

#include "net/tls.h"
#include "oauth/keeper.h"
#include "role/role.h"

struct event;
struct event_base;
struct job;
struct peer;

struct tls_shared {
	struct tls_shared *next;
	const char *ca_file; /* NULL: the system's */
	struct tls_client *tls;
	struct err err; /* why TLS is NULL */
};

struct token {
	struct role role;
	struct event_base *base;
	struct channel *supervisor, *connector;
	struct token_store *store;
	struct keeper *keeper;
	struct tls_shared *tls;
	struct peer *peers;
	size_t npeers;
	uint64_t askers; /* numbers given out */
	struct job *jobs;
	struct event *due, *reap;
	int directory, lock;
	bool stopping; /* only what was sent to a provider is waited for */
};

/* Begins what is due, and comes again when more is. */
void token_turn(struct token *t);

/* ---- token_jobs.c: exchanges with providers, and the connector ---- */
void token_begin(void *arg, unsigned number, const struct exchange_order *order); /* the keeper's hook */
void token_connector_take(struct token *t, int fd);
void token_tls_prepare(struct token *t);
void token_stop_advance(struct token *t); /* ends the loop when nothing that was sent is unanswered */
void token_jobs_free(struct token *t);

/* ---- token_peers.c: who asks ---- */
void token_answer(void *arg, uint64_t asker, const struct keeper_answer *a); /* the keeper's hook */
void token_peer_new(struct token *t, struct slice fields, int *fd);
void token_peers_free(struct token *t);

#endif
