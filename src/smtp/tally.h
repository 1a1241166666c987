/*
 * What clients have in hand just now, over all receivers: memory that they
 * share, so that a limit on sessions and on mail that is under way holds for the
 * daemon and not for each of its processes, also while one that was replaced
 * still has sessions.
 *
 * Each process has a place of its own in it, a table of client addresses, writes
 * there alone, and reads all others': nothing is counted twice or lost by two at
 * once, and what a process had in hand goes with its place when it is killed.
 * Whoever made the memory gives out places and clears them.
 *
 * A place has room for so many addresses at once; what goes beyond it counts in
 * its own process alone, so that a limit may then let through too much. The same
 * holds for a process without a place. Of two that come to a limit at the same
 * moment in different processes both may be refused, though one had room.
 */
#ifndef MAILFERRY_SMTP_TALLY_H
#define MAILFERRY_SMTP_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { TALLY_PLACES = 128 };

struct tally;
struct tally_entry;

/* A new descriptor for tally_open, whose size can't change any more. -1 and E on failure. */
int tally_create(struct err *e);

/* Nobody has PLACE any more: all that stands there is over. */
void tally_clear(int fd, unsigned place);

/* The same of all places but those that are HELD: a process can write in places that are not its own, and what it wrote
 * must not outlast it. Says so where that was done. */
void tally_sweep(int fd, const bool held[TALLY_PLACES]);

/* Maps the memory behind FD, which stays the caller's. PLACE is ours from now on; TALLY_PLACES: there was none left. FD
 * -1: there are no others. NULL and E when FD is something else. */
struct tally *tally_open(int fd, unsigned place, struct err *e);
void tally_close(struct tally **t);

/* An address that has something in hand. */
struct tally_mark {
	uint64_t tag;
	struct tally_entry *own; /* NULL: there is no room */
};

struct tally_sum {
	uint64_t sessions, octets;
};

/* KEY names the address. tally_forget, once it has nothing in hand any more. */
void tally_mark(struct tally *t, const uint64_t key[2], struct tally_mark *m);
void tally_forget(struct tally_mark *m);

/* What we have of it, and what we have in all. Whoever tells first and then asks what others have sees all that was told
 * before: of two at the same moment at least one sees the other. */
void tally_tell(const struct tally_mark *m, struct tally_sum ours);
void tally_tell_all(struct tally *t, uint64_t octets);

/* What all others have. */
struct tally_sum tally_others(const struct tally *t, const struct tally_mark *m);
uint64_t tally_others_all(const struct tally *t);

#endif
