/* Folders of a store. MAILBOX is always a name on the wire (imap/folder.h), in modified UTF-7. Returns as
 * imap/session.h has them. */
#ifndef MAILFERRY_IMAP_MAILBOX_H
#define MAILFERRY_IMAP_MAILBOX_H

#include "imap/catalog.h"
#include "imap/session.h"

/* STATUS (UIDVALIDITY UIDNEXT). R->status is IMAP_OK only when both came; a server that leaves one out gets IMAP_NO. */
struct mailbox_status {
	uint32_t uidvalidity, uidnext;
};

/* Pipelining: send many, then read the answers in the same order. */
int mailbox_status_send(struct imap *s, const char *mailbox, uint32_t *tag, struct err *e);
int mailbox_status_read(struct imap *s, uint32_t tag, struct mailbox_status *st, struct imap_reply *r, struct err *e);

enum mailbox_presence {
	MAILBOX_MISSING,
	MAILBOX_NOSELECT, /* a name that only holds other names */
	MAILBOX_PRESENT
};

/* LIST "" MAILBOX. */
int mailbox_find(struct imap *s, const char *mailbox, enum mailbox_presence *p, struct imap_reply *r, struct err *e);

/* All folders, with their uses (LIST "" "*"), asked for once a session, again after a folder was made, and if FRESH.
 * Valid until the next call for S. */
int mailbox_catalog(struct imap *s, bool fresh, const struct catalog **c, struct err *e);

/* Octets of one message that MAILBOX takes (RFC 7889), UINT64_MAX: not told. Asks only where folders differ. */
int mailbox_append_limit(struct imap *s, const char *mailbox, uint64_t *limit, struct err *e);

/* For USE (enum special_use; 0: none in particular) where the store can be told so (RFC 6154, 3). */
int mailbox_create(struct imap *s, const char *mailbox, unsigned use, struct imap_reply *r, struct err *e);

/* Asks for the ids of the folders of the catalog (RFC 8474), the first thousand of them; where the store has none, nothing is
 * asked. 0, or -1. */
int mailbox_ids(struct imap *s, struct err *e);

/* Was a folder made since the last call? */
bool mailbox_made(struct imap *s);

int mailbox_subscribe(struct imap *s, const char *mailbox, struct imap_reply *r, struct err *e);

/* EXAMINE: R->status IMAP_OK only when UIDVALIDITY is known. UIDNEXT 0 when the server did not tell it. */
int mailbox_examine(struct imap *s, const char *mailbox, struct mailbox_status *st, struct imap_reply *r,
		    struct err *e);

/* Has the server look at what really lies in MAILBOX: SELECT and CHECK (RFC 3501, 6.4.1). Dovecot, EXAMINE alone being asked
 * for, may go by an index that a killed process of its own left behind, and not show a message that lies there. What is
 * answered does not matter: servers of RFC 9051 have no CHECK. Leaves MAILBOX selected: mailbox_examine it next. */
int mailbox_settle(struct imap *s, const char *mailbox, struct err *e);

/* Leaves an examined mailbox; nothing is expunged, for it was opened read-only. */
int mailbox_leave(struct imap *s, struct err *e);

/* ---- in an examined mailbox ---- */

/* One message: its UID, and the Received lines of its header (the front of them, if they are many), NULL when the
 * server gave none at all. */
typedef void mailbox_received_fn(void *arg, uint32_t uid, const struct slice *received);

/* UID FETCH FIRST:LAST (LAST 0: "*"); the answer may hold other UIDs too. R->status says whether it was complete. */
int mailbox_fetch_received(struct imap *s, uint32_t first, uint32_t last, mailbox_received_fn *fn, void *arg,
			   struct imap_reply *r, struct err *e);

/* UID SEARCH HEADER Received WORD: the newest matches, at most MAX. Never a proof that something is not there. */
int mailbox_search_received(struct imap *s, const char *word, uint32_t *uids, size_t max, size_t *n,
			    struct imap_reply *r, struct err *e);

#endif
