/*
 * When something runs: times as crontab(5) writes them, and regular intervals.
 * Wall time is milliseconds since 1970; days and hours are those of the local
 * time zone (TZ, or the machine's).
 *
 * Where the clock is put forward, times that it leaves out come once, together,
 * at the moment at which it goes on. Where it is put back, times come once, the
 * first time. What runs all day long (the hour is `*', or the minute begins with
 * `*') goes by the time that passes instead: every 15 minutes stays every 15
 * minutes.
 */
#ifndef MAILFERRY_CONFIG_SCHEDULE_H
#define MAILFERRY_CONFIG_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct schedule {
	uint64_t minutes;	      /* bit N: minute N */
	uint32_t hours, days, months; /* the same; days and months count from 1 */
	uint8_t weekdays;	      /* 0: Sunday */
	bool either;		      /* a day matches by its date or by its weekday, instead of by both */
	bool hourly;		      /* the hour is `*': nothing is made up for what the clock left out */
	bool steady;		      /* goes on while an hour comes twice */
};

/* Five fields (minute 0-59, hour 0-23, day of month 1-31, month 1-12 or jan-dec, day of week 0-7 or sun-sat, 0 and 7
 * both Sunday), each `*', numbers, ranges, both with steps, or a list of those; or @hourly, @daily, @weekly, @monthly,
 * @yearly. Where day of month and day of week are both given (do not begin with `*'), a day that matches one of them
 * matches. 0, or -1 with HINT (VALUE_HINT_SIZE): also for a date that never comes. */
int schedule_parse(struct slice text, struct schedule *out, char *hint);

/* The first time after AFTER at which one of the N is due. INT64_MAX: never. */
int64_t schedule_next(const struct schedule *all, size_t n, int64_t after_wall_ms);

/* All that is regular about one source or account. */
struct timetable {
	const char *name; /* of whom: two with the same times need not begin at the same moment */
	const struct schedule *at;
	size_t nat;
	int64_t every;	/* ms; 0: none */
	int64_t jitter; /* ms: each run comes up to so much later, always the same for the same run */
};

/* When the first run after AFTER begins; INT64_MAX: none. It depends on nothing but its arguments and the time zone:
 * neither restarts nor the length of runs move it. A caller that asks from when it began the last run, or from when it
 * started, gets one time in the past, to be run now, for all that were missed while the machine slept. */
int64_t timetable_next(const struct timetable *t, int64_t after_wall_ms);

#endif
