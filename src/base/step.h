/*
 * Steps at which the end-to-end tests kill the daemon. Each step(…) on the way
 * of a message is one place where a power cut must lose and double nothing. In
 * normal life a step is one comparison.
 *
 * A test makes a file of two native int64_t: the steps so far, and the number
 * of the step that kills (0: none). It names it in MAILFERRY_STEPS when it
 * starts `mailferry run`; the supervisor hands the open file to its roles.
 */
#ifndef MAILFERRY_BASE_STEP_H
#define MAILFERRY_BASE_STEP_H

/* Maps the file behind FD (-1: steps stay off); FD may be closed afterwards. */
void step_open(int fd);

/* Counts; at the chosen number writes WHERE to standard error and kills the process group. */
void step(const char *where);

#endif
