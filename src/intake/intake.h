/*
 * Taking a message in: bytes and envelope, then rules, then the spool. Nothing
 * is promised before the spool has answered.
 *
 *   m = intake_begin(…); intake_add(m, piece) …; intake_finish(m); … done(arg)
 *
 * A message is held in memory up to IPC_INLINE_MAX octets, then in a file that
 * the spool opened, so its size does not matter; its header block must stay
 * under HEADER_MAX_BYTES.
 */
#ifndef MAILFERRY_INTAKE_INTAKE_H
#define MAILFERRY_INTAKE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "config/config.h"
#include "sieve/sieve.h"
#include "spool/client.h"
#include "spool/source.h"

struct config_source;

/* The spool, as intake needs it. A test puts a fake behind it. */
struct intake_spool {
	uint64_t (*accept)(void *spool, const struct spool_message *m, spool_answer_fn *fn, void *arg);
	void (*cancel)(void *spool, uint64_t handle);
	uint64_t (*upload_open)(void *spool, spool_upload_fn *fn, void *arg);
	void (*upload_drop)(void *spool, uint64_t upload);
	uint64_t (*known)(void *spool, const struct spool_message *m, spool_known_fn *fn, void *arg);
	void (*confirm)(void *spool, int64_t ticket, enum spool_reply what);
	void (*unanswered)(void *spool, const char *id);
	bool (*bundles)(void *spool, uint64_t size); /* NULL: never */
	/* NULL: nothing is remembered */
	uint64_t (*recall)(void *spool, const struct spool_memory *keys, size_t n, spool_known_fn *fn, void *arg);
};
extern const struct intake_spool intake_spool_client; /* SPOOL is a struct spool_intake */

/* ---- what all messages share ---- */
struct intake;

/* C, SPOOL and its functions must outlive it. */
struct intake *intake_new(const struct config *c, const struct intake_spool *functions, void *spool);
void intake_free(struct intake **in);

/* The compiled script of PATH, as accounts name it; takes *P over and leaves NULL. */
void intake_add_rules(struct intake *in, const char *path, struct sieve_program **p);

/* What rules may ask under NAME (RFC 6134): a line each of TEXT. */
void intake_add_list(struct intake *in, const char *name, struct slice text);

/* The rules of PATH are those of AS, which were added. */
void intake_share_rules(struct intake *in, const char *path, const char *as);

/* While the spool is away, messages are refused at once instead of being read for nothing. */
void intake_set_lost(struct intake *in, bool lost);
bool intake_lost(const struct intake *in);

/* What became of the reply that TICKET stands for, see intake_ticket. */
void intake_confirm(struct intake *in, int64_t ticket, enum spool_reply what);

/* ---- what is known of the accounts' stores ---- */
/* F is taken over, and left empty. AT_MS: when the store said so (wall clock); its limit counts for a day and a half,
 * so that one that is higher by now does not keep all mail away, and with it the login that would tell. Nor does a
 * limit count that hardly any message keeps to: those wait in the queue, where a person sees why. */
void intake_set_facts(struct intake *in, const char *account, int64_t at_ms, struct facts *f);

/* The same of the relay: how large a message it takes. */
void intake_set_relay_facts(struct intake *in, int64_t at_ms, struct facts *f);

/* What is known of the store of A. */
const struct facts *intake_facts(const struct intake *in, const struct config_account *a);

/* Octets that a message may have, as the client sends it, so that the store of A takes it with the lines that mailferry
 * adds, of ENVELOPE octets beside those that each message has (see intake_envelope_cost); never more than the limit of
 * the configuration, which holds alone while nothing is known of the store. At least 1. */
uint64_t intake_size_max(const struct intake *in, const struct config_account *a, size_t envelope);

/* The same of the relay. */
uint64_t intake_relay_size_max(const struct intake *in);

/* How many recipients more may get mail by G today, as far as is known here: the spool has the last word. */
uint64_t intake_relay_left(const struct intake *in, const struct config_relay_for *g);

/* May the store of A be sent a message whose header and addresses hold UTF-8 (RFC 6532)? UNKNOWN: it has not said yet
 * what it can do. */
enum intake_utf8 { INTAKE_UTF8_UNKNOWN, INTAKE_UTF8_NO, INTAKE_UTF8_YES };
enum intake_utf8 intake_utf8_of(const struct intake *in, const struct config_account *a);

/* Is there an account whose store may? */
bool intake_utf8_offer(const struct intake *in);

/* Octets of lines for one more recipient of an account, at most. */
size_t intake_envelope_cost(const char *sender, const char *recipient);

/* The largest message that any account can take: what SIZE promises (RFC 1870, 4). */
uint64_t intake_size_offer(const struct intake *in);

/* ---- one message ---- */
enum intake_result {
	INTAKE_ACCEPTED,  /* the spool has it */
	INTAKE_REJECTED,  /* the rules refuse it: reason */
	INTAKE_LOOPING,	  /* too many hops, or it was delivered to this recipient before */
	INTAKE_MALFORMED, /* it holds a NUL */
	INTAKE_HEADER,	  /* its header block is too large */
	INTAKE_LIMIT,	  /* so much may go out today: tomorrow */
	INTAKE_LARGE,	  /* larger than the recipient's size_max */
	INTAKE_FULL,	  /* no room: later */
	INTAKE_FAILED,	  /* something broke here: later */
	INTAKE_LOST	  /* the spool went away while it decided: nobody knows. Say nothing */
};

/* Mail that was fetched from a source. There is nobody who could be told of a refusal, so that such a message is filed
 * where a person sees it instead: INTAKE_REJECTED, INTAKE_LOOPING and INTAKE_HEADER do not occur. INTAKE_MALFORMED and
 * INTAKE_LARGE mean that it can't be taken as it is: leave the original, and tell why (intake_outcome). */
struct intake_fetched { /* borrowed until the message is freed */
	const struct spool_origin
	    *origin;	     /* committed together with the message; message and fate are the spool's to fill in */
	const char *flags;   /* that it had at the source, separated by blanks; "" */
	int64_t internal_ms; /* its INTERNALDATE; 0: not known */
	const struct config_source *source;
	const char *folder; /* a copy: it goes there and past all rules; as rules name folders. NULL: by rules */
	const struct config_account *account; /* a copy: whose folder; else the source says */
	bool head_only; /* only the header block comes, to see what rules would do: origin->size counts as its size */
};

struct intake_recipient {
	char *address;			      /* owned; as the client gave it, without brackets */
	char *local, *domain;		      /* owned; the same in two parts, as struct address has them */
	const struct config_account *account; /* who takes it; NULL: others, who get it through the relay */
	enum intake_result result;	      /* when done */
	char *reason;			      /* owned; INTAKE_REJECTED: may hold several lines and any character */
	size_t answer; /* the caller's: to which of its recipients an answer is owed with this result, from 1 on */
	uint64_t size_max;		      /* octets that a message for it may have; 0: it was not asked */
	unsigned notify;		      /* of enum intake_notify: when its sender wants to be told; 0: not said */
	char *orcpt; /* owned; for whom it was sent at first, decoded: "rfc822;me@office.example"; NULL: not said */
};

/* RFC 3461, 4.1 */
enum intake_notify { INTAKE_NEVER = 1, INTAKE_SUCCESS = 2, INTAKE_FAILURE = 4, INTAKE_DELAY = 8 };

struct intake_envelope { /* borrowed until the message is freed; NULL where not known */
	const char *session, *protocol, *client, *ip, *helo, *listener, *auth;
	const char *tls_version, *tls_cipher; /* "TLSv1.3", "TLS_AES_256_GCM_SHA384"; NULL: it was not encrypted */
	unsigned tls_bits;		      /* of the cipher's key */
	const char *sender; /* "" for the null sender */
	const char *id;	  /* a timed_id: the queue id that it gets; NULL: a new one */
	bool utf8;	    /* it came with SMTPUTF8 (RFC 6531): addresses and header may hold UTF-8 */
	const char *ret;    /* "FULL" or "HDRS": what the sender wants back in a notification (RFC 3461, 4.3) */
	const char *envid;  /* by which the sender knows it, decoded (RFC 3461, 4.4) … */
	const char *envid_xtext; /* … and as it was said; both or none */
	const char *once; /* what makes it the same message as another one, instead of its content; NULL: its content */
	const struct config_relay_for *relay_for; /* who lets it go out; for recipients without an account */
	struct intake_recipient *recipients; /* at least one; results are filled in */
	size_t nrecipients; /* of fetched mail none: intake works them out, and the sender (NULL) too */
	const struct intake_fetched *fetched; /* NULL for mail that somebody hands in */
	char *const *remove; /* names of fields that are taken out of the header; the last character may be * */
	size_t nremove;
	bool outside; /* nobody vouches for the client: an Authentication-Results that bears our name is taken out too */
	bool each; /* every recipient is answered for itself (LMTP): a refusal does not need company */
};

struct intake_events {		   /* called from the event loop, never from inside a call of this interface */
	void (*resume)(void *arg); /* after intake_add had said INTAKE_WAIT */
	void (*done)(void *arg);   /* after intake_finish had said so: results are there */
};

struct intake_message;

struct intake_message *intake_begin(struct intake *in, const struct intake_envelope *env,
				    const struct intake_events *events, void *arg);

enum intake_flow {
	INTAKE_GO,
	INTAKE_WAIT, /* all of the piece was taken, but no more may come before resume */
	INTAKE_STOP  /* the message is refused, results are filled in: read the rest away, free the message */
};

/* A piece of the content as the client sent it (dots undone, line ends CRLF), at most INTAKE_PIECE_MAX octets. */
enum { INTAKE_PIECE_MAX = 64 * 1024 };
enum intake_flow intake_add(struct intake_message *m, struct slice piece);

/* The content is complete. True: results are there now. False: the spool is asked, done will tell. Nobody is refused who
 * has got this message already, by a client that did not read our 250. */
bool intake_finish(struct intake_message *m);

/* The same, but the caller means to refuse the message, whatever rules say: results are INTAKE_REJECTED without a reason,
 * or INTAKE_ACCEPTED where the message was accepted before. */
bool intake_finish_refused(struct intake_message *m);
/* ---- looking at the content, and changing it: between the last intake_add and intake_finish ---- */

/* The content is complete. What makes a message the same as another one is what came until here; changes do not count.
 * False: the message is refused, results are there. */
bool intake_seal(struct intake_message *m);

/* The header block as it stands now, with its empty line where it has one; a view until the next change. */
struct slice intake_header(const struct intake_message *m);

uint64_t intake_body_size(const struct intake_message *m);

/* Reads up to N octets of the body from AT on: how many; 0 behind its end; -1 when it can't be read, and the message is
 * refused. Reads from a file that was just written, so it does not wait for the disk. */
ssize_t intake_body_read(struct intake_message *m, uint64_t at, char *p, size_t n);

/* Another header block, which ends with an empty line and has HEADER_MAX_BYTES at most. Takes what is in HEADER. */
void intake_set_header(struct intake_message *m, struct buf *header);

/* Another body comes in pieces (lines end with CRLF, no NUL) of INTAKE_PIECE_MAX octets at most, behind one call of
 * intake_body_begin. A body that was begun takes the place of the one before at once. INTAKE_WAIT: resume will tell. */
void intake_body_begin(struct intake_message *m);
enum intake_flow intake_body_add(struct intake_message *m, struct slice piece);

/* Other people: SENDER and RECIPIENTS (N of them, at least one) take the place of those that intake_begin was given, and
 * are borrowed as those were; the sender before must still be there. */
void intake_set_envelope(struct intake_message *m, const char *sender, struct intake_recipient *recipients, size_t n);

/* No rules are asked. Discarded: it is accepted, WHY is kept, and nothing is filed or sent on. Held: all of it goes to
 * FOLDER of each recipient's account, with WHY as its note; not for recipients without one. */
void intake_discard(struct intake_message *m, const char *why);
void intake_hold(struct intake_message *m, const char *folder, const char *why);

/* A changed message that is in a file is written anew, which takes several turns of the event loop: ASK (at most one
 * call is open at a time) is to see to it that intake_turn is called in the next one. Not set: all in one turn. */
void intake_set_turns(struct intake *in, void (*ask)(void *arg), void *arg);
void intake_turn(struct intake *in);

/* Refuses the message for something that the caller found in it; results are filled in. */
void intake_refuse(struct intake_message *m, enum intake_result result);

/* What became of fetched mail, once results are there. *WHY, if it is not taken: for people, owned by M. */
enum intake_result intake_outcome(const struct intake_message *m, const char **why);

const char *intake_id(const struct intake_message *m); /* the queue id; once accepted, that under which it is known */
int64_t intake_ticket(const struct intake_message *m); /* for intake_confirm; 0 when it was not accepted */

/* It has a Message-ID: the same bytes again are the same message sent again. Without one, as alarm panels write, they may
 * as well be news. */
bool intake_is_named(const struct intake_message *m);

/* INTAKE_LOST, and the client got no reply. */
void intake_unanswered(struct intake_message *m);

/* At any time. Before intake_finish nothing is kept; afterwards what was asked may still happen, and stays unconfirmed.
 */
void intake_end(struct intake_message **m);

#endif
