/* What rules would do with a message of which only the header was read: run_dry_spool takes what intake asks for, and
 * tells it instead of keeping it. */
#ifndef MAILFERRY_FETCH_DRY_H
#define MAILFERRY_FETCH_DRY_H

#include "fetch/run.h"

/* Where the next message lies; LINE gets it once for each delivery, once without a folder for a message that goes
 * nowhere. L is borrowed until dry_answer. */
void dry_expect(struct run_dry *d, const struct run_line *l, void (*line)(void *arg, const struct run_line *l),
		void *arg);

/* Answers what intake has asked. */
void dry_answer(struct run_dry *d);

#endif
