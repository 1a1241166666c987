/*
 * What the spool knows and what others tell it. docs/spool.md tables every
 * state: what it means, who may change it, what recovery does with it.
 */
#ifndef MAILFERRY_SPOOL_TYPES_H
#define MAILFERRY_SPOOL_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	SPOOL_FINGERPRINT_SIZE = 32,
	SPOOL_RECIPIENTS_MAX = 1000,
	SPOOL_DELIVERIES_MAX = 1000,  /* of one message */
	SPOOL_PREFIX_MAX = 64 * 1024, /* header lines in front of the body */
	SPOOL_TEXT_MAX = 2000,	      /* of a reason, subject, address: longer ones are cut */
	SPOOL_BATCH_MAX = 500	      /* deliveries in one request of a store */
};

enum delivery_state {
	DELIVERY_QUEUED = 1,  /* waits for its time */
	DELIVERY_FLIGHT,      /* the store may have been sent bytes; floor recorded */
	DELIVERY_DOUBT,	      /* bytes were sent, no answer: must be looked for, when due */
	DELIVERY_PARKED,      /* in doubt, and the search was not conclusive: waits for a person */
	DELIVERY_QUARANTINED, /* refused: waits for a person, with the store's own words */
	DELIVERY_HELD,	      /* a person said wait */
	DELIVERY_DONE,	      /* in the folder */
	DELIVERY_MERGED,      /* another delivery of the message has the same folder: that one counts */
	DELIVERY_DELETED      /* a person said drop it */
};
const char *delivery_state_name(enum delivery_state s); /* "queued", "in-flight", "in-doubt", "parked", … */

/* ---- taking a message in ---- */
struct spool_recipient {
	const char *address;
	const char *account;
	/* Over sender, recipient and content as the client sent it: recognises the same message sent again by a client
	 * that did not read our 250. */
	unsigned char fingerprint[SPOOL_FINGERPRINT_SIZE];
	const char *verdict; /* what the rules decided, for trace: "fileinto Invoices (line 12)", "discard (line 3)",
				"reject …" */
};

struct spool_delivery {
	const char *id; /* 16 characters; stands in the Received line of PREFIX */
	const char *account;
	const char *folder;  /* UTF-8; "INBOX" in any case is INBOX */
	const char *flags;   /* space-separated IMAP flags, validated; "" for none */
	const char *rule;    /* which action of which script asked for it: "office.sieve:12" or "" */
	const char *note;    /* for people: why not as asked, or NULL */
	bool create;	     /* the rule allows to make the folder */
	struct slice prefix; /* Return-Path, Delivered-To and Received lines, each with CRLF */
};

struct spool_origin;

struct spool_message {
	const char *id;							  /* queue id, 16 characters, unique */
	const char *session, *protocol, *client, *helo, *listener, *auth; /* where it came from; NULL where not known */
	const char *sender;						  /* "" for the null sender */
	const char *message_id, *from, *subject;			  /* decoded, for people; NULL when missing */
	int64_t received_ms;						  /* wall clock */
	int64_t internal_ms;						  /* becomes INTERNALDATE */
	uint64_t size;							  /* octets of the body */
	struct slice
	    body;	 /* canonical CRLF, up to IPC_INLINE_MAX; empty when UPLOAD is set or nothing is to be stored */
	uint64_t upload; /* number from spool_upload_open, or 0 */
	const struct spool_recipient *recipients;
	size_t nrecipients;
	const struct spool_delivery *deliveries; /* none: only a record is kept (discard) */
	size_t ndeliveries;
	/* Fetched mail only (spool/source.h): where it was fetched, kept in the same commit. No fingerprints then: two
	 * originals with the same bytes are two messages. */
	const struct spool_origin *origin;
};

enum spool_answer {
	SPOOL_ACCEPTED,	 /* committed and synced */
	/* The same message, accepted before, whose 250 the client never read: answer 250. Fetched mail: this origin is
	 * known as taken already; the number is that of its message, 0 when its record is gone. */
	SPOOL_DUPLICATE,
	SPOOL_FULL,	 /* 452 4.3.1 */
	SPOOL_FAILED,	 /* 451 4.3.0; nothing was kept and nothing will come back */
	SPOOL_LOST	 /* the spool went away: nobody knows. Give no answer; close the connection */
};

/* ---- a store's work ---- */
struct spool_work { /* one delivery, as handed to the store of its account; strings owned, free with spool_work_free */
	int64_t number;	 /* the delivery's row */
	int64_t message; /* the message's row: key of spool_body */
	char *id;
	enum delivery_state state; /* QUEUED: send it. DOUBT: look for it */
	char *folder, *flags;
	char *prefix;
	size_t prefix_len;
	uint64_t size; /* octets of the body, without prefix */
	int64_t internal_ms;
	bool create, inbox_too; /* inbox_too: another delivery of the message is for INBOX of this account */
	int attempts;		/* how often bytes of it were sent */
	int64_t doubt_ms;	/* DOUBT: wall clock when the connection ended */
	/* floor of the first attempt; 0 when none was recorded */
	uint32_t floor_uidvalidity, floor_uidnext;
	char *floor_folder; /* the mailbox (as sent, modified UTF-7 or UTF-8) that the floor is of, or NULL */
};

struct spool_flight { /* before the first byte of a delivery is sent */
	int64_t number;
	const char *mailbox; /* as sent on the wire */
	uint32_t uidvalidity,
	    uidnext; /* the floor; kept from the first attempt if there was one with the same UIDVALIDITY */
};

enum outcome_kind {
	OUTCOME_DONE = 1, /* uidvalidity and uid where known; note */
	OUTCOME_RETRY,	  /* not stored, for certain: again at due_ms; reason */
	OUTCOME_REFUSED,  /* not stored, for certain, and will not be: quarantine; reason = the store's words */
	OUTCOME_DOUBT,	  /* unknown: look at due_ms; reason */
	OUTCOME_PARKED,	  /* looked, still unknown: a person must decide; reason */
	OUTCOME_ELSEWHERE /* not stored: make FOLDER its folder (fall-back to INBOX), note says why; queued again at
			     once, or merged when the message has a delivery there already */
};

struct spool_outcome {
	int64_t number;
	enum outcome_kind kind;
	uint32_t uidvalidity, uid; /* 0: not known */
	int64_t due_ms;		   /* wall clock; 0: now */
	const char *folder;	   /* DONE: where it is, as people read it; ELSEWHERE: the new folder */
	const char *reason;	   /* NULL: none */
	bool sent;		   /* counts as an attempt */
	bool unsent; /* RETRY: recorded in flight, but no octet of it ever went to the store: its floor is forgotten */
};

#endif
