/* What a store's answers to APPEND and about folders mean: imap/answers.h, for those who need no more than the verdict.
 */
#ifndef MAILFERRY_STORE_CLASSIFY_H
#define MAILFERRY_STORE_CLASSIFY_H

#include "imap/answers.h"

/* SENT: was any byte of the message on its way when the answer came? */
enum verdict classify_append(const struct imap_reply *r, bool sent);

/* STATUS, CREATE or EXAMINE of a folder was answered NO: VERDICT_NO_FOLDER, NO_PLACE, LATER or HOLD. */
enum verdict classify_folder(const struct imap_reply *r);

/* How long TEXT asks to wait, an hour at most; 0 when it says no such thing. */
int64_t classify_wait(const char *text);

/* Does an OK ask to slow down? */
bool classify_throttled(const struct imap_reply *r);

/* Does a NO say that the mailbox is full? */
bool classify_full(const struct imap_reply *r);

#endif
