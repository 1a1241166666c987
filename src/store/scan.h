/* Reading a folder from a floor on, looking for the ids of deliveries in its Received lines. */
#ifndef MAILFERRY_STORE_SCAN_H
#define MAILFERRY_STORE_SCAN_H

#include "imap/mailbox.h"
#include "store/job.h"

struct scan {
	struct job **jobs; /* whom to look for; sorted by id */
	size_t n;
	uint32_t *headers; /* UIDs that came with a header, ascending, none twice; owned */
	size_t nheaders, room;
	uint32_t end;  /* every UID from the floor to here was asked for */
	bool complete; /* and every answer was a tagged OK */
};

/* Sets found and copies of JOBS (which it sorts) to "not seen". */
void scan_init(struct scan *s, struct job **jobs, size_t n);
void scan_free(struct scan *s);

/* Reads the examined mailbox from FLOOR on, also behind a stale UIDNEXT (0: not told). 0, or -1 and E. */
int scan_run(struct scan *s, struct imap *session, uint32_t floor, uint32_t uidnext, struct err *e);

/* Is one of the messages UIDS the job's? Sets found and copies. 0, or -1 and E. */
int scan_verify(struct imap *session, struct job *j, const uint32_t *uids, size_t n, struct err *e);

#endif
