/* Inside the IMAP source: which messages have a copy in another folder, left by a COPY whose answer was lost. */
#ifndef MAILFERRY_FETCH_IMAP_LOOK_H
#define MAILFERRY_FETCH_IMAP_LOOK_H

#include "fetch/imap_session.h"

enum { IMAP_LOOK_MAX = 100 }; /* messages at once */

/* Sorts UIDS (N of the folder that was entered) so that the *FRESH first have no copy in TARGET (wire): nothing there has
 * their header, size and date. Leaves the folder; imap_source_open goes back. 0, or -1. */
int imap_look(struct source_session *s, uint32_t *uids, size_t n, const char *target, size_t *fresh, struct err *e);

#endif
