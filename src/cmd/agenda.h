/*
 * When a source runs next: a pure function of what the configuration asks for,
 * how the last run went, and the time. Times are wall clock milliseconds; a run
 * is missed when its time passed while nobody could make it, and is then made
 * once, soon.
 */
#ifndef MAILFERRY_CMD_AGENDA_H
#define MAILFERRY_CMD_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/schedule.h"
#include "fetch/run.h"

struct agenda_plan {
	struct timetable table;
	bool push; /* stays connected: begins as soon as it may */
};

struct agenda_past {
	int64_t started_ms; /* 0: it never ran */
	int64_t ended_ms;   /* 0: it was cut off, by a crash or an end of mailferry */
	enum run_end end;
	unsigned failures; /* in a row */
	int64_t delay_ms;  /* how long the server asked to be left alone; 0: it did not say */
	int64_t known_ms;  /* since when the schedule is minded: mailferry's start, a reload, the end of a sleep */
};

struct agenda_next {
	int64_t at_ms; /* INT64_MAX: by nothing but `mailferry sync' */
	bool held;     /* put off because of the failure */
	bool person;   /* it will fail again until a person has mended something */
};

enum {
	AGENDA_AWAY_MS =
	    60 * 1000, /* first retry when the server is away; doubled up to the interval, or to the hour */
	AGENDA_REFUSED_MS = 30 * 60 * 1000, /* when it refused us; doubled up to: */
	AGENDA_REFUSED_MAX_MS = 6 * 3600 * 1000,
	AGENDA_THROTTLED_MS = 3600 * 1000, /* when it did not say how long; doubled up to the same */
	AGENDA_DELAY_MAX_MS = 24 * 3600 * 1000, /* of what it says: nobody sends a source away for ever */
	AGENDA_BROKEN_MS = 5 * 60 * 1000,  /* when it broke its protocol; doubled up to: */
	AGENDA_BROKEN_MAX_MS = 3600 * 1000,
	AGENDA_FULL_MS = 60 * 1000, /* when our spool was full or away; doubled up to: */
	AGENDA_FULL_MAX_MS = 10 * 60 * 1000,
	AGENDA_CATCH_UP_MS = 30 * 1000, /* missed runs are spread over so much, jitter allowing */
	AGENDA_DRAW_MAX = 65535
};

/* DRAW (0…AGENDA_DRAW_MAX): which part of that spread it gets. */
struct agenda_next agenda_next(const struct agenda_plan *plan, const struct agenda_past *past, uint16_t draw);

/* The clock was set back: a past that lies ahead of NOW would stop everything until then. Call it before each use of
 * PAST. */
void agenda_mend(struct agenda_past *past, int64_t now);

#endif
