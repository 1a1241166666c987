/*
 * Worlds for the tests of runs: made and ended in one line, of every kind of
 * source there is, and what is true of each after a run that went well.
 */
#ifndef MAILFERRY_TESTS_FETCH_WORLD_H
#define MAILFERRY_TESTS_FETCH_WORLD_H

#include "fetch_fake.h"

/* What a source is like. */
struct fake_kind {
	const char *name;
	bool imap, content_names, no_names, no_condstore, no_top, disordered;
};
enum { FAKE_KINDS = 7 };
extern const struct fake_kind fake_kinds[FAKE_KINDS];

/* A world of its own memory; fake_world_end frees it and nulls *W. */
struct fake_world *fake_world_new(bool imap);
struct fake_world *fake_world_of(const struct fake_kind *k);
void fake_world_end(struct fake_world **w);

/* N messages with names, every tenth of 100,000 octets. */
void fake_arrive_many(struct fake_world *w, size_t folder, unsigned n);

/* A run to fetch. Fails the test unless it ends well and has nothing to say. */
void fake_run_well(struct fake_world *w);
/* Fails the test unless the spool has every message that ever came just once. */
void fake_all_taken_once(const struct fake_world *w);

/* What the source's keys say of the originals. */
enum fake_policy { KEEP, AT_ONCE, AFTER_DELIVERY, MOVE, MARK };
void fake_set_policy(struct fake_world *w, enum fake_policy policy);

#endif
