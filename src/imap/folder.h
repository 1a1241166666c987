/*
 * Folder names. People and rules write UTF-8 with "/" between levels, on any
 * store; the store's own separator works too. "INBOX" in any case is the INBOX.
 * A store that keeps personal folders below a prefix ("INBOX.") gets it added.
 *
 * On the wire a name is modified UTF-7 (RFC 3501, 5.1.3) to everybody outside of
 * imap/, and so it is in the spool: what a session with UTF8=ACCEPT (RFC 6855)
 * puts into quoted strings is its own business (dialog_put_mailbox).
 */
#ifndef MAILFERRY_IMAP_FOLDER_H
#define MAILFERRY_IMAP_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

enum { FOLDER_NAME_MAX = 1024, FOLDER_PREFIXES_MAX = 16 };

struct folder_space {
	char separator;	  /* '\0': flat */
	char prefix[128]; /* on the wire */
	bool foreign;	  /* other users', or shared */
};

/* How a store names its folders (RFC 2342, and LIST "" ""). Folders are made in the personal namespace where INBOX
 * is; names
 * that begin with the prefix of another one (personal, other users', shared) stand there. */
struct folder_style {
	struct folder_space own;			 /* prefix "" for none */
	struct folder_space others[FOLDER_PREFIXES_MAX]; /* prefixes not empty */
	size_t nothers;
	bool foreign_rest; /* what stands in none of them is foreign, too */
};

/* NAME as it goes on the wire, from mem_alloc; NULL and E (ERR_INPUT, for people) when it can't be a folder's name. */
char *folder_to_wire(const struct folder_style *style, const char *name, struct err *e);

/* The one way in which people read WIRE: levels with "/", without the prefix. From mem_alloc; what can't be decoded
 * stays. */
char *folder_from_wire(const struct folder_style *style, const char *wire);

/* Does the name that people read for WIRE lead back to it? What it does not lead back to can't be named in rules. */
bool folder_is_plain(const struct folder_style *style, const char *wire);

/* Does WIRE stand in a personal namespace? */
bool folder_is_personal(const struct folder_style *style, const char *wire);

/* The separator of the namespace that WIRE stands in, and the octets of its prefix. */
char folder_separator(const struct folder_style *style, const char *wire, size_t *prefix);

bool folder_is_inbox(const char *name);

#endif
