/* What a run wants done, put together as RFC 5228, 2.10 and RFC 5429, 2.4 allow. */
#ifndef MAILFERRY_SIEVE_RESULT_H
#define MAILFERRY_SIEVE_RESULT_H

#include "sieve/run.h"

/* An action to add. Its strings are copied. */
struct wish {
	enum plan_kind kind;
	struct slice target; /* mailbox, address or reason */
	struct slice mailbox_id; /* of a mailbox, which then goes before its name (RFC 9042); SLICE_NONE */
	bool create, copy;
};

/* Adds W to the plan, or merges it with an action that does the same. The flags of a keep or fileinto are those of the
 * operation's :flags, or else the run's. 0, or -1 after run_error when it can't stand beside what is there. */
int result_add(struct run *r, const struct op *op, const struct wish *w);

/* The run is over: the flags of an implicit keep, and of which message; after an error nothing else is left. 0, or -1
 * after an error, also one that it finds. */
int result_finish(struct run *r, bool ok);

#endif
