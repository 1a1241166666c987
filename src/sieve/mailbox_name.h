/* Names of mailboxes in a script: UTF-8, with whatever separator the store has (RFC 5228, 4.1). */
#ifndef MAILFERRY_SIEVE_MAILBOX_NAME_H
#define MAILFERRY_SIEVE_MAILBOX_NAME_H

#include "sieve/maker.h"

enum { MAILBOX_NAME_MAX = 1024 };

/* Not empty, not too long, valid UTF-8 without control characters; else an error. */
void mailbox_name_check(struct maker *m, struct slice *name);

/* Do both name the same? "INBOX" has no case (RFC 3501, 5.1), also in front of what lies below it. */
bool mailbox_name_same(struct slice a, struct slice b);

#endif
