/* A message of the spool and what became of it, for people and for programs. */
#ifndef MAILFERRY_CMD_RECORD_H
#define MAILFERRY_CMD_RECORD_H

#include "base/buf.h"
#include "cmd/holds.h"
#include "spool/admin.h"

/* Everything, on standard output, a few lines. HOLDS say why an account's mail waits. */
void record_print(const struct spool_record *r, const struct holds *holds);

/* The same as one JSON object on one line; and one delivery of it alone, as `queue list --json' has it. */
void record_print_json(const struct spool_record *r, const struct holds *holds);
void delivery_print_json(const struct spool_record *r, const struct spool_record_delivery *d,
			 const struct holds *holds);

/* Appends why the delivery waits and what happens next: "connection refused; next try in 12s". Empty for one that is
 * done. HOLD is its account's, or NULL. */
void delivery_why(const struct spool_record_delivery *d, const struct hold *hold, struct buf *out);

/* Not one of the final states. */
bool delivery_waits(enum delivery_state s);

#endif
