/*
 * The spool's server: the only one that opens the database. It runs on one
 * libevent loop; each turn takes all requests that wait, runs them in one
 * transaction, commits, and answers.
 */
#ifndef MAILFERRY_SPOOL_SERVER_H
#define MAILFERRY_SPOOL_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct config_relay_for;
struct event_base;
struct spool_server;

struct spool_options {
	const char *dir;
	int64_t reserve;   /* octets: with less free, nothing is taken in */
	int64_t retention; /* milliseconds that records of finished mail stay */
	bool restored;	   /* a backup was put back: nothing undelivered may be sent before it was looked for */
	const struct config_relay_for *relay_for; /* who may send outward, and how much a day: name and daily count */
	size_t nrelay_for;
	int64_t rules_daily; /* messages that rules may send outward a day; 0: as many as they want */
	size_t memory_max;   /* of one account: what rules may remember; 0: none is too much */
	/* Account NAME has work due now. Not called again before its store took work, or a minute has passed. */
	void (*due)(void *arg, const char *account);
	/* Messages that rules send are held, for REASON, and only a person can let them go. Said when the first is
	 * committed, and at most once an hour. NULL: nobody hears it. */
	void (*held)(void *arg, const char *reason);
	/* The server can't go on, and has answered nobody: end the process, the next start finds out what is there. */
	void (*fatal)(void *arg);
	void (*stopped)(void *arg); /* spool_server_stop is done */
	void *arg;
	const char *vfs; /* of SQLite; NULL but in tests */
};

enum spool_peer {
	SPOOL_PEER_INTAKE = 1,
	SPOOL_PEER_STORE = 2,
	SPOOL_PEER_ADMIN = 4,
	SPOOL_PEER_FETCH = 8,  /* a fetcher's asynchronous door, spool/client.h: gives in mail, with its origin */
	SPOOL_PEER_MEMORY = 16 /* the same fetcher's blocking door, spool/source.h */
};

/* Opens or makes the spool in options->dir (an absolute path), repairs what a crash left, refuses what it can't trust.
 * What OPTIONS points to must live as long as the server. Sets priorities on BASE, so it must have no events yet. */
struct spool_server *spool_server_new(struct event_base *base, const struct spool_options *options, struct err *e);

/* Takes FD. NAME is the account of a store, the source of a fetcher, "" otherwise. A second store of an account waits until
 * the first is gone; so do both doors of a source's next fetcher, until both of the one before are gone: give the first before the second,
 * and both to every fetcher. */
void spool_server_peer(struct spool_server *s, int fd, enum spool_peer role, const char *name);

/* The configuration names that account, which may have no mail yet. What waits for others then says so to people. */
void spool_server_know(struct spool_server *s, const char *account);

/* ACCOUNT (NULL: every one) is held no longer: what it waited for may have been put right. A failure leaves it held. */
void spool_server_lift(struct spool_server *s, const char *account);

/* Finishes what waits, writes the log back, then calls options->stopped. */
void spool_server_stop(struct spool_server *s);

/* Leaves everything as a kill would, but for memory. */
void spool_server_free(struct spool_server **s);

#endif
