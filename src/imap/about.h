/* What a store tells of itself and of the mailbox: ID (RFC 2971) and QUOTA (RFC 9208; RFC 2087). For people only. */
#ifndef MAILFERRY_IMAP_ABOUT_H
#define MAILFERRY_IMAP_ABOUT_H

#include "imap/session.h"

enum { ABOUT_NAME_SIZE = 100, ABOUT_QUOTAS_MAX = 16 };

struct about_quota {
	char root[ABOUT_NAME_SIZE];
	char resource[32]; /* "STORAGE" (in units of 1,024 octets), "MESSAGE", … in upper case */
	uint64_t used, most;
};

/* GETQUOTAROOT INBOX. 0 with *N quotas and R, or -1. Only where imap_has(s, "QUOTA"). */
int about_quota(struct imap *s, struct about_quota out[ABOUT_QUOTAS_MAX], size_t *n, struct imap_reply *r,
		struct err *e);

/* ID NIL: "Dovecot", "Cyrus IMAP 3.6.1"; "" when the store does not tell. Bytes as they came. Only where imap_has(s,
 * "ID"). */
int about_server(struct imap *s, char out[ABOUT_NAME_SIZE], struct imap_reply *r, struct err *e);

#endif
