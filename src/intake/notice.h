/*
 * Notices to the operator: mail of our own, in plain words, when something has
 * come about that only a person can mend. They go the way of all mail (rules,
 * spool, store), so one about a broken account waits in the queue if the
 * operator's address belongs to that account.
 *
 * The spool sees to it that there are not too many: all notices of an account
 * on one day are the same message to it, however often mailferry is started
 * again in between, and the same message is not stored twice.
 */
#ifndef MAILFERRY_INTAKE_NOTICE_H
#define MAILFERRY_INTAKE_NOTICE_H

#include <stdint.h>

#include "base/buf.h"
#include "intake/intake.h"

enum notice_kind {
	NOTICE_HELD = 1, /* the account takes no mail until a person has mended something: one a day */
	NOTICE_EXPIRES,	 /* a secret or a certificate of the account soon expires: one a week */
	NOTICE_SOURCE,	 /* the mail of a source can't be fetched until a person has mended something: one a day */
	NOTICE_RELAY_HELD,  /* nothing goes out through the relay until a person has mended something: one a day */
	NOTICE_RELAY_WAITS, /* mail to others waits for a person to decide: one a day */
	NOTICE_CERTIFICATE, /* a certificate of a listener soon expires: one a week. Here and below the account is no
			     * account but what it is about */
	NOTICE_EXPIRED,	    /* it has expired: one a day */
	NOTICE_FILES,	    /* a file has changed and can't be used: one a day */
	NOTICE_KINDS
};

enum { NOTICE_REASON_MAX = 2000 };

/* Takes in a notice about ACCOUNT (or source) to the configuration's `operator'; does nothing without one, and logs what becomes of
 * it. REASON is for people, may hold a server's words in any bytes, and holds no secret. */
void intake_notice(struct intake *in, enum notice_kind kind, const char *account, const char *reason);

/* ---- for its test ---- */
struct notice {
	enum notice_kind kind;
	const char *account, *reason, *hostname, *to, *id;
	int64_t wall_ms;
};

/* Appends the whole message: lines ended by CRLF, each under 998 octets, UTF-8. */
void notice_write(const struct notice *n, struct buf *out);

/* Appends what makes two notices the same one. */
void notice_sameness(const struct notice *n, struct buf *out);

#endif
