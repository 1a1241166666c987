/* Dates of header fields (RFC 5322, 3.3 and 4.3). */
#ifndef MAILFERRY_MSG_DATE_H
#define MAILFERRY_MSG_DATE_H

#include <stdbool.h>
#include <time.h>

#include "base/slice.h"

/* The time that the raw VALUE of a field names, or -1 when it is not clear or before 1970. Comments, folds, two-digit
 * years, named zones and a month before the day are read; a zone that is missing or unknown counts as UTC. */
time_t date_parse(struct slice value);

/* The same time, with what else the field says of it. Stricter: words that belong to no date make it none; years begin
 * with 0. What stands in front of the last semicolon is passed over (Received, RFC 5322, 3.6.7). */
struct date {
	int64_t seconds; /* since 1970; may be negative */
	int zone;	 /* minutes east of UTC, as it was written; 0 where it was missing or unknown */
	bool leap;	 /* it is the second behind that: a leap second, :60 */
};
int date_read(struct slice value, struct date *out); /* 0, or -1 */

/* Days from 1970-01-01 to that day of the Gregorian calendar; MONTH from 1 to 12. */
int64_t date_days(int64_t year, unsigned month, unsigned day);

/* The day of the Gregorian calendar that begins DAYS days behind 1970-01-01. */
void date_of_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

#endif
