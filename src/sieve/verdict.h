/*
 * What a spam or virus check said of the message, as a share of the worst it
 * could have said (RFC 5235). It stands in header fields that only the check may
 * have written; who runs the engine sees to that.
 */
#ifndef MAILFERRY_SIEVE_VERDICT_H
#define MAILFERRY_SIEVE_VERDICT_H

#include "sieve/run.h"

/* 1 when there is a verdict: *PARTS of *WHOLE, or where *VALUE is not -1, that value of the test's own scale. 0 when the
 * message was not checked, or nobody can tell; -1 after run_error. */
struct verdict {
	int64_t parts, whole; /* millionths; WHOLE is above 0 */
	int value;
};

int verdict_of_spam(struct run *r, struct verdict *v);
int verdict_of_virus(struct run *r, struct verdict *v);

#endif
