/* One look into one mailbox, for all deliveries that went there. */
#ifndef MAILFERRY_STORE_SIGHT_H
#define MAILFERRY_STORE_SIGHT_H

#include "store/look.h"
#include "store/scan.h"

struct sight {
	struct scan scan;
	struct mailbox_status status;
	bool opened, known; /* known: the folder was opened, or is certainly not there */
};

/* Opens MAILBOX read-only and reads it from FLOOR on; sorts JOBS, and sets found and copies of each. LAST: absence will be
 * concluded from it, so the store is first made to look for itself. 0, or -1 and E when the connection is over; sight_free
 * in either case. */
int sight_take(struct sight *v, struct imap *s, const char *mailbox, struct job **jobs, size_t n, uint32_t floor,
	       bool last, struct err *e);
void sight_free(struct sight *v);

/* What it proves of J, whose floor was FLOOR. SETTLED and AGAIN as struct look has them. */
enum look_decision sight_decide(const struct sight *v, const struct job *j, struct mailbox_status floor, bool settled,
				bool again, enum look_reason *why);

#endif
