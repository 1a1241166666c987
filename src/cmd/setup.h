/*
 * What a configuration comes to: the file read and checked, its rules compiled,
 * its listeners bound. The supervisor holds one, and makes another on SIGHUP,
 * which takes over the sockets whose address did not change.
 */
#ifndef MAILFERRY_CMD_SETUP_H
#define MAILFERRY_CMD_SETUP_H

#include "base/buf.h"
#include "cmd/rules.h"
#include "cmd/users.h"
#include "config/config.h"

struct setup_listener {
	const struct config_listener *config; /* in the setup's configuration */
	int fd;				      /* owned */
	bool given;			      /* made by the service manager, and its name is that one's to remove */
};

struct setup {
	struct config *config;
	struct rules rules;
	struct sasl_users *users; /* who may log in; NULL: nobody */
	struct buf users_text;	  /* the same, for receivers */
	struct setup_listener *listeners; /* as many as config has */
};

/* Reads FILE and compiles the rules; nothing is bound yet. NULL, with lines appended to ERRORS. */
struct setup *setup_load(const char *file, struct buf *errors);

/* Binds the listeners; one whose address OLD (may be NULL) has bound shares its socket. 0, or -1 with a line for each
 * that can't be bound: listener, address, why and what to do. May be called again then: it tries those that are left.
 */
int setup_bind(struct setup *s, const struct setup *old, struct buf *errors);

void setup_free(struct setup **s); /* closes the listeners */

/* Nobody may connect any more: who still could would wait for a greeting that never comes. */
void setup_close(struct setup *s);

/* Removes the names of the UNIX sockets that S listens on, but for those that NEXT (may be NULL) listens on too. */
void setup_unlink(const struct setup *s, const struct setup *next);

/* What a reload can't change, in the words of the configuration ("spool"), or NULL when NEXT may follow NOW. */
const char *setup_fixed_key(const struct setup *now, const struct setup *next);

/* A sealed memory file with the N bytes at P: what a role is handed to read. -1 on failure. */
int setup_memory_file(const char *name, const void *p, size_t n, struct err *e);

#endif
