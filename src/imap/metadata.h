/* Annotations of folders and of the store (RFC 5464). */
#ifndef MAILFERRY_IMAP_METADATA_H
#define MAILFERRY_IMAP_METADATA_H

#include "imap/session.h"

enum { METADATA_VALUE_MAX = 1024 }; /* octets of a value; the store is asked to leave larger ones out */

/* Does the store keep annotations of itself; of folders? */
bool metadata_of_server(const struct imap *s);
bool metadata_of_mailboxes(const struct imap *s);

/* Asks for all that MAILBOX (on the wire; "": the store itself) has; many may be asked for before the first answer is read. 0,
 * or -1. */
int metadata_ask(struct imap *s, const char *mailbox, uint32_t *tag, struct err *e);

/* The answer to it: FN for each that has a value. A refusal is one without any. */
typedef void metadata_fn(void *arg, struct slice entry, struct slice value);
int metadata_read(struct imap *s, uint32_t tag, metadata_fn *fn, void *arg, struct err *e);

#endif
