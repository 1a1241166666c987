/* What a store's answers to APPEND and about folders mean: imap/answers.h, for those who need no more than the verdict.
 */
#ifndef MAILFERRY_STORE_CLASSIFY_H
#define MAILFERRY_STORE_CLASSIFY_H

#include "imap/answers.h"

/* SENT: was any byte of the message on its way when the answer came? */
enum verdict classify_append(const struct imap_reply *r, bool sent);

/* STATUS, CREATE or EXAMINE of a folder was answered NO: VERDICT_NO_FOLDER, NO_PLACE, LATER or HOLD. */
enum verdict classify_folder(const struct imap_reply *r);

#endif
