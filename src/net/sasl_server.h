/*
 * The server's side of SASL (RFC 4422), for any protocol that carries base64
 * lines: PLAIN (RFC 4616), LOGIN (never standardised: as devices speak it), and
 * SCRAM (RFC 5802, 7677; -PLUS with bindings of RFC 9266 and 5929). Bytes of the
 * client are hostile: an exchange has a few steps, bounded memory, and one
 * check of a password, which the caller allows or not.
 *
 *	s = sasl_server_new(way, &setup);
 *	sasl_server_step(s, its initial response or NULL, challenge)
 *	SASL_ASKS: send the challenge, step with the answer
 *	SASL_CLAIMS: we know who it is said to be; sasl_server_check(s, challenge), or free
 *	SASL_PASSED: it is sasl_server_user(s)
 *
 * Whether a user exists can't be told from anything but a good password: see
 * net/sasl_users.h.
 */
#ifndef MAILFERRY_NET_SASL_SERVER_H
#define MAILFERRY_NET_SASL_SERVER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"
#include "net/binding.h"
#include "net/sasl_users.h"

struct sasl_server_setup { /* all of it is the caller's and outlives what is made from it */
	const struct sasl_users *users;
	const struct binding *bindings; /* BINDING_TYPES of them; NULL: the connection is not encrypted */
	const char *nonce;		/* our part of it, for tests; NULL: a random one */
};

enum { SASL_SERVER_NONE = -1, SASL_SERVER_WAYS = 6, SASL_SERVER_LINE_MAX = 12288 };

/* The mechanism NAME, below SASL_SERVER_WAYS; or SASL_SERVER_NONE. Case does not matter. The strongest is 0. */
int sasl_server_way(struct slice name);
const char *sasl_server_name(int way);

/* Does the password go over the wire as it is? */
bool sasl_server_shows(int way);

/* Can anybody succeed with it on this connection? */
bool sasl_server_able(int way, const struct sasl_server_setup *setup);

/* Loads what OpenSSL loads at the first use: before a process closes itself off. */
void sasl_server_warm(void);

enum sasl_server_said {
	SASL_ASKS,     /* a challenge is to be sent */
	SASL_CLAIMS,   /* it says who it is and shows that it knows the password, which is not checked yet */
	SASL_PASSED,   /* it is who it says */
	SASL_REFUSED,  /* it is not, or may not: sasl_server_reason */
	SASL_NONSENSE, /* that is not what the mechanism says */
	SASL_BROKEN    /* our trouble */
};

struct sasl_server;
struct sasl_server *sasl_server_new(int way, const struct sasl_server_setup *setup);
void sasl_server_free(struct sasl_server **s); /* wipes; *S may be NULL */

/* RESPONSE: base64 as it came, an empty one for "="; NULL at the first step when there is no initial response. CHALLENGE
 * becomes base64, perhaps empty, where SASL_ASKS is returned. */
enum sasl_server_said sasl_server_step(struct sasl_server *s, const struct slice *response, struct buf *challenge);

/* After SASL_CLAIMS, once: looks whether it is true. SASL_ASKS (one step more), SASL_PASSED, SASL_REFUSED or
 * SASL_BROKEN. */
enum sasl_server_said sasl_server_check(struct sasl_server *s, struct buf *challenge);

/* What the check will cost, in rounds of the hash: a microsecond or less each. */
unsigned sasl_server_cost(const struct sasl_server *s);

/* Who it says that it is: any bytes but NUL; after SASL_PASSED, who it is. "" while that is not known. */
const char *sasl_server_user(const struct sasl_server *s);

/* Why it was refused, for the log. */
const char *sasl_server_reason(const struct sasl_server *s);

#endif
