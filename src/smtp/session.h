/*
 * One SMTP or LMTP session (RFC 5321; LMTP: RFC 2033) without its socket: bytes
 * go in, bytes come out, and smtp_session_want says what it waits for. Replies to
 * a group of pipelined commands (RFC 2920) come out together.
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
#include "smtp/later.h"

enum {
	SMTP_COMMAND_MAX = 2048,       /* octets of a command with its line end */
	SMTP_SKIP_MAX = 64 * 1024,     /* of a command line that is too long, before the connection is closed */
	SMTP_OUTPUT_MAX = 1024 * 1024, /* waiting output: LMTP answers a thousand recipients at once */
	SMTP_OUTPUT_PAUSE = 8 * 1024,  /* more than this waiting: no command is taken */
	SMTP_UNKNOWN_SLOW = 10,	       /* unknown recipients before replies slow down */
	SMTP_UNKNOWN_MAX = 20,	       /* and before the session is ended */
	SMTP_ENVELOPE_MAX = 48 * 1024, /* octets of Delivered-To lines that a transaction may lead to */
	SMTP_BYTE_RATE = 100,	       /* octets a second that content must come at, besides the silence allowed */
};

/* What the sessions of a process share. */
struct smtp_service {
	const struct config *config;
	struct intake *intake;
	uint64_t unaccepted;  /* octets of mail received and not yet accepted, of all sessions */
	int64_t (*now)(void); /* milliseconds that never go back */
	bool stopping;
	struct later later; /* whoever owns the service runs and frees it */
};

/* What the sessions of one client address share. */
struct smtp_source {
	unsigned sessions;
	uint64_t unaccepted;
};

enum smtp_want {
	SMTP_READ, /* more input */
	SMTP_WAIT, /* nothing: smtp_wake_fn will be called, or the deadline comes */
	SMTP_CLOSE /* close once the output is sent; further input is thrown away */
};

struct smtp_session;

/* Something happened outside a call of the session: look at its output and at what it wants. */
typedef void smtp_wake_fn(void *arg);

struct smtp_origin {
	const struct config_listener *listener;
	const char *client;	    /* "192.0.2.7:41234"; copied */
	const char *ip;		    /* "192.0.2.7", "" for a UNIX socket; copied */
	struct smtp_source *source; /* outlives the session; may be NULL */
};

struct smtp_session *smtp_session_new(struct smtp_service *service, const struct smtp_origin *origin,
				      smtp_wake_fn *wake, void *arg);

/* At any time; what was not accepted is forgotten. */
void smtp_session_free(struct smtp_session **s);

/* The banner. EARLY: the client spoke before it (RFC 5321, 4.3.1: it must not), and is refused. */
void smtp_session_greet(struct smtp_session *s, bool early);

/* Takes as much of IN as it can and returns how much; what is left must come again, in front of newer input. */
size_t smtp_session_input(struct smtp_session *s, struct slice in);

/* All output was handed to the kernel. STALE: octets of input that the client sent before it can have read that output,
 * as far as is known. SIZE_MAX: it has sent its last. */
void smtp_session_sent(struct smtp_session *s, size_t stale);

/* N octets of the next input left the client before what was sent last can have reached it. */
void smtp_session_crossed(struct smtp_session *s, size_t n);

/* The client turned out not to have waited for the banner. */
void smtp_session_early(struct smtp_session *s);

/* The client closed its side in order; ACKNOWLEDGED: all that was sent to it has arrived there. Outside a transaction
 * the last 250 then counts as read: after a while, see later.h, or at once for a message without Message-ID and Date.
 */
void smtp_session_eof(struct smtp_session *s, bool acknowledged);

/* The time of smtp_session_deadline has come. */
void smtp_session_timeout(struct smtp_session *s);

/* The service stops: an idle session ends with 421; one with a message in hand ends after its answer. */
void smtp_session_stop(struct smtp_session *s);

enum smtp_want smtp_session_want(const struct smtp_session *s);
int64_t smtp_session_deadline(const struct smtp_session *s); /* on the service's clock */
struct buf *smtp_session_output(struct smtp_session *s);     /* the caller consumes it */
bool smtp_session_held(const struct smtp_session *s); /* output must wait for the deadline: the client is slowed down */
bool smtp_session_unconfirmed(const struct smtp_session *s); /* a 250 was given that the client may not have read */
bool smtp_session_lingers(
    const struct smtp_session *s); /* ended, and its last words must not be lost by closing hard */
const char *smtp_session_id(const struct smtp_session *s);

#endif
