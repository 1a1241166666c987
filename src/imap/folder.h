/*
 * Folder names. People and rules write UTF-8 with "/" between levels, on any
 * store; the store's own separator works too. "INBOX" in any case is the INBOX.
 * A store that keeps personal folders below a prefix ("INBOX.") gets it added.
 */
#ifndef MAILFERRY_IMAP_FOLDER_H
#define MAILFERRY_IMAP_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

enum { FOLDER_NAME_MAX = 1024, FOLDER_PREFIXES_MAX = 16 };

/* How a store names its folders (RFC 2342, and LIST "" ""). */
struct folder_style {
	char separator;			       /* '\0': flat */
	char prefix[128];		       /* of the personal namespace, on the wire; "" for none */
	char others[FOLDER_PREFIXES_MAX][128]; /* of other users' and shared namespaces, not empty */
	size_t nothers;
};

/* NAME as it goes on the wire, from mem_alloc; NULL and E (ERR_INPUT, for people) when it can't be a folder's name. */
char *folder_to_wire(const struct folder_style *style, const char *name, struct err *e);

/* The one way in which people read WIRE: levels with "/", without the prefix. From mem_alloc; what can't be decoded
 * stays. */
char *folder_from_wire(const struct folder_style *style, const char *wire);

bool folder_is_inbox(const char *name);

#endif
