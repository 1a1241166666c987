/* A run tells of its way, where somebody asked (sieve_input.trace). */
#ifndef MAILFERRY_SIEVE_TRACE_H
#define MAILFERRY_SIEVE_TRACE_H

#include "sieve/run.h"

struct matcher;

static inline bool trace_wanted(const struct run *r)
{
	return r->in->trace != NULL;
}

/* Of the operation that runs now. */
void trace_operation(struct run *r, enum sieve_trace_kind kind, bool truth);
/* "sends no answer: WHY" of the command that runs; nothing where nobody asked. */
void trace_note(struct run *r, const char *what, const char *why);
void trace_variable(struct run *r, struct slice name, struct slice value);
void trace_match_value(struct run *r, size_t index, struct slice value);
void trace_compared(struct matcher *m, struct slice value, bool matched);
/* What a test without keys looked at, or for in vain; 0, as it is false then. Nothing where nobody asked. */
void trace_value(struct run *r, struct slice value);
int trace_missing(struct run *r, struct slice value);

#endif
