/* Schedule arithmetic: what is read, and when it is due, by table and against a walk minute by minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/schedule.h"
#include "config/value.h"

/* A zone without its file is read as UTC. Each of these has another offset than UTC somewhere. */
static bool zone_set(const char *zone)
{
	static const time_t halves[] = { 1784116800 /* July 2026 */, 1768478400 /* January */ };
	struct tm tm;

	(void)setenv("TZ", zone, 1);
	tzset();
	for (size_t i = 0; i < 2; i++) {
		if (localtime_r(&halves[i], &tm) != NULL && tm.tm_gmtoff != 0)
			return true;
	}
	return strcmp(zone, "UTC") == 0;
}

static struct schedule parsed(const char *text)
{
	char hint[VALUE_HINT_SIZE];
	struct schedule s;

	if (schedule_parse(slice_str(text), &s, hint) != 0)
		fail_msg("%s: %s", text, hint);
	return s;
}

/* "2026-03-08 01:59:30" of UTC. */
static int64_t utc(const char *text)
{
	struct tm tm = { 0 };

	if (sscanf(text, "%d-%d-%d %d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
		   &tm.tm_sec) != 6)
		fail_msg("%s", text);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return (int64_t)timegm(&tm);
}

static const char *shown(int64_t ms, char out[40])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (ms == INT64_MAX)
		return "never";
	(void)strftime(out, 40, "%Y-%m-%d %H:%M:%S", gmtime_r(&t, &tm));
	return out;
}

/* Rows of a zone that this machine does not know are left out; this says so where it is counted. */
static void zones_are_known(void **state)
{
	static const char *const zones[] = { "America/New_York", "Europe/Berlin", "Australia/Lord_Howe",
					     "Asia/Kathmandu", "UTC" };
	(void)state;
	for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
		if (zone_set(zones[i]))
			continue;
		(void)printf("# no data of zone %s: install tzdata\n", zones[i]);
		skip();
	}
}

/* ---- by table ---- */

struct row {
	const char *zone, *text, *after; /* UTC */
	const char *due[6];		 /* UTC, one after the other */
};

static const struct row rows[] = {
	/* plain */
	{ "UTC", "* * * * *", "2026-01-01 00:00:00", { "2026-01-01 00:01:00", "2026-01-01 00:02:00" } },
	{ "UTC", "* * * * *", "2026-01-01 00:00:59", { "2026-01-01 00:01:00" } },
	{ "UTC", "30 4 * * *", "2026-01-01 04:30:00", { "2026-01-02 04:30:00", "2026-01-03 04:30:00" } },
	{ "UTC", "59 23 31 12 *", "2026-12-31 23:58:59", { "2026-12-31 23:59:00", "2027-12-31 23:59:00" } },
	{ "UTC", "0 0 1 1 *", "2026-12-31 23:59:59", { "2027-01-01 00:00:00" } },
	{ "UTC", "*/15 8-18 * * mon-fri", "2026-01-02 18:40:00", { "2026-01-02 18:45:00", "2026-01-05 08:00:00" } },
	{ "UTC", "5,10-12,50-59/4 1 * * *", "2026-01-01 01:11:00",
	  { "2026-01-01 01:12:00", "2026-01-01 01:50:00", "2026-01-01 01:54:00", "2026-01-01 01:58:00",
	    "2026-01-02 01:05:00" } },
	/* weekdays: 1 January 2026 is a Thursday */
	{ "UTC", "0 12 * * sun", "2026-01-01 00:00:00", { "2026-01-04 12:00:00", "2026-01-11 12:00:00" } },
	{ "UTC", "0 12 * * 0", "2026-01-01 00:00:00", { "2026-01-04 12:00:00" } },
	{ "UTC", "0 12 * * 7", "2026-01-01 00:00:00", { "2026-01-04 12:00:00" } },
	{ "UTC", "0 12 * * fri-sun", "2026-01-01 00:00:00",
	  { "2026-01-02 12:00:00", "2026-01-03 12:00:00", "2026-01-04 12:00:00", "2026-01-09 12:00:00" } },
	{ "UTC", "0 12 * * 5-7", "2026-01-03 12:00:00", { "2026-01-04 12:00:00", "2026-01-09 12:00:00" } },
	{ "UTC", "0 12 * * SAT,Wed", "2026-01-01 00:00:00", { "2026-01-03 12:00:00", "2026-01-07 12:00:00" } },
	/* date or weekday; and both, where one begins with a star */
	{ "UTC", "0 0 13 * fri", "2026-01-03 00:00:00",
	  { "2026-01-09 00:00:00", "2026-01-13 00:00:00", "2026-01-16 00:00:00" } },
	{ "UTC", "0 0 13 * *", "2026-01-03 00:00:00", { "2026-01-13 00:00:00", "2026-02-13 00:00:00" } },
	{ "UTC", "0 0 * * fri", "2026-01-13 00:00:00", { "2026-01-16 00:00:00" } },
	{ "UTC", "0 0 */2 * fri", "2026-01-01 00:00:00", { "2026-01-09 00:00:00", "2026-01-23 00:00:00" } },
	/* ends of months */
	{ "UTC", "0 6 31 * *", "2026-01-31 06:00:00",
	  { "2026-03-31 06:00:00", "2026-05-31 06:00:00", "2026-07-31 06:00:00", "2026-08-31 06:00:00",
	    "2026-10-31 06:00:00", "2026-12-31 06:00:00" } },
	{ "UTC", "0 6 30 2,4 *", "2026-01-31 06:00:00", { "2026-04-30 06:00:00", "2027-04-30 06:00:00" } },
	{ "UTC", "0 6 29 2 *", "2026-01-01 00:00:00", { "2028-02-29 06:00:00", "2032-02-29 06:00:00" } },
	{ "UTC", "0 6 29 feb *", "2096-03-01 00:00:00", { "2104-02-29 06:00:00" } },
	{ "UTC", "0 6 29 2 */6", "2004-03-01 00:00:00", { "2020-02-29 06:00:00", "2032-02-29 06:00:00" } },
	{ "UTC", "0 6 29 2 */6", "2088-03-01 00:00:00", { "2116-02-29 06:00:00" } },
	{ "UTC", "0 0 28-31 2 *", "2027-02-27 00:00:00",
	  { "2027-02-28 00:00:00", "2028-02-28 00:00:00", "2028-02-29 00:00:00", "2029-02-28 00:00:00" } },
	/* words */
	{ "UTC", "@hourly", "2026-01-01 00:00:00", { "2026-01-01 01:00:00" } },
	{ "UTC", "@daily", "2026-01-01 00:00:00", { "2026-01-02 00:00:00" } },
	{ "UTC", "@weekly", "2026-01-01 00:00:00", { "2026-01-04 00:00:00" } },
	{ "UTC", "@monthly", "2026-01-01 00:00:00", { "2026-02-01 00:00:00" } },
	{ "UTC", " @Yearly ", "2026-01-01 00:00:00", { "2027-01-01 00:00:00" } },
	/* a zone that is no whole number of hours away */
	{ "Asia/Kathmandu", "0 9 * * *", "2026-06-01 00:00:00", { "2026-06-01 03:15:00", "2026-06-02 03:15:00" } },
	{ "Asia/Kathmandu", "0 0 1 * *", "2026-06-01 00:00:00", { "2026-06-30 18:15:00" } },
	/* New York: 8 March 2026, 2:00 becomes 3:00 (7:00 UTC); 1 November, 2:00 becomes 1:00 (6:00 UTC) */
	{ "America/New_York", "30 2 * * *", "2026-03-07 12:00:00", { "2026-03-08 07:00:00", "2026-03-09 06:30:00" } },
	{ "America/New_York", "0,15,30 2 * * *", "2026-03-07 12:00:00",
	  { "2026-03-08 07:00:00", "2026-03-09 06:00:00" } },
	{ "America/New_York", "0 2 * * *", "2026-03-07 12:00:00", { "2026-03-08 07:00:00", "2026-03-09 06:00:00" } },
	{ "America/New_York", "0 3 * * *", "2026-03-07 12:00:00", { "2026-03-08 07:00:00", "2026-03-09 07:00:00" } },
	{ "America/New_York", "30 2 8 3 *", "2026-03-07 12:00:00", { "2026-03-08 07:00:00", "2027-03-08 07:30:00" } },
	{ "America/New_York", "*/20 2 * * *", "2026-03-07 12:00:00",
	  { "2026-03-08 07:00:00", "2026-03-09 06:00:00", "2026-03-09 06:20:00" } },
	{ "America/New_York", "7 * * * *", "2026-03-08 06:00:00", { "2026-03-08 06:07:00", "2026-03-08 07:07:00" } },
	{ "America/New_York", "*/15 * * * *", "2026-03-08 06:40:00",
	  { "2026-03-08 06:45:00", "2026-03-08 07:00:00", "2026-03-08 07:15:00" } },
	{ "America/New_York", "30 1 * * *", "2026-10-31 12:00:00", { "2026-11-01 05:30:00", "2026-11-02 06:30:00" } },
	{ "America/New_York", "30 1 * * *", "2026-11-01 05:29:59", { "2026-11-01 05:30:00" } },
	{ "America/New_York", "30 1 * * *", "2026-11-01 05:30:00", { "2026-11-02 06:30:00" } },
	{ "America/New_York", "30 1 * * *", "2026-11-01 06:10:00", { "2026-11-02 06:30:00" } },
	{ "America/New_York", "0 1 * * *", "2026-11-01 05:00:00", { "2026-11-02 06:00:00" } },
	{ "America/New_York", "0 2 * * *", "2026-11-01 05:00:00", { "2026-11-01 07:00:00" } },
	{ "America/New_York", "*/15 * * * *", "2026-11-01 05:40:00",
	  { "2026-11-01 05:45:00", "2026-11-01 06:00:00", "2026-11-01 06:15:00", "2026-11-01 06:30:00",
	    "2026-11-01 06:45:00", "2026-11-01 07:00:00" } },
	{ "America/New_York", "*/30 0-1 * * *", "2026-11-01 05:10:00",
	  { "2026-11-01 05:30:00", "2026-11-01 06:00:00", "2026-11-01 06:30:00", "2026-11-02 05:00:00" } },
	{ "America/New_York", "40 * * * *", "2026-11-01 05:00:00",
	  { "2026-11-01 05:40:00", "2026-11-01 06:40:00", "2026-11-01 07:40:00" } },
	/* the month ends later there than in UTC, and earlier in the east */
	{ "America/New_York", "30 21 31 1 *", "2026-02-01 01:00:00", { "2026-02-01 02:30:00", "2027-02-01 02:30:00" } },
	{ "America/New_York", "30 21 31 1 *", "2026-02-01 02:30:00", { "2027-02-01 02:30:00" } },
	{ "Australia/Lord_Howe", "30 1 1 1 *", "2026-12-31 14:00:00", { "2026-12-31 14:30:00" } },
	/* Berlin: 29 March 2026, 2:00 becomes 3:00 (1:00 UTC); 25 October, 3:00 becomes 2:00 (1:00 UTC) */
	{ "Europe/Berlin", "30 2 * * *", "2026-03-28 12:00:00", { "2026-03-29 01:00:00", "2026-03-30 00:30:00" } },
	{ "Europe/Berlin", "30 2 * * sun", "2026-03-28 12:00:00", { "2026-03-29 01:00:00", "2026-04-05 00:30:00" } },
	{ "Europe/Berlin", "30 2 * * mon", "2026-03-28 12:00:00", { "2026-03-30 00:30:00" } },
	{ "Europe/Berlin", "30 2 * * *", "2026-10-24 12:00:00", { "2026-10-25 00:30:00", "2026-10-26 01:30:00" } },
	{ "Europe/Berlin", "0 8-18 * * mon-fri", "2026-10-23 15:00:00",
	  { "2026-10-23 16:00:00", "2026-10-26 07:00:00" } },
	/* Lord Howe: 5 April 2026, 2:00 becomes 1:30 (4 April 15:00 UTC); 4 October, 2:00 becomes 2:30 (3 October 15:30) */
	{ "Australia/Lord_Howe", "15 2 * * *", "2026-10-03 00:00:00", { "2026-10-03 15:30:00", "2026-10-04 15:15:00" } },
	{ "Australia/Lord_Howe", "45 2 * * *", "2026-10-03 00:00:00", { "2026-10-03 15:45:00" } },
	{ "Australia/Lord_Howe", "40 1 * * *", "2026-04-04 00:00:00", { "2026-04-04 14:40:00", "2026-04-05 15:10:00" } },
	{ "Australia/Lord_Howe", "10 1 * * *", "2026-04-04 00:00:00", { "2026-04-04 14:10:00", "2026-04-05 14:40:00" } },
	{ "Australia/Lord_Howe", "*/20 * * * *", "2026-04-04 14:30:00",
	  { "2026-04-04 14:40:00", "2026-04-04 15:10:00", "2026-04-04 15:30:00" } },
};

static void times_are_due(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *r = &rows[i];
		struct schedule s = parsed(r->text);
		int64_t at = utc(r->after) * 1000;
		char text[40];

		if (!zone_set(r->zone))
			continue;
		for (size_t j = 0; j < sizeof r->due / sizeof r->due[0] && r->due[j] != NULL; j++) {
			at = schedule_next(&s, 1, at);
			if (strcmp(shown(at, text), r->due[j]) != 0)
				fail_msg("%s: \"%s\" after %s: %zu is %s instead of %s", r->zone, r->text, r->after, j,
					 shown(at, text), r->due[j]);
		}
	}
}

static void the_first_of_several_counts(void **state)
{
	struct schedule all[3];
	char text[40];

	(void)state;
	assert_true(zone_set("UTC"));
	all[0] = parsed("0 9 * * *");
	all[1] = parsed("30 8 * * sat");
	all[2] = parsed("0 17 * * *");
	assert_string_equal(shown(schedule_next(all, 3, utc("2026-01-02 18:00:00") * 1000), text),
			    "2026-01-03 08:30:00");
	assert_string_equal(shown(schedule_next(all, 3, utc("2026-01-03 08:30:00") * 1000), text),
			    "2026-01-03 09:00:00");
	assert_string_equal(shown(schedule_next(all, 3, utc("2026-01-03 09:00:00") * 1000 + 1), text),
			    "2026-01-03 17:00:00");
	assert_true(schedule_next(all, 0, 0) == INT64_MAX);
	assert_true(schedule_next(all, 3, INT64_MAX) == INT64_MAX);
	assert_true(schedule_next(all, 3, INT64_MIN) == utc("1970-01-01 09:00:00") * 1000);
}

/* ---- against a walk ---- */

static bool fields_match(const struct schedule *s, const struct tm *tm)
{
	bool date = (s->days >> tm->tm_mday & 1) != 0, weekday = (s->weekdays >> tm->tm_wday & 1) != 0;

	return (s->minutes >> tm->tm_min & 1) != 0 && (s->hours >> tm->tm_hour & 1) != 0 &&
	       (s->months >> (tm->tm_mon + 1) & 1) != 0 && (s->either ? date || weekday : date && weekday);
}

/* What T, a full minute, shows; and what it would show had the clock not been changed since a while before. */
static bool is_due(const struct schedule *s, time_t t)
{
	struct tm now, before, shown_then, *tm;
	time_t earlier = t - 60, other;

	tm = localtime_r(&t, &now);
	assert_non_null(tm);
	assert_non_null(localtime_r(&earlier, &before));
	if (fields_match(s, &now)) {
		bool again = false;

		/* Was the same shown within the last day? Clocks go back by half an hour or an hour in these zones. */
		for (int back = 30; back <= 180 && !again; back += 30) {
			other = t - back * 60;
			assert_non_null(localtime_r(&other, &shown_then));
			again = shown_then.tm_hour == now.tm_hour && shown_then.tm_min == now.tm_min &&
				shown_then.tm_mday == now.tm_mday;
		}
		if (!again || s->steady)
			return true;
	}
	if (s->hourly || now.tm_gmtoff <= before.tm_gmtoff)
		return false;
	for (long gone = before.tm_gmtoff; gone < now.tm_gmtoff; gone += 60) {
		other = t + gone;
		assert_non_null(gmtime_r(&other, &shown_then));
		if (fields_match(s, &shown_then))
			return true;
	}
	return false;
}

static unsigned dice;

static unsigned roll(unsigned n)
{
	dice = dice * 1103515245u + 12345u;
	return (dice >> 16) % n;
}

/* One field of a random schedule. */
static void field_make(char *out, size_t size, unsigned min, unsigned max)
{
	unsigned a = min + roll(max - min + 1), b = a + roll(max - a + 1), step = 1 + roll(9);

	switch (roll(6)) {
	case 0:
	case 1:
		(void)snprintf(out, size, "*");
		break;
	case 2:
		(void)snprintf(out, size, "*/%u", step);
		break;
	case 3:
		(void)snprintf(out, size, "%u-%u", a, b);
		break;
	case 4:
		(void)snprintf(out, size, "%u-%u/%u,%u", a, b, step, min + roll(max - min + 1));
		break;
	default:
		(void)snprintf(out, size, "%u", a);
	}
}

/* Around the changes of the clock, and elsewhere: each due minute is found, and nothing else. */
static void no_minute_is_missed(void **state)
{
	static const struct {
		const char *zone, *from;
	} places[] = {
		{ "America/New_York", "2026-03-07 12:00:00" },	  { "America/New_York", "2026-10-31 12:00:00" },
		{ "Europe/Berlin", "2026-03-28 12:00:00" },	  { "Europe/Berlin", "2026-10-24 12:00:00" },
		{ "Australia/Lord_Howe", "2026-04-04 00:00:00" }, { "Australia/Lord_Howe", "2026-10-03 00:00:00" },
		{ "Asia/Kathmandu", "2026-02-27 12:00:00" },	  { "UTC", "2026-12-30 12:00:00" },
		{ "America/New_York", "2028-02-28 00:00:00" },
	};
	enum { WALK = 3 * 24 * 60, ROUNDS = 40 };

	(void)state;
	for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
		time_t from = (time_t)utc(places[p].from);

		if (!zone_set(places[p].zone))
			continue;
		dice = (unsigned)p;
		for (int round = 0; round < ROUNDS; round++) {
			char text[200], field[5][30], hint[VALUE_HINT_SIZE];
			struct schedule s;
			int64_t next;

			field_make(field[0], sizeof field[0], 0, 59);
			field_make(field[1], sizeof field[1], 0, roll(2) == 0 ? 5 : 23);
			field_make(field[2], sizeof field[2], 1, 31);
			field_make(field[3], sizeof field[3], 1, 12);
			field_make(field[4], sizeof field[4], 0, 7);
			(void)snprintf(text, sizeof text, "%s %s %s %s %s", field[0], field[1], roll(2) ? "*" : field[2],
				       roll(3) ? "*" : field[3], roll(2) ? "*" : field[4]);
			if (schedule_parse(slice_str(text), &s, hint) != 0)
				continue; /* 31-31 of a short month */
			next = schedule_next(&s, 1, (int64_t)from * 1000);
			for (time_t t = from + 60; t <= from + WALK * 60; t += 60) {
				char a[40], b[40];

				if (is_due(&s, t) == (next == (int64_t)t * 1000)) {
					if (next == (int64_t)t * 1000)
						next = schedule_next(&s, 1, next);
					continue;
				}
				fail_msg("%s: \"%s\": at %s the next is %s", places[p].zone, text,
					 shown((int64_t)t * 1000, a), shown(next, b));
			}
		}
	}
}

/* From any moment, not only from one that is due, the same next one is found. */
static void every_moment_knows_the_next(void **state)
{
	static const char *const texts[] = { "30 1 * * *", "30 2 * * *", "*/15 1-3 * * *", "7 * * * *", "0 2 1,8 * *" };
	time_t from = (time_t)utc("2026-10-31 00:00:00");

	(void)state;
	if (!zone_set("America/New_York"))
		skip();
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct schedule s = parsed(texts[i]);

		for (int minutes = 0; minutes < 48 * 60; minutes += 7) {
			int64_t after = ((int64_t)from + minutes * 60 + minutes % 60) * 1000 + 999;
			int64_t next = schedule_next(&s, 1, after);

			assert_true(next > after && next % 60000 == 0);
			assert_true(is_due(&s, (time_t)(next / 1000)));
			for (time_t t = (time_t)(after / 60000 + 1) * 60; (int64_t)t * 1000 < next; t += 60)
				assert_false(is_due(&s, t));
		}
	}
}

/* ---- what is read ---- */

static void wrong_texts_are_refused(void **state)
{
	static const struct {
		const char *text, *hint;
	} wrong[] = {
		{ "", "" },
		{ "* * * *", "it has 4 fields; expected five: minute, hour, day of month, month, day of week" },
		{ "*", "it has 1 field; expected five: minute, hour, day of month, month, day of week" },
		{ "0 * * * * *", "it has 6 fields; expected five: minute, hour, day of month, month, day of week" },
		{ "60 * * * *", "minute `60': expected a number from 0 to 59" },
		{ "* 24 * * *", "hour `24': expected a number from 0 to 23" },
		{ "* * 0 * *", "day of month `0': expected a number from 1 to 31" },
		{ "* * 32 * *", "day of month `32': expected a number from 1 to 31" },
		{ "* * * 13 *", "month `13': expected a number from 1 to 12 or a name such as feb" },
		{ "* * * january *", "month `january': expected a number from 1 to 12 or a name such as feb" },
		{ "* * * * 8", "day of week `8': expected a number from 0 to 7 or a name such as mon" },
		{ "* * * * friday", "day of week `friday': expected a number from 0 to 7 or a name such as mon" },
		{ "-1 * * * *", "minute `-1': expected a number from 0 to 59" },
		{ "+1 * * * *", "minute `+1': expected a number from 0 to 59" },
		{ "1- * * * *", "minute `1-': expected a number from 0 to 59" },
		{ "1,,2 * * * *", "minute `': expected a number from 0 to 59" },
		{ "1, * * * *", "minute `': expected a number from 0 to 59" },
		{ "? * * * *", "minute `?': expected a number from 0 to 59" },
		{ "50-10 * * * *", "minute `50-10': the range runs backwards: write two, with a comma between" },
		{ "* * * * fri-mon", "day of week `fri-mon': the range runs backwards: write two, with a comma between" },
		{ "*/0 * * * *", "minute `*/0': the step behind `/' is out of range" },
		{ "*/60 * * * *", "minute `*/60': the step behind `/' is out of range" },
		{ "*/ * * * *", "minute `*/': the step behind `/' is out of range" },
		{ "5/10 * * * *", "minute `5/10': a step stands behind a range or `*'" },
		{ "99999999999999999999 * * * *", "minute `99999999999999999999': expected a number from 0 to 59" },
		{ "0 0 30 2 *", "that day is in none of the months: it would never come" },
		{ "0 0 31 2,4,6,9,11 *", "that day is in none of the months: it would never come" },
		{ "@reboot", "the words are @hourly, @daily, @weekly, @monthly and @yearly" },
		{ "0 0 1 1 *\n", NULL }, /* white space at the ends does no harm */
		{ "\t0  0\t1 1 * ", NULL },
		{ "0 0 30 2 mon", NULL }, /* each Monday of February */
		{ "0 0 29 2 *", NULL },
		{ "59 23 31 dec sat-sun", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char hint[VALUE_HINT_SIZE] = "untouched";
		struct schedule s;

		assert_int_equal(schedule_parse(slice_str(wrong[i].text), &s, hint), wrong[i].hint == NULL ? 0 : -1);
		assert_string_equal(hint, wrong[i].hint == NULL ? "" : wrong[i].hint);
	}
}

/* ---- regular runs ---- */

static void intervals_keep_their_beat(void **state)
{
	struct timetable t = { .name = "old", .every = 600000 };
	int64_t first = timetable_next(&t, 1000000000000), at = first;

	(void)state;
	assert_true(first > 1000000000000 && first <= 1000000600000);
	for (int i = 1; i < 100; i++) {
		at = timetable_next(&t, at);
		assert_true(at == first + i * t.every);
	}
	/* Asked late, it is the one that was missed; asked from now, the beat is the same as ever. */
	assert_true(timetable_next(&t, first) == first + t.every);
	assert_true((timetable_next(&t, first + 12345678) - first) % t.every == 0);
	assert_true(timetable_next(&t, first - 1) == first);
	/* Others begin at other moments. */
	t.name = "new";
	assert_true((timetable_next(&t, first) - first) % t.every != 0);
	t.every = 0;
	assert_true(timetable_next(&t, first) == INT64_MAX);
}

static void jitter_is_the_same_for_the_same_run(void **state)
{
	struct schedule hourly = parsed("@hourly");
	struct timetable t = { .name = "old", .at = &hourly, .nat = 1, .jitter = 300000 };
	int64_t at = utc("2026-01-01 00:30:00") * 1000, spread = 0;

	(void)state;
	assert_true(zone_set("UTC"));
	for (int i = 1; i < 200; i++) {
		int64_t planned = utc("2026-01-01 00:00:00") * 1000 + i * (int64_t)3600000;
		int64_t next = timetable_next(&t, at);

		assert_true(next >= planned && next < planned + t.jitter);
		/* Asked at any time before, also when it is already late, it is the same. */
		assert_true(timetable_next(&t, planned) == next || next == planned);
		assert_true(timetable_next(&t, next - 1) == next);
		spread |= next - planned;
		at = next;
	}
	assert_true(spread > 200000);
	/* Jitter that is longer than the interval loses no run and swaps none. */
	t = (struct timetable){ .name = "old", .every = 1000, .jitter = 3600000 };
	for (int i = 0; i < 1000; i++) {
		int64_t next = timetable_next(&t, at);

		assert_true(next > at && next <= at + 2000);
		at = next;
	}
	assert_true(timetable_next(&t, INT64_MAX - 1) == INT64_MAX);
	assert_true(timetable_next(&t, INT64_MIN) < 10000);
}

/* Far dates cost no walk through all the minutes. */
static void far_dates_are_found_soon(void **state)
{
	struct schedule s = parsed("0 6 29 2 */6");
	clock_t begun = clock();

	(void)state;
	(void)zone_set("Europe/Berlin");
	for (int i = 0; i < 100; i++)
		assert_true(schedule_next(&s, 1, utc("2088-03-01 00:00:00") * 1000) != INT64_MAX);
	assert_true(clock() - begun < 20 * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_are_known),
		cmocka_unit_test(times_are_due),
		cmocka_unit_test(the_first_of_several_counts),
		cmocka_unit_test(no_minute_is_missed),
		cmocka_unit_test(every_moment_knows_the_next),
		cmocka_unit_test(wrong_texts_are_refused),
		cmocka_unit_test(intervals_keep_their_beat),
		cmocka_unit_test(jitter_is_the_same_for_the_same_run),
		cmocka_unit_test(far_dates_are_found_soon),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
