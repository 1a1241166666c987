/*
 * The memory of the fetchers: what of each source was seen, and what became of
 * it. Blocking, on a socket whose other end was given to the spool for the role
 * "memory" of that source; the spool answers for this source only.
 *
 * A message that is fetched is committed together with its origin (struct
 * spool_message.origin, by spool_accept, on the socket of the role "fetch"): a
 * crash can neither lose it nor have it fetched twice. Everything else here only
 * adds to what is known. The spool hears a new process of a source when all that
 * the one before had asked is done, so what is read here is the whole truth.
 *
 * All calls return 0 when what they ask for is committed and synced, or -1 and E.
 */
#ifndef MAILFERRY_SPOOL_SOURCE_H
#define MAILFERRY_SPOOL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	ORIGIN_HEAD_SIZE = 16, /* of a hash over a header block */
	ORIGIN_NAME_MAX = 255, /* octets of a UIDL */
	ORIGIN_BATCH_MAX = 500 /* changes in one request */
};

enum origin_fate {
	ORIGIN_TAKEN = 1, /* accepted: it is the spool's message MESSAGE */
	ORIGIN_SKIPPED,	  /* by the limits of the source: REASON */
	ORIGIN_OWN,	  /* this spool had filed it there itself */
	ORIGIN_KNOWN,	  /* taken before under another name, or its memory came from another program */
	ORIGIN_REFUSED	  /* the server would not give it: REASON; it is asked for again in later runs */
};
const char *origin_fate_name(enum origin_fate fate); /* "taken", "skipped", "own", "known", "refused" */

/* What became of the message that it was taken as: whether the original may go (`delete = "after-delivery"'). Kept when
 * the record of the message is swept. */
enum origin_settled {
	ORIGIN_WAITS,	  /* a delivery is not final */
	ORIGIN_DELIVERED, /* every delivery is done (or merged with one that is), or the rules discarded it */
	ORIGIN_STUCK	  /* a delivery was dropped by a person, or is quarantined or parked: the original stays */
};
const char *origin_settled_name(enum origin_settled settled); /* "waits", "delivered", "stuck" */

struct spool_origin {
	int64_t number; /* its row; 0 in a new one */
	int64_t folder; /* number of its struct origin_folder */
	uint32_t uid;	/* IMAP; 0 for POP3 */
	/* POP3: UIDL, or "" where the server has none; several messages may share one. UTF-8 without control
	 * characters: the driver writes others' octets in another way. "" or NULL for IMAP. */
	const char *name;
	uint64_t size; /* as the source's listing tells it */
	/* Truncated SHA-256 of the header block as fetched; zeros: not known (imported, skipped). */
	unsigned char head[ORIGIN_HEAD_SIZE];
	enum origin_fate fate;
	enum origin_settled settled;
	int64_t message;    /* of the spool; 0: none, or swept */
	int64_t taken_ms;   /* wall clock: when it became known; 0 in a new one: now */
	int64_t absent_ms;  /* since when complete listings lack it; 0: it was in the newest */
	unsigned absent;    /* how many of them */
	unsigned tries;	    /* ORIGIN_REFUSED: how often it was asked for … */
	int64_t tried_ms;   /* … and when last (wall clock) */
	bool removal;	    /* its removal was asked for: final when a listing lacks it */
	bool handled;	    /* it was moved or marked as the configuration asks */
	const char *reason; /* for people, or NULL */
};

/*
 * What spool_accept does with an origin (folder, uid, name, size, head, fate, reason and number are used). Its fate is
 * ORIGIN_TAKEN, or ORIGIN_SKIPPED with the reason when the message is a note about an original that was not taken: it
 * is then skipped, and knows nothing of the note's fate.
 *  - number 0: a new row. For POP3 always: rows with one name are a multiset, and who fetches says which of the
 * messages in a listing are new. For IMAP a row with this folder and uid that is TAKEN, OWN or KNOWN (for a note:
 * SKIPPED, too) is SPOOL_DUPLICATE, and another becomes what the origin says.
 *  - number of a row that is SKIPPED or REFUSED: it becomes what the origin says. One that is TAKEN, OWN or KNOWN is
 *    SPOOL_DUPLICATE. One that is not there (any more): a new row.
 *  - a folder that is not there any more, as the memory was dropped meanwhile: SPOOL_FAILED, nothing is kept.
 */

/* A folder in one generation: after a change of UIDVALIDITY there is a new one, and the old stays until its origins
 * were found again or forgotten. So there is when the source means another mailbox. */
struct origin_folder {
	int64_t number;	      /* 0 in a new one */
	const char *name;     /* UTF-8; "" for POP3 */
	uint32_t uidvalidity; /* 0 for POP3 */
	uint32_t uidnext;     /* all below it are known */
	uint64_t modseq;
	uint32_t exists;
	int64_t listed_ms; /* of the newest complete listing; 0: none */
	/* Whose it is: protocol, host and user. "" (in a new one also NULL): not known, as in what was taken over from
	 * another program; the mailbox that is fetched from next is taken to be the one. */
	const char *mailbox;
};

struct spool_source;
struct spool_source *spool_source_new(int fd); /* takes FD */
void spool_source_free(struct spool_source **s);

/* The callbacks below must not ask S for anything. Strings live during their call; other than 0 from them ends the call
 * that calls them, which then returns 0. */

/* Every generation of every folder, oldest first. */
typedef int spool_folder_fn(void *arg, const struct origin_folder *f);
int spool_source_folders(struct spool_source *s, spool_folder_fn *fn, void *arg, struct err *e);

/* Adds one (number 0; the new number is put there) or writes its fields but name and uidvalidity; the mailbox only where
 * it was not known. One with the same name, uidvalidity and mailbox is not added a second time: its fields are written,
 * and its number put there. */
int spool_source_folder_put(struct spool_source *s, struct origin_folder *f, struct err *e);

/* Forgets a generation with all its origins. */
int spool_source_folder_drop(struct spool_source *s, int64_t folder, struct err *e);

/* The origins of FOLDER with a UID of FROM at least, ascending by UID, then by number; page after page. */
typedef int spool_origin_fn(void *arg, const struct spool_origin *o);
int spool_source_origins(struct spool_source *s, int64_t folder, uint32_t from, spool_origin_fn *fn, void *arg,
			 struct err *e);

/* Of all generations: those that may have something due. Rows whose removal a listing confirmed are gone. */
struct origin_want {
	unsigned fates;	   /* a bit 1 << enum origin_fate each */
	unsigned settled;  /* a bit 1 << enum origin_settled each */
	int64_t before_ms; /* taken_ms at most */
	bool handled;	   /* also those that were handled */
	bool absent;	   /* only those that the newest complete listing lacked */
};
/* Of each folder those of one fate, not handled and then handled, in the order in which they were taken; absent ones by
 * number. */
int spool_source_pending(struct spool_source *s, const struct origin_want *want, spool_origin_fn *fn, void *arg,
			 struct err *e);

enum origin_act {
	/* A new one: all fields but those that only the spool writes; fate not ORIGIN_TAKEN (spool_accept does that).
	 * One that is there (by number, or for IMAP by folder and uid) is written anew, unless it is TAKEN: then
	 * nothing happens. */
	ORIGIN_ADD = 1,
	ORIGIN_PRESENT, /* a listing has it: absent is 0, and it was not removed */
	ORIGIN_ABSENT,	/* a complete listing lacks it: counts, and notes since when */
	ORIGIN_REMOVAL, /* its removal was asked for */
	ORIGIN_HANDLED,
	ORIGIN_TRIED, /* asked for again, and still not taken: fate (not ORIGIN_TAKEN), reason, size, head of O;
		       * notes when. Counts tries: one for all since tried_ms of O, when the run began */
	/* The same message under another name: folder, uid, name, size of O; forgets absence. Another row that has this
	 * folder and uid already is forgotten, or, if it is TAKEN, this one. */
	ORIGIN_RENAME,
	ORIGIN_FORGET
};
struct origin_change {
	enum origin_act act;
	struct spool_origin o; /* number says which; the fields that ACT names */
};
/* N at most ORIGIN_BATCH_MAX, in one commit. Numbers (and folders) that are not there are passed over. */
int spool_source_change(struct spool_source *s, const struct origin_change *changes, size_t n, struct err *e);

/* Which of N delivery ids (of Received lines) are of this spool, as far as its record goes back (`retention')? Sets
 * MINE[i]. N at most ORIGIN_BATCH_MAX. */
int spool_source_mine(struct spool_source *s, const char *const *ids, size_t n, bool *mine, struct err *e);

/* ---- how its runs went: for status, back-off and catch-up after a restart ---- */
struct source_run {
	int64_t started_ms, ended_ms; /* wall clock; ended 0: it has not, or died */
	int64_t ok_ms;		      /* when the newest good one ended; filled in by the spool */
	unsigned failures;	      /* in a row; filled in by the spool */
	const char *end;	      /* "ok", or what was wrong in one word (fetch/run.h) */
	const char *words;	      /* for people, NULL when all is well */
	uint64_t messages, octets, skipped, known, removed, moved, marked; /* of this run */
	uint64_t total;	 /* messages ever taken; filled in by the spool */
	int64_t next_ms; /* when the next is due, 0: not known; only for people */
};
/* At the start of a run with ended_ms 0, and at its end. */
int spool_source_ran(struct spool_source *s, const struct source_run *run, struct err *e);

/* Strings live until the next call on S. started_ms 0: it never ran. */
int spool_source_last(struct spool_source *s, struct source_run *run, struct err *e);

#endif
