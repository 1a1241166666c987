/* Names of mailboxes in a script: UTF-8, with whatever separator the store has (RFC 5228, 4.1). */
#ifndef MAILFERRY_SIEVE_MAILBOX_NAME_H
#define MAILFERRY_SIEVE_MAILBOX_NAME_H

#include "sieve/compiler.h"

enum { MAILBOX_NAME_MAX = 1024 };

/* Not empty, not too long, valid UTF-8 without control characters; else an error. */
void mailbox_name_check(struct compiler *c, struct slice *name, struct pos at);

#endif
