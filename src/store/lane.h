/*
 * One connection on the APPEND path, with many messages on their way at once.
 * Nothing here waits: lane_step goes on as far as the socket lets it.
 *
 * A command carries one message, or several of one mailbox (MULTIAPPEND,
 * RFC 3502). It is written at once where its literals need no leave (LITERAL+,
 * LITERAL-, RFC 7888). Else its head goes out right behind the message before
 * it, so that the leave comes with that message's answer: one round trip a
 * message, instead of two.
 *
 * A store that answers BAD may read what follows as commands, and a message may
 * hold lines made to look like replies. Hence tags begin at a random number a
 * connection, a flag set goes by a synchronising literal until this connection
 * has accepted it once, and BAD ends the connection.
 */
#ifndef MAILFERRY_STORE_LANE_H
#define MAILFERRY_STORE_LANE_H

#include "imap/session.h"
#include "store/classify.h"
#include "store/job.h"

enum { LANE_FLAG_SETS_MAX = 64, LANE_BATCH_MAX = 500 };

struct lane;

/* Who uses the lane. ARG is the first argument of all calls. */
struct lane_user {
	int64_t timeout; /* of one answer, in milliseconds */
	/* The jobs of the next command, at most LANE_BATCH_MAX, into OUT: more than one only if lane_may_batch is true
	 * for each, and all are of one mailbox. 0: none now. -1 and E when nothing can be sent any more. */
	int (*next)(void *arg, struct lane *l, struct job **out, struct err *e);
	/* Gets the body of a job that is next: 0, 1 when it can't be sent (its outcome is set), -1 and E when nothing
	 * can. */
	int (*load)(void *arg, struct job *j, struct err *e);
	/* A tagged reply to J: sets its outcome. V is VERDICT_DONE for OK; then J's stored_validity and stored_uid are
	 * set where the store told them. */
	void (*answered)(void *arg, struct job *j, enum verdict v, const struct imap_reply *r);
	/* N jobs that went together were refused together: which of them is to blame, and whether some were kept all
	 * the same, is not known. Sets each to JOB_UNCLEAR or to an outcome. */
	void (*refused)(void *arg, struct job **jobs, size_t n, const struct imap_reply *r);
	void *arg;
};

struct lane_command {
	uint32_t tag;
	size_t n;	 /* jobs; they stand in the lane's list in the order of the commands */
	uint64_t octets; /* of their literals */
	uint64_t end;	 /* place of its end among all octets of the lane; 0: it is not whole yet */
};

enum lane_place {
	LANE_BETWEEN, /* no command is being written */
	LANE_ASKED,   /* a head with a synchronising literal was written */
	LANE_BODY
};

struct lane {
	struct imap *session; /* owned; NULL: not connected */
	int64_t since;	      /* clock_mono_ms, before the connection was made */
	const struct lane_user *user;
	struct job **jobs; /* given and not answered, oldest first; the jobs are the user's */
	size_t njobs, jobs_room;
	struct lane_command *commands; /* not answered, oldest first; the last one may be on its way out */
	size_t ncommands, commands_room;
	uint64_t octets; /* of the literals of all commands */
	enum lane_place place;
	size_t current; /* LANE_ASKED, LANE_BODY: the job in JOBS … */
	uint64_t at;	/* … and the octet of its literal */
	struct buf out; /* written up to OUT_AT */
	size_t out_at;
	uint64_t put, written, touched;	    /* octets in all: into OUT, to the connection, and when last timed */
	bool blocked;			    /* the connection takes nothing now */
	bool batch_bad;			    /* the store does not understand a command with several messages */
	char *accepted[LANE_FLAG_SETS_MAX]; /* flag sets; owned */
	size_t naccepted;
};

/* L takes the session over. */
void lane_open(struct lane *l, struct imap *session, int64_t since);

/* Logs out, or resets the connection; jobs that have no answer are forgotten: look at them before. */
void lane_close(struct lane *l);
void lane_abort(struct lane *l);

/* Begins a run for U: nothing is outstanding. */
void lane_start(struct lane *l, const struct lane_user *u);

/* Goes on without waiting, by what has been answered and one piece of what is to be sent, as a store that keeps up would
 * leave no time for other work else: 1 when something moved, 0 when nothing can, -1 and E when the connection is over: jobs
 * in JOB_SENT are in doubt then, jobs in JOB_READY were not sent. E.code is ETIMEDOUT when the store fell silent. */
int lane_step(struct lane *l, struct err *e);

/* Takes the answers that came before the connection broke. */
void lane_last_words(struct lane *l);

bool lane_busy(const struct lane *l); /* something has no answer yet */

/* What the store lets us do, for the log: "MULTIAPPEND", "LITERAL+", "LITERAL-", "synchronising literals". */
const char *lane_path(const struct lane *l);

/* May J go without waiting for the store's leave? */
bool lane_may_stream(const struct lane *l, const struct job *j);
/* … and together with others in one command? */
bool lane_may_batch(const struct lane *l, const struct job *j);

#endif
