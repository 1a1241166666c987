/*
 * The doors of the spool, as the other programs see them. The spool knows who
 * holds the other end of each socket and answers only what that role may ask.
 */
#ifndef MAILFERRY_SPOOL_CLIENT_H
#define MAILFERRY_SPOOL_CLIENT_H

#include "base/err.h"
#include "ipc/message.h"
#include "spool/facts.h"
#include "spool/types.h"

struct event_base;

/* ---- for those who take mail in: asynchronous, on libevent ---- */
struct spool_intake;

/* Takes FD. LOST is called once when the spool goes away, after every open request was answered SPOOL_LOST; the client
 * object then stays, answers everything SPOOL_LOST at once, until spool_intake_replace gives it a new socket. */
struct spool_intake *spool_intake_new(struct event_base *base, int fd, void (*lost)(void *arg), void *arg);
void spool_intake_replace(struct spool_intake *s, int fd);
void spool_intake_free(struct spool_intake **s);

/* TAKEN: of SPOOL_ACCEPTED and SPOOL_DUPLICATE, valid during the call; else NULL. */
typedef void spool_answer_fn(void *arg, enum spool_answer answer, const struct spool_taken *taken);

/* M and what it points to are copied before the call returns. FN is called later, exactly once, never from inside this
 * call. 0, or a handle for spool_cancel. */
uint64_t spool_accept(struct spool_intake *s, const struct spool_message *m, spool_answer_fn *fn, void *arg);

/* Which of the recipients of M got this message already, by a client that may not have read our reply: KNOWN has an
 * octet for each, 1 for those. Nothing but the recipients is looked at, and nothing changes. ANSWER is SPOOL_ACCEPTED,
 * or KNOWN is empty. As spool_accept else. */
typedef void spool_known_fn(void *arg, enum spool_answer answer, struct slice known);
uint64_t spool_known(struct spool_intake *s, const struct spool_message *m, spool_known_fn *fn, void *arg);

/* Which of the N keys (SPOOL_MEMORY_MAX at most; account and key of each count) are remembered: as spool_known. */
uint64_t spool_recall(struct spool_intake *s, const struct spool_memory *keys, size_t n, spool_known_fn *fn, void *arg);

/* FN will not be called; what was asked may still happen (and stays unconfirmed). */
void spool_cancel(struct spool_intake *s, uint64_t handle);

/* A file for a body that is too large to be carried inline: opened for writing, at offset 0. Write it, then name UPLOAD
 * in spool_accept: the spool checks the size, syncs and renames it. FD can also be read; the spool starts its
 * write-back. FD is -1 when there is no room (answer 452) or the spool is lost; the callee owns FD. */
typedef void spool_upload_fn(void *arg, int fd, uint64_t upload, enum spool_answer answer);
uint64_t spool_upload_open(struct spool_intake *s, spool_upload_fn *fn, void *arg);
void spool_upload_drop(struct spool_intake *s, uint64_t upload);

/* May a body of SIZE octets, more than IPC_INLINE_MAX, be given to spool_accept as bytes now? It is then written, with
 * others, to a file that the spool keeps at hand: a file for itself would cost more than the body. False when there is
 * none yet, it is full, or the body is larger than SPOOL_BUNDLED_MAX. */
bool spool_bundles(struct spool_intake *s, uint64_t size);

/* What became of the reply that TICKET stands for. No answer; what is lost here does no harm. */
void spool_confirm(struct spool_intake *s, int64_t ticket, enum spool_reply what);

/* The message ID was answered SPOOL_LOST, and its client got no reply: said to the spool that comes back. */
void spool_unanswered(struct spool_intake *s, const char *id);

/* What is known of an account's store; asked for at once, again when it changes, and again from a spool that comes back.
 * Called from the event loop. FN may take F over: it then leaves it as facts_free does. Nothing known: F is empty, with
 * AT_MS 0. */
typedef void spool_facts_fn(void *arg, const char *account, int64_t at_ms, struct facts *f);
void spool_facts_watch(struct spool_intake *s, const char *const *accounts, size_t n, spool_facts_fn *fn, void *arg);

/* ---- for a store: blocking, FD is the bare socket ---- */
struct spool_store;			     /* the socket and its buffers */
struct spool_store *spool_store_new(int fd); /* takes FD */
void spool_store_free(struct spool_store **s);

/* Deliveries of this store's account that are due now, doubts first, oldest first, at most MAX and MAX_BYTES (but at
 * least one). N may be 0: NEXT_DUE_MS then says when to ask again (wall clock; INT64_MAX: nothing waits). The first
 * call after a store started turns every delivery in flight of the account into a doubt. What was handed out stays with
 * this store (people can't act on it) until it settles it, asks for more, holds the account, or leaves: what it left
 * undone is then handed out again. */
int spool_next(struct spool_store *s, size_t max, uint64_t max_bytes, struct spool_work **work, size_t *n,
	       int64_t *next_due_ms, struct err *e);

/* The same, while what was handed out before is still in work: it stays with this store, and is not given again. */
int spool_more(struct spool_store *s, size_t max, uint64_t max_bytes, struct spool_work **work, size_t *n,
	       int64_t *next_due_ms, struct err *e);
void spool_work_free(struct spool_work *work, size_t n); /* frees the array too */

/* The body: inline bytes (owned by the caller, free(); *FD is -1), or a descriptor open for reading (*BYTES is NULL).
 * ERR_PERM: the body is damaged or gone; the delivery was set aside for a person, drop it. */
int spool_body(struct spool_store *s, int64_t message, char **bytes, size_t *len, int *fd, struct err *e);

/* Several small bodies at once: FN gets those of MESSAGES (N, at most SPOOL_BATCH_MAX) that the spool has at hand; for
 * the others ask spool_body. BYTES are valid during the call. 0, or -1 and E: then ask spool_body, too. */
typedef void spool_bytes_fn(void *arg, int64_t message, struct slice bytes);
int spool_bodies(struct spool_store *s, const int64_t *messages, size_t n, spool_bytes_fn *fn, void *arg, struct err *e);

/* Committed and synced when it returns 0; on -1 nothing may be sent (store-faults: disk full on recording in-flight).
 */
int spool_in_flight(struct spool_store *s, const struct spool_flight *f, size_t n, struct err *e);

/* Committed and synced when it returns 0. A failure leaves the deliveries in flight: they will be looked for. ERR_PERM:
 * an outcome that is not legal in its delivery's state (docs/spool.md) was refused; the others were recorded. */
int spool_settle(struct spool_store *s, const struct spool_outcome *o, size_t n, struct err *e);

/* The whole account can't take anything until UNTIL_MS (credential, quota, unreachable), and why. UNTIL_MS 0 lifts it.
 * Nothing is handed out before; `queue list` shows it; `queue retry` lifts it. Persists. PERSON: it is tried
 * again in vain until a person mends something; `mailferry status` says so. */
int spool_hold_account(struct spool_store *s, int64_t until_ms, const char *reason, int attempts, bool person,
		       struct err *e);

/* The account's last hold: *ATTEMPTS in a row so far (for back-off), 0 when it was lifted. */
int spool_account(struct spool_store *s, int64_t *until_ms, int *attempts, struct err *e);

/* When the account's facts were told last: wall clock, 0 for never. */
int spool_told(struct spool_store *s, int64_t *at_ms, struct err *e);

/* The account's store as spool/facts.h writes it, at most FACTS_MAX octets; for those who take mail in. Persists. */
int spool_tell(struct spool_store *s, struct slice facts, struct err *e);

#endif
