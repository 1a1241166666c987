/*
 * What is known of an account's store: how large a message may be, and which
 * folders there are. The store tells it after a login, the spool keeps it, those
 * who take mail in look it up. It travels as text: one line for the store, one
 * for each folder; whoever reads it trusts nothing.
 */
#ifndef MAILFERRY_SPOOL_FACTS_H
#define MAILFERRY_SPOOL_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum { FACTS_MAX = 512 * 1024, FACTS_ANNOTATIONS_MAX = 2000, FACTS_ANNOTATIONS_BYTES = 128 * 1024, FACTS_FOLDERS_MAX = 5000 };

struct facts_folder {
	const char *name; /* UTF-8, as people read it: levels with "/", without the store's prefix */
	unsigned uses;	  /* enum special_use */
	/* By its name, when USES is 0; looked up once, as that takes a while. */
	unsigned guess;
	size_t depth; /* levels in front of the last */
	const char *id;	/* RFC 8474; NULL: none is known */
};

struct facts_annotation { /* RFC 5464 */
	const char *folder; /* as facts_folder.name; "" of the store itself */
	const char *entry;  /* "/private/comment" */
	struct slice value; /* any octets */
};

struct facts {
	uint64_t append_limit;	      /* octets of one message, with what mailferry adds; UINT64_MAX: not told */
	bool utf8;		      /* it takes headers in UTF-8 (RFC 6855) */
	bool cut;		      /* there are more folders than these */
	char separator;		      /* '\0': flat, or not known */
	char *prefix;		      /* of personal folders, with "/"; owned */
	struct facts_folder *folders; /* that can hold mail, sorted by name; owned */
	size_t n;
	struct facts_annotation *annotations; /* owned */
	size_t nannotations;
	char *text; /* what the names and values point into; owned */
};

/* ---- writing ---- */

/* OUT was made with FACTS_MAX. PREFIX as above. */
void facts_begin(struct buf *out, uint64_t append_limit, bool utf8, char separator, const char *prefix);

/* False when there is no room for it. A name that holds a control character is left out. */
bool facts_add(struct buf *out, const char *name, unsigned uses);
bool facts_add_with_id(struct buf *out, const char *name, unsigned uses, const char *id); /* ID may be NULL */

/* An annotation of the folder that was added last, or before the first of the store. Where ALL (of this OUT; 0 at first) is more
 * than FACTS_ANNOTATIONS_BYTES, or the entry is no name, it is left out. */
void facts_annotate(struct buf *out, size_t *all, struct slice entry, struct slice value);

void facts_end(struct buf *out, bool cut);

/* ---- reading ---- */

/* 0, or -1 when TEXT is not what the above wrote; facts_free F in every case. Empty TEXT: nothing is known. */
int facts_read(struct slice text, struct facts *f);
void facts_free(struct facts *f);

/* The folder that a rule means by NAME: so called, with either separator; else the one that differs in case only; by
 * its use for "\Junk" and the like, see msg/special_use.h. NULL: none. INBOX is always there. */
const struct facts_folder *facts_find(const struct facts *f, struct slice name);

/* The annotation of the folder that a rule means by NAME, of the store where that is empty; NULL: none. Entries have no case. */
const struct facts_annotation *facts_find_annotation(const struct facts *f, struct slice name, struct slice entry);

/* The folder with that id (RFC 9042); NULL: none. */
const struct facts_folder *facts_find_id(const struct facts *f, struct slice id);

/* The folder for USE: by attribute, or else by name. */
const struct facts_folder *facts_find_use(const struct facts *f, unsigned use);

#endif
