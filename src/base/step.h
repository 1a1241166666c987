/*
 * Steps at which the end-to-end tests kill the daemon. Each step(…) on the way
 * of a message is one place where a power cut must lose and double nothing. In
 * normal life a step is one comparison.
 *
 * A test makes a file of two native int64_t: the steps so far, and the number
 * of the step that kills (0: none). It names it in MAILFERRY_STEPS when it
 * starts `mailferry run`; the supervisor hands the open file to its roles, with
 * the writing end of a pipe. A role may signal nobody, so the kernel kills in
 * the supervisor's name: the reading end belongs to the process group, and tells
 * it of octets by SIGKILL.
 */
#ifndef MAILFERRY_BASE_STEP_H
#define MAILFERRY_BASE_STEP_H

/* Maps the file behind FD (-1: steps stay off); FD may be closed afterwards. Takes over KILLER, the pipe's writing end. */
void step_open(int fd, int killer);

/* A pipe whose first octet kills the process group, of which the caller becomes the head where it is not. So does the
 * end of the caller, which closes it. The writing end, or -1; the reading end stays open for ever. */
int step_killer(void);

/* The pipe that step_open took over, for a child that keeps no other descriptors; -1: steps are off. */
int step_descriptor(void);

/* Counts; at the chosen number writes WHERE to standard error and kills the process group. */
void step(const char *where);

#endif
