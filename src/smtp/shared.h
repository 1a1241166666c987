/*
 * Memory of a fixed size that processes share by a descriptor: tables in which
 * clients are counted (meter.h, tally.h). WHAT names it in errors.
 */
#ifndef MAILFERRY_SMTP_SHARED_H
#define MAILFERRY_SMTP_SHARED_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Clients must not be able to choose where they stand in a table, which begins with this. */
enum { SHARED_SEEDS = 2 };

/* A descriptor of SIZE octets, all zeros behind the seeds. Its size can't change any more. NAME is for lists of open files. -1
 * and E on failure. */
int shared_create(const char *name, size_t size, const char *what, struct err *e);

/* Maps it; FD stays the caller's. NULL and E when it is something else. */
void *shared_map(int fd, size_t size, const char *what, struct err *e);

/* One step of a hash: V goes into H. */
uint64_t shared_mix(uint64_t h, uint64_t v);

#endif
