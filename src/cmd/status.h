/* mailferry status: what its files have in common. */
#ifndef MAILFERRY_CMD_STATUS_H
#define MAILFERRY_CMD_STATUS_H

#include "cmd/plans.h"
#include "spool/admin.h"

/* The exit statuses of monitoring plugins. */
enum grade { GRADE_OK, GRADE_WARNING, GRADE_CRITICAL, GRADE_UNKNOWN };

enum { STATUS_WORDS_MAX = 400 };

/* What is to be said of all sources together. */
struct status_sources {
	size_t sources, failing, person;
	enum grade grade;	      /* of the worst */
	char worst[STATUS_WORDS_MAX]; /* why it is that bad, or "" */
};

enum status_form { STATUS_TABLE, STATUS_JSON, STATUS_SUMS };

/* Prints a row (or an object) for each source of the daemon's schedule, or nothing with STATUS_SUMS. 0, or -1 and E. */
int status_sources(const struct plans *plans, struct spool_admin *admin, enum status_form form,
		   struct status_sources *sums, struct err *e);

#endif
