/* A test message: filed into INBOX, found again by UID and header, and removed, and nothing else touched. */
#ifndef MAILFERRY_STORE_TRIAL_H
#define MAILFERRY_STORE_TRIAL_H

#include "base/encode.h"
#include "imap/session.h"

struct trial {
	struct imap *session;
	const struct config_server *server;
	const char *hostname;
	char id[RANDOM_ID_SIZE]; /* in its Received line */
	uint32_t uidvalidity;
	uint32_t floor; /* its UID is not lower */
	uint32_t uid;	/* 0: not known yet */
	bool told;	/* by APPENDUID */
};

/* Each 0, or -1 and E: ERR_PROTOCOL and ERR_TEMP of imap/session.h, ERR_PERM when the store said no. */
int trial_write(struct trial *t, struct err *e);
int trial_find(struct trial *t, struct err *e);

/* \Deleted and UID EXPUNGE of this UID (RFC 4315, 2.1); without UIDPLUS it stays, marked: *LEFT. Never EXPUNGE or
 * CLOSE, which would remove what others have marked. */
int trial_remove(struct trial *t, bool *left, struct err *e);

#endif
