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

enum { FACTS_MAX = 512 * 1024, FACTS_FOLDERS_MAX = 5000 };

struct facts_folder {
	const char *name; /* UTF-8, as people read it: levels with "/", without the store's prefix */
	unsigned uses;	  /* enum special_use */
	/* By its name, when USES is 0; looked up once, as that takes a while. */
	unsigned guess;
	size_t depth; /* levels in front of the last */
};

struct facts {
	uint64_t append_limit;	      /* octets of one message, with what mailferry adds; UINT64_MAX: not told */
	bool cut;		      /* there are more folders than these */
	char separator;		      /* '\0': flat, or not known */
	char *prefix;		      /* of personal folders, with "/"; owned */
	struct facts_folder *folders; /* that can hold mail, sorted by name; owned */
	size_t n;
	char *text; /* what the names point into; owned */
};

/* ---- writing ---- */

/* OUT was made with FACTS_MAX. PREFIX as above. */
void facts_begin(struct buf *out, uint64_t append_limit, char separator, const char *prefix);

/* False when there is no room for it. A name that holds a control character is left out. */
bool facts_add(struct buf *out, const char *name, unsigned uses);

void facts_end(struct buf *out, bool cut);

/* ---- reading ---- */

/* 0, or -1 when TEXT is not what the above wrote; facts_free F in every case. Empty TEXT: nothing is known. */
int facts_read(struct slice text, struct facts *f);
void facts_free(struct facts *f);

/* The folder that a rule means by NAME: so called, with either separator; else the one that differs in case only; by
 * its use for "\Junk" and the like, see msg/special_use.h. NULL: none. INBOX is always there. */
const struct facts_folder *facts_find(const struct facts *f, struct slice name);

/* The folder for USE: by attribute, or else by name. */
const struct facts_folder *facts_find_use(const struct facts *f, unsigned use);

#endif
