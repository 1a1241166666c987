/* What actions that send mail share: the addresses that a script sends to (RFC 5228, 2.4.2.3), and the header as it has
 * left it, which they are to look at (RFC 5293, 7). */
#ifndef MAILFERRY_SIEVE_OUTBOUND_H
#define MAILFERRY_SIEVE_OUTBOUND_H

#include "msg/header.h"
#include "sieve/maker.h"
#include "sieve/run.h"

/* TEXT must be "addr-spec" or "phrase <addr-spec>", with a domain; it becomes the bare addr-spec. */
void outbound_check(struct maker *m, struct slice *text);

/* How many mailboxes are in TEXT, a mailbox-list (RFC 5322, 3.4), each with a domain; 0 where it is none, or holds more than
 * 20. Groups are none. */
size_t outbound_mailboxes(struct slice text);

/* The fields of the header as it is now; they live until the operation ends. 0, or -1 after run_error. */
int outbound_header(struct run *r, struct header *h);

/* What a letter about the message tells of it. 0, or -1 after run_error. */
int outbound_see(struct run *r, struct plan_seen *out);

#endif
