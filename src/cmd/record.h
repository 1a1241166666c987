/* A message of the spool and what became of it, for people and for programs. */
#ifndef MAILFERRY_CMD_RECORD_H
#define MAILFERRY_CMD_RECORD_H

#include "base/buf.h"
#include "spool/admin.h"

/* Everything, on standard output, a few lines. */
void record_print(const struct spool_record *r);

/* The same as one JSON object on one line. */
void record_print_json(const struct spool_record *r);

/* One delivery of it alone, as `queue list --json' has it. HOLD_UNTIL_MS is 0 and HOLD_REASON NULL when the delivery's
 * account takes mail. */
void delivery_print_json(const struct spool_record *r, const struct spool_record_delivery *d, int64_t hold_until_ms,
			 const char *hold_reason);

/* Appends why the delivery waits and what happens next: "connection refused; next try in 12s". Empty for one that is
 * done. */
void delivery_why(const struct spool_record_delivery *d, struct buf *out);

/* Not one of the final states. */
bool delivery_waits(enum delivery_state s);

#endif
