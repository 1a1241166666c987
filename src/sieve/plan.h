/*
 * What a script wants done with a message: a list of actions in the order in
 * which the script asked for them, duplicates merged (RFC 5228, 2.10.3).
 * Strings are UTF-8, owned by the plan.
 */
#ifndef MAILFERRY_SIEVE_PLAN_H
#define MAILFERRY_SIEVE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum plan_kind {
	PLAN_KEEP,     /* explicit keep: flags */
	PLAN_FILEINTO, /* mailbox, flags, create, copy */
	PLAN_REDIRECT, /* address, copy */
	PLAN_DISCARD,
	PLAN_REJECT,   /* reason */
	PLAN_EREJECT,  /* reason */
	PLAN_VACATION, /* answer */
	PLAN_NOTIFY,   /* notice */
	PLAN_KINDS
};

/* A message as a script has changed it: these pieces one after the other. */
struct plan_piece {
	char *text;  /* octets of the script's own, or NULL: octets of the message as it came, from AT on */
	uint64_t at; /* line ends counted as they are in the message */
	uint64_t n;  /* octets */
};

struct plan_content {
	struct plan_piece *pieces;
	size_t n;
	uint64_t size; /* of all pieces together */
};

/* Where a copy of a message that goes out is filed (RFC 8580). */
struct plan_fcc {
	char *mailbox; /* NULL: none */
	char **flags;
	size_t nflags;
	bool create;
	char *special_use; /* NULL: none */
	char *mailbox_id;  /* NULL: none */
};

/* What the header told of the message when it was changed already (RFC 5293, 7): decoded, NULL where it told nothing. */
struct plan_seen {
	bool changed; /* else the message that came tells it */
	char *from, *date, *subject;
};

/* An answer to the sender (RFC 5230). The engine has seen to it that one may be sent (4.5, 4.6), but for the time that
 * must pass between two: REMEMBER tells. */
struct plan_answer {
	char *to;	  /* the envelope sender */
	char *from;	  /* value for From, or NULL: this recipient */
	char *subject;	  /* NULL: "Auto: " and that of the message (RFC 5230, 4.3) */
	char *reason;	  /* text in UTF-8, or where MIME is set, a MIME entity with its header */
	bool mime;
	struct plan_seen seen;
	struct plan_fcc fcc;
};

/* A notification (RFC 5435, 5436). */
struct plan_notice {
	char *method;	  /* "mailto:…" */
	char *from;	  /* NULL: not said */
	char *message;	  /* NULL: not said */
	unsigned importance; /* 1 to 3 */
	char **options;	  /* "name=value" */
	size_t noptions;
	char **told; /* addresses of METHOD that an earlier notice of this plan tells the same: not told again */
	size_t ntold;
	struct plan_seen seen;
	struct plan_fcc fcc;
};

/* What redirect asks of the next server (RFC 6009). */
struct plan_dsn {
	char *notify; /* "NEVER", "SUCCESS,FAILURE", … or NULL */
	char *ret;    /* "FULL" or "HDRS", or NULL */
	bool by;      /* :bytimerelative or :bytimeabsolute was given */
	int64_t by_seconds; /* from now on */
	char by_mode; /* 'N' or 'R' */
	bool by_trace;
};

struct plan_action {
	enum plan_kind kind;
	char *mailbox; /* PLAN_FILEINTO: UTF-8, as the script wrote it */
	char *mailbox_id; /* PLAN_FILEINTO: :mailboxid (RFC 9042), or NULL */
	char *address; /* PLAN_REDIRECT */
	char *reason;  /* PLAN_REJECT, PLAN_EREJECT: may hold line ends; the user of it cleans it */
	char **flags;  /* PLAN_KEEP, PLAN_FILEINTO */
	size_t nflags;
	bool create;   /* :create (RFC 5490) */
	bool copy;     /* :copy (RFC 3894) */
	unsigned line; /* of the command, from 1 */
	size_t content; /* which message: 0 is the one that came, I is contents[I - 1] */
	struct plan_dsn *dsn; /* PLAN_REDIRECT; NULL: nothing was asked */
	struct plan_answer *answer; /* PLAN_VACATION */
	struct plan_notice *notice; /* PLAN_NOTIFY */
};

/* Something that later messages are to know, committed together with this one. */
struct plan_memory {
	char *key;	  /* any octets, KEY_N of them: what it is about; kinds do not meet */
	size_t key_n;
	uint64_t seconds; /* for how long */
	bool once;	  /* nothing happens, and the message is judged anew, where somebody remembered it meanwhile */
};

struct plan {
	struct plan_action *actions;
	size_t n;
	struct plan_content *contents; /* what the message was changed into, in the order of use */
	size_t ncontents;
	bool implicit_keep; /* the message goes to INBOX besides the actions above */
	size_t keep_content; /* and which */
	char **keep_flags;  /* flags of the implicit keep (the internal variable of RFC 5232) */
	size_t nkeep_flags;
	struct plan_memory *memory; /* to be remembered */
	size_t nmemory;
	struct plan_memory *wanted; /* keys that the run asked for and that its input did not tell: ask, and run again */
	size_t nwanted;
	char *error; /* run-time error, "FILE:LINE:COLUMN: …", or NULL. The plan then holds nothing but the implicit
			keep. */
};

const char *plan_kind_name(enum plan_kind kind); /* "keep", "fileinto", … as Sieve has it */
void plan_content_free(struct plan_content *c); /* empties it */
bool plan_content_same(const struct plan_content *a, const struct plan_content *b); /* piece by piece */
void plan_free(struct plan *p);			 /* empties it; P itself is the caller's */

#endif
