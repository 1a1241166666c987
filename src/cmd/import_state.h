/*
 * What fetchmail and getmail remember of mail that they fetched.
 *
 * fetchmail's .fetchids has a line "USER@HOST UIDL" for each message of POP3
 * mailboxes. getmail's oldmail-SERVER-PORT-USER[-FOLDER] has a mailbox each:
 * lines of a UIDL (or UIDVALIDITY/UID), a NUL and when it was seen first, in
 * seconds since 1970.
 */
#ifndef MAILFERRY_CMD_IMPORT_STATE_H
#define MAILFERRY_CMD_IMPORT_STATE_H

#include <stdint.h>

#include "base/slice.h"

enum { IMPORT_STATE_MAX = 256 * 1024 * 1024 };

struct import_seen {
	int line;
	struct slice user, host;   /* fetchmail */
	struct slice name;	   /* UIDL; empty for IMAP */
	uint32_t uidvalidity, uid; /* IMAP */
	struct slice folder;	   /* IMAP, where an old getmail wrote it */
	int64_t seen_ms;	   /* 0: not known */
};

/* Views into the text that is read; other than 0 ends the reading. */
typedef int import_seen_fn(void *arg, const struct import_seen *seen);

/* Both return how many lines made no sense. */
size_t import_state_fetchmail(struct slice text, import_seen_fn *fn, void *arg);
size_t import_state_getmail(struct slice text, bool imap, import_seen_fn *fn, void *arg);

/* Does the file's NAME begin with what getmail calls the memory of USER at HOST and PORT? Then *FOLDER is what stands
 * behind it: "" for POP3, else the folder with dots for the characters that a file name has not. */
bool import_state_of(const char *name, const char *host, unsigned port, const char *user, struct slice *folder);

/* Is NAME, as import_state_of gave it, the folder FOLDER? */
bool import_state_is_folder(struct slice name, const char *folder);

#endif
