/* Looking for deliveries in every folder, when their own tells nothing. A hit counts; no hit proves nothing. */
#ifndef MAILFERRY_STORE_SEARCH_H
#define MAILFERRY_STORE_SEARCH_H

#include "store/recover.h"

enum { SEARCH_FOLDERS_MAX = 5000, SEARCH_HITS_MAX = 20 };

/* Sets the outcome of each of JOBS: found elsewhere, or parked for a person with the reason that its note holds. */
int search_jobs(struct recover *rc, struct job **jobs, size_t n, struct err *e);

#endif
