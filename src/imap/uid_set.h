/* Sets of UIDs as commands and responses have them (RFC 9051, 9: sequence-set): "3,5:9". */
#ifndef MAILFERRY_IMAP_UID_SET_H
#define MAILFERRY_IMAP_UID_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum { UID_SET_OCTETS = 900 }; /* lines of clients stay under 1,000 octets (RFC 2683, 3.2.1.5) */

/* Appends the first of UIDS (N, ascending, none twice, none 0) as a set of at most UID_SET_OCTETS octets that holds them
 * and no other. How many they are; at least 1. */
size_t uid_set_write(const uint32_t *uids, size_t n, struct buf *out);

/* How many UIDs are in SET, with those that stand there twice counted twice; false when it is none. "*" is none. */
bool uid_set_count(struct slice set, uint64_t *count);

/* Is UID in SET? Of a set that is broken, only the front counts. */
bool uid_set_has(struct slice set, uint32_t uid);

#endif
