/*
 * The folders of a store, as its LIST gave them. Looking a name up tells which
 * folder a person means by it: the one of just that name, or the only one that
 * differs in case; the folder for a use by its attribute (RFC 6154), or by a
 * well-known name where the store gave no attribute for that use.
 */
#ifndef MAILFERRY_IMAP_CATALOG_H
#define MAILFERRY_IMAP_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "imap/folder.h"

enum { CATALOG_MAX = 20000 };

struct catalog_folder {
	char *wire;	/* owned */
	char *name;	/* as people read it; owned */
	char *id;	/* RFC 8474; owned; NULL: not asked, or none */
	unsigned uses;	/* enum special_use, by attribute */
	unsigned guess; /* by its name, when USES is 0 … */
	size_t depth;	/* … and how many levels stand in front of the last */
	bool select;	/* it can hold mail */
	bool parent;	/* it may hold other folders */
	bool plain;	/* NAME leads back to WIRE; else rules can't name it */
};

struct catalog {
	struct catalog_folder *all; /* in LIST's order */
	size_t n;
	bool known; /* the store answered; else it is empty, and proves nothing */
	bool cut;   /* there are more than CATALOG_MAX */
};

struct imap;
/* Fills C from what came with the reply that S read last. */
void catalog_read(struct catalog *c, const struct imap *s, bool known, bool cut);
void catalog_clear(struct catalog *c);

const struct catalog_folder *catalog_find(const struct catalog *c, const char *wire);

/* Among those that can hold mail if SELECT; the first when there are several. NULL: none. */
const struct catalog_folder *catalog_sibling(const struct catalog *c, const char *name, bool select);

/* The folder that can hold mail and has that attribute; the first when there are several. */
const struct catalog_folder *catalog_use(const struct catalog *c, unsigned use);

/* One that is called so, on the first level or else one below, and has no other use. */
const struct catalog_folder *catalog_guess(const struct catalog *c, unsigned use);

#endif
