#include "config/schedule.h"

#include <time.h>

enum {
	MINUTE = 60,
	DAY = 86400,
	/* Behind the change of a clock, times may come twice for so long; nowhere is it more than a few hours. */
	BACK = DAY,
	/* 29 February on a given weekday comes again within 40 years, also around 2100. */
	YEARS_MAX = 41
};

/* Times are seconds since 1970. Local times are counted in the same way, as if the place were in UTC: LOCAL = UTC +
 * offset. */

struct civil {
	int64_t day; /* since 1970 */
	unsigned month, date, weekday;
};

static int64_t offset_at(int64_t utc)
{
	time_t t = (time_t)utc;
	struct tm tm;

	return localtime_r(&t, &tm) == NULL ? 0 : tm.tm_gmtoff;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static struct civil civil_of(int64_t day)
{
	time_t t = (time_t)(day * DAY);
	struct civil c = { .day = day };
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		return c;
	c.month = (unsigned)tm.tm_mon + 1;
	c.date = (unsigned)tm.tm_mday;
	c.weekday = (unsigned)tm.tm_wday;
	return c;
}

static bool day_matches(const struct schedule *s, const struct civil *c)
{
	bool date = (s->days & 1u << c->date) != 0, weekday = (s->weekdays & 1u << c->weekday) != 0;

	if ((s->months & 1u << c->month) == 0)
		return false;
	return s->either ? date || weekday : date && weekday;
}

/* The first minute of the day, of those from FROM on, that matches; -1: none. */
static int minute_next(const struct schedule *s, int from)
{
	for (int hour = from / 60; hour < 24; hour++) {
		uint64_t minutes = s->minutes >> (hour == from / 60 ? from % 60 : 0)
						     << (hour == from / 60 ? from % 60 : 0);

		if ((s->hours & 1u << hour) != 0 && minutes != 0)
			return hour * 60 + __builtin_ctzll(minutes);
	}
	return -1;
}

/* The first local time from FROM on, and before END, that matches; END: none. They are some two days apart at most. */
static int64_t local_next(const struct schedule *s, int64_t from, int64_t end)
{
	int64_t minute = floor_div(from + MINUTE - 1, MINUTE);

	while (minute * MINUTE < end) {
		struct civil c = civil_of(floor_div(minute, DAY / MINUTE));
		int64_t first = c.day * (DAY / MINUTE);
		int found = day_matches(s, &c) ? minute_next(s, (int)(minute - first)) : -1;

		if (found >= 0)
			return (first + found) * MINUTE < end ? (first + found) * MINUTE : end;
		minute = first + DAY / MINUTE;
	}
	return end;
}

/* The first moment after FROM, up to TO, with another offset than FROM; TO: there is none. */
static int64_t change_next(int64_t from, int64_t to)
{
	int64_t offset = offset_at(from), low = from, high = to;

	if (offset_at(to) == offset)
		return to;
	while (high - low > 1) {
		int64_t mid = low + (high - low) / 2;

		if (offset_at(mid) == offset)
			low = mid;
		else
			high = mid;
	}
	return high;
}

/* A moment from which to go on, where no month matches anywhere at UTC: more than a day before the next that does. */
static int64_t month_skip(const struct schedule *s, int64_t utc)
{
	/* A place in the west may still have yesterday, and its month. */
	struct civil c = civil_of(floor_div(utc, DAY) - 1);
	int64_t day = c.day;

	while ((s->months & 1u << c.month) == 0)
		c = civil_of(day += c.date > 27 ? 1 : 28 - c.date);
	day -= c.date - 1;
	return (day - 3) * DAY > utc ? (day - 3) * DAY : utc;
}

/* Goes through stretches of one offset, a day long at most. */
static int64_t next_of(const struct schedule *s, int64_t after)
{
	int64_t at = after - BACK, last = after + (int64_t)YEARS_MAX * 366 * DAY;
	int64_t twice = INT64_MIN; /* local times before this come for the second time */

	while (at < last) {
		int64_t end, offset, from, found;

		at = month_skip(s, at);
		offset = offset_at(at);
		end = change_next(at, at + DAY);
		from = at > after ? at + offset : after + 1 + offset;
		if (!s->steady && from < twice)
			from = twice;
		found = local_next(s, from, end + offset);
		if (found < end + offset)
			return found - offset;
		/* Local times up to here are done; the clock goes on with that of the next stretch. */
		from = end + offset;
		offset = offset_at(end);
		if (end > after && !s->hourly && local_next(s, from, end + offset) < end + offset)
			return end;
		if (end + offset < from)
			twice = from;
		at = end;
	}
	return INT64_MAX;
}

int64_t schedule_next(const struct schedule *all, size_t n, int64_t after_wall_ms)
{
	int64_t first = INT64_MAX, after = floor_div(after_wall_ms, 1000);

	/* Years that localtime knows, with room to add to them. */
	if (after_wall_ms >= (int64_t)250000000000 * 1000)
		return INT64_MAX;
	if (after < -1)
		after = -1;
	tzset();
	for (size_t i = 0; i < n; i++) {
		int64_t next = next_of(&all[i], after);

		if (next < first)
			first = next;
	}
	return first == INT64_MAX ? INT64_MAX : first * 1000;
}

/* FNV-1a, and then mixed as splitmix64 does: the low bits must be good too. */
static uint64_t chance(const char *name, int64_t n)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3;
	h ^= (uint64_t)n;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
	h = (h ^ h >> 27) * 0x94d049bb133111eb;
	return h ^ h >> 31;
}

/* The first time by the table, before jitter. Intervals hang on 1970, and on the name, not on when anything started. */
static int64_t planned_next(const struct timetable *t, int64_t after)
{
	int64_t next = schedule_next(t->at, t->nat, after), phase, regular;

	if (t->every <= 0)
		return next;
	phase = (int64_t)(chance(t->name, 0) % (uint64_t)t->every);
	regular = floor_div(after - phase, t->every) * t->every + phase + t->every;
	return regular < next ? regular : next;
}

int64_t timetable_next(const struct timetable *t, int64_t after_wall_ms)
{
	int64_t planned, late, next;

	if (after_wall_ms >= (int64_t)250000000000 * 1000)
		return INT64_MAX;
	if (after_wall_ms < 0)
		after_wall_ms = 0;
	if (t->jitter <= 0)
		return planned_next(t, after_wall_ms);
	/* The run that was planned last may be yet to begin. */
	for (planned = after_wall_ms - 1 - (t->every > 0 && t->every < t->jitter ? t->every : t->jitter);;) {
		planned = planned_next(t, planned);
		if (planned == INT64_MAX)
			return INT64_MAX;
		/* Never later than the one behind it was planned for. */
		next = planned_next(t, planned);
		late = next - planned < t->jitter ? next - planned : t->jitter;
		late = (int64_t)(chance(t->name, planned) % (uint64_t)late);
		if (planned + late > after_wall_ms)
			return planned + late;
	}
}
