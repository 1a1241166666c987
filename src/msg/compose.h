/*
 * Header fields and bodies. Whatever the texts hold, what comes out is one
 * field, of lines of at most 998 octets (RFC 5322, 2.1.1), mostly 78, in ASCII
 * unless an address can't be written in it.
 */
#ifndef MAILFERRY_MSG_COMPOSE_H
#define MAILFERRY_MSG_COMPOSE_H

#include "base/buf.h"
#include "base/slice.h"
#include "msg/address.h"

enum {
	COMPOSE_MAX = 1024 * 1024,   /* octets of what is written for one message, besides ranges of the original */
	COMPOSE_TEXT_MAX = 2000	     /* octets of an unstructured field; longer ones are cut at a character */
};

/* "NAME: text", ended by CRLF. TEXT should be UTF-8; line ends and controls become blanks, what is no UTF-8 U+FFFD. It is
 * encoded (RFC 2047) where it is not ASCII, or has words that no line can hold. */
void compose_text(struct buf *out, const char *name, struct slice text);

/* "NAME: value" as it is: the caller knows that it is ASCII, printable and short. */
void compose_plain(struct buf *out, const char *name, const char *value);

/* "NAME: <addresses>": a list of bare addresses, folded. Domains beyond ASCII are written in their ASCII form. *FOREIGN is
 * set when a local part is not ASCII, so that the message needs SMTPUTF8. Writes nothing when N is 0. */
void compose_addresses(struct buf *out, const char *name, const struct address *all, size_t n, bool *foreign);

/* The same of a mailbox-list (RFC 5322, 3.4) with its display names, which are encoded anew. 0, or -1, with nothing
 * written, when LIST is not valid or has more than 20 mailboxes. */
int compose_mailboxes(struct buf *out, const char *name, struct slice list, bool *foreign);

/* The address as it is sent to: its domain in ASCII, if it can be. From mem_alloc. */
char *compose_address(const struct address *a, bool *foreign);

/* The lines "Content-Type: text/plain …", "Content-Transfer-Encoding: …", an empty line, and TEXT. TEXT should be UTF-8; its
 * line ends may be of any kind. What comes out is 7-bit, its last line is
 * ended, and no line begins with "--". */
void compose_body(struct buf *out, struct slice text);

#endif
