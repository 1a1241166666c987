/* A spool that dies at a step (base/step.h): STEPS[0] counts them, STEPS[1] is the one that kills, or 0. */
#ifndef MAILFERRY_TESTS_SPOOL_STEPS_H
#define MAILFERRY_TESTS_SPOOL_STEPS_H

#include "spool_tools.h"

/* The counters, for every server that T starts from now on, until steps_end. */
int64_t *steps_begin(struct test_spool *t);
void steps_end(void);

#endif
