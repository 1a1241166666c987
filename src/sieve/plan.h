/*
 * What a script wants done with a message: a list of actions in the order in
 * which the script asked for them, duplicates merged (RFC 5228, 2.10.3).
 * Strings are UTF-8, owned by the plan.
 */
#ifndef MAILFERRY_SIEVE_PLAN_H
#define MAILFERRY_SIEVE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

enum plan_kind {
	PLAN_KEEP,     /* explicit keep: flags */
	PLAN_FILEINTO, /* mailbox, flags, create, copy */
	PLAN_REDIRECT, /* address, copy */
	PLAN_DISCARD,
	PLAN_REJECT,  /* reason */
	PLAN_EREJECT, /* reason */
	PLAN_KINDS
};

struct plan_action {
	enum plan_kind kind;
	char *mailbox; /* PLAN_FILEINTO: UTF-8, as the script wrote it */
	char *address; /* PLAN_REDIRECT */
	char *reason;  /* PLAN_REJECT, PLAN_EREJECT: may hold line ends; the user of it cleans it */
	char **flags;  /* PLAN_KEEP, PLAN_FILEINTO */
	size_t nflags;
	bool create;   /* :create (RFC 5490) */
	bool copy;     /* :copy (RFC 3894) */
	unsigned line; /* of the command, from 1 */
};

struct plan {
	struct plan_action *actions;
	size_t n;
	bool implicit_keep; /* the message goes to INBOX besides the actions above */
	char **keep_flags;  /* flags of the implicit keep (the internal variable of RFC 5232) */
	size_t nkeep_flags;
	char *error; /* run-time error, "FILE:LINE:COLUMN: …", or NULL. The plan then holds nothing but the implicit
			keep. */
};

const char *plan_kind_name(enum plan_kind kind); /* "keep", "fileinto", … as Sieve has it */
void plan_free(struct plan *p);			 /* empties it; P itself is the caller's */

#endif
