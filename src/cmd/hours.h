/*
 * Accounts with `at': their mail is filed at these times and when somebody asks,
 * and waits until then. At its time the account is open until all that was due
 * is filed, or its trouble has lasted for an hour; a time that passed while
 * mailferry was away counts, once, if mail waited for it.
 */
#ifndef MAILFERRY_CMD_HOURS_H
#define MAILFERRY_CMD_HOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/schedule.h"

struct hours {
	struct schedule *at; /* owned */
	size_t n;
	bool known; /* since when its mail waits, from before we started */
	bool open;
	int64_t opened_ms; /* wall clock */
	int64_t opens_ms;  /* when it opens next; may have passed */
};

enum { HOURS_OPEN_MS = 3600 * 1000 };

/* TEXTS are those of the configuration, which was checked. */
struct hours *hours_new(char *const *texts, size_t n);
void hours_free(struct hours **h);

/* Mail waits since SINCE_MS; 0: none does. Once, before the other calls mean anything. */
void hours_begin(struct hours *h, int64_t since_ms, int64_t now_ms);

/* Mail has come, where none waited: times that passed before it did are not meant for it. */
void hours_mail(struct hours *h, int64_t now_ms);

/* Until when mail that is due now has to wait: 0, it need not; INT64_MAX: that is not known yet. Opens it, if its time
 * has come. */
int64_t hours_wait(struct hours *h, int64_t now_ms);

void hours_open(struct hours *h, int64_t now_ms);

/* Its store has left. MORE_DUE: something is still to be done, later. */
void hours_left(struct hours *h, bool more_due, int64_t now_ms);

/* When it opens next, for people. */
int64_t hours_next(const struct hours *h);

#endif
