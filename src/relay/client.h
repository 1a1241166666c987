/*
 * Mail transactions (RFC 5321, 3.3) with a server that lets us send, as a machine
 * of octets: commands come out, replies go in, cut wherever they like. It has no
 * socket and no clock.
 *
 *	relay_client_begin(c, t);
 *	write relay_client_output(c); read; relay_client_input(c, …);
 *	when relay_client_content(c) is T: the server wants its content:
 *		relay_client_add(c, piece) …; record that it is sent; relay_client_end(c);
 *	when relay_client_over(c) gives T back: its recipients' outcomes are there
 *
 * Commands go out together as far as the server has PIPELINING (RFC 2920): those
 * of the next transaction stand right behind the end of the one before, so that a
 * message costs one round trip.
 */
#ifndef MAILFERRY_RELAY_CLIENT_H
#define MAILFERRY_RELAY_CLIENT_H

#include "relay/asked.h"
#include "relay/offers.h"
#include "relay/stuff.h"

enum { RELAY_TRANSACTIONS_MAX = 2 };

enum relay_outcome {
	RELAY_OPEN,	/* nothing is known yet */
	RELAY_NAMED,	/* RCPT was answered with 2xx */
	RELAY_DONE,	/* the server has it: words are its own */
	RELAY_LATER,	/* not now, for certain */
	RELAY_SOON,	/* it took as many recipients as it takes at once: the others follow */
	RELAY_REFUSED,	/* never, for certain */
	RELAY_UNSENT,	/* its turn did not come: nothing was said of it */
	RELAY_DOUBT	/* all of it was sent, and the answer was lost */
};

struct relay_recipient {
	const char *address; /* borrowed */
	const char *notify;  /* when its sender is to be told (RFC 3461, 4.1), or NULL; borrowed */
	struct slice orcpt;  /* for whom it was sent at first (RFC 3461, 4.2), or empty; borrowed */
	enum relay_outcome outcome;
	char words[RELAY_WORDS_SIZE];
};

struct relay_transaction {
	/* the caller's: */
	const char *sender; /* "" for the null sender; borrowed */
	const char *id;	    /* for DSN, RFC 3461, 4.4: letters and digits */
	uint64_t size;	    /* octets */
	bool eightbit;	    /* it may hold octets from 0x80 on */
	const struct relay_asked *asked; /* what else is asked, or NULL; borrowed */
	int64_t now;			 /* seconds since 1970, for what is asked by a time */
	struct relay_recipient *all;
	size_t n;
	void *arg;
	/* the machine's: */
	enum { RELAY_NAMING, RELAY_WANTED, RELAY_SENDING, RELAY_ENDED, RELAY_OVER } state;
	size_t put; /* commands that went out: MAIL, RCPTs, DATA */
	size_t named;
	bool refused; /* MAIL was */
};

enum relay_wait { /* what is waited for: how long is the caller's to say (RFC 5321, 4.5.3.2) */
	RELAY_WAIT_NOTHING,
	RELAY_WAIT_COMMAND, /* MAIL, RCPT, RSET */
	RELAY_WAIT_DATA,
	RELAY_WAIT_END
};

struct relay_client;

/* OFFERS are those of the server, after login. */
struct relay_client *relay_client_new(const struct offers *offers);
void relay_client_free(struct relay_client **c);

/* May another transaction begin? None is under way, or the only one is sent whole and the server has PIPELINING. */
bool relay_client_ready(const struct relay_client *c);

/* T lives until it is given back. What the server can't take for what EHLO says is refused without a word to it. */
void relay_client_begin(struct relay_client *c, struct relay_transaction *t);

struct buf *relay_client_output(struct relay_client *c); /* the caller consumes it */

/* Takes replies. 0, or -1 and E: the connection is of no use any more; relay_client_lost. */
int relay_client_input(struct relay_client *c, struct slice in, struct err *e);

enum relay_wait relay_client_waits(const struct relay_client *c);

/* The transaction whose content the server waits for, or NULL. */
struct relay_transaction *relay_client_content(const struct relay_client *c);
void relay_client_add(struct relay_client *c, struct slice piece); /* 64 KB at most, then consume the output */
void relay_client_end(struct relay_client *c);

/* The oldest transaction, once it is over: it is the caller's again. */
struct relay_transaction *relay_client_over(struct relay_client *c);

/* The connection is gone, or no more is sent on it, for WORDS: all transactions are over. OURS: it is we who end it; else
 * the one that was under way may be the cause, and its recipients are RELAY_LATER. */
void relay_client_lost(struct relay_client *c, bool ours, const char *words);

/* The server said 421, or that we must log in: no more mail on this connection. Its words, or NULL. LOGIN: the latter. */
const char *relay_client_closing(const struct relay_client *c, bool *login);

#endif
