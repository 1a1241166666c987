/*
 * How often something happened lately, by client address, network or user: a
 * table of fixed size in memory that all receivers share, so that a limit holds
 * whichever of them a client meets, and over a reload.
 *
 * An entry is one time: when what was counted has drained away at the rate's
 * pace (the generic cell rate algorithm). Until then N things a period may come
 * in a burst of N. What has drained takes no room; where more is told apart than
 * the table holds, the entries that drain first give way, so that a limit may let
 * through too much under such an attack, never too little. Counts of receivers
 * that meet at the same entry may be lost one in a great many: a meter is a bound
 * on abuse, not a ledger.
 */
#ifndef MAILFERRY_SMTP_METER_H
#define MAILFERRY_SMTP_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

struct meter;

enum meter_kind {
	METER_CONNECTIONS = 1,
	METER_MESSAGES,
	METER_ERRORS,
	METER_GUESSES, /* smtp/guesses.c: of an address, of a user, of a user where he is known */
	METER_GUESSES_USER,
	METER_GUESSES_PLACE,
	METER_PLACES, /* where he is known */
	METER_WORK
};

struct meter_rate {
	unsigned most;	   /* in a period; 0: no limit */
	int64_t period_ms; /* 1 or more */
};

/* Whom it is counted for; meter_key_… make one. */
struct meter_key {
	uint64_t hi, lo;
	bool none; /* cannot be told from others (a UNIX socket): nothing is counted, nothing is over */
};

/* A new descriptor for meter_open, whose size can't change any more. -1 and E on failure. */
int meter_create(struct err *e);

/* Maps the memory behind FD, which stays the caller's; FD -1: memory of this process alone. NULL and E when FD is
 * something else. */
struct meter *meter_open(int fd, struct err *e);
void meter_close(struct meter **m);

/* The address of a client: IPv4, or the upper 64 bits of IPv6, which is what one client has. */
struct meter_key meter_key_address(const struct sockaddr *sa);

/* The network around it: IPv4 /24, IPv6 /48. */
struct meter_key meter_key_network(const struct sockaddr *sa);

/* Any octets, such as the name of a user. */
struct meter_key meter_key_bytes(const void *p, size_t n);

/* Counts one, and says whether it is within RATE; what is beyond it is not counted. NOW_MS is clock_mono_ms, which all
 * processes share. */
bool meter_take(struct meter *m, enum meter_kind kind, struct meter_key key, struct meter_rate rate, int64_t now_ms);

/* Counts one, come what may, but never more than twice RATE. */
void meter_add(struct meter *m, enum meter_kind kind, struct meter_key key, struct meter_rate rate, int64_t now_ms);

/* Would one more be beyond RATE? */
bool meter_is_over(struct meter *m, enum meter_kind kind, struct meter_key key, struct meter_rate rate, int64_t now_ms);

/* Forgets what was counted. */
void meter_clear(struct meter *m, enum meter_kind kind, struct meter_key key);

#endif
