/* Telling the spool what an account's store is like (spool/facts.h), for those who take mail in. */
#ifndef MAILFERRY_STORE_TELL_H
#define MAILFERRY_STORE_TELL_H

#include "imap/session.h"
#include "spool/client.h"

struct tell { /* zero at first */
	bool asked;
	int64_t told_ms; /* wall clock */
};

/* Asks S and tells SPOOL, when that was not done for an hour, or a folder was made since. Not IDLE, mail waits: then it
 * can wait for as long again. 0, or -1 and E when the connection is over. That the spool does not take it is logged:
 * facts are a help, no mail depends on them. */
int tell_facts(struct tell *t, bool idle, struct imap *s, struct spool_store *spool, struct err *e);

#endif
