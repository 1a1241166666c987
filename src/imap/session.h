/*
 * One session with an IMAP store, logged in. Calls block up to the account's
 * timeout each. They return 0 when the server answered the command (the reply
 * says how), and -1 when the connection is over or out of step: then only
 * imap_abort is left, and E says why in words for the operator:
 *
 * ERR_CONFIG: a person must act (certificate, password, STARTTLS missing);
 * ERR_TEMP: may pass (network, busy store; code ETIMEDOUT at the deadline, EUSERS
 * when the store says that there are too many connections);
 * ERR_PROTOCOL: the server broke the protocol.
 */
#ifndef MAILFERRY_IMAP_SESSION_H
#define MAILFERRY_IMAP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "config/config.h"
#include "imap/folder.h"
#include "imap/reply.h"
#include "net/tls.h"

struct imap;

/* What imap_open has behind it. */
enum imap_stage { IMAP_STAGE_ENCRYPTED, IMAP_STAGE_GREETED, IMAP_STAGE_LOGGED_IN };

struct imap_login {
	const struct config_server *server;   /* with password */
	struct tls_client *tls;		      /* NULL only where account->tls is CONFIG_TLS_NONE */
	int wake_fd;			      /* watched during every wait, -1 for none; see stream_set_wake */
	void (*wake)(void *arg);
	void *wake_arg;
	int64_t deadline; /* as imap_hurry, from the start; 0: none */
	/* For an account with `oauth', NULL else: an access token, from mem_alloc, that the caller wipes and frees. FRESH: the
	 * one before was just refused, so get a new one. NULL and E on failure: ERR_CONFIG (a person must act) or ERR_TEMP (may
	 * pass). */
	char *(*token)(void *arg, bool fresh, struct err *e);
	void *token_arg;
	/* NULL, or called when each stage is reached; S is not yet open, and may only be asked for facts. */
	void (*reached)(void *arg, const struct imap *s, enum imap_stage stage);
	void *reached_arg;
};

enum {
	IMAP_CAN_LITERAL_PLUS = 1 << 0,	 /* RFC 7888: literals of any size without waiting */
	IMAP_CAN_LITERAL_MINUS = 1 << 1, /* up to 4,096 octets */
	IMAP_CAN_MULTIAPPEND = 1 << 6,	 /* RFC 3502 */
	IMAP_CAN_NAMESPACE = 1 << 2,
	IMAP_CAN_STARTTLS = 1 << 3,
	IMAP_CAN_SASL_IR = 1 << 4, /* RFC 4959 */
	IMAP_LOGIN_DISABLED = 1 << 5,
	IMAP_CAN_SPECIAL_USE = 1 << 20, /* RFC 6154 */
	IMAP_CAN_CREATE_SPECIAL_USE = 1 << 21,
	IMAP_CAN_LIST_EXTENDED = 1 << 22, /* RFC 5258 */
	IMAP_CAN_UTF8 = 1 << 23,	  /* RFC 6855, ACCEPT or ONLY */
	IMAP_CAN_ENABLE = 1 << 24,
	IMAP_CAN_APPENDLIMIT = 1 << 25 /* RFC 7889: each folder may have a limit of its own */
};

/* Once, before the first imap_open: teaches libetpan to pass over responses that it does not know. */
void imap_start(void);

/* Takes FD, a connection to the account's host. NULL and E on failure, with FD closed. */
struct imap *imap_open(int fd, const struct imap_login *login, struct err *e);

/* LOGOUT, briefly; whatever it brings is of no interest. */
void imap_close(struct imap **s);

/* Resets the connection. */
void imap_abort(struct imap **s);

unsigned imap_can(const struct imap *s);	  /* IMAP_CAN_… */
uint64_t imap_append_limit(const struct imap *s); /* octets of one message (RFC 7889); UINT64_MAX: not told */
const struct folder_style *imap_style(const struct imap *s);

/* ---- facts for people ---- */
bool imap_tls_facts(const struct imap *s, struct tls_facts *out); /* false: not encrypted */
const char *imap_mechanism(const struct imap *s); /* how we logged in: "PLAIN", "LOGIN command", …; NULL before that */

bool imap_compressed(const struct imap *s);	  /* COMPRESS=DEFLATE (RFC 4978) is on */

/* Was CAPABILITY advertised (any case), as last told? */
bool imap_has(const struct imap *s, const char *capability);

/* Appends all that was advertised, with a blank between; "AUTH=PLAIN" among it. */
void imap_capabilities(const struct imap *s, struct buf *out);
/* UTF8=ACCEPT is enabled. A message with 8-bit octets in its header is then to be sent as UTF8 (~{n} … ) (RFC 6855, 4). */
bool imap_utf8(const struct imap *s);

/* All waits end at this time (clock_mono_ms) at the latest, whatever a command would allow. */
void imap_hurry(struct imap *s, int64_t mono_ms);

/* How many commands were answered NO or BAD so far. */
unsigned imap_errors(const struct imap *s);

/* The server's BYE, or NULL. */
const char *imap_bye(const struct imap *s);

/* NOOP: is the connection still good? */
int imap_noop(struct imap *s, struct err *e);

#endif
