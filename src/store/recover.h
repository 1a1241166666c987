/*
 * Deliveries in doubt: was it stored or not? Looks from a new connection into
 * the folder that each was sent to, from the floor recorded before its first
 * byte; never sends, never makes folders.
 */
#ifndef MAILFERRY_STORE_RECOVER_H
#define MAILFERRY_STORE_RECOVER_H

#include "imap/session.h"
#include "store/job.h"
#include "store/quiet.h"

enum {
	RECOVER_SUSPECT = 3,	   /* attempts after which a delivery is sent alone and last */
	RECOVER_GIVE_UP = 6,	   /* attempts after which it is quarantined, if other mail passes */
	RECOVER_GIVE_UP_ALONE = 12 /* and if there is no other mail to tell by */
};

struct recover {
	struct imap *session; /* opened after the connections of all JOBS had ended */
	const struct config_account *account;
	struct quiet *quiet;
	bool others_pass; /* other deliveries were stored lately */
};

/* Sets the outcome of each of JOBS (in doubt). 0; or -1 and E when the connection is over, with some outcomes unset. */
int recover_jobs(struct recover *rc, struct job **jobs, size_t n, struct err *e);

/* A delivery that was sent again has been stored: is it there twice? Logs a warning, and changes the record's note. */
int recover_count(struct recover *rc, struct job **jobs, size_t n, struct err *e);

#endif
