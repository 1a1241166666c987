#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
				    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		abort();
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_tick_ms(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

int64_t clock_cpu_ms(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int clock_zone(int64_t t)
{
	time_t at = (time_t)t;
	struct tm tm;

	return localtime_r(&at, &tm) == NULL ? 0 : (int)(tm.tm_gmtoff / 60);
}

/* 9999-12-31T23:59:59Z: beyond it no format of ours has room for the year. */
static time_t clamp(time_t t)
{
	if (t < 0)
		return 0;
	return t > 253402300799 ? 253402300799 : t;
}

void clock_stamp(int64_t wall_ms, char out[CLOCK_STAMP_SIZE])
{
	time_t t = clamp((time_t)(wall_ms / 1000));
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		abort();
	(void)snprintf(out, CLOCK_STAMP_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		       (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
		       (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
		       (unsigned)tm.tm_sec % 100, wall_ms < 0 ? 0u : (unsigned)(wall_ms % 1000));
}

void clock_rfc5322(time_t t, char out[CLOCK_RFC5322_SIZE])
{
	struct tm tm;
	unsigned off;

	t = clamp(t);
	if (localtime_r(&t, &tm) == NULL)
		abort();
	off = (unsigned)labs(tm.tm_gmtoff) / 60;
	(void)snprintf(out, CLOCK_RFC5322_SIZE, "%s, %02u %s %04u %02u:%02u:%02u %c%02u%02u", days[tm.tm_wday],
		       (unsigned)tm.tm_mday % 100, months[tm.tm_mon], (unsigned)(tm.tm_year + 1900) % 10000,
		       (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100,
		       tm.tm_gmtoff < 0 ? '-' : '+', off / 60 % 100, off % 60);
}

void clock_imap(time_t t, char out[CLOCK_IMAP_SIZE])
{
	struct tm tm;

	t = clamp(t);
	if (gmtime_r(&t, &tm) == NULL)
		abort();
	(void)snprintf(out, CLOCK_IMAP_SIZE, "%2u-%s-%04u %02u:%02u:%02u +0000", (unsigned)tm.tm_mday % 100,
		       months[tm.tm_mon], (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
		       (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}
