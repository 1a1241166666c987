/*
 * Which mailbox of a store a rule's folder name means: the one of that name;
 * else the one that differs in case only; for "\Junk" and the like (see
 * msg/special_use.h) the folder for that use.
 */
#ifndef MAILFERRY_STORE_TARGET_H
#define MAILFERRY_STORE_TARGET_H

#include "imap/mailbox.h"
#include "store/job.h"

struct target {
	char *mailbox; /* on the wire; owned */
	char *name;    /* as people read it; owned */
	unsigned use;  /* what it is to be made for if it is not there (enum special_use), or 0 */
	bool renamed;  /* NAME is not what the delivery says */
};

/* Fills T for the folder of J. MAKE: it may be made. *FRESH: the store was asked for its folders in this round already.
 * 0; 1 and E when there is no such mailbox and can be none; -1 and E when the connection is over. target_free it in
 * every case. */
int target_find(struct imap *s, const struct job *j, bool make, bool *fresh, struct target *t, struct err *e);

/* The same without a word to the store: false when it takes more than writing the name as the store does. */
bool target_plain(struct imap *s, const struct job *j, struct target *t);

/* J goes to T: a floor in another folder is of an attempt that is over, this folder has not seen it. */
void target_claim(struct job *j, const struct target *t);

void target_free(struct target *t);

#endif
