/* Time. Wall time is for people and records, monotonic time for deadlines. */
#ifndef MAILFERRY_BASE_CLOCK_H
#define MAILFERRY_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t clock_wall_ms(void); /* milliseconds since 1970 */
int64_t clock_mono_ms(void); /* milliseconds since some start that never moves */
/* The same, as of the kernel's last tick: up to some milliseconds late, never ahead, and far cheaper. */
int64_t clock_tick_ms(void);
int64_t clock_cpu_ms(void);  /* milliseconds of processor time that this process took */

/* How many minutes local time is ahead of UTC at T, in seconds since 1970. */
int clock_zone(int64_t t);

enum { CLOCK_STAMP_SIZE = 32, CLOCK_RFC5322_SIZE = 40, CLOCK_IMAP_SIZE = 32 };

/* "2026-01-02T03:04:05.678Z" */
void clock_stamp(int64_t wall_ms, char out[CLOCK_STAMP_SIZE]);

/* "Fri, 02 Jan 2026 03:04:05 +0000", in local time with its offset (RFC 5322, 3.3). */
void clock_rfc5322(time_t t, char out[CLOCK_RFC5322_SIZE]);

/* " 2-Jan-2026 03:04:05 +0000", in UTC (RFC 3501, date-time); years are clamped to 1970…9999. */
void clock_imap(time_t t, char out[CLOCK_IMAP_SIZE]);

#endif
