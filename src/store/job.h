/* One delivery in the hands of a worker: what the spool said, what is known by now, and what became of it. */
#ifndef MAILFERRY_STORE_JOB_H
#define MAILFERRY_STORE_JOB_H

#include <sys/types.h>

#include "imap/folder.h"
#include "imap/mailbox.h"
#include "spool/client.h"
#include "store/wrap.h"

enum job_state {
	JOB_READY,   /* no byte was sent */
	JOB_SENT,    /* bytes are on their way, no answer yet */
	JOB_UNCLEAR, /* refused together with others: whether it was kept must be looked for */
	JOB_ANSWERED /* the outcome is set */
};

struct page;

struct job {
	struct page *page; /* whose part it is (store/turn.h) */
	const struct spool_work *work;
	enum job_state state;
	char *mailbox;		     /* on the wire; owned */
	char *flags;		     /* validated, "" for none; owned */
	bool keywords;		     /* FLAGS holds others than system flags */
	struct mailbox_status floor; /* of this attempt */
	bool resend;		     /* bytes of it may have been sent before: never CREATE for it */
	bool denied;		     /* the store said of it alone that it did not take it, and nothing was sent since */
	bool retried;		     /* a second try within one turn is under way */
	bool alone;		     /* to be sent in a command of its own */
	bool folder_gone;	     /* the store refused a batch because its folder is missing */
	bool recorded;		     /* in flight, by the spool's record */
	bool settled;		     /* the spool has its outcome */
	uint32_t stored_validity, stored_uid; /* from the store's OK; 0: not told */
	const char *note;	     /* for the record when it is done; static text, WRAP_NOTE or NULL */
	struct wrap *wrap;	     /* the store refused the message as it came; owned, NULL else */
	char *wrap_note;	     /* owned */
	uint32_t found;		     /* a look: the lowest UID that bears its id, 0 for none; and how many do */
	unsigned copies;
	char *bytes;   /* the body, owned; or */
	int fd;	       /* the body, owned; -1 */
	uint64_t size; /* octets of the literal: prefix, and body or wrap */
	bool utf8;		      /* goes as UTF8 (~{n} … ) in this attempt */
	bool body_begun, body_ended;  /* of the literal, in this attempt */
	struct spool_outcome outcome; /* outcome.reason and .folder point to the next two */
	char *reason, *folder;
};

/* WORK must outlive it. */
void job_init(struct job *j, const struct spool_work *work);
void job_free(struct job *j);

/* Gets the body, unless it is there, and checks its size. 0; 1 when the delivery can't be sent (the outcome is set; what may pass is tried
 * again at AGAIN, wall clock); -1 when the spool is lost. */
int job_load(struct job *j, struct spool_store *spool, int64_t again, struct err *e);

void job_unload(struct job *j); /* forgets the body again */

/* Octets of the literal from AT on, at most SIZE, into P: how many, or -1 and E. */
ssize_t job_read(struct job *j, uint64_t at, char *p, size_t size, struct err *e);

/* Are there octets above 0x7f in its header? It is loaded; only the front of a header that is very long is looked at. */
bool job_has_raw_header(struct job *j);

/* Sets the outcome, and the state to JOB_ANSWERED. FMT NULL: no reason. */
void job_settle(struct job *j, enum outcome_kind kind, int64_t due_ms, bool sent, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* In flight by the record, and no octet of it was sent: it is due again. */
void job_unsent(struct job *j);
void job_done(struct job *j, uint32_t uidvalidity, uint32_t uid, const char *folder);
void job_found(struct job *j, uint32_t uidvalidity, const char *folder); /* by a look: J's UID is what it found */
void job_elsewhere(struct job *j, const char *folder, const char *reason);

/* The message becomes the attachment of one that quotes the store's words WHY; its id stays. Gets the body for that. As
 * job_load. */
int job_wrap(struct job *j, struct spool_store *spool, const char *why, int64_t again, struct err *e);

/* Leaves only the five system flags (RFC 9051, 2.3.2) in FLAGS, and notes it. */
void job_drop_keywords(struct job *j);

/* Brings those of JOBS that are for the same mailbox as the first to the front: how many. */
size_t jobs_gather(struct job **jobs, size_t n);

/* Is the spool gone, as opposed to having refused? */
bool job_spool_lost(const struct err *e);

#endif
