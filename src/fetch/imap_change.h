/* Inside the IMAP source: commands that change messages, for those that are moved too. */
#ifndef MAILFERRY_FETCH_IMAP_CHANGE_H
#define MAILFERRY_FETCH_IMAP_CHANGE_H

#include "fetch/imap_session.h"

/* Those of N ITEMS, ascending and each once: *N of them. From mem_alloc. */
uint32_t *imap_source_uids(const struct source_item *items, size_t *n);

bool imap_source_has_uidplus(const struct source_session *s);

/* The folder is open for writing: 1; the server lets nothing be changed in it: 0 and REFUSED; -1. */
int imap_source_to_write(struct source_session *s, struct buf *refused, struct err *e);

/* The reply to VERB: NO goes to REFUSED (may be NULL), the first only; BAD ends the session. 0, or -1. */
int imap_source_note(const struct source_session *s, const char *verb, const struct imap_reply *r, struct buf *refused,
		     struct err *e);

/* FLAG to the messages of SET in the open folder; if EXPUNGE, they are removed then. */
int imap_source_store(struct source_session *s, const char *set, const char *flag, bool expunge, struct buf *refused,
		      struct err *e);

#endif
