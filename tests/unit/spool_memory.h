/* A spool with one fetcher of the source "old" and a person, and how tests look at its memory. */
#ifndef MAILFERRY_TESTS_SPOOL_MEMORY_H
#define MAILFERRY_TESTS_SPOOL_MEMORY_H

#include "spool_tools.h"

struct fixture {
	struct test_spool t;
	struct test_fetcher f;
	struct spool_admin *admin;
};
int make_fixture(void **state); /* *STATE: a struct fixture, running and connected */
int free_fixture(void **state);
void connect_all(struct fixture *x);
void leave(struct fixture *x); /* closes what was connected */

/* Some origins, copied; their strings stand beside them. */
struct seen {
	struct spool_origin o[64];
	char names[64][40], reasons[64][40];
	size_t n, stop; /* after so many; 0: at the end */
};
int see(void *arg, const struct spool_origin *o); /* a spool_origin_fn; ARG is a struct seen */
struct seen origins_of(struct test_fetcher *f, int64_t folder, uint32_t from);
struct seen pending(struct test_fetcher *f, struct origin_want want);

/* Counts origins that come in the order of UIDs. */
struct counted {
	size_t n;
	struct spool_origin last;
};
int count_origin(void *arg, const struct spool_origin *o); /* a spool_origin_fn */

/* Counts origins that are due: of one folder and fate, in the order in which they were taken. */
struct wanted {
	size_t n, handled;
	struct spool_origin last;
};
int count_wanted(void *arg, const struct spool_origin *o); /* a spool_origin_fn */

void change_all(struct test_fetcher *f, const struct origin_change *all, size_t n);
void change(struct test_fetcher *f, enum origin_act act, struct spool_origin o);

#endif
