/*
 * Coming from fetchmail and getmail: what their files say, in terms that both
 * share with ours, and the same as a configuration of mailferry.
 *
 * The files are input like any other: as large as IMPORT_FILE_MAX, read once
 * from front to back, with a bound on everything that is kept.
 */
#ifndef MAILFERRY_CMD_IMPORT_H
#define MAILFERRY_CMD_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum {
	IMPORT_FILE_MAX = 1024 * 1024,
	IMPORT_TEXT_MAX = 4096, /* octets of one word of a file */
	IMPORT_SOURCES_MAX = 1000,
	IMPORT_ACCOUNTS_MAX = 1000,
	IMPORT_ADDRESSES_MAX = 3000, /* of all accounts */
	IMPORT_LIST_MAX = 64,
	IMPORT_NOTES_MAX = 10000,
	IMPORT_ERRORS_MAX = 100
};

/* Texts live as long as the struct import that keeps them. */
struct import_list {
	const char *at[IMPORT_LIST_MAX];
	size_t n;
};

enum import_tls { IMPORT_TLS_UNSAID, IMPORT_TLS_IMPLICIT, IMPORT_TLS_STARTTLS, IMPORT_TLS_NONE };

/* One mailbox that was fetched. NULL, 0 and false: the file does not say. */
struct import_source {
	const char *label; /* what the other program calls it; the group's name is made of it */
	const char *name;  /* of the group, once import_names has run */
	size_t account;	   /* the number of its account, the same */
	const char *file;
	int line;
	bool none;    /* it has no equivalent: only its comments are printed */
	bool by_hand; /* was not fetched on a schedule */
	bool imap;
	const char *host, *user, *password, *password_file, *password_command;
	const char *auth; /* "APOP" */
	unsigned port;
	enum import_tls tls;
	const char *ca_file, *certificate, *key;
	bool oauth;
	struct import_list locals;  /* who gets it: names of accounts, "remote=local", "*" */
	struct import_list domains; /* whose addresses are all ours */
	struct import_list hosts;   /* whose addresses are ours where LOCALS name them */
	struct import_list headers; /* that tell the recipient of a mailbox for many */
	bool multidrop;
	struct import_list folders;
	bool deletes;	      /* once it is fetched */
	int keep_line;	      /* where the file says whether, 0: it is the program's default */
	uint64_t delete_days; /* so long after; 0: at once */
	const char *move_to;
	bool mark_seen;
	bool all;	   /* read mail too: what the other program fetched of an IMAP folder */
	uint64_t larger;   /* octets: larger ones are left */
	uint64_t every;	   /* seconds */
	uint64_t interval; /* that many times EVERY */
	bool push;
	uint64_t timeout; /* seconds */
};

/* A mailbox that mail goes to. The other programs have none, so most of it is for a person to fill in. */
struct import_account {
	const char *name, *local;
	struct import_list addresses;
};

struct import_note {
	size_t owner; /* the number of its source; those of no source have IMPORT_GENERAL */
	const char *file;
	int line;
	char *text; /* owned, one clean line */
};
#define IMPORT_GENERAL ((size_t)-1)

struct import {
	const char *program; /* "fetchmail" */
	const char *file;    /* the one that is read now */
	struct import_source *sources;
	size_t nsources;
	struct import_account *accounts;
	size_t naccounts;
	const char **addresses; /* of all accounts: an address can be of one only */
	size_t naddresses;
	struct import_note *notes;
	size_t nnotes;
	bool full;	/* of notes */
	bool general;	/* what is noted now is about no single source */
	uint64_t every; /* seconds, for all; 0: not said */
	char **kept;
	size_t nkept;
	struct buf errors; /* lines "FILE:LINE: text" */
	size_t nerrors;
};

void import_init(struct import *imp, const char *program);
void import_free(struct import *imp); /* wipes: there may be passwords */

/* ---- for the readers ---- */

/* A copy of TEXT that lives as long as IMP. */
const char *import_keep(struct import *imp, struct slice text);

/* Adds TEXT; a list that is full stays as it is and there is a note. */
void import_list_add(struct import *imp, struct import_list *l, int line, const char *text);

/* A comment about line LINE of the file in hand, for the source that is added next, or for all. */
void import_note(struct import *imp, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Something in the file that can't be read. */
void import_error(struct import *imp, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

void import_source_add(struct import *imp, const struct import_source *s);

/* ---- import_fetchmail.c, import_getmail.c: the TEXT of FILE, whose name must live as long as IMP ---- */
void import_fetchmailrc(struct import *imp, const char *file, struct slice text);
void import_getmailrc(struct import *imp, const char *file, struct slice text);

/* ---- import_names.c ---- */

/* Gives the sources and their accounts names that a configuration takes, each its own. */
void import_names(struct import *imp);

/* ---- import_print.c ---- */

/* Appends the configuration, after import_names. PASSWORDS: the directory (absolute) to which passwords are written, or
 * NULL; they never stand in OUT. */
void import_print(const struct import *imp, const char *passwords, struct buf *out);

#endif
