/* A small message in the mailbox that says which message was left at its source, and why. It and the memory that the
 * original was skipped are one commit, so that there is one note a message. */
#ifndef MAILFERRY_FETCH_NOTE_H
#define MAILFERRY_FETCH_NOTE_H

#include "fetch/run_impl.h"

/* O: the origin of ITEM, with fate and reason. *NOTED: the spool has both. 0, or -1: the run has stopped. */
int note_skipped(struct visit *v, const struct item *item, const struct spool_origin *o, struct slice head,
		 bool *noted);

#endif
