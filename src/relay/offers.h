/* What an SMTP server offers: its reply to EHLO (RFC 5321, 4.1.1.1). */
#ifndef MAILFERRY_RELAY_OFFERS_H
#define MAILFERRY_RELAY_OFFERS_H

#include <stdint.h>

#include "relay/reply.h"

enum {
	OFFERS_PIPELINING = 1, /* RFC 2920 */
	OFFERS_8BITMIME = 2,   /* RFC 6152 */
	OFFERS_SMTPUTF8 = 4,   /* RFC 6531 */
	OFFERS_DSN = 8,	       /* RFC 3461 */
	OFFERS_STARTTLS = 16,  /* RFC 3207 */
	OFFERS_SIZE = 32,      /* RFC 1870 */
	OFFERS_AUTH = 64,      /* RFC 4954 */
	OFFERS_EHLO = 128,     /* it knows EHLO at all */
	OFFERS_DELIVERBY = 256 /* RFC 2852 */
};

struct offers {
	unsigned what;
	uint64_t size;	     /* octets of a message; 0: not told */
	unsigned recipients; /* of a transaction (RFC 9422); 0: not told */
	unsigned messages;   /* of a connection; the same */
	int64_t by_min;	     /* seconds that it needs at least to deliver by a time (RFC 2852, 2); 0: not told */
	unsigned sasl;	     /* sasl_offered of all mechanisms */
	char mechanisms[200]; /* their names, for people */
};

void offers_read(const struct relay_reply *r, struct offers *out);

/* Appends the extensions for people: "PIPELINING, SIZE 52428800, …". */
void offers_print(const struct offers *o, struct buf *out);

#endif
