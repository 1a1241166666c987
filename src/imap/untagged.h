/*
 * Untagged responses that hold names of folders, as the filter kept them: LIST,
 * STATUS, NAMESPACE, ENABLED (RFC 9051, 7.2 and 7.3; RFC 5258; RFC 6154; RFC
 * 2342; RFC 7889). What a later standard added to them is passed over; what is
 * broken is left out, as if the server had not said it. Pure functions.
 */
#ifndef MAILFERRY_IMAP_UNTAGGED_H
#define MAILFERRY_IMAP_UNTAGGED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum untagged_kind { UNTAGGED_LIST, UNTAGGED_STATUS, UNTAGGED_NAMESPACE, UNTAGGED_ENABLED, UNTAGGED_METADATA, UNTAGGED_OTHER };

enum { UNTAGGED_NAME_MAX = 4000 };

/* The next of KEPT, which is what a filter_reply holds; ARGS is what stands behind its keyword. False: no more. */
bool untagged_next(struct slice *kept, enum untagged_kind *kind, struct slice *args);

enum untagged_attribute { ATTRIBUTE_NOSELECT = 1, ATTRIBUTE_NONEXISTENT = 2, ATTRIBUTE_NOINFERIORS = 4 };

struct untagged_list {
	unsigned attributes;
	unsigned uses;	/* enum special_use */
	char separator; /* '\0': NIL, or what can't separate anything */
	struct buf name;
};

/* NAME is initialised here; buf_free it in every case. 0, or -1. */
int untagged_list(struct slice args, struct untagged_list *l);

struct untagged_status {
	uint32_t uidvalidity, uidnext; /* 0: not told, or no number of 32 bits */
	uint64_t append_limit;	       /* UINT64_MAX: not told, or none */
	struct slice id;	       /* MAILBOXID (RFC 8474), in what was parsed; empty: not told, or none that can be */
};
int untagged_status(struct slice args, struct untagged_status *st);

/* CLASS: 0 personal, 1 other users', 2 shared; in the server's order. SEPARATOR as in a list. */
typedef void untagged_namespace_fn(void *arg, int class, struct slice prefix, char separator);
void untagged_namespace(struct slice args, untagged_namespace_fn *fn, void *arg);

/* FN for each entry that has a value of at most MAX octets (RFC 5464, 4.4.1); one without values tells only of a change. What
 * they are of, the caller knows. */
typedef void untagged_metadata_fn(void *arg, struct slice entry, struct slice value);
void untagged_metadata(struct slice args, size_t max, untagged_metadata_fn *fn, void *arg);

bool untagged_enabled(struct slice args, struct slice capability);

#endif
