/*
 * What travels between the spool and the others. A request is one message (in
 * as many packets as it needs); its reply bears the same type and id. CONFIRM
 * and UPLOAD_DROP have no reply.
 */
#ifndef MAILFERRY_SPOOL_PROTOCOL_H
#define MAILFERRY_SPOOL_PROTOCOL_H

#include "spool/admin.h"
#include "spool/source.h"
#include "spool/types.h"
#include "spool/wire.h"

enum request {
	/* who takes mail in */
	/* MESSAGE, RECIPIENT…, DELIVERY…, FURTHER…, KEY…, ORIGIN of fetched mail → REPLY answer, number */
	REQUEST_ACCEPT = 1,
	REQUEST_UPLOAD,	     /* → REPLY answer, upload, one descriptor */
	REQUEST_UPLOAD_DROP, /* ASK number, of a bundle too: nothing more is written to it */
	REQUEST_CONFIRM,     /* ASK number (a ticket) or text (a message's id), count: enum spool_reply … */
	/* a store */
	REQUEST_NEXT,	   /* ASK count, octets, more → REPLY due, WORK… */
	REQUEST_BODY,	   /* ASK number → REPLY, bytes or one descriptor */
	REQUEST_IN_FLIGHT, /* FLIGHT… → REPLY */
	REQUEST_SETTLE,	   /* OUTCOME… → REPLY */
	REQUEST_HOLD,	   /* ASK time, count, text, person → REPLY */
	REQUEST_ACCOUNT,   /* → REPLY due, attempts, number: when its FACTS were told, or 0 */
	/* people */
	REQUEST_FIND, /* QUERY → (MESSAGE, RECIPIENT…, RECORD…, STEP…)…, REPLY number: where the next page begins, or 0
		       */
	REQUEST_ACCOUNTS, /* → ACCOUNT…, REPLY */
	REQUEST_ACT,	  /* QUERY → CHANGE…, REPLY number: where the next page begins, or 0 */
	/* what is known of accounts' stores */
	REQUEST_TELL, /* a store: PIECE… → REPLY */
	REQUEST_FACTS, /* who takes mail in, people: ASK text (the account) → PIECE…, REPLY number: when it was told, or
			  0 */
	REQUEST_NEWS,	/* from the spool to who takes mail in, with id 0: ASK text: there are new FACTS of this account
			 */
	REQUEST_BODIES, /* a store: ASK number… → BODY…, REPLY: those of them that stand in the database */
	/* the memory of a source's fetchers. PAGE asks for what stands behind a place; one in the reply says that there
	 * is more, behind that place */
	REQUEST_FOLDERS,     /* PAGE number → FOLDER…, PAGE or none, REPLY */
	REQUEST_FOLDER_PUT,  /* FOLDER → REPLY number */
	REQUEST_FOLDER_DROP, /* ASK number → REPLY */
	REQUEST_ORIGINS,     /* PAGE folder, key (a UID), number → ORIGIN…, PAGE or none, REPLY */
	REQUEST_PENDING, /* PAGE folder, phase, key (when taken), number, and what is wanted → ORIGIN…, PAGE or none,
			    REPLY */
	REQUEST_ORIGIN_CHANGE, /* ORIGIN_CHANGE… → REPLY */
	REQUEST_MINE,	       /* ID number, id… → ID number… of those that are, REPLY */
	REQUEST_RAN,	       /* RUN → REPLY; people (the supervisor): and ASK text (the source) */
	REQUEST_LAST,	       /* → RUN or nothing, REPLY */
	/* people, about sources */
	REQUEST_SOURCES,       /* PAGE number → SOURCE…, REPLY number: where the next page begins, or 0 */
	REQUEST_COUNTS,	       /* PAGE source, folder, key, number → COUNTS, REPLY */
	REQUEST_SOURCE_FORGET, /* ASK text (the source) → REPLY number: of origins that were forgotten */
	REQUEST_SOURCE_IMPORT, /* ASK text (the source), ENTRY… → REPLY number: of entries that were not known */
	/* who takes mail in */
	REQUEST_KNOWN, /* RECIPIENT… → REPLY bytes: one octet a recipient, 1 when it got this message already */
	/* from the spool to who takes mail in, with id 0: ANSWER… to several ACCEPTs of one commit */
	REQUEST_ANSWERS,
	/* who takes mail in: a file for many bodies → REPLY answer, number, one descriptor */
	REQUEST_BUNDLE,
	/* who takes mail in: KEY… → REPLY bytes: one octet a key, 1 when it is remembered */
	REQUEST_RECALL,
	REQUEST_END
};

enum group {
	GROUP_MESSAGE = 2,
	GROUP_RECIPIENT,
	GROUP_DELIVERY,
	GROUP_ASK,
	GROUP_REPLY,
	GROUP_WORK,
	GROUP_FLIGHT,
	GROUP_OUTCOME,
	GROUP_QUERY,
	GROUP_RECORD,
	GROUP_ACCOUNT,
	GROUP_CHANGE,
	GROUP_STEP,
	GROUP_PIECE,
	GROUP_BODY,
	GROUP_ORIGIN,
	GROUP_FOLDER,
	GROUP_PAGE,
	GROUP_ORIGIN_CHANGE,
	GROUP_ID,
	GROUP_RUN,
	GROUP_SOURCE,
	GROUP_COUNTS,
	GROUP_ENTRY,
	GROUP_ANSWER,
	GROUP_FURTHER,
	GROUP_KEY
};

enum {
	PROTOCOL_ID = 16,    /* of a message or a delivery: that many of [0-9a-z] */
	PROTOCOL_NAME = 255, /* of an account, a listener, a protocol */
	PROTOCOL_ADDRESS = 1000,
	PROTOCOL_MAILBOX = 4000, /* also of flags and folders */
	PROTOCOL_TEXT = SPOOL_TEXT_MAX,
	PROTOCOL_PIECE = 32 * 1024, /* octets of a text that travels in pieces */
	BUNDLE_MAX = 8 * 1024 * 1024 /* octets of a file that holds many bodies */
};

struct ask {
	int64_t number; /* of a message or an upload */
	int64_t time, octets;
	int count;
	const char *text;
	bool more;   /* NEXT: what was handed out before stays in the store's hands */
	bool person; /* HOLD: only a person can end it */
};

struct reply {
	int class; /* enum err_class; ERR_NONE: done */
	const char *text;
	int answer; /* enum spool_answer */
	int64_t number, due;
	int attempts;
	struct slice bytes;
};

/* Of one ACCEPT among several: a REPLY without words. */
struct accept_answer {
	uint32_t id;
	int answer; /* enum spool_answer */
	int64_t number, ticket;
	const char *first; /* DUPLICATE: the id of that message, or NULL */
};

struct work {
	struct spool_work w; /* its strings are of a pool here, its prefix stands below */
	struct slice prefix;
};

/* A part of a text that is too long for one packet. */
struct piece {
	struct slice bytes;
};

struct body {
	int64_t number; /* of the message */
	struct slice bytes;
};

struct query {
	const char *id, *account, *word;
	uint32_t states;
	int64_t from; /* only messages behind this number */
	int action;   /* ACT: enum spool_action */
	bool again;
	bool history; /* FIND: with what happened to each delivery */
};

/* A recorded message: what was taken in, and the spool's own. */
struct record_head {
	struct spool_message m;
	int64_t number, finished_ms;
	const char *source, *folder, *uidl; /* of its origin; NULL when it has none, or it was forgotten */
	const char *parent, *causes; /* ids: what caused it; what it caused, separated by blanks; or NULL */
	uint32_t uid;
};

/* A place in a list that is read page after page: what stands behind it is asked for. */
struct page_of {
	int64_t folder, key, number;
	int64_t source; /* COUNTS: its number */
	/* PENDING: enum origin_fate and origin_settled as bits, taken then at the latest; also those that were handled;
	 * only those that the newest complete listing lacked. A folder's rows come in phases: 2 * fate, + 1 when
	 * handled. */
	uint32_t fates, settled;
	int64_t before;
	bool handled, absent;
	int phase;
};

struct id {
	int64_t number; /* place in the question */
	const char *id;
};

/* Of some origins of a source, and where the next ones are. */
struct counts {
	struct spool_source_counts c;
	struct page_of next;
	bool more;
};

/* Something that another program knew; N says how many of that name there are, this one included. */
struct entry {
	struct spool_import i;
	uint32_t n;
};

extern const struct wire_table wire_message, wire_further, wire_recipient, wire_delivery, wire_key,
    wire_answer; /* wire_intake.c */
extern const struct wire_table wire_ask, wire_reply, wire_work, wire_flight, wire_outcome, wire_body,
    wire_piece; /* wire_store.c */
extern const struct wire_table wire_query, wire_head, wire_record_recipient, wire_record_delivery, wire_record_step,
    wire_account, wire_change; /* wire_admin.c */
extern const struct wire_table wire_origin, wire_folder, wire_page, wire_origin_change, wire_id, wire_run, wire_source,
    wire_counts, wire_entry; /* wire_source.c */

/* Checks what the tables can't: ids, and that the parts of a message fit together. M and what it points to live in A.
 */
int protocol_get_message(struct slice fields, struct spool_message *m, struct pool *a, struct err *e);
void protocol_put_message(struct packets *p, const struct spool_message *m);

bool protocol_is_id(const char *s);

/* A text in pieces. The second joins those in FIELDS: 0, or -1 and E when they are more than OUT holds. */
void protocol_put_pieces(struct packets *p, struct slice text);
int protocol_get_pieces(struct slice fields, struct buf *out, struct err *e);

/* The one group of that table in FIELDS. */
int protocol_get_one(const struct wire_table *t, struct slice fields, void *record, struct pool *a, struct err *e);

#endif
