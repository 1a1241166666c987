/*
 * One SMTP or LMTP session (RFC 5321; LMTP: RFC 2033) without its socket: bytes
 * go in, bytes come out, and smtp_session_want says what it waits for. Replies to
 * a group of pipelined commands (RFC 2920) come out together.
 *
 * TLS lies below it. After STARTTLS (RFC 3207) it wants SMTP_TLS; who owns the
 * connection then
 *   1. calls smtp_session_tls_begin, telling whether any input is there already,
 *   2. sends all output, and while smtp_session_want still says SMTP_TLS
 *   3. does the handshake and calls smtp_session_tls_done.
 * For TLS from the first octet smtp_session_tls_done comes before smtp_session_greet.
 */
#ifndef MAILFERRY_SMTP_SESSION_H
#define MAILFERRY_SMTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "config/config.h"
#include "intake/intake.h"
#include "net/binding.h"
#include "net/sasl_users.h"
#include "smtp/meter.h"
#include "smtp/tally.h"

enum {
	SMTP_COMMAND_MAX = 2048,       /* octets of a command with its line end */
	SMTP_SKIP_MAX = 64 * 1024,     /* of a command line that is too long, before the connection is closed */
	SMTP_OUTPUT_MAX = 1024 * 1024, /* waiting output: LMTP answers a thousand recipients at once */
	SMTP_OUTPUT_PAUSE = 8 * 1024,  /* more than this waiting: no command is taken */
	SMTP_UNKNOWN_SLOW = 10,	       /* unknown recipients before replies slow down */
	SMTP_UNKNOWN_MAX = 20,	       /* and before the session is ended */
	SMTP_ENVELOPE_MAX = 48 * 1024, /* octets of Delivered-To lines that a transaction may lead to */
	SMTP_HANDSHAKE_MS = 60 * 1000, /* for a TLS handshake, or command_timeout if that is less */
	SMTP_BYTE_RATE = 100,	       /* octets a second that content must come at, besides the silence allowed */
};

struct milter_wires;

/* What the sessions of a process share. */
struct smtp_service {
	const struct config *config;
	struct intake *intake;
	uint64_t unaccepted;  /* octets of mail received and not yet accepted, of all sessions */
	const struct milter_wires *wires; /* how milters are reached; NULL: there are none */
	int64_t (*now)(void); /* milliseconds that never go back */
	bool stopping;
	bool leaving; /* there is a successor, which may know other users */
	const struct sasl_users *users; /* who may log in; NULL: nobody */
	bool tls; /* there are certificates: listeners offer what they are told to */
	struct meter *meter; /* NULL: nobody counts */
	struct tally *tally; /* NULL: there are no other receivers */
};

/* What the sessions of one client address share, in this process (smtp/sources.h). */
struct smtp_source {
	unsigned sessions;
	uint64_t unaccepted;
	struct tally_mark mark; /* where other receivers read the same */
};

/* By what a client is counted (smtp/gate.h). */
struct smtp_client {
	struct meter_key address, network;
	bool counted; /* the rates of limits hold for it */
};

enum smtp_want {
	SMTP_READ, /* more input */
	SMTP_WAIT, /* nothing: smtp_wake_fn will be called, or the deadline comes */
	SMTP_TLS,  /* a TLS handshake, see above */
	SMTP_CLOSE /* close once the output is sent; further input is thrown away */
};

/* What protects the connection under a session. */
struct smtp_tls {
	bool on;
	const char *version; /* "TLSv1.3"; a constant */
	const char *cipher;  /* by its name in the standards: "TLS_AES_256_GCM_SHA384"; a constant */
	unsigned bits;	     /* of its key */
	const char *subject; /* of the client's certificate, verified; NULL: it has shown none, or none that is good */
	const char *issuer;  /* who has signed that one */
	/* The channel bindings of the connection (net/binding.h); NULL where there are none. */
	void (*bind)(void *arg, struct binding out[BINDING_TYPES]);
	void *bind_arg;
};

struct smtp_session;

/* Something happened outside a call of the session: look at its output and at what it wants. */
typedef void smtp_wake_fn(void *arg);

struct smtp_origin {
	const struct config_listener *listener;
	const char *client;	    /* "192.0.2.7:41234"; copied */
	const char *ip;		    /* "192.0.2.7", "" for a UNIX socket; copied */
	struct smtp_source *source; /* outlives the session; may be NULL */
	struct smtp_client known;
	bool proxied; /* a proxy told the address: what the kernel says of the connection is not said of the client */
	bool unnamed; /* the address is the proxy's own, as it named no other: what its network may do is not meant */
};

struct smtp_session *smtp_session_new(struct smtp_service *service, const struct smtp_origin *origin,
				      smtp_wake_fn *wake, void *arg);

/* At any time; what was not accepted is forgotten. */
void smtp_session_free(struct smtp_session **s);

/* The banner. EARLY: the client spoke before it (RFC 5321, 4.3.1: it must not), and is refused. */
void smtp_session_greet(struct smtp_session *s, bool early);

/* SMTP_TLS: answers STARTTLS. EARLY: the client has sent something behind it, which may be from somebody on the way who
 * can write but not read (RFC 3207, 6), and is refused. READY: a handshake can be made now. */
void smtp_session_tls_begin(struct smtp_session *s, bool early, bool ready);

/* The handshake is done: what was said before it is forgotten (RFC 3207, 4.2). T is copied, its subject and issuer too. */
void smtp_session_tls_done(struct smtp_session *s, const struct smtp_tls *t);

/* Takes as much of IN as it can and returns how much; what is left must come again, in front of newer input. */
size_t smtp_session_input(struct smtp_session *s, struct slice in);

/* Output is about to be handed to the kernel. */
void smtp_session_saying(struct smtp_session *s);

/* All output was handed to the kernel. STALE: octets of input that the client sent before it can have read that output,
 * as far as is known. SIZE_MAX: it has sent its last. */
void smtp_session_sent(struct smtp_session *s, size_t stale);

/* N octets of the next input left the client before what was sent last can have reached it. */
void smtp_session_crossed(struct smtp_session *s, size_t n);

/* The client turned out not to have waited for the banner. */
void smtp_session_early(struct smtp_session *s);

/* The client closed its side in order; ACKNOWLEDGED: all that was sent to it has arrived there. Outside a transaction
 * a 250 then counts as read (receipt.h). */
void smtp_session_eof(struct smtp_session *s, bool acknowledged);

/* It matters whether what was said arrives, also after the client has closed its side: look, a few times a second. */
bool smtp_session_waits(const struct smtp_session *s);
void smtp_session_look(struct smtp_session *s, bool acknowledged);

/* The connection is over; RESET: by the client. True when what is still on its way must not arrive any more: what counts
 * as unread must stay so. Call it before the session is freed. */
bool smtp_session_gone(struct smtp_session *s, bool acknowledged, bool reset);

/* The time of smtp_session_deadline has come. */
void smtp_session_timeout(struct smtp_session *s);

/* The service stops: the session ends with 421, after its answer when the spool has a message of it in hand. GENTLY: not
 * in the middle of a transaction either. With service->stopping it then ends when that is over. */
void smtp_session_stop(struct smtp_session *s, bool gently);

enum smtp_want smtp_session_want(const struct smtp_session *s);
int64_t smtp_session_deadline(const struct smtp_session *s); /* on the service's clock */
struct buf *smtp_session_output(struct smtp_session *s);     /* the caller consumes it */
bool smtp_session_held(const struct smtp_session *s); /* output must wait for the deadline: the client is slowed down */
bool smtp_session_unconfirmed(const struct smtp_session *s); /* a 250 was given that the client may not have read */
bool smtp_session_lingers(
    const struct smtp_session *s); /* ended, and its last words must not be lost by closing hard */
const char *smtp_session_id(const struct smtp_session *s);

#endif
