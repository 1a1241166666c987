/*
 * Where deliveries go: rules' folder names to mailboxes that exist, with the
 * floor of each (UIDVALIDITY and UIDNEXT, answered before anything is sent).
 */
#ifndef MAILFERRY_STORE_PLACE_H
#define MAILFERRY_STORE_PLACE_H

#include "imap/session.h"
#include "store/floors.h"
#include "store/job.h"
#include "store/trouble.h"

/* For each job in JOB_READY sets mailbox and floor; or its outcome: INBOX instead with a note, a doubt when it was sent
 * before and its folder is gone, a later try. Makes folders where rule or account allow. T is set when even INBOX is
 * closed. Asks the store only for mailboxes that F does not know. 0, or -1 and E when the connection is over, and in *ASKED
 * the mailbox whose answer was due (a job's), or NULL. */
int place_jobs(struct imap *s, const struct config_account *a, struct job **jobs, size_t n, struct floors *f,
	       struct trouble *t, const char **asked, struct err *e);

/* The same for one job, without a word to the store: false when that can't be done, or its outcome is set. */
bool place_known(struct imap *s, struct job *j, const struct floors *f);

#endif
