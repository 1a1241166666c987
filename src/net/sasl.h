/*
 * The client's side of SASL (RFC 4422), for any protocol that carries base64
 * lines: picks the strongest way to authenticate that both sides have, and steps
 * through it. Bytes of the server are hostile: each exchange ends after a bounded
 * number of steps, with bounded memory and time.
 *
 *	way = sasl_pick(&setup);
 *	s = sasl_new(way, &setup);
 *	while the server sends challenges: sasl_step(s, challenge, response)
 *	on the server's OK: sasl_accept(s), which may still say no
 *	on its refusal: sasl_verdict(s), sasl_complaint(s), sasl_committed(s);
 *		sasl_exclude(&setup, way), and pick again where that may help
 *
 * A way is a mechanism, and for SCRAM-…-PLUS the channel binding too.
 */
#ifndef MAILFERRY_NET_SASL_H
#define MAILFERRY_NET_SASL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "net/binding.h"

enum {
	SASL_NO_WAY = -1,
	SASL_LINE_MAX = 16 * 1024,     /* octets of one base64 challenge or response */
	SASL_ITERATIONS_MAX = 2000000, /* of SCRAM's key derivation: about a second */
	SASL_COMPLAINT_MAX = 100
};

struct sasl_setup {	  /* all of it is the caller's and outlives what is made from it */
	const char *host; /* for error texts and OAUTHBEARER */
	uint16_t port;
	const char *user;		/* whose mailbox */
	const char *login_as;		/* who authenticates, where that is another; NULL: USER */
	const char *password;		/* NULL: none */
	const char *token;		/* an access token: OAUTHBEARER and XOAUTH2, and nothing else */
	bool certificate;		/* the TLS connection bears a certificate of ours: EXTERNAL */
	const char *only;		/* the name of the one mechanism to use; NULL: the strongest */
	const struct binding *bindings; /* BINDING_TYPES of them; NULL: the connection is not encrypted */
	const char *nonce;		/* for tests; NULL: a random one */
	unsigned offered;		/* sasl_offered of all that the server names, or'ed */
	unsigned excluded;		/* by sasl_exclude */
};

/* The ways that the server's mechanism NAME stands for, as bits; 0 when there is none. Case does not matter. */
unsigned sasl_offered(struct slice name);

/* The strongest way left, or SASL_NO_WAY. What carries the password in a form that only this server can use comes
 * before what shows it: EXTERNAL, SCRAM with and then without channel binding, CRAM-MD5, PLAIN, LOGIN. Mechanisms that
 * can't name two users are left out where login_as is another than user. */
int sasl_pick(const struct sasl_setup *setup);

const char *sasl_name(int way);

/* The server does not take WAY after all. */
void sasl_exclude(struct sasl_setup *setup, int way);

struct sasl;
struct sasl *sasl_new(int way, const struct sasl_setup *setup);
void sasl_free(struct sasl **s); /* wipes */

/* Does the client speak first? Then the first sasl_step is for the initial response: its challenge is not looked at. */
bool sasl_client_first(const struct sasl *s);

/* One challenge of the server, base64 as it came; the answer, base64, replaces what RESPONSE (SASL_LINE_MAX at least)
 * held and may be empty. The caller wipes RESPONSE. -1 and E (ERR_PROTOCOL, or ERR_CONFIG where a person must act): end
 * the connection. */
int sasl_step(struct sasl *s, struct slice challenge, struct buf *response, struct err *e);

/* The server says that we are in. 0, or -1 and E when it has not done what the mechanism asks of it (RFC 5802, 5: its
 * signature): then it is not the server that it should be. */
int sasl_accept(const struct sasl *s, struct err *e);

/* Was anything sent that depends on the password, token or certificate? A refusal before that is one of the mechanism.
 */
bool sasl_committed(const struct sasl *s);

enum sasl_verdict {
	SASL_UNSAID,	  /* nothing within the mechanism */
	SASL_DENIED,	  /* user, password or token */
	SASL_UNSUPPORTED, /* the server can't do this way: another may work */
	SASL_RELAYED,	  /* channel bindings differ: two TLS connections where one should be */
	SASL_LATER	  /* its trouble, may pass */
};

/* What the server said within the mechanism (SCRAM's e=, OAuth's error status), and its word for it: printable, "" for
 * none. */
enum sasl_verdict sasl_verdict(const struct sasl *s);
const char *sasl_complaint(const struct sasl *s);

/* Servers are known to repeat a command that they do not understand: SECRET in TEXT, which people will read, becomes
 * asterisks. One that is too short to be told from other words can't be. SECRET may be NULL. */
void sasl_hide(char *text, const char *secret);

/* Once, while files can still be opened: what a token exchange would open the first time. */
void sasl_start(void);

#endif
