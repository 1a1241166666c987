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
	SPOOL_BATCH_MAX = 500,	      /* deliveries in one request of a store */
	SPOOL_BUNDLED_MAX = 256 * 1024, /* octets of a body that may stand in one file with others */
	SPOOL_FURTHER_MAX = 256,		/* messages that one message causes */
	SPOOL_FURTHER_TO_MAX = 32,	/* recipients of one of them */
	SPOOL_KEY_SIZE = 32,
	SPOOL_MEMORY_MAX = 2000 /* keys that one message adds, and that one question has */
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
	bool known; /* the spool has said that it has the message already: no delivery is made for it */
	int of;	    /* on its way only: which of the messages it belongs to */
};

struct spool_delivery {
	const char *id; /* 16 characters; stands in the Received line of PREFIX */
	const char *account;
	const char *folder;  /* UTF-8; "INBOX" in any case is INBOX; for the account CONFIG_RELAY the recipient outside */
	/* space-separated IMAP flags, validated; "" for none. For the account CONFIG_RELAY what is asked of it (relay/asked.h) */
	const char *flags;
	const char *rule;    /* which action of which script asked for it: "office.sieve:12" or "" */
	const char *note;    /* for people: why not as asked, or NULL */
	bool create;	     /* the rule allows to make the folder */
	struct slice prefix; /* Return-Path, Delivered-To and Received lines, each with CRLF */
	/* Which of several recipients it is for: their indices, two octets each, the higher one first. Empty: not said. */
	struct slice to;
	int of; /* on its way only: which of the messages it belongs to */
};

struct spool_origin;

/* Something that later messages for the account are to know. */
struct spool_memory {
	const char *account;
	unsigned char key[SPOOL_KEY_SIZE]; /* SHA-256 of what it is about */
	int64_t seconds;		   /* for how long */
	/* The message is taken in only if nobody has remembered it yet: else the answer is SPOOL_ANEW. */
	bool once;
	int to; /* index of the recipient whose rules want it: nothing is remembered for one that is known */
};

struct spool_message {
	const char *id;							  /* queue id, 16 characters, unique */
	const char *session, *protocol, *client, *helo, *listener, *auth; /* where it came from; NULL where not known */
	const char *sender;						  /* "" for the null sender */
	const char *relay_group; /* the group of relay_for that lets it out; NULL: none of its deliveries is for outside */
	const char *message_id, *from, *subject;			  /* decoded, for people; NULL when missing */
	int64_t received_ms;						  /* wall clock */
	int64_t internal_ms;						  /* becomes INTERNALDATE */
	uint64_t size;							  /* octets of the body */
	struct slice
	    body;	 /* canonical CRLF, up to IPC_INLINE_MAX, or as spool_bundles allows; empty when UPLOAD is set or
			    nothing is to be stored */
	uint64_t upload; /* number from spool_upload_open, or 0 */
	uint64_t bundle, at; /* the client's own: where BODY was written; 0: nowhere */
	const struct spool_recipient *recipients;
	size_t nrecipients;
	const struct spool_delivery *deliveries; /* none: only a record is kept (discard) */
	size_t ndeliveries;
	/* Fetched mail only (spool/source.h): where it was fetched, kept in the same commit. No fingerprints then: two
	 * originals with the same bytes are two messages. */
	const struct spool_origin *origin;
	/* Messages that this one causes, taken in together with it, all or none: each has an id, a sender, a body and
	 * deliveries of its own. TO of their deliveries are recipients of this one: what only those asked for who are
	 * known to have got this message is not done again. */
	const struct spool_message *further;
	size_t nfurther;
	/* Of a further one: what becomes of it says nothing about the message that caused it (an answer, a notice). Else it
	 * is that message, in other words or for others, and an original that was fetched waits for it too. */
	bool apart;
	/* Of a further one: it tells of a message that is refused. Where rules have sent half of what they may send in a
	 * day, it is left out, and is not held; where there is nothing else, the answer is SPOOL_LIMIT. */
	bool refused;
	const struct spool_memory *memory;
	size_t nmemory;
};

/* What the spool says of a message that it has. */
struct spool_taken {
	int64_t number; /* the message's row; 0 when the record is gone. LIMIT: what is left for today */
	int64_t ticket; /* for spool_confirm; 0 for fetched mail */
	const char *id; /* DUPLICATE: the queue id under which it was accepted, or NULL when the record is gone */
};

/* What became of the reply to a message. Where nothing is said of it, nothing is known: a message with a Message-ID then
 * counts as unread, one without as read. */
enum spool_reply {
	SPOOL_NO_WORD,	/* nothing is known; needs not be said */
	SPOOL_READ,	/* the client is known to have read it */
	SPOOL_CLOSED,	/* it closed in order, with everything acknowledged: it has read it, unless it was a proxy */
	/* These count only for a message without a Message-ID: */
	SPOOL_SAYING, /* it is about to be handed to the kernel */
	SPOOL_UNREAD, /* it has not been read */
	SPOOL_UNSURE  /* that is not certain any more: it has arrived after all */
};

enum spool_answer {
	SPOOL_ACCEPTED,	 /* committed and synced */
	/* The same message, accepted before, whose 250 the client never read: answer 250. Fetched mail: this origin is
	 * known as taken already; the number is that of its message, 0 when its record is gone. */
	SPOOL_DUPLICATE,
	SPOOL_FULL,	 /* 452 4.3.1 */
	SPOOL_LIMIT,	 /* its relay_group has sent so much today: 450; the number is what is left for today. Or it is all
			    refused, see there: nothing was kept */
	SPOOL_FAILED,	 /* 451 4.3.0; nothing was kept and nothing will come back */
	SPOOL_ANEW,	 /* nothing was kept, as somebody remembered meanwhile what was to be remembered once: judge it
			    anew. UPLOAD is the asker's again, under the same number; those of further messages are gone */
	SPOOL_LOST	 /* the spool went away: nobody knows. Give no answer; close the connection */
};

/* ---- a store's work ---- */
struct spool_work { /* one delivery, as handed to the store of its account; strings owned, free with spool_work_free */
	int64_t number;	 /* the delivery's row */
	int64_t message; /* the message's row: key of spool_body */
	char *id;
	enum delivery_state state; /* QUEUED: send it. DOUBT: look for it */
	char *folder, *flags;
	char *sender; /* of the envelope */
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
	bool unsent; /* RETRY: recorded in flight, but no octet of it ever went to the store, or what went was refused by
			itself: its floor is forgotten */
};

#endif
