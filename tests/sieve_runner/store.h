/* A store in memory: mailboxes by name, messages in them, annotations (RFC 5490). */
#ifndef MAILFERRY_TESTS_STORE_H
#define MAILFERRY_TESTS_STORE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct stored {
	char *bytes;
	size_t n;
	char **flags;
	size_t nflags;
};

struct annotation {
	char *name, *value;
};

struct mailbox {
	char *name; /* UTF-8, "." parts levels; "" is the server, which holds annotations only */
	struct stored *messages;
	size_t n;
	struct annotation *annotations;
	size_t nannotations;
	struct mailbox *next;
};

struct store {
	struct mailbox *mailboxes;
	uint64_t size; /* octets of all that it holds, bounded */
};

enum { STORE_MAX = 256 * 1024 * 1024, STORE_MAILBOXES_MAX = 10000 };

void store_init(struct store *s); /* with an INBOX */
void store_free(struct store *s);

/* "INBOX" has no case, nor has it in front of the separator (RFC 3501, 5.1). NULL: there is no such mailbox. */
struct mailbox *store_find(const struct store *s, struct slice name);

/* The mailbox, made where there is none; NULL with an error where it can't be. */
struct mailbox *store_create(struct store *s, struct slice name, struct err *e);

int store_add(struct store *s, struct mailbox *m, struct slice bytes, char *const *flags, size_t nflags, struct err *e);

/* Of a mailbox, or with an empty name of the server. Its name has no case (RFC 5464, 3.1). */
int store_annotate(struct store *s, struct slice mailbox, struct slice name, struct slice value, struct err *e);
const char *store_annotation(const struct store *s, struct slice mailbox, struct slice name); /* NULL: none */

#endif
