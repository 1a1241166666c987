/*
 * The spool for people: what `mailferry queue` and `mailferry trace` show and
 * do. Blocking, on a socket whose other end was given to the spool for the role
 * "admin".
 *
 * The spool answers in pages, so a long queue stops nobody's mail; the calls
 * below ask for page after page.
 */
#ifndef MAILFERRY_SPOOL_ADMIN_H
#define MAILFERRY_SPOOL_ADMIN_H

#include "base/err.h"
#include "spool/facts.h"
#include "spool/source.h"
#include "spool/types.h"

struct spool_admin;
struct spool_admin *spool_admin_new(int fd); /* takes FD */
void spool_admin_free(struct spool_admin **a);

/* Which messages. A field that is NULL or 0 asks for nothing. */
struct spool_query {
	const char *id;	     /* queue id of a message, or the id of one of its deliveries */
	const char *account; /* has a recipient or a delivery of this account */
	const char *word;    /* part of an id, address, Message-ID, subject or client; ASCII case does not matter */
	unsigned states;     /* bits, SPOOL_STATE(state): has a delivery in one of these */
	bool history;	     /* with record.steps */
};
#define SPOOL_STATE(state) (1u << (state))
#define SPOOL_WAITING                                                                                                  \
	(SPOOL_STATE(DELIVERY_QUEUED) | SPOOL_STATE(DELIVERY_FLIGHT) | SPOOL_STATE(DELIVERY_DOUBT) |                   \
	 SPOOL_STATE(DELIVERY_PARKED) | SPOOL_STATE(DELIVERY_QUARANTINED) | SPOOL_STATE(DELIVERY_HELD))

/* One message with all its recipients and deliveries, whichever of them the query met. Strings live until the callback
 * returns; those that are not known are NULL. Times are wall clock milliseconds, 0 when not known. */
struct spool_record_recipient {
	const char *address, *account, *verdict;
};

struct spool_record_delivery {
	int64_t number;
	const char *id, *account;
	enum delivery_state state;
	const char *folder; /* where it goes, or where it is */
	const char *flags, *rule;
	const char *note;   /* why not as the rules asked */
	const char *reason; /* why it waits, the store's words; also what was last said of it */
	int attempts;
	int64_t due_ms;		   /* QUEUED, DOUBT: when it will be tried or looked for */
	int64_t since_ms;	   /* when it entered its state */
	int64_t doubt_ms;	   /* when the connection ended that left it in doubt */
	uint32_t uidvalidity, uid; /* DONE: 0 when the store did not say */
};

/* One thing that happened to a delivery. The normal way (queued, in flight, done) leaves none; of very many the first
 * and the newest are kept, so that N has a gap. */
struct spool_record_step {
	int64_t delivery; /* its number */
	int n;		  /* counts from 1 */
	int64_t at_ms;
	enum delivery_state state; /* that it entered */
	int attempt;		   /* how often bytes of it had been sent by then */
	const char *words;	   /* what happened, or NULL */
};

struct spool_record {
	int64_t number;
	const char *id, *session, *protocol, *client, *helo, *listener, *auth;
	const char *sender, *message_id, *from, *subject;
	int64_t received_ms, finished_ms; /* finished: every delivery is final; the body is gone */
	uint64_t size;
	const struct spool_record_recipient *recipients;
	size_t nrecipients;
	const struct spool_record_delivery *deliveries;
	size_t ndeliveries;
	const struct spool_record_step *steps; /* oldest first within a delivery; only when the query asks for it */
	size_t nsteps;
	/* Fetched mail, as long as its origin is remembered: from where. UID 0 and UIDL for POP3; else NULL. */
	const char *source, *origin_folder, *uidl;
	uint32_t uid;
	const char *parent; /* id of the message that caused it; NULL: it came by itself, or that one's record is gone */
	const char *causes; /* ids of those that it caused, separated by blanks; NULL: none */
};

/* Oldest first. A return other than 0 of FN ends the call, which then returns 0. */
typedef int spool_record_fn(void *arg, const struct spool_record *record);
int spool_admin_find(struct spool_admin *a, const struct spool_query *q, spool_record_fn *fn, void *arg, struct err *e);

/* One account: every one that the spool knows of. */
struct spool_account_row {
	const char *account;
	/* 0: not held; may have passed: it is tried, and has not gone well yet. INT64_MAX: nobody tries it, as the configuration
	 * does not name it */
	int64_t hold_until_ms;
	const char *hold_reason; /* NULL: not held */
	int hold_attempts;
	int64_t next_due_ms;			/* INT64_MAX: nothing has a time */
	uint64_t waiting[DELIVERY_DELETED + 1]; /* deliveries by state, final states are not counted */
	bool hold_person;			/* held until a person mends something */
	int64_t oldest_ms;			/* when the oldest message that waits was received, 0: none waits */
	int64_t filed_ms;			/* when its last delivery was filed, 0: not known */
	uint64_t filed;				/* deliveries filed since the spool's start */
};
typedef int spool_account_fn(void *arg, const struct spool_account_row *row);
int spool_admin_accounts(struct spool_admin *a, spool_account_fn *fn, void *arg, struct err *e);

/* What is known of an account's store; *AT_MS 0: nothing yet. facts_free F in every case. */
int spool_admin_facts(struct spool_admin *a, const char *account, int64_t *at_ms, struct facts *f, struct err *e);

/* ---- sources ---- */

struct spool_source_counts {
	uint64_t fates[ORIGIN_REFUSED + 1];    /* origins by enum origin_fate */
	uint64_t settled[ORIGIN_STUCK + 1];    /* of those that are TAKEN, by enum origin_settled */
	uint64_t removals;		       /* asked for, and no listing has confirmed them */
	uint64_t absent;		       /* the newest listing lacks them */
	int64_t oldest_absent_ms;	       /* since when the first of them; 0: none */
};

/* A source that the spool knows of: one that has run, or whose memory was taken over. */
struct spool_source_row {
	int64_t number;
	const char *source;
	struct source_run run; /* the newest; started_ms 0: it never ran */
	int64_t restored_ms;   /* when a backup was put back, and it has not run well since: it may fetch again what it had
				* fetched after the backup was made; 0: no */
	uint64_t folders;      /* generations of folders */
	struct spool_source_counts counts; /* zeros unless asked for */
};
typedef int spool_source_row_fn(void *arg, const struct spool_source_row *row);

/* In the order in which they became known. COUNTS: their origins are counted, which takes a tenth of a second for each
 * hundred thousand of them (and holds up nobody). FN must not ask A for anything. */
int spool_admin_sources(struct spool_admin *a, bool counts, spool_source_row_fn *fn, void *arg, struct err *e);

/* Forgets all that is known of SOURCE: what lies there is new the next time it is fetched. Messages that were fetched stay
 * as they are. *FORGOTTEN: origins. A source that is not known is no error. No fetcher of it should be at work. */
int spool_admin_source_forget(struct spool_admin *a, const char *source, uint64_t *forgotten, struct err *e);

/* What another program had fetched: becomes ORIGIN_KNOWN and ORIGIN_DELIVERED. */
struct spool_import {
	const char *folder;   /* IMAP: as people read it, UTF-8; "" or NULL for POP3 */
	uint32_t uidvalidity; /* IMAP, else 0 */
	uint32_t uid;	      /* IMAP, else 0 */
	const char *name;     /* POP3: UIDL; one that stands there twice is two messages */
	int64_t taken_ms;     /* wall clock, 0: not known, now */
};

/* N of any size; what is known already stays as it is, so it may be done again, also after a failure half way. *NEW: how
 * many were not known. */
int spool_admin_source_import(struct spool_admin *a, const char *source, const struct spool_import *all, size_t n,
			      uint64_t *new, struct err *e);

/*
 * RETRY    queued: now. In doubt, parked: looked for now; with AGAIN it is sent again, which may make a second copy.
 *          Quarantined: queued. Lifts the hold of the accounts of the query (of all, for a query that asks for
 * nothing). HOLD     queued: held. RELEASE  held, quarantined: queued. DELETE   everything but in-flight: dropped, the
 * record stays.
 */
enum spool_action { SPOOL_RETRY = 1, SPOOL_HOLD, SPOOL_RELEASE, SPOOL_DELETE };

struct spool_change {				  /* what happened to one delivery that the query met */
	const char *message, *delivery, *account; /* ids */
	enum delivery_state before, after;	  /* the same when nothing was done */
	const char *refused;			  /* why nothing was done, in words for the person who asked, or NULL */
};
typedef int spool_change_fn(void *arg, const struct spool_change *change);

/* For every delivery that Q meets: a query by delivery id means that one, by queue id all of the message, states and
 * account only those in them. Q->word must be NULL. FN (which may be NULL) is called once a delivery, after the commit.
 */
int spool_admin_act(struct spool_admin *a, enum spool_action action, const struct spool_query *q, bool again,
		    spool_change_fn *fn, void *arg, struct err *e);

#endif
