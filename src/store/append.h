/*
 * The APPEND path: several messages on their way at once over one session.
 *
 * A store that answers BAD may read what follows as commands, and a message may
 * hold lines made to look like replies. Hence tags begin at a random number a
 * connection, a flag set goes by a synchronising literal until this connection
 * has accepted it once, and BAD ends the connection.
 */
#ifndef MAILFERRY_STORE_APPEND_H
#define MAILFERRY_STORE_APPEND_H

#include "imap/session.h"
#include "store/classify.h"
#include "store/job.h"

enum { APPEND_FLAG_SETS_MAX = 64 };

/* What one connection taught us; zeroed for a new one. */
struct append_habits {
	char *accepted[APPEND_FLAG_SETS_MAX]; /* flag sets; owned */
	size_t naccepted;
	unsigned done;	  /* messages stored over this connection */
	unsigned refused; /* NO of any kind to APPEND */
};
void append_habits_clear(struct append_habits *h);

struct append {
	struct imap *session;
	struct append_habits *habits;
	unsigned window;   /* messages without an answer, at most */
	int64_t timeout;   /* of one answer */
	struct job **jobs; /* reordered: those that could not be loaded leave the array */
	size_t n;
	/* Gets the body of a job that is next: 0, 1 when it can't be sent (its outcome is set), -1 and E when nothing
	 * can. */
	int (*load)(void *arg, struct job *j, struct err *e);
	/* Called for each tagged reply, or for a job that failed before its first byte was sent: sets the job's
	 * outcome. V is VERDICT_DONE for OK. */
	void (*answered)(void *arg, struct job *j, enum verdict v, const struct imap_reply *r);
	void *arg;
};

/* Sends all jobs (JOB_READY, in flight by the spool's record) and reads all answers. 0; or -1 and E when the
 * connection is over: jobs in JOB_SENT are in doubt then, jobs in JOB_READY were not sent. E.code is ETIMEDOUT when the
 * store fell silent. */
int append_run(struct append *a, struct err *e);

#endif
